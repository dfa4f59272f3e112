// Requests whose JSON body names the wiki. Their headers wait until the body has said it; what is sent on then
// is watched to its end, so that the body cannot say another wiki to upstream than it said to us.

import { proxy_get_buffer_bytes } from "@gcoredev/proxy-wasm-sdk-as/assembly/imports";
import * as abi from "./abi";
import { answer, writeAuthority, writeDecision } from "./answer";
import * as arena from "./arena";
import { MAX_HOST, writeHost } from "./canonical";
import { Root, Stream } from "./contexts";
import { forgetWiki, setWiki } from "./decide";
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

const BAD_REQUEST: u32 = 400;
const CONFLICT = ascii("the request's body names two different wikis\n");

/** The headers that were just decided wait for the body; until then the default stands in them. */
export function hold(stream: Stream, table: Table): void {
  stream.job = heap.alloc(JOB_STATE_BYTES);
  beginJob(stream.job);
  stream.isHeld = true;
  stream.isHostKnown = load<u8>(table.jobs + L.JOBS_HOST) == L.HOST_IF_UNKNOWN && findWiki(table) >= 0;
}

/**
 * A piece of the body is here: all that is held while the headers wait, then each piece alone.
 * @returns whether it may go on
 */
export function readBody(stream: Stream, root: Root, table: Table, size: u32, isEnd: bool): bool {
  const from = stream.isHeld ? stream.scanned : 0;
  const limit = load<u32>(table.jobs + L.JOBS_LIMIT);
  let status = JOB_LOOKING;
  if (size > from) {
    store<u32>(abi.resultSize, 0);
    proxy_get_buffer_bytes(abi.REQUEST_BODY, from, size - from, abi.resultAt, abi.resultSize);
    const at: usize = load<u32>(abi.resultAt);
    const length = load<u32>(abi.resultSize);
    // The limit is a place in the body, not in the pieces in which it happens to come.
    const first = stream.isHeld ? min(length, limit - stream.scanned) : length;
    status = scan(stream, table, at, first);
    if (status != JOB_LOOKING && first < length) status = scan(stream, table, at + first, length - first);
    stream.scanned = from + first;
  } else {
    status = scan(stream, table, 0, 0);
  }
  if (status == JOB_CONFLICT) {
    metrics.count(root, metrics.JOB_CONFLICTS);
    answer(BAD_REQUEST, CONFLICT.at, CONFLICT.length);
    forget(stream);
    return false;
  }
  if (!stream.isHeld) {
    if (isJobOver(stream.job)) forget(stream);
    return true;
  }
  const isPastLimit = status == JOB_LOOKING && stream.scanned >= limit;
  if (status == JOB_LOOKING && !isEnd && !isPastLimit) return false;
  if (isPastLimit) metrics.count(root, metrics.JOB_LIMIT);
  release(stream, root, table, status);
  if (status == JOB_LOOKING || isJobOver(stream.job)) forget(stream);
  return true;
}

function scan(stream: Stream, table: Table, at: usize, length: u32): u32 {
  const field: u32 = load<u16>(table.jobs + L.JOBS_FIELD);
  return scanJob(stream.job, table.stringAt(field), table.stringLength(field), at, length);
}

/** The headers go, and what is held of the body with them. */
function release(stream: Stream, root: Root, table: Table, status: u32): void {
  stream.isHeld = false;
  const slot =
    status == JOB_TEXT ? find(table, table.wikis, jobValue(stream.job), jobValueLength(stream.job)) : -1;
  const decision = stream.decision;
  forgetWiki(table, decision);
  if (slot >= 0) {
    setWiki(table, decision, slot);
    writeDecision(table, decision, true);
    setHost(stream, table, slot);
  }
  metrics.countRequest(root, table, decision);
}

function setHost(stream: Stream, table: Table, slot: u32): void {
  const mode: u32 = load<u8>(table.jobs + L.JOBS_HOST);
  if (mode == L.HOST_NEVER || (mode == L.HOST_IF_UNKNOWN && stream.isHostKnown)) return;
  const host = arena.alloc(MAX_HOST);
  const length = writeHost(table, slot, host);
  if (length > 0) writeAuthority(host, length);
}

/** Nothing more is to be learned from the body. */
function forget(stream: Stream): void {
  stream.isHeld = false;
  heap.free(stream.job);
  stream.job = 0;
}
