// The filter as the proxy sees it: the callbacks of the proxy-wasm ABI, and nothing else is exported. Each
// callback that is exported is one more entry into the VM for every request, so only those we need are here.

import {
  proxy_get_buffer_bytes,
  proxy_get_property,
  proxy_set_tick_period_milliseconds,
} from "@gcoredev/proxy-wasm-sdk-as/assembly/imports";
import * as arena from "./arena";
import * as configuration from "./configuration";
import * as contexts from "./contexts";
import * as debug from "./debug";
import * as decision from "./decide";
import * as headers from "./headers";
import * as jobs from "./jobs";
import * as L from "./layout";
import * as message from "./message";
import * as metrics from "./metrics";
import { answer, answerReply, readRequest, writeDecision } from "./request";
import { freeTable, Table } from "./table";

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
    metrics.countRefusal();
    return false;
  }
  if (configuration.listenerLength == 0) readRootId();
  const listener = configuration.findListener(table);
  if (listener == 0) {
    message.log(message.LOG_ERROR);
    metrics.countRefusal();
    freeTable(table);
    return false;
  }
  const owner = contexts.rootOf(root);
  metrics.flush(owner);
  contexts.setTable(owner, table);
  owner.listener = listener;
  owner.near = configuration.isNear(table, listener);
  metrics.makeCounters(owner, table);
  proxy_set_tick_period_milliseconds(metrics.TICK_MILLISECONDS);
  logServing(owner, table);
  return true;
}

/** The listener is what the configuration says, else the plugin's root_id. */
function readRootId(): void {
  store<u32>(resultSize, 0);
  proxy_get_property(rootIdProperty, 14, resultAt, resultSize);
  configuration.setListener(load<u32>(resultAt), load<u32>(resultSize));
}

function logServing(root: contexts.Root, table: Table): void {
  message.clear();
  message.text("pointsman: serving generation ");
  message.decimal(load<u32>(table.bytes + L.HEADER_GENERATION));
  message.text(", digest ");
  message.hexadecimal(table.bytes + L.HEADER_DIGEST, L.DIGEST_BYTES);
  message.text(", to listener ");
  message.bytes(configuration.listener, configuration.listenerLength);
  if (root.near) message.text(", outside the primary data centre");
  message.log(message.LOG_INFO);
}

export function proxy_on_tick(root: u32): void {
  arena.reset();
  metrics.tick(contexts.rootOf(root));
}

export function proxy_on_request_headers(id: u32, _headers: u32, endOfStream: u32): u32 {
  arena.reset();
  const root = contexts.takeStream(id);
  const table = root ? root.table : null;
  if (!root || !table) return refuse();
  readRequest(table);
  decision.decide(table, root.listener, root.near);
  const hasBody = endOfStream == 0 && headers.hasPseudoHeaders;
  const isHeld = (decision.flags & L.FLAG_BODY) != 0 && hasBody && isRouted();
  if (!isHeld) metrics.countRequest(root, table);
  if (decision.reply >= 0) {
    answerReply(table, decision.reply);
    return STOP;
  }
  writeDecision(table);
  if (isHeld || (isRouted() && (decision.flags & L.FLAG_DEBUG) != 0)) {
    const stream = remember(id, root, table);
    if (isHeld) jobs.hold(stream, table);
  }
  return isHeld ? STOP : CONTINUE;
}

function isRouted(): bool {
  return !decision.pass && decision.reply < 0;
}

/** For the body or the response, when these come. */
function remember(id: u32, root: contexts.Root, table: Table): contexts.Stream {
  const stream = contexts.keep(id, root.id);
  stream.table = table;
  stream.deployment = decision.deployment;
  stream.release = decision.release;
  stream.wiki = decision.wiki;
  stream.rule = decision.rule;
  stream.flags = decision.flags;
  return stream;
}

export function proxy_on_request_body(id: u32, size: u32, endOfStream: u32): u32 {
  // Without this hand-shake ATS resets larger uploads; in Envoy it would make 413 of them.
  if (!headers.hasPseudoHeaders) return endOfStream != 0 ? CONTINUE : STOP;
  const stream = contexts.findStream(id);
  if (!stream || stream.job == 0) return CONTINUE;
  const root = contexts.rootOfStream(stream);
  if (!root) return CONTINUE;
  arena.reset();
  return jobs.readBody(stream, root, root.table!, size, endOfStream != 0) ? CONTINUE : STOP;
}

export function proxy_on_response_headers(id: u32, _headers: u32, _endOfStream: u32): u32 {
  const stream = contexts.findStream(id);
  if (!stream || (stream.flags & L.FLAG_DEBUG) == 0) return CONTINUE;
  const root = contexts.rootOfStream(stream);
  if (!root) return CONTINUE;
  arena.reset();
  debug.writeResponse(stream, root.table!);
  return CONTINUE;
}

export function proxy_on_delete(id: u32): void {
  const root = contexts.remove(id);
  if (!root) return;
  metrics.uncount(root);
  contexts.freeRoot(root);
}

/** Without a table there is no safe answer: a client's own header would choose the cluster. */
function refuse(): u32 {
  message.clear();
  message.text("pointsman: no table");
  answer(503, message.address(), message.size());
  return STOP;
}
