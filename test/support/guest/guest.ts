// A guest that does what it is told: its configuration has a line a callback, `callback: command; command`, with
// words separated by spaces, and a request's header `x-do` has more commands for on_request_headers. Each command
// is logged with what came of it. `return N` sets the callback's result.
import * as host from "@gcoredev/proxy-wasm-sdk-as/assembly/imports";
import { address, slotA, slotB, taken, text } from "./bytes";
import { run } from "./commands";

/** Root context id → its configuration's lines by callback. */
const scripts = new Map<u32, Map<string, string>>();
/** Stream id → root context id. */
const roots = new Map<u32, u32>();

function log(line: string): void {
  const bytes = String.UTF8.encode(line);
  host.proxy_log(2, address(bytes), bytes.byteLength);
}

/** Runs commands, and gives the callback's result. */
function perform(script: string, otherwise: u32): u32 {
  let result = otherwise;
  const commands = script.split(";");
  for (let i = 0; i < commands.length; i++) {
    const command = commands[i].trim();
    if (command == "") continue;
    const words = command.split(" ");
    if (words[0] == "return") result = <u32>i32.parse(words[1]);
    else if (words[0] == "say") log(command.substring(4));
    else log(`${command} -> ${run(words)}`);
  }
  return result;
}

function scriptOf(context: u32, callback: string): string {
  const root = roots.has(context) ? roots.get(context) : context;
  if (!scripts.has(root)) return "";
  const script = scripts.get(root);
  return script.has(callback) ? script.get(callback) : "";
}

function callback(context: u32, name: string, otherwise: u32): u32 {
  return perform(scriptOf(context, name), otherwise);
}

export function proxy_abi_version_0_2_1(): void {}

export function proxy_on_memory_allocate(size: usize): usize {
  return heap.alloc(size);
}

export function proxy_on_context_create(context: u32, parent: u32): void {
  if (parent != 0) roots.set(context, parent);
  callback(context, "context_create", 0);
}

export function proxy_on_vm_start(_root: u32, size: u32): u32 {
  store<u32>(slotA, 0);
  host.proxy_get_buffer_bytes(6, 0, size, slotA, slotB);
  return perform(taken(), 1);
}

export function proxy_on_configure(root: u32, size: u32): u32 {
  store<u32>(slotA, 0);
  host.proxy_get_buffer_bytes(7, 0, size, slotA, slotB);
  const script = new Map<string, string>();
  const lines = taken().split("\n");
  for (let i = 0; i < lines.length; i++) {
    const cut = lines[i].indexOf(":");
    if (cut > 0) script.set(lines[i].substring(0, cut), lines[i].substring(cut + 1));
  }
  scripts.set(root, script);
  return callback(root, "configure", 1);
}

export function proxy_on_request_headers(context: u32, _headers: u32, _end: u32): u32 {
  const result = callback(context, "request_headers", 0);
  const key = text("x-do");
  if (host.proxy_get_header_map_value(0, address(key), key.byteLength, slotA, slotB) != 0) return result;
  return perform(taken(), result);
}

export function proxy_on_request_body(context: u32, size: u32, end: u32): u32 {
  const script = scriptOf(context, "request_body");
  if (script == "") return 0;
  log(`request_body ${size.toString()}${end != 0 ? " end" : ""}`);
  // `at_end: …` holds the body back until all of it is there.
  if (script.startsWith(" at_end ")) return end == 0 ? 1 : perform(script.substring(8), 0);
  return perform(script, 0);
}

export function proxy_on_request_trailers(context: u32, _trailers: u32): u32 {
  return callback(context, "request_trailers", 0);
}

export function proxy_on_response_headers(context: u32, _headers: u32, _end: u32): u32 {
  return callback(context, "response_headers", 0);
}

export function proxy_on_response_body(context: u32, _size: u32, _end: u32): u32 {
  return callback(context, "response_body", 0);
}

export function proxy_on_response_trailers(context: u32, _trailers: u32): u32 {
  return callback(context, "response_trailers", 0);
}

export function proxy_on_http_call_response(
  root: u32,
  id: u32,
  headers: u32,
  body: u32,
  trailers: u32,
): void {
  log(`answer ${[id, headers, body, trailers].join(" ")}`);
  callback(root, "http_call_response", 0);
}

export function proxy_on_tick(root: u32): void {
  callback(root, "tick", 0);
}

export function proxy_on_foreign_function(root: u32, id: u32, size: u32): void {
  log(`foreign ${id.toString()} ${size.toString()}`);
  callback(root, "foreign_function", 0);
}

export function proxy_on_log(context: u32): void {
  callback(context, "log", 0);
}

export function proxy_on_done(context: u32): u32 {
  return callback(context, "done", 1);
}

export function proxy_on_delete(context: u32): void {
  callback(context, "delete", 0);
  roots.delete(context);
  scripts.delete(context);
}
