// The table in memory: where each section lies, and the look-ups. Everything here trusts numbers that
// load.ts has had checked once, when the table was loaded.

import { giveBack } from "./arena";
import { areEqual, copyShort, SLACK } from "./bytes";
import * as L from "./layout";

/** Where things lie, in addresses; one record a loaded table. What is asked often is a method, as only these can be inlined. */
@unmanaged
export class Table {
  /** Of those that are held. */
  next: Table | null;
  /** How many hold it. */
  holders: u32;
  /** No two tables of a VM's life have the same; an address may come again. */
  serial: u32;
  /** The block that holds the table's bytes, see arena.ts; or 0. */
  block: usize;
  /** The table's bytes, with 8 bytes of slack after them: an entry is read as a u64. */
  bytes: usize;
  length: u32;

  /** A heap block: the address of each string, a u32, and that of the end of the last one. */
  strings: usize;

  longestStem: u32;

  wikis: KeySet;
  hosts: KeySet;

  rewriteCount: u32;
  rewrites: usize;
  patternCount: u32;
  patterns: usize;
  pathCount: u32;
  paths: usize;
  replacements: usize;
  elseCount: u32;
  elses: usize;
  headerCount: u32;
  /** String of each name. */
  headers: usize;
  /** A heap block: of each name, its NameKey, a u32. */
  headerKeys: usize;
  /** Of all names, their NameKey.bit. */
  headerBits: u64;
  /** Number of the header called so, or NONE. */
  cookieHeader: u32;
  forwardedHeader: u32;
  ruleCount: u32;
  rules: usize;
  predicateCount: u32;
  predicates: usize;
  /** A heap block: of each rule, what a request must have; see prefilter.ts. */
  prefilters: usize;
  /** A heap block: of each predicate, a u64; see prefilter.ts. */
  bytesBeforeEquals: usize;
  listenerCount: u32;
  listeners: usize;
  shareCookie: u32;
  replies: usize;

  deploymentCount: u32;
  deployments: usize;
  clusters: usize;
  releaseCount: u32;
  defaultRelease: u32;
  /** RLSE, where the outcomes of requests without a wiki stand. */
  releaseSection: usize;
  releases: usize;
  placements: usize;
  emitCount: u32;
  emit: usize;
  jobs: usize;
  canonicalRuleCount: u32;
  canonicalRules: usize;
  exceptionCount: u32;
  exceptions: usize;

  /** Address of a string. */
  @inline
  stringAt(number: u32): usize {
    return load<u32>(this.strings + (number << 2));
  }

  @inline
  stringLength(number: u32): u32 {
    const at = this.strings + (number << 2);
    return load<u32>(at, 4) - load<u32>(at);
  }
}

/** WIKI or HOST: a perfect hash over stem + suffix. */
@unmanaged
export class KeySet {
  slots: u32;
  buckets: u32;
  seed: u32;
  displacementBytes: u32;
  displacements: usize;
  entryBytes: u32;
  entries: usize;
  stemMask: u32;
  suffixShift: u32;
  suffixMask: u32;
  /** A value is what is left of an entry moved up by so many bits, then down: what is above belongs to the next one. */
  valueUp: u32;
  valueDown: u32;
  firstSuffix: u32;
  /** Bytes: no key is longer. */
  longestKey: u32;
}

/** Stems of one length: they have consecutive numbers and lie one after the other. */
@unmanaged
export class StemRange {
  first: u32;
  count: u32;
  at: usize;
}

/** The record; behind it stand the stem ranges, one for each length. */
export function newTable(): Table {
  const ranges = (L.MAX_STRING_BYTES + 1) * offsetof<StemRange>();
  const table = changetype<Table>(zeroed(offsetof<Table>() + ranges));
  table.wikis = changetype<KeySet>(zeroed(offsetof<KeySet>()));
  table.hosts = changetype<KeySet>(zeroed(offsetof<KeySet>()));
  return table;
}

/** Frees the record; the bytes, which something in the same block may still be read of, with the callback. */
export function freeTable(table: Table): void {
  if (table.block != 0) giveBack(table.block);
  if (table.strings != 0) heap.free(table.strings);
  if (table.headerKeys != 0) heap.free(table.headerKeys);
  if (table.prefilters != 0) heap.free(table.prefilters);
  if (table.bytesBeforeEquals != 0) heap.free(table.bytesBeforeEquals);
  heap.free(changetype<usize>(table.wikis));
  heap.free(changetype<usize>(table.hosts));
  heap.free(changetype<usize>(table));
}

// ---- Who holds it: a listener each, and equal bytes are one table -------------------------------------------

let held: Table | null = null;
let lastSerial: u32 = 0;

/** Another one holds the table. */
export function hold(table: Table): void {
  if (table.holders++ > 0) return;
  table.serial = ++lastSerial;
  table.next = held;
  held = table;
}

/** One no longer holds it; the last one frees it. */
export function letGo(table: Table): void {
  if (--table.holders > 0) return;
  let before: Table | null = null;
  for (let one = held; one !== table; one = one!.next) before = one;
  if (before) before.next = table.next;
  else held = table.next;
  freeTable(table);
}

/** Of all tables that are held. */
export function heldBytes(): u32 {
  let bytes: u32 = 0;
  let table = held;
  while (table) {
    bytes += table.length;
    table = table.next;
  }
  return bytes;
}

/** The table that has these bytes, null where none is held. */
export function findHeld(bytes: usize, length: u32): Table | null {
  let table = held;
  while (table && !(table.length == length && areEqual(table.bytes, bytes, length))) table = table.next;
  return table;
}

export function stemsOf(table: Table, length: u32): StemRange {
  return changetype<StemRange>(changetype<usize>(table) + offsetof<Table>() + length * offsetof<StemRange>());
}

/** A heap block of zeros. */
export function zeroed(size: usize): usize {
  const at = heap.alloc(size);
  memory.fill(at, 0, size);
  return at;
}

// ---- Strings --------------------------------------------------------------------------------------------

export function isString(table: Table, number: u32, at: usize, length: u32): bool {
  return table.stringLength(number) == length && areEqual(table.stringAt(number), at, length);
}

export function startsWithString(table: Table, number: u32, at: usize, length: u32): bool {
  const own = table.stringLength(number);
  return own <= length && areEqual(table.stringAt(number), at, own);
}

export function endsWithString(table: Table, number: u32, at: usize, length: u32): bool {
  const own = table.stringLength(number);
  return own <= length && areEqual(table.stringAt(number), at + (length - own), own);
}

// ---- Keys -----------------------------------------------------------------------------------------------

/** Finaliser of MurmurHash3. */
export function mix(h: u32): u32 {
  h = (h ^ (h >> 16)) * <u32>L.HASH_MIX_1;
  h = (h ^ (h >> 13)) * <u32>L.HASH_MIX_2;
  return h ^ (h >> 16);
}

/** Where a u32 lies among `count` parts of equal size that all u32 make, 0…count − 1. */
function partOf(h: u32, count: u32): u32 {
  return <u32>((<u64>h * <u64>count) >> 32);
}

/** Slot of a key, -1 where the set has no such key. Up to 7 bytes before the key are read. */
export function find(table: Table, set: KeySet, key: usize, length: u32): i32 {
  if (set.slots == 0 || length > set.longestKey) return -1;
  let a: u32 = set.seed;
  let b: u32 = set.seed ^ <u32>L.HASH_SEED_B;
  const end = key + (length & ~3);
  for (let at = key; at < end; at += 4) {
    const word = load<u32>(at);
    a = (a ^ word) * <u32>L.HASH_LANE_A;
    b = (b ^ word) * <u32>L.HASH_LANE_B;
    a ^= a >> L.HASH_LANE_SHIFT;
    b ^= b >> L.HASH_LANE_SHIFT;
  }
  // The 0…3 bytes that are left are the last of four.
  const last = <u32>(<u64>load<u32>(key + length - 4) >> (32 - ((length & 3) << 3)));
  a = mix(((a ^ last) * <u32>L.HASH_LANE_A) ^ length);
  b = mix(((b ^ last) * <u32>L.HASH_LANE_B) ^ length);
  const at = set.displacements + partOf(a, set.buckets) * set.displacementBytes;
  let displacement: u32 = load<u8>(at);
  if (set.displacementBytes == 2) displacement = load<u16>(at);
  else if (set.displacementBytes == 4) displacement = load<u32>(at);
  const slot = partOf(mix(b ^ (a * (2 * displacement + 1))), set.slots);
  return isKey(table, set, slot, key, length) ? <i32>slot : -1;
}

export function entry(set: KeySet, slot: u32): u64 {
  return load<u64>(set.entries + slot * set.entryBytes);
}

export function stemIn(set: KeySet, entry: u64): u32 {
  return <u32>entry & set.stemMask;
}

export function suffixIn(set: KeySet, entry: u64): u32 {
  return <u32>(entry >> set.suffixShift) & set.suffixMask;
}

export function valueIn(set: KeySet, entry: u64): u32 {
  return <u32>((entry << set.valueUp) >> set.valueDown);
}

/** The bytes of a stem, in a large table far from all else that was read, are looked at last. */
function isKey(table: Table, set: KeySet, slot: u32, key: usize, length: u32): bool {
  const found = entry(set, slot);
  const stem = stemIn(set, found);
  if (stem == set.stemMask) return false; // an empty slot
  const suffix = set.firstSuffix + suffixIn(set, found);
  const suffixLength = table.stringLength(suffix);
  const rest = length - suffixLength;
  if (rest > <u32>L.MAX_STRING_BYTES) return false; // or the suffix is longer than the key
  const stems = stemsOf(table, rest);
  const number = stem - stems.first;
  return (
    number < stems.count &&
    areEqual(table.stringAt(suffix), key + rest, suffixLength) &&
    areEqual(stems.at + number * rest, key, rest)
  );
}

/** Most bytes of a key: a stem and a suffix. */
export const MAX_KEY: u32 = 2 * L.MAX_STRING_BYTES;
/** What a key is written to has so many bytes. */
export const KEY_ROOM: u32 = MAX_KEY + SLACK;

/** Writes the key in a slot to `to`, which has KEY_ROOM. @returns its length */
export function writeKey(table: Table, set: KeySet, slot: u32, to: usize): u32 {
  const found = entry(set, slot);
  const stem = stemIn(set, found);
  let length: u32 = 0;
  while (stem - stemsOf(table, length).first >= stemsOf(table, length).count) length++;
  const stems = stemsOf(table, length);
  copyShort(to, stems.at + (stem - stems.first) * length, length);
  const suffix = set.firstSuffix + suffixIn(set, found);
  copyShort(to + length, table.stringAt(suffix), table.stringLength(suffix));
  return length + table.stringLength(suffix);
}

// ---- Small lists ----------------------------------------------------------------------------------------

/** Number of the string with a cluster's name. */
export function clusterOf(table: Table, deployment: u32, release: u32): u32 {
  return load<u16>(table.clusters + ((deployment * table.releaseCount + release) << 1));
}

/** String of a deployment's name. */
export function deploymentName(table: Table, deployment: u32): u32 {
  return load<u16>(table.deployments + deployment * L.DEPLOYMENT_ENTRY + L.DEPLOYMENT_NAME);
}

/** String of a release's name. */
export function releaseName(table: Table, release: u32): u32 {
  return load<u16>(table.releases + release * L.RELEASE_ENTRY + L.RELEASE_NAME);
}

/** String of a release's version. */
export function releaseVersion(table: Table, release: u32): u32 {
  return load<u16>(table.releases + release * L.RELEASE_ENTRY + L.RELEASE_VERSION);
}

/** Number of its read-only deployment, or NONE. */
export function readOnlyOf(table: Table, deployment: u32): u32 {
  return load<u16>(table.deployments + deployment * L.DEPLOYMENT_ENTRY + L.DEPLOYMENT_READ_ONLY);
}

/** Address of the placement of a wiki. */
export function placementOf(table: Table, slot: u32): usize {
  return table.placements + valueIn(table.wikis, entry(table.wikis, slot)) * L.PLACEMENT_ENTRY;
}

export function emitKind(table: Table, number: u32): u32 {
  return load<u8>(table.emit + number * L.EMIT_ENTRY + L.EMIT_KIND);
}

/** Number in HDRS. */
export function emitHeader(table: Table, number: u32): u32 {
  return load<u8>(table.emit + number * L.EMIT_ENTRY + L.EMIT_HEADER);
}

/** String of the name of a header of HDRS. */
export function headerName(table: Table, number: u32): u32 {
  return load<u16>(table.headers + (number << 1));
}
