// Reads, answers and changes a little of each message, by nothing but Go's own imports and exports.
package main

import (
	"strconv"
	"unsafe"
)

//go:wasmimport env proxy_log
func proxyLog(level uint32, text unsafe.Pointer, size uint32) uint32

//go:wasmimport env proxy_get_header_map_value
func getHeader(kind uint32, name unsafe.Pointer, size uint32, value unsafe.Pointer, valueSize unsafe.Pointer) uint32

//go:wasmimport env proxy_replace_header_map_value
func replaceHeader(kind uint32, name unsafe.Pointer, size uint32, value unsafe.Pointer, valueSize uint32) uint32

//go:wasmimport env proxy_remove_header_map_value
func removeHeader(kind uint32, name unsafe.Pointer, size uint32) uint32

//go:wasmimport env proxy_send_local_response
func sendResponse(status uint32, details unsafe.Pointer, detailsSize uint32, body unsafe.Pointer, bodySize uint32, headers unsafe.Pointer, headersSize uint32, grpc int32) uint32

func at(text string) unsafe.Pointer { return unsafe.Pointer(unsafe.StringData(text)) }

func log(text string) { proxyLog(2, at(text), uint32(len(text))) }

func header(kind uint32, name string) (string, bool) {
	var value, size uint32
	if getHeader(kind, at(name), uint32(len(name)), unsafe.Pointer(&value), unsafe.Pointer(&size)) != 0 {
		return "", false
	}
	return unsafe.String((*byte)(unsafe.Pointer(uintptr(value))), size), true
}

func set(kind uint32, name, value string) {
	replaceHeader(kind, at(name), uint32(len(name)), at(value), uint32(len(value)))
}

// What the host was given, so that it is not collected.
var kept = map[*byte][]byte{}

//go:wasmexport proxy_on_memory_allocate
func allocate(size uint32) unsafe.Pointer {
	bytes := make([]byte, size+1)
	kept[&bytes[0]] = bytes
	return unsafe.Pointer(&bytes[0])
}

//go:wasmexport proxy_abi_version_0_2_1
func abi() {}

//go:wasmexport proxy_on_context_create
func create(id, parent uint32) {}

//go:wasmexport proxy_on_vm_start
func vmStart(id, size uint32) uint32 { return 1 }

//go:wasmexport proxy_on_configure
func configure(id, size uint32) uint32 { return 1 }

//go:wasmexport proxy_on_request_headers
func requestHeaders(id, count, end uint32) uint32 {
	path, _ := header(0, ":path")
	log(path + " " + strconv.Itoa(int(count)))
	if _, isRefused := header(0, "x-refuse"); isRefused {
		body := "refused\n"
		sendResponse(403, at(""), 0, at(body), uint32(len(body)), at(""), 0, -1)
		return 1
	}
	set(0, "x-guest", "go")
	removeHeader(0, at("x-two"), 5)
	return 0
}

//go:wasmexport proxy_on_request_body
func requestBody(id, size, end uint32) uint32 {
	if end == 0 {
		return 1
	}
	log("body " + strconv.Itoa(int(size)))
	return 0
}

//go:wasmexport proxy_on_response_headers
func responseHeaders(id, count, end uint32) uint32 {
	status, _ := header(2, ":status")
	log("answer " + status)
	set(2, "x-guest", status)
	return 0
}

//go:wasmexport proxy_on_log
func onLog(id uint32) {
	log("over")
	clear(kept)
}

func main() {}
