// What each VM of a proxy serves to a listener. A proxy's metrics are one for all its workers, so the VMs keep a record
// together, in the proxy's shared data, and each sets the gauges by all of it: a worker that was left behind shows.

import { proxy_get_shared_data, proxy_set_shared_data } from "@gcoredev/proxy-wasm-sdk-as/assembly/imports";
import * as abi from "./abi";
import * as arena from "./arena";
import { now } from "./clock";
import { Listener } from "./contexts";
import * as L from "./layout";
import { heldBytes } from "./table";

/** Of a listener; an entry a VM follows. */
@unmanaged
class Shared {
  /** The last number that a VM was given. */
  lastVm: u32;
  /** Of the configuration that was taken last, so that a worker which comes to it late is no newer push. */
  taken: u32;
  /** Why the last one was refused, 0 where it was taken. */
  refused: u32;
  unused: u32;
}

@unmanaged
class Entry {
  vm: u32;
  generation: u32;
  /** As in the gauge. */
  digest: u64;
  /** When the VM was last here, in nanoseconds. */
  seen: u64;
  tableBytes: u64;
}

const HEAD: u32 = <u32>offsetof<Shared>();
const ENTRY: u32 = <u32>offsetof<Entry>();
/** A VM that has not ticked for so long is dead, or its worker is. */
const SILENT: u64 = 10_000_000_000;
/** Others write, too. */
const TRIES = 8;

const resultCas = memory.data(4);

// What the record said when it was written last.
export let vms: u32 = 0;
/** The lowest. */
export let generation: u32 = 0;
/** 0 where they differ. */
export let digest: u64 = 0;
/** The most of any. */
export let tableBytes: u64 = 0;
export let refused: u32 = 0;

let record: usize = 0;
let size: u32 = 0;

/** Room for one entry more follows the record. */
function read(key: usize, keyLength: u32): void {
  store<u32>(abi.resultSize, 0);
  store<u32>(resultCas, 0);
  size = get(key, keyLength) || (arena.madeRoom() && get(key, keyLength)) ? load<u32>(abi.resultSize) : 0;
  record = arena.alloc(HEAD + size + ENTRY);
  memory.fill(record, 0, HEAD);
  memory.copy(record, load<u32>(abi.resultAt), size);
  size = max(size, HEAD);
}

function get(key: usize, keyLength: u32): bool {
  return proxy_get_shared_data(key, keyLength, abi.resultAt, abi.resultSize, resultCas) == abi.OK;
}

/** @returns whether no other VM was quicker */
function write(key: usize, keyLength: u32): bool {
  return proxy_set_shared_data(key, keyLength, record, size, load<u32>(resultCas)) == abi.OK;
}

/** A configuration was refused. */
export function refuse(key: usize, keyLength: u32, code: u32): void {
  for (let i = 0; i < TRIES; i++) {
    read(key, keyLength);
    changetype<Shared>(record).refused = code;
    if (write(key, keyLength)) return;
  }
}

/** A configuration was taken. @param hash tells it from others */
export function take(key: usize, keyLength: u32, hash: u32): void {
  for (let i = 0; i < TRIES; i++) {
    read(key, keyLength);
    const shared = changetype<Shared>(record);
    if (shared.taken == hash) return;
    shared.taken = hash;
    shared.refused = 0;
    if (write(key, keyLength)) return;
  }
}

/**
 * This VM is here, with what it serves, or no longer serves the listener.
 * @param isGone the listener is: its entry goes
 */
export function tell(key: usize, keyLength: u32, listener: Listener, isGone: bool): void {
  const time = now();
  for (let i = 0; i < TRIES; i++) {
    read(key, keyLength);
    const shared = changetype<Shared>(record);
    const isNew = listener.vm == 0;
    if (isNew) listener.vm = ++shared.lastVm;
    let to = record + HEAD;
    for (let from = to; from < record + size; from += ENTRY) {
      const entry = changetype<Entry>(from);
      if (entry.vm == listener.vm || entry.seen + SILENT < time) continue;
      memory.copy(to, from, ENTRY);
      to += ENTRY;
    }
    if (!isGone) {
      const own = changetype<Entry>(to);
      const table = listener.table;
      own.vm = listener.vm;
      own.generation = load<u32>(table.bytes + L.HEADER_GENERATION);
      // 48 bits: a number that every reader of metrics, a double, holds exactly.
      own.digest = bswap<u64>(load<u64>(table.bytes + L.HEADER_DIGEST)) >> 16;
      own.seen = time;
      own.tableBytes = heldBytes();
      to += ENTRY;
    }
    size = <u32>(to - record);
    if (write(key, keyLength)) break;
    // The number that it took is another's by now.
    if (isNew) listener.vm = 0;
  }
  sum();
}

function sum(): void {
  vms = 0;
  generation = 0;
  digest = 0;
  tableBytes = 0;
  refused = changetype<Shared>(record).refused;
  for (let at = record + HEAD; at < record + size; at += ENTRY) {
    const entry = changetype<Entry>(at);
    generation = vms == 0 ? entry.generation : min(generation, entry.generation);
    if (vms == 0) digest = entry.digest;
    else if (digest != entry.digest) digest = 0;
    tableBytes = max(tableBytes, entry.tableBytes);
    vms++;
  }
}
