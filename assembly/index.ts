// The filter as the proxy sees it: the callbacks of the proxy-wasm ABI, and nothing else is exported. Each
// callback that is exported is one more entry into the VM for every request, so only those we need are here.

import {
  proxy_get_buffer_bytes,
  proxy_set_tick_period_milliseconds,
} from "@gcoredev/proxy-wasm-sdk-as/assembly/imports";
import * as abi from "./abi";
import { answer, answerReply, writeDecision } from "./answer";
import * as arena from "./arena";
import * as configuration from "./configuration";
import * as contexts from "./contexts";
import * as debug from "./debug";
import { Decision, decide, decision } from "./decide";
import * as headers from "./headers";
import * as jobs from "./jobs";
import * as L from "./layout";
import * as message from "./message";
import * as metrics from "./metrics";
import * as read from "./read";
import { freeTable, Table } from "./table";
import { ascii } from "./text";

const UNAVAILABLE: u32 = 503;

export function proxy_abi_version_0_2_1(): void {}

/** The proxy takes memory here for what it hands in. */
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
  store<u32>(abi.resultSize, 0);
  if (size > 0) proxy_get_buffer_bytes(abi.PLUGIN_CONFIGURATION, 0, size, abi.resultAt, abi.resultSize);
  message.clear();
  message.text(ascii("pointsman: table refused: "));
  const table = configuration.readConfiguration(load<u32>(abi.resultAt), load<u32>(abi.resultSize));
  if (!table) {
    message.log(abi.LOG_ERROR);
    metrics.countRefusal();
    return false;
  }
  if (configuration.listenerLength == 0) {
    // The listener is what the configuration says, else the plugin's root_id.
    read.readRootId();
    configuration.setListener(read.property, read.propertyLength);
  }
  const listener = configuration.findListener(table);
  if (listener == 0) {
    message.log(abi.LOG_ERROR);
    metrics.countRefusal();
    freeTable(table);
    return false;
  }
  const owner = contexts.rootOf(root);
  metrics.flush(owner);
  contexts.setTable(owner, table);
  owner.listener = listener;
  owner.isSecondary = configuration.isSecondary(table, listener);
  metrics.makeCounters(owner, table);
  proxy_set_tick_period_milliseconds(metrics.TICK_MILLISECONDS);
  logServing(owner, table);
  return true;
}

function logServing(root: contexts.Root, table: Table): void {
  message.clear();
  message.text(ascii("pointsman: serving generation "));
  message.decimal(load<u32>(table.bytes + L.HEADER_GENERATION));
  message.text(ascii(", digest "));
  message.hexadecimal(table.bytes + L.HEADER_DIGEST, L.DIGEST_BYTES);
  message.text(ascii(", to listener "));
  message.bytes(configuration.listener, configuration.listenerLength);
  if (root.isSecondary) message.text(ascii(", in a secondary data centre"));
  message.log(abi.LOG_INFO);
}

export function proxy_on_tick(root: u32): void {
  arena.reset();
  jobs.letOverdueGo(root);
  metrics.tick(contexts.rootOf(root));
}

export function proxy_on_request_headers(id: u32, _headers: u32, endOfStream: u32): u32 {
  arena.reset();
  const root = contexts.takeStream(id);
  const table = root ? root.table : null;
  if (!root || !table) return refuse();
  read.readRequest(table);
  decide(table, root.listener, root.isSecondary);
  const hasBody = endOfStream == 0 && headers.hasPseudoHeaders;
  const isHeld = (decision.flags & L.RULE_FLAG_BODY) != 0 && hasBody && decision.isRouted;
  if (!isHeld) metrics.countRequest(root, table, decision);
  if (decision.reply >= 0) {
    answerReply(table, decision.reply);
    return abi.PAUSE;
  }
  writeDecision(table, decision);
  if (isHeld || (decision.isRouted && (decision.flags & L.RULE_FLAG_DEBUG) != 0)) {
    const stream = remember(id, root, table);
    if (isHeld) jobs.hold(stream, id, table);
  }
  return isHeld ? abi.PAUSE : abi.CONTINUE;
}

/** For the body or the response, when these come. */
function remember(id: u32, root: contexts.Root, table: Table): contexts.Stream {
  const stream = contexts.keep(id, root.id);
  stream.table = table;
  memory.copy(changetype<usize>(stream.decision), changetype<usize>(decision), offsetof<Decision>());
  return stream;
}

export function proxy_on_request_body(id: u32, size: u32, endOfStream: u32): u32 {
  // Without this hand-shake ATS resets larger uploads; in Envoy it would make 413 of them.
  if (!headers.hasPseudoHeaders) return endOfStream != 0 ? abi.CONTINUE : abi.PAUSE;
  const stream = contexts.findStream(id);
  if (!stream || stream.job == 0) return abi.CONTINUE;
  const root = contexts.rootOfStream(stream);
  if (!root) {
    jobs.forget(stream);
    return abi.CONTINUE;
  }
  arena.reset();
  const goesOn = jobs.readBody(stream, root, root.table!, size, endOfStream != 0);
  return goesOn ? abi.CONTINUE : abi.PAUSE;
}

/** Over HTTP/2 these may end a body, of which then no piece is the last. */
export function proxy_on_request_trailers(id: u32, _trailers: u32): u32 {
  const stream = contexts.findStream(id);
  if (stream && stream.job != 0) jobs.endBody(stream);
  return abi.CONTINUE;
}

export function proxy_on_response_headers(id: u32, _headers: u32, _endOfStream: u32): u32 {
  const stream = contexts.findStream(id);
  if (!stream || (stream.decision.flags & L.RULE_FLAG_DEBUG) == 0) return abi.CONTINUE;
  const root = contexts.rootOfStream(stream);
  if (!root) return abi.CONTINUE;
  arena.reset();
  debug.writeResponse(stream.decision, root.table!);
  return abi.CONTINUE;
}

export function proxy_on_delete(id: u32): void {
  const root = contexts.remove(id);
  if (!root) return;
  metrics.uncount(root);
  // Envoy would go on waking us for a plugin that is gone: after thousands of updates, thousands of times a second.
  proxy_set_tick_period_milliseconds(0);
  contexts.freeRoot(root);
}

/** Without a table there is no safe answer: a client's own header would choose the cluster. */
function refuse(): u32 {
  message.clear();
  message.text(ascii("pointsman: no table"));
  answer(UNAVAILABLE, message.address(), message.size());
  return abi.PAUSE;
}
