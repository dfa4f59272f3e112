// Does nothing but tick once: what Envoy itself keeps of each push of a plugin that ever had a timer.
import { proxy_set_tick_period_milliseconds } from "@gcoredev/proxy-wasm-sdk-as/assembly/imports";

export function proxy_abi_version_0_2_1(): void {}
export function malloc(size: usize): usize {
  return heap.alloc(size);
}
export function free(at: usize): void {
  heap.free(at);
}
export function proxy_on_configure(_root: u32, _size: u32): u32 {
  proxy_set_tick_period_milliseconds(1000);
  return 1;
}
export function proxy_on_tick(_root: u32): void {
  proxy_set_tick_period_milliseconds(0);
}
export function proxy_on_request_headers(_stream: u32, _headers: u32, _end: u32): u32 {
  return 0;
}
