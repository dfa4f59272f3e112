/**
 * Envoys before 1.40: its data, and what differs, as `npm run test:envoys` sees by comparing each with the real one.
 * Istio 1.29 has Envoy 1.37, Istio 1.31 has 1.39.
 */
import { envoy140 } from "./envoy.ts";
import type { Profile } from "./profile.ts";

/** Nothing differs but the name. */
export const envoy139: Profile = { ...envoy140, name: "envoy-1.39" };

export const envoy137: Profile = {
  ...envoy140,
  name: "envoy-1.37",
  // Those that proxy-wasm-cpp-host had before it offered all of preview 1.
  wasi: new Set([
    "args_get",
    "args_sizes_get",
    "clock_time_get",
    "environ_get",
    "environ_sizes_get",
    "fd_close",
    "fd_fdstat_get",
    "fd_fdstat_set_flags",
    "fd_prestat_dir_name",
    "fd_prestat_get",
    "fd_read",
    "fd_seek",
    "fd_write",
    "path_open",
    "poll_oneoff",
    "proc_exit",
    "random_get",
    "sched_yield",
  ]),
  wasiNosys: new Set(["poll_oneoff"]),
  wasiNotAtStart: new Set([...envoy140.wasiNotAtStart, "poll_oneoff"]),
  mainVoid: false,
  losesResumedPiece: true,
};
