// A filter small enough to trust: it sets one header from its configuration, which is `HEADER:VALUE`; one that starts
// with `bad` is refused. The paths `/none` and `/trap` do as they say. With it, what Envoy itself does (updates, refusals,
// dead VMs, client headers) is tested apart from Pointsman's filter.
import {
  proxy_get_buffer_bytes,
  proxy_get_header_map_value,
  proxy_log,
  proxy_replace_header_map_value,
} from "@gcoredev/proxy-wasm-sdk-as/assembly/imports";

const WARN: usize = 3;
const REQUEST_HEADERS: i32 = 0;
const PLUGIN_CONFIGURATION: i32 = 7;

let header: ArrayBuffer = new ArrayBuffer(0);
let value: ArrayBuffer = new ArrayBuffer(0);
const gotPtr: usize = heap.alloc(8);

export function proxy_abi_version_0_2_1(): void {}
export function malloc(size: usize): usize {
  return heap.alloc(size);
}
export function proxy_on_vm_start(_root: u32, _size: u32): u32 {
  return 1;
}

export function proxy_on_configure(_root: u32, size: u32): u32 {
  if (proxy_get_buffer_bytes(PLUGIN_CONFIGURATION, 0, size, gotPtr, gotPtr + 4) != 0) return 0;
  const from = load<usize>(gotPtr);
  const text = String.UTF8.decodeUnsafe(from, size);
  if (text.startsWith("bad")) {
    const line = String.UTF8.encode(`guest: refused ${text}`);
    proxy_log(WARN, changetype<usize>(line), line.byteLength);
    return 0;
  }
  const colon = text.indexOf(":");
  header = String.UTF8.encode(text.substring(0, colon));
  value = String.UTF8.encode(text.substring(colon + 1));
  return 1;
}

export function proxy_on_request_headers(_context: u32, _count: u32, _end: u32): u32 {
  const name = String.UTF8.encode(":path");
  proxy_get_header_map_value(REQUEST_HEADERS, changetype<usize>(name), name.byteLength, gotPtr, gotPtr + 4);
  const path = String.UTF8.decodeUnsafe(load<usize>(gotPtr), load<usize>(gotPtr + 4));
  if (path == "/trap") unreachable();
  if (path == "/none") return 0;
  proxy_replace_header_map_value(
    REQUEST_HEADERS,
    changetype<usize>(header),
    header.byteLength,
    changetype<usize>(value),
    value.byteLength,
  );
  return 0;
}
