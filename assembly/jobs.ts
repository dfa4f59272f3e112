// Requests whose JSON body names the wiki. Their headers wait until the body has said it; what is sent on then
// is watched to its end, so that the body cannot say another wiki to upstream than it said to us.

import {
  proxy_continue_stream,
  proxy_get_buffer_bytes,
  proxy_set_effective_context,
} from "@gcoredev/proxy-wasm-sdk-as/assembly/imports";
import * as abi from "./abi";
import { answer, BAD_REQUEST, writeAuthority, writeDecision } from "./answer";
import * as arena from "./arena";
import { MAX_HOST, writeHost } from "./canonical";
import * as clock from "./clock";
import { findStream, Listener, rootOfStream, Stream } from "./contexts";
import * as debug from "./debug";
import { forgetWiki, setWiki } from "./decide";
import * as held from "./held";
import {
  beginJob,
  isJobOver,
  JOB_CONFLICT,
  JOB_LOOKING,
  JOB_STATE_BYTES,
  JOB_TEXT,
  jobValue,
  jobValueLength,
  scanJob,
} from "./job-body";
import * as L from "./layout";
import * as metrics from "./metrics";
import { find, Table } from "./table";
import { ascii } from "./text";
import { findWiki } from "./wiki";

const CONFLICT = ascii("the request's body names two different wikis\n");

/**
 * The headers that were just decided wait for the body; until then the default stands in them. The field's name stands
 * behind the scanner's state: a body that is watched to its end may outlive the table.
 * @returns whether they go on after all
 */
export function hold(stream: Stream, id: u32, table: Table): bool {
  const field: u32 = load<u16>(table.jobs + L.JOBS_FIELD);
  const length = table.stringLength(field);
  stream.job = heap.alloc(JOB_STATE_BYTES + 4 + length);
  beginJob(stream.job);
  store<u32>(stream.job + JOB_STATE_BYTES, length);
  memory.copy(stream.job + JOB_STATE_BYTES + 4, table.stringAt(field), length);
  stream.scanned = 0;
  stream.isHostKnown = load<u8>(table.jobs + L.JOBS_HOST) == L.HOST_IF_UNKNOWN && findWiki(table) >= 0;
  if (stream.held) return false; // and waits already
  stream.held = held.add(id, load<u16>(table.jobs + L.JOBS_HELD_SECONDS));
  return makeRoom(stream, table);
}

/**
 * A piece of the body is here: all that is held while the headers wait, then each piece alone.
 * @returns whether it may go on
 */
export function readBody(stream: Stream, listener: Listener, size: u32, isEnd: bool): bool {
  const table = listener.table;
  const waiting = stream.held;
  const from = waiting ? stream.scanned : 0;
  const limit = load<u32>(table.jobs + L.JOBS_LIMIT);
  let status = JOB_LOOKING;
  if (size > from) {
    store<u32>(abi.resultSize, 0);
    arena.makeRoom(size - from);
    proxy_get_buffer_bytes(abi.REQUEST_BODY, from, size - from, abi.resultAt, abi.resultSize);
    const at: usize = load<u32>(abi.resultAt);
    const length = load<u32>(abi.resultSize);
    // The limit is a place in the body, not in the pieces in which it happens to come.
    const first = waiting ? min(length, limit - stream.scanned) : length;
    status = scan(stream, at, first);
    if (status != JOB_LOOKING && first < length) status = scan(stream, at + first, length - first);
    stream.scanned = from + first;
  } else {
    status = scan(stream, 0, 0);
  }
  if (status == JOB_CONFLICT) {
    metrics.count(listener, metrics.JOB_CONFLICTS);
    answer(BAD_REQUEST, CONFLICT.at, CONFLICT.length);
    forget(stream);
    return false;
  }
  if (!waiting) {
    if (isJobOver(stream.job)) forget(stream);
    return true;
  }
  const isPastLimit = status == JOB_LOOKING && stream.scanned >= limit;
  if (status == JOB_LOOKING && !isEnd && !isPastLimit) {
    held.grow(waiting, size);
    return makeRoom(stream, table);
  }
  if (isPastLimit) metrics.count(listener, metrics.JOB_LIMIT);
  release(stream, listener, status);
  if (status == JOB_LOOKING || isJobOver(stream.job)) forget(stream);
  return true;
}

function scan(stream: Stream, at: usize, length: u32): u32 {
  const field = stream.job + JOB_STATE_BYTES;
  return scanJob(stream.job, field + 4, load<u32>(field), at, length);
}

/** The headers go, and what is held of the body with them. */
function release(stream: Stream, listener: Listener, status: u32): void {
  const table = listener.table;
  unhold(stream);
  const slot =
    status == JOB_TEXT ? find(table, table.wikis, jobValue(stream.job), jobValueLength(stream.job)) : -1;
  const decision = stream.decision;
  forgetWiki(table, decision);
  if (slot >= 0) {
    setWiki(table, decision, slot);
    writeDecision(table, decision, true);
    setHost(stream, table, slot);
  }
  if ((decision.flags & L.RULE_FLAG_DEBUG) != 0) stream.note = debug.noteDecision(decision, table);
  metrics.countRequest(listener, decision);
}

function setHost(stream: Stream, table: Table, slot: u32): void {
  const mode: u32 = load<u8>(table.jobs + L.JOBS_HOST);
  if (mode == L.HOST_NEVER || (mode == L.HOST_IF_UNKNOWN && stream.isHostKnown)) return;
  const host = arena.alloc(MAX_HOST);
  const length = writeHost(table, slot, host);
  if (length > 0) writeAuthority(host, length);
}

/** The body is over, and has trailers: it named nothing. */
export function endBody(stream: Stream, listener: Listener): void {
  if (stream.held) release(stream, listener, JOB_LOOKING);
  forget(stream);
}

/** Its headers wait, and what was decided of them is of a table that is gone. */
export function isStale(stream: Stream, listener: Listener): bool {
  return stream.held != null && stream.serial != listener.table.serial;
}

/** Nothing more is to be learned from the body. */
export function forget(stream: Stream): void {
  unhold(stream);
  forgetScan(stream);
}

/** What was learned of the body means nothing; its headers wait as long as they would have. */
export function forgetScan(stream: Stream): void {
  heap.free(stream.job);
  stream.job = 0;
}

export function unhold(stream: Stream): void {
  const waiting = stream.held;
  if (!waiting) return;
  stream.held = null;
  held.remove(waiting);
}

// ---- What is held too long, or is too much: the default release gets it ----------------------------------

/**
 * Past what a worker may hold the oldest go: whoever sends a job in earnest is done long before.
 * @returns whether this one is among them: the caller lets it go on
 */
function makeRoom(stream: Stream, table: Table): bool {
  const own = stream.held!;
  const current = own.stream;
  const mostBytes: u64 = load<u32>(table.jobs + L.JOBS_HELD_BYTES);
  const mostStreams: u32 = load<u16>(table.jobs + L.JOBS_HELD_STREAMS);
  let isOwn = false;
  let oldest = held.oldest;
  while (oldest && (held.bytes > mostBytes || held.streams > mostStreams)) {
    if (oldest == own) {
      isOwn = true;
      giveUp(stream, metrics.HELD_OVERFLOW);
    } else letGo(oldest, metrics.HELD_OVERFLOW, current);
    oldest = held.oldest;
  }
  return isOwn;
}

/** On the tick of a root. */
export function letOverdueGo(root: u32): void {
  let one = held.oldest;
  if (!one) return;
  const now = clock.now();
  while (one) {
    const newer = one.newer;
    if (held.isOverdue(one, now)) letGo(one, metrics.HELD_TIMEOUT, root);
    one = newer;
  }
}

/** In a callback of another context. */
function letGo(waiting: held.Held, counter: u32, current: u32): void {
  const id = waiting.stream;
  giveUp(findStream(id)!, counter);
  // A host that does not know the stream would let the current one go on.
  if (proxy_set_effective_context(id) != abi.OK) return;
  proxy_continue_stream(abi.REQUEST);
  proxy_set_effective_context(current);
}

function giveUp(stream: Stream, counter: u32): void {
  const root = rootOfStream(stream);
  const listener = root ? root.listener : null;
  if (listener) {
    metrics.count(listener, counter);
    // To a table that came meanwhile its numbers mean nothing: what stands in its headers goes.
    if (!isStale(stream, listener)) release(stream, listener, JOB_LOOKING);
  }
  forget(stream);
}
