// Sets the header that our filter would set, to the same value for every request: what it costs to say anything.
// The configuration is NAME:VALUE.

import {
  proxy_get_buffer_bytes,
  proxy_replace_header_map_value,
} from "@gcoredev/proxy-wasm-sdk-as/assembly/imports";

const REQUEST_HEADERS = 0;
const PLUGIN_CONFIGURATION = 7;

let name: usize = 0;
let nameLength: usize = 0;
let valueLength: usize = 0;
const resultAt = memory.data(4);
const resultSize = memory.data(4);

export function proxy_abi_version_0_2_1(): void {}

export function malloc(size: usize): usize {
  return heap.alloc(size);
}

export function proxy_on_configure(_root: u32, size: u32): u32 {
  proxy_get_buffer_bytes(PLUGIN_CONFIGURATION, 0, size, resultAt, resultSize);
  name = load<u32>(resultAt);
  nameLength = 0;
  while (load<u8>(name + nameLength) != 0x3a) nameLength++;
  valueLength = <usize>size - nameLength - 1;
  return 1;
}

export function proxy_on_request_headers(_stream: u32, _headers: u32, _end: u32): u32 {
  proxy_replace_header_map_value(REQUEST_HEADERS, name, nameLength, name + nameLength + 1, valueLength);
  return 0;
}
