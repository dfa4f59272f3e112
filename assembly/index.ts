// The filter as the proxy sees it: the callbacks of the proxy-wasm ABI, and nothing else is exported. Each
// callback that is exported is one more entry into the VM for every request, so only those we need are here.

import {
  proxy_get_buffer_bytes,
  proxy_set_tick_period_milliseconds,
} from "@gcoredev/proxy-wasm-sdk-as/assembly/imports";
import * as abi from "./abi";
import { answer, answerNoLength, answerReply, writeDecision } from "./answer";
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
import * as shadow from "./shadow";
import { freeTable, Table } from "./table";
import { ascii } from "./text";

const UNAVAILABLE: u32 = 503;

export function proxy_abi_version_0_2_1(): void {}

/** The proxy takes memory here for what it hands in. Nothing grows for it: where there is none, 0 fails its call. */
export function malloc(size: usize): usize {
  return arena.allocForProxy(size);
}

/** Nothing to do: the arena is given back as a whole. Exported so that WAMR does not bring a heap of its own. */
export function free(_at: usize): void {}

/** @param root 0: `context` is a root context itself; else a stream of that root */
export function proxy_on_context_create(context: u32, root: u32): void {
  if (root == 0) contexts.rootOf(context);
  else contexts.addStream(context, root);
}

export function proxy_on_configure(root: u32, size: u32): u32 {
  arena.prepare();
  arena.reset();
  const accepted = configure(root, size);
  arena.reset(); // the configuration may be large, and the next callback far away
  return accepted ? 1 : 0;
}

/** A table that is refused changes nothing: what served before goes on. */
function configure(root: u32, size: u32): bool {
  message.clear();
  message.text(ascii("pointsman: table refused: "));
  store<u32>(abi.resultSize, 0);
  const isRead =
    size == 0 ||
    (arena.makeRoom(size) &&
      proxy_get_buffer_bytes(abi.PLUGIN_CONFIGURATION, 0, size, abi.resultAt, abi.resultSize) == abi.OK);
  if (!isRead) return keepServing(root, size);
  const table = configuration.readConfiguration(load<u32>(abi.resultAt), load<u32>(abi.resultSize));
  const owner = contexts.rootOf(root);
  if (!owner.listener) owner.isShadow = configuration.isShadow;
  if (!table) return refuseTable();
  nameListener();
  const entry = configuration.findListener(table);
  if (entry == 0 || !configuration.emitsClusterHeader(table)) {
    if (table.holders == 0) freeTable(table);
    return refuseTable();
  }
  const before = contexts.findListener(configuration.listener, configuration.listenerLength);
  if (before) metrics.flush(before);
  leaveListener(owner, before);
  const listener = contexts.serve(owner, configuration.listener, configuration.listenerLength, table);
  listener.entry = entry;
  owner.isSecondary = configuration.isSecondary(table, entry);
  owner.isShadow = configuration.isShadow;
  metrics.makeCounters(listener);
  metrics.noteTaken(listener, configuration.hash(table));
  proxy_set_tick_period_milliseconds(metrics.TICK_MILLISECONDS);
  logServing(owner, listener);
  return true;
}

function refuseTable(): bool {
  message.log(abi.LOG_ERROR);
  nameListener();
  metrics.countRefusal(configuration.listener, configuration.listenerLength, message.code);
  return false;
}

/** The listener is what the configuration says, else the plugin's root_id. */
function nameListener(): void {
  if (configuration.listenerLength > 0) return;
  read.readRootId();
  configuration.setListener(read.property, read.propertyLength);
}

/** The root goes, or gets another listener: what only it served is not served any more. */
function leaveListener(root: contexts.Root, next: contexts.Listener | null): void {
  const listener = root.listener;
  if (listener && listener !== next && listener.roots == 1) metrics.forget(listener);
}

/**
 * There is no room for the configuration beside what this VM serves. Envoy asks a fresh VM first, and where a worker's
 * then refuses, it ends that VM with all that is served: so the root takes what its listener has.
 */
function keepServing(id: u32, size: u32): bool {
  configuration.setListener(0, 0);
  configuration.sayNoRoom(size);
  refuseTable();
  const listener = contexts.findListener(configuration.listener, configuration.listenerLength);
  if (listener) {
    contexts.joinNewest(contexts.rootOf(id), listener);
    proxy_set_tick_period_milliseconds(metrics.TICK_MILLISECONDS);
  }
  return contexts.isServing();
}

function logServing(root: contexts.Root, listener: contexts.Listener): void {
  const table = listener.table;
  message.clear();
  message.text(ascii("pointsman $VERSION: serving generation "));
  message.decimal(load<u32>(table.bytes + L.HEADER_GENERATION));
  message.text(ascii(", digest "));
  message.hexadecimal(table.bytes + L.HEADER_DIGEST, L.DIGEST_BYTES);
  message.text(ascii(", to listener "));
  message.bytes(listener.name, listener.nameLength);
  if (root.isSecondary) message.text(ascii(", in a secondary data centre"));
  if (root.isShadow) message.text(ascii(", in shadow"));
  message.log(abi.LOG_INFO);
}

export function proxy_on_tick(root: u32): void {
  arena.reset();
  jobs.letOverdueGo(root);
  const listener = contexts.rootOf(root).listener;
  if (listener) metrics.tick(listener);
}

export function proxy_on_request_headers(id: u32, _headers: u32, endOfStream: u32): u32 {
  arena.reset();
  const root = contexts.takeStream(id);
  const listener = root ? root.listener : null;
  if (!root || !listener) return refuse(root ? root.isShadow : false);
  return answerRequest(id, root, listener, endOfStream == 0);
}

function answerRequest(id: u32, root: contexts.Root, listener: contexts.Listener, hasBody: bool): u32 {
  const table = listener.table;
  if (!read.readRequest(table)) return refuse(root.isShadow);
  if (headers.hasTransferEncoding && !root.isShadow) {
    answerNoLength();
    return abi.PAUSE;
  }
  decide(table, listener.entry, root.isSecondary);
  const isHeld =
    (decision.flags & L.RULE_FLAG_BODY) != 0 && hasBody && headers.hasPseudoHeaders && decision.isRouted;
  if (root.isShadow) {
    metrics.countRequest(listener, decision);
    shadow.tell(table, decision, isHeld);
    return abi.CONTINUE;
  }
  if (!isHeld) metrics.countRequest(listener, decision);
  if (decision.reply >= 0) {
    answerReply(table, decision.reply);
    return abi.PAUSE;
  }
  writeDecision(table, decision);
  if (isHeld) return jobs.hold(remember(id, root.id, table), id, table) ? abi.CONTINUE : abi.PAUSE;
  if (decision.isRouted && (decision.flags & L.RULE_FLAG_DEBUG) != 0) {
    contexts.keep(id, root.id).note = debug.noteDecision(decision, table);
  }
  return abi.CONTINUE;
}

/** For the body, when it comes. */
function remember(id: u32, root: u32, table: Table): contexts.Stream {
  const stream = contexts.keep(id, root);
  stream.serial = table.serial;
  memory.copy(changetype<usize>(stream.decision), changetype<usize>(decision), offsetof<Decision>());
  return stream;
}

export function proxy_on_request_body(id: u32, size: u32, endOfStream: u32): u32 {
  // Without this hand-shake ATS resets larger uploads; in Envoy it would make 413 of them.
  if (!headers.hasPseudoHeaders) return endOfStream != 0 ? abi.CONTINUE : abi.PAUSE;
  const stream = contexts.findStream(id);
  if (!stream || stream.job == 0) return abi.CONTINUE;
  const root = contexts.rootOfStream(stream);
  const listener = root ? root.listener : null;
  if (!root || !listener) {
    jobs.forget(stream);
    return abi.CONTINUE;
  }
  arena.reset();
  if (jobs.isStale(stream, listener)) {
    // A new table came while the headers waited: to it the request begins now.
    jobs.forgetScan(stream);
    const action = answerRequest(id, root, listener, true);
    if (stream.job == 0) {
      jobs.unhold(stream);
      return action;
    }
  }
  return jobs.readBody(stream, listener, size, endOfStream != 0) ? abi.CONTINUE : abi.PAUSE;
}

/** Over HTTP/2 these may end a body, of which then no piece is the last. */
export function proxy_on_request_trailers(id: u32, _trailers: u32): u32 {
  const stream = contexts.findStream(id);
  if (!stream || stream.job == 0) return abi.CONTINUE;
  const root = contexts.rootOfStream(stream);
  const listener = root ? root.listener : null;
  arena.reset();
  if (root && listener && jobs.isStale(stream, listener)) {
    jobs.forget(stream);
    return answerRequest(id, root, listener, false);
  }
  if (listener) jobs.endBody(stream, listener);
  else jobs.forget(stream);
  return abi.CONTINUE;
}

export function proxy_on_response_headers(id: u32, _headers: u32, _endOfStream: u32): u32 {
  const stream = contexts.findStream(id);
  if (!stream || stream.note == 0) return abi.CONTINUE;
  arena.reset();
  debug.writeResponse(stream.note);
  return abi.CONTINUE;
}

export function proxy_on_delete(id: u32): void {
  const root = contexts.remove(id);
  if (!root) return;
  arena.reset();
  if (root.listener) metrics.flush(root.listener!);
  leaveListener(root, null);
  // Envoy would go on waking us for a plugin that is gone: after thousands of updates, thousands of times a second.
  proxy_set_tick_period_milliseconds(0);
  contexts.freeRoot(root);
  arena.reset();
}

/** Without a table there is no safe answer: a client's own header would choose the cluster. In shadow none is needed. */
function refuse(isShadow: bool): u32 {
  if (isShadow) {
    shadow.tellNothing();
    return abi.CONTINUE;
  }
  message.clear();
  message.text(ascii("pointsman: no table"));
  answer(UNAVAILABLE, message.address(), message.size());
  return abi.PAUSE;
}
