// One step more: it reads all headers, and does nothing with them. What is left to our filter is to decide and to say so.
import { proxy_get_header_map_pairs } from "@gcoredev/proxy-wasm-sdk-as/assembly/imports";

const REQUEST_HEADERS = 0;
const ROOM: usize = 65536;

const room = memory.data(65536);
const resultAt = memory.data(4);
const resultSize = memory.data(4);

export function proxy_abi_version_0_2_1(): void {}

/** The same memory for each request, as in our filter. */
export function malloc(size: usize): usize {
  return size <= ROOM ? room : heap.alloc(size);
}

export function proxy_on_context_create(_context: u32, _root: u32): void {}

export function proxy_on_delete(_context: u32): void {}

export function proxy_on_request_headers(_stream: u32, _headers: u32, _end: u32): u32 {
  proxy_get_header_map_pairs(REQUEST_HEADERS, resultAt, resultSize);
  return 0;
}

export function proxy_on_response_headers(_stream: u32, _headers: u32, _end: u32): u32 {
  return 0;
}
