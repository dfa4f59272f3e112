// A guest whose requests say themselves what it does: the header `x-script` has parts separated by `|`, each
// `callback: command; command`. A callback looks for `NAME#2` (its second call), then `NAME#end`, then `NAME`.
// The configuration is such a script too, for the root context. Every callback (`>`), what came of every command, and the
// result (`<`) is logged, after the context's id. `return N` sets the callback's result.
import * as host from "@gcoredev/proxy-wasm-sdk-as/assembly/imports";
import { address, slotA, slotB, taken, text } from "../../support/guest/bytes";
import { caller, run } from "./commands";

/** Context id → its script by callback. */
const scripts = new Map<u32, Map<string, string>>();
/** `CONTEXT CALLBACK` → calls so far. */
const calls = new Map<string, i32>();

function log(context: u32, line: string): void {
  const bytes = String.UTF8.encode(`${context.toString()} ${line}`);
  host.proxy_log(2, address(bytes), bytes.byteLength);
}

function parse(script: string): Map<string, string> {
  const parts = new Map<string, string>();
  const lines = script.split("|");
  for (let i = 0; i < lines.length; i++) {
    const cut = lines[i].indexOf(":");
    if (cut > 0) parts.set(lines[i].substring(0, cut).trim(), lines[i].substring(cut + 1));
  }
  return parts;
}

/** The commands for a callback of a context with the script of `owner`. */
function commands(owner: u32, name: string, call: i32, end: bool): string {
  if (!scripts.has(owner)) return "";
  const script = scripts.get(owner);
  const nth = `${name}#${call.toString()}`;
  if (script.has(nth)) return script.get(nth);
  const last = `${name}#end`;
  if (end && script.has(last)) return script.get(last);
  return script.has(name) ? script.get(name) : "";
}

/** Logs the call, runs its commands and gives its result. */
function callback(context: u32, owner: u32, name: string, details: string, end: bool, otherwise: u32): u32 {
  log(context, `> ${name}${details}${end ? " end" : ""}`);
  const key = `${context.toString()} ${name}`;
  const call = 1 + (calls.has(key) ? calls.get(key) : 0);
  calls.set(key, call);
  const list = commands(owner, name, call, end).split(";");
  let result = otherwise;
  for (let i = 0; i < list.length; i++) {
    const command = list[i].trim();
    if (command.length === 0) continue;
    const words = command.split(" ");
    if (command.startsWith("return ")) result = u32.parse(words[1]);
    else {
      const came = run(owner, words);
      log(context, `${command} -> ${came}`);
    }
  }
  log(context, `< ${result.toString()}`);
  return result;
}

export function proxy_abi_version_0_2_1(): void {}

export function malloc(size: usize): usize {
  return heap.alloc(size);
}

export function proxy_on_context_create(context: u32, parent: u32): void {
  log(context, `create of ${parent.toString()}`);
  // A connection has no header: it does what the plugin's configuration says.
  if (parent !== 0 && scripts.has(parent)) scripts.set(context, scripts.get(parent));
}

export function proxy_on_vm_start(root: u32, size: u32): u32 {
  log(root, `start ${size.toString()}`);
  return 1;
}

export function proxy_on_configure(root: u32, size: u32): u32 {
  store<u32>(slotA, 0);
  host.proxy_get_buffer_bytes(7, 0, size, slotA, slotB);
  scripts.set(root, parse(taken()));
  return callback(root, root, "configure", ` ${size.toString()}`, false, 1);
}

export function proxy_on_request_headers(context: u32, headers: u32, end: u32): u32 {
  const key = text("x-script");
  store<u32>(slotA, 0);
  const status = host.proxy_get_header_map_value(0, address(key), key.byteLength, slotA, slotB);
  if (status === 0) scripts.set(context, parse(taken()));
  return callback(context, context, "request_headers", ` ${headers.toString()}`, end !== 0, 0);
}

export function proxy_on_request_body(context: u32, size: u32, end: u32): u32 {
  return callback(context, context, "request_body", ` ${size.toString()}`, end !== 0, 0);
}

export function proxy_on_request_trailers(context: u32, trailers: u32): u32 {
  return callback(context, context, "request_trailers", ` ${trailers.toString()}`, false, 0);
}

export function proxy_on_response_headers(context: u32, headers: u32, end: u32): u32 {
  return callback(context, context, "response_headers", ` ${headers.toString()}`, end !== 0, 0);
}

export function proxy_on_response_body(context: u32, size: u32, end: u32): u32 {
  return callback(context, context, "response_body", ` ${size.toString()}`, end !== 0, 0);
}

export function proxy_on_response_trailers(context: u32, trailers: u32): u32 {
  return callback(context, context, "response_trailers", ` ${trailers.toString()}`, false, 0);
}

export function proxy_on_new_connection(context: u32): u32 {
  return callback(context, context, "new_connection", "", false, 0);
}

export function proxy_on_downstream_data(context: u32, size: u32, end: u32): u32 {
  return callback(context, context, "downstream_data", ` ${size.toString()}`, end !== 0, 0);
}

export function proxy_on_upstream_data(context: u32, size: u32, end: u32): u32 {
  return callback(context, context, "upstream_data", ` ${size.toString()}`, end !== 0, 0);
}

export function proxy_on_downstream_connection_close(context: u32, by: u32): void {
  callback(context, context, "downstream_close", ` ${by.toString()}`, false, 0);
}

export function proxy_on_upstream_connection_close(context: u32, by: u32): void {
  callback(context, context, "upstream_close", ` ${by.toString()}`, false, 0);
}

/** Follows the caller's script. */
export function proxy_on_http_call_response(
  root: u32,
  id: u32,
  headers: u32,
  body: u32,
  trailers: u32,
): void {
  const details = ` ${id.toString()} ${headers.toString()} ${body.toString()} ${trailers.toString()}`;
  callback(root, caller, "answer", details, false, 0);
}

/** These follow the caller's script. */
export function proxy_on_grpc_receive_initial_metadata(root: u32, id: u32, size: u32): void {
  callback(root, caller, "grpc_initial", ` ${id.toString()} ${size.toString()}`, false, 0);
}

export function proxy_on_grpc_receive(root: u32, id: u32, size: u32): void {
  callback(root, caller, "grpc_receive", ` ${id.toString()} ${size.toString()}`, false, 0);
}

export function proxy_on_grpc_receive_trailing_metadata(root: u32, id: u32, size: u32): void {
  callback(root, caller, "grpc_trailing", ` ${id.toString()} ${size.toString()}`, false, 0);
}

export function proxy_on_grpc_close(root: u32, id: u32, status: u32): void {
  callback(root, caller, "grpc_close", ` ${id.toString()} ${status.toString()}`, false, 0);
}

/** Follows the caller's script, once. */
export function proxy_on_tick(root: u32): void {
  host.proxy_set_tick_period_milliseconds(0);
  callback(root, caller, "tick", "", false, 0);
}

export function proxy_on_log(context: u32): void {
  callback(context, context, "log", "", false, 0);
}

export function proxy_on_done(context: u32): u32 {
  return callback(context, context, "done", "", false, 1);
}

export function proxy_on_delete(context: u32): void {
  callback(context, context, "delete", "", false, 0);
  scripts.delete(context);
}
