// The filter as the proxy sees it: the callbacks of the proxy-wasm ABI, and nothing else is exported. Each
// callback that is exported is one more entry into the VM for every request, so only those we need are here.

import {
  proxy_get_buffer_bytes,
  proxy_send_local_response,
} from "@gcoredev/proxy-wasm-sdk-as/assembly/imports";
import * as arena from "./arena";
import { readConfiguration } from "./configuration";
import * as contexts from "./contexts";
import { decide } from "./decide";
import * as L from "./layout";
import * as message from "./message";
import { authority, authorityLength, readRequest, target, targetLength, writeDecision } from "./request";

const PLUGIN_CONFIGURATION = 7;
const CONTINUE = 0;
const STOP = 1;

const bufferAt = memory.data(4);
const bufferSize = memory.data(4);

export function proxy_abi_version_0_2_1(): void {}

/** The host takes memory here for what it hands in. */
export function malloc(size: usize): usize {
  return arena.alloc(size);
}

/** Nothing to do: the arena is given back as a whole. Exported so that WAMR does not bring a heap of its own. */
export function free(_at: usize): void {}

/** @param root 0: `context` is a root context itself; else a stream of that root */
export function proxy_on_context_create(context: u32, root: u32): void {
  if (root == 0) contexts.rootOf(context);
  else contexts.addStream(context, root);
}

/** A table that is refused changes nothing: what served before goes on. */
export function proxy_on_configure(root: u32, size: u32): u32 {
  arena.reset();
  store<u32>(bufferSize, 0);
  if (size > 0) proxy_get_buffer_bytes(PLUGIN_CONFIGURATION, 0, size, bufferAt, bufferSize);
  message.clear();
  message.text("pointsman: table refused: ");
  const table = readConfiguration(load<u32>(bufferAt), load<u32>(bufferSize));
  if (!table) {
    message.log(message.LOG_ERROR);
    return 0;
  }
  contexts.setTable(contexts.rootOf(root), table);
  message.clear();
  message.text("pointsman: serving generation ");
  message.decimal(load<u32>(table.bytes + L.HEADER_GENERATION));
  message.text(", digest ");
  message.hexadecimal(table.bytes + L.HEADER_DIGEST, L.DIGEST_BYTES);
  message.log(message.LOG_INFO);
  return 1;
}

export function proxy_on_request_headers(stream: u32, _headers: u32, _endOfStream: u32): u32 {
  arena.reset();
  const table = contexts.tableOf(stream);
  if (!table) return refuse();
  readRequest(table);
  decide(table, authority, authorityLength, target, targetLength);
  writeDecision(table);
  return CONTINUE;
}

export function proxy_on_delete(context: u32): void {
  contexts.remove(context);
}

/** Without a table there is no safe answer: a client's own header would choose the cluster. */
function refuse(): u32 {
  message.clear();
  message.text("pointsman: no table");
  proxy_send_local_response(
    503,
    message.address(),
    message.size(),
    message.address(),
    message.size(),
    0,
    0,
    -1,
  );
  return STOP;
}
