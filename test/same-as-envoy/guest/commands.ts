// The commands of a script: those of the simulator's own guest, and some that show or move bytes exactly.
import * as host from "@gcoredev/proxy-wasm-sdk-as/assembly/imports";
import { address, slotA, slotB, text } from "../../support/guest/bytes";
import { run as runOther } from "../../support/guest/commands";
import { grpc, grpcCommands } from "../../support/guest/grpc";
import { takenPairsShown, takenShown } from "./bytes";

/** The last stream that asked for an answer or a tick, or began something of gRPC: what comes then works on it. */
export let caller: u32 = 0;

function withShown(status: u32): string {
  return status === 0 ? `0 ${takenShown()}` : status.toString();
}

function get(w: string[]): string {
  const key = text(w[2]);
  return withShown(
    host.proxy_get_header_map_value(i32.parse(w[1]), address(key), key.byteLength, slotA, slotB),
  );
}

function pairs(w: string[]): string {
  const status = host.proxy_get_header_map_pairs(i32.parse(w[1]), slotA, slotB);
  return status === 0 ? `0 ${takenPairsShown()}` : status.toString();
}

function bytes(w: string[]): string {
  store<u32>(slotA, 0);
  return withShown(
    host.proxy_get_buffer_bytes(i32.parse(w[1]), u32.parse(w[2]), u32.parse(w[3]), slotA, slotB),
  );
}

/** `prop a/b/c`: a slash for each NUL, since header names in a path may have dots. */
function property(w: string[]): string {
  const path = text(w[1]);
  for (let i = 0; i < path.byteLength; i++) {
    if (load<u8>(address(path) + i) === 47) store<u8>(address(path) + i, 0);
  }
  return withShown(host.proxy_get_property(address(path), path.byteLength, slotA, slotB));
}

/** `copy MAP FROM TO`: a header's very bytes under another name. */
function copy(w: string[]): string {
  const from = text(w[2]);
  const map = i32.parse(w[1]);
  const status = host.proxy_get_header_map_value(map, address(from), from.byteLength, slotA, slotB);
  if (status !== 0) return status.toString();
  const start: usize = load<u32>(slotA);
  const to = text(w[3]);
  const added = host.proxy_add_header_map_value(map, address(to), to.byteLength, start, load<u32>(slotB));
  heap.free(start);
  return added.toString();
}

/** `log LEVEL TEXT` */
function log(w: string[]): string {
  const line = text(w[2]);
  return host.proxy_log(u32.parse(w[1]), address(line), line.byteLength).toString();
}

/** `resume N`: from an answer or a tick, lets the caller's request (0) or response (1) go on. */
function resume(w: string[]): string {
  const found = host.proxy_set_effective_context(caller);
  return `${found.toString()} ${host.proxy_continue_stream(i32.parse(w[1])).toString()}`;
}

const own = ["get", "pairs", "bytes", "prop", "copy", "log", "resume"];

/** Runs one command of a context's script and gives what came of it. */
export function run(owner: u32, words: string[]): string {
  switch (own.indexOf(words[0])) {
    case 0:
      return get(words);
    case 1:
      return pairs(words);
    case 2:
      return bytes(words);
    case 3:
      return property(words);
    case 4:
      return copy(words);
    case 5:
      return log(words);
    case 6:
      return resume(words);
    default:
      if (["call", "tick", "grpccall", "grpcstream"].includes(words[0])) caller = owner;
      if (grpcCommands.includes(words[0])) return grpc(words);
      return runOther(words);
  }
}
