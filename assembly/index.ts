// The filter as the proxy sees it: the callbacks of the proxy-wasm ABI, and nothing else is exported. Each
// callback that is exported is one more entry into the VM for every request, so only those we need are here.

import {
  proxy_get_buffer_bytes,
  proxy_get_property,
  proxy_send_local_response,
} from "@gcoredev/proxy-wasm-sdk-as/assembly/imports";
import * as arena from "./arena";
import * as configuration from "./configuration";
import * as contexts from "./contexts";
import { decide } from "./decide";
import * as L from "./layout";
import * as message from "./message";
import { authority, authorityLength, readRequest, target, targetLength, writeDecision } from "./request";
import { Table } from "./table";

const PLUGIN_CONFIGURATION = 7;
const CONTINUE = 0;
const STOP = 1;

const resultAt = memory.data(4);
const resultSize = memory.data(4);
/** "plugin_root_id" */
const rootIdProperty = memory.data<u8>([
  0x70, 0x6c, 0x75, 0x67, 0x69, 0x6e, 0x5f, 0x72, 0x6f, 0x6f, 0x74, 0x5f, 0x69, 0x64,
]);

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

export function proxy_on_configure(root: u32, size: u32): u32 {
  arena.reset();
  const accepted = configure(root, size);
  arena.reset(); // the configuration may be large, and the next callback far away
  return accepted ? 1 : 0;
}

/** A table that is refused changes nothing: what served before goes on. */
function configure(root: u32, size: u32): bool {
  store<u32>(resultSize, 0);
  if (size > 0) proxy_get_buffer_bytes(PLUGIN_CONFIGURATION, 0, size, resultAt, resultSize);
  message.clear();
  message.text("pointsman: table refused: ");
  const table = configuration.readConfiguration(load<u32>(resultAt), load<u32>(resultSize));
  if (!table) {
    message.log(message.LOG_ERROR);
    return false;
  }
  contexts.setTable(contexts.rootOf(root), table);
  logServing(table);
  return true;
}

/** The listener is what the configuration says, else the plugin's root_id. */
function logServing(table: Table): void {
  message.clear();
  message.text("pointsman: serving generation ");
  message.decimal(load<u32>(table.bytes + L.HEADER_GENERATION));
  message.text(", digest ");
  message.hexadecimal(table.bytes + L.HEADER_DIGEST, L.DIGEST_BYTES);
  message.text(", to listener ");
  if (configuration.listenerLength > 0) {
    message.bytes(configuration.listener, configuration.listenerLength);
  } else {
    store<u32>(resultSize, 0);
    proxy_get_property(rootIdProperty, 14, resultAt, resultSize);
    message.bytes(load<u32>(resultAt), load<u32>(resultSize));
  }
  message.log(message.LOG_INFO);
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
