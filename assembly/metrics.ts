// Counters and gauges. Requests are counted in memory of our own, and the sums go to the proxy on the tick: no
// host call a request. What is served is told by gauges, one of each for all the workers of a proxy: served.ts.

import {
  proxy_define_metric,
  proxy_increment_metric,
  proxy_record_metric,
} from "@gcoredev/proxy-wasm-sdk-as/assembly/imports";
import * as abi from "./abi";
import { areEqual } from "./bytes";
import { Listener } from "./contexts";
import { Decision } from "./decide";
import * as L from "./layout";
import * as served from "./served";
import { deploymentName, releaseName, Table, zeroed } from "./table";
import { ascii, Text } from "./text";
import { MISSING, TWO_WIKIS } from "./wiki";

// Counters of a listener: these, then one a cluster, deployments × releases.
export const PASSED: u32 = 0;
export const UNKNOWN_HOSTS: u32 = 1;
export const MISSING_WIKIS: u32 = 2;
export const NOT_INSTALLED: u32 = 3;
export const REPLIES: u32 = 4;
export const DEBUG: u32 = 5;
export const JOB_LIMIT: u32 = 6;
export const JOB_CONFLICTS: u32 = 7;
export const HELD_OVERFLOW: u32 = 8;
export const HELD_TIMEOUT: u32 = 9;
export const TWO_WIKIS_PATHS: u32 = 10;
const FIXED: u32 = 11;

/** The counters' names; static, so that no string is made at run time. */
function nameOf(counter: u32): Text {
  switch (counter) {
    case PASSED:
      return ascii("passed");
    case UNKNOWN_HOSTS:
      return ascii("unknown_hosts");
    case MISSING_WIKIS:
      return ascii("missing_wikis");
    case NOT_INSTALLED:
      return ascii("not_installed_wikis");
    case REPLIES:
      return ascii("replies");
    case DEBUG:
      return ascii("debug");
    case JOB_LIMIT:
      return ascii("job_limit");
    case JOB_CONFLICTS:
      return ascii("job_conflicts");
    case HELD_OVERFLOW:
      return ascii("held_overflow");
    case HELD_TIMEOUT:
      return ascii("held_timeout");
    default:
      return ascii("two_wikis_paths");
  }
}

/** For the table that it serves. */
export function makeCounters(listener: Listener): void {
  if (listener.counters != 0) heap.free(listener.counters);
  listener.counters = zeroed((FIXED + listener.table.deploymentCount * listener.table.releaseCount) << 2);
}

export function count(listener: Listener, counter: u32): void {
  const at = listener.counters + (counter << 2);
  store<u32>(at, load<u32>(at) + 1);
}

export function countRequest(listener: Listener, decision: Decision): void {
  if (decision.pass) {
    count(listener, PASSED);
    return;
  }
  if ((decision.flags & L.RULE_FLAG_DEBUG) != 0) count(listener, DEBUG);
  if ((decision.flags & (L.RULE_FLAG_BODY | L.RULE_FLAG_NO_WIKI)) == 0 && decision.wiki < 0)
    countWikiless(listener, decision);
  if (decision.reply >= 0) count(listener, REPLIES);
  else count(listener, FIXED + decision.deployment * listener.table.releaseCount + decision.release);
}

function countWikiless(listener: Listener, decision: Decision): void {
  if (decision.notInstalled) count(listener, NOT_INSTALLED);
  else if (decision.wiki == TWO_WIKIS) count(listener, TWO_WIKIS_PATHS);
  else count(listener, decision.wiki == MISSING ? MISSING_WIKIS : UNKNOWN_HOSTS);
}

// ---- What goes to the proxy -----------------------------------------------------------------------------

/** Once a second a root: nobody reads them more often. */
export const TICK_MILLISECONDS: u32 = 1000;

/** Adds what was counted since to the proxy's metrics. */
export function flush(listener: Listener): void {
  const table = listener.table;
  const all = FIXED + table.deploymentCount * table.releaseCount;
  for (let i: u32 = 0; i < all; i++) {
    const at = listener.counters + (i << 2);
    const counted = load<u32>(at);
    if (counted == 0) continue;
    if (i < FIXED) nameMetric(nameOf(i));
    else nameRequests(table, i - FIXED);
    proxy_increment_metric(metric(abi.COUNTER), counted);
    store<u32>(at, 0);
  }
}

/** A table for the listener of that name was refused. */
export function countRefusal(name: usize, length: u32, code: u32): void {
  nameMetric(ascii("tables_refused"));
  addListener(name, length);
  proxy_increment_metric(metric(abi.COUNTER), 1);
  nameShared(name, length);
  served.refuse(nameAt, nameLength, code);
  setGauge(ascii("refused"), name, length, code);
}

/** The listener's table was taken. @param hash of what brought it */
export function noteTaken(listener: Listener, hash: u32): void {
  nameShared(listener.name, listener.nameLength);
  served.take(nameAt, nameLength, hash);
}

export function tick(listener: Listener): void {
  flush(listener);
  tell(listener, false);
}

/** The listener is gone from this VM, with what it added. */
export function forget(listener: Listener): void {
  flush(listener);
  if (listener.vm != 0) tell(listener, true);
}

function tell(listener: Listener, isGone: bool): void {
  const name = listener.name;
  const length = listener.nameLength;
  nameShared(name, length);
  served.tell(nameAt, nameLength, listener, isGone);
  setGauge(ascii("instances"), name, length, served.vms);
  setGauge(ascii("generation"), name, length, served.generation);
  setGauge(ascii("digest"), name, length, served.digest);
  setGauge(ascii("table_bytes"), name, length, served.tableBytes);
  setGauge(ascii("refused"), name, length, served.refused);
}

function setGauge(gauge: Text, name: usize, length: u32, value: u64): void {
  nameMetric(gauge);
  addListener(name, length);
  proxy_record_metric(metric(abi.GAUGE), value);
}

// ---- Names, and the proxy's numbers for them ------------------------------------------------------------

const PREFIX = ascii("pointsman.");
/** Room for two strings of a table and the words around them, and a NUL: ATS reads names as C strings. */
const ROOM: u32 = 640;
const nameAt = memory.data(640);
let nameLength: u32 = 0;

function nameMetric(name: Text): void {
  nameLength = 0;
  addText(PREFIX);
  addText(name);
}

/** `pointsman.requests.deployment.D.release.R`: proxies make labels of it. */
function nameRequests(table: Table, cluster: u32): void {
  nameMetric(ascii("requests.deployment."));
  addString(table, deploymentName(table, cluster / table.releaseCount));
  addText(ascii(".release."));
  addString(table, releaseName(table, cluster % table.releaseCount));
}

/** What the VMs share, with the form of the record: a proxy keeps it when the filter changes. */
function nameShared(name: usize, length: u32): void {
  nameMetric(ascii("served1"));
  addListener(name, length);
}

function addListener(name: usize, length: u32): void {
  addText(ascii(".listener."));
  addBytes(name, length);
}

function addText(text: Text): void {
  addBytes(text.at, text.length);
}

function addString(table: Table, string: u32): void {
  addBytes(table.stringAt(string), table.stringLength(string));
}

function addBytes(at: usize, length: u32): void {
  for (let i: u32 = 0; i < length; i++) add(load<u8>(at + i));
}

function add(byte: u8): void {
  if (nameLength >= ROOM - 1) return;
  store<u8>(nameAt + nameLength++, byte);
  store<u8>(nameAt + nameLength, 0);
}

/** A metric that was defined; the proxy's numbers outlive tables, and defining again would make new ones. */
@unmanaged
class Metric {
  next: Metric | null;
  id: u32;
  length: u32;
  // Then its name.
}

let metrics: Metric | null = null;

/** The proxy's number for the metric of that name. */
function metric(type: u32): u32 {
  let known = metrics;
  while (known) {
    if (known.length == nameLength && areEqual(textOf(known), nameAt, nameLength)) return known.id;
    known = known.next;
  }
  const made = changetype<Metric>(heap.alloc(offsetof<Metric>() + nameLength));
  store<u32>(abi.resultAt, 0);
  proxy_define_metric(type, nameAt, nameLength, abi.resultAt);
  made.id = load<u32>(abi.resultAt);
  made.length = nameLength;
  memory.copy(textOf(made), nameAt, nameLength);
  made.next = metrics;
  metrics = made;
  return made.id;
}

function textOf(known: Metric): usize {
  return changetype<usize>(known) + offsetof<Metric>();
}
