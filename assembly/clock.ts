// The proxy's clock, in nanoseconds.

import { proxy_get_current_time_nanoseconds } from "@gcoredev/proxy-wasm-sdk-as/assembly/imports";

const time = memory.data(8, 8);

export function now(): u64 {
  store<u64>(time, 0);
  proxy_get_current_time_nanoseconds(time);
  return load<u64>(time);
}
