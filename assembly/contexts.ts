// Which plugin (root context) a stream belongs to, and each plugin's table. Envoy keeps an old root alive while
// its streams drain, and one VM may hold several plugins, so neither "the newest" nor "the only" root would do.

import { Decision } from "./decide";
import * as held from "./held";
import { freeTable, Table, zeroed } from "./table";

@unmanaged
export class Root {
  id: u32;
  next: Root | null;
  /** null until a table was accepted. */
  table: Table | null;
  /** Its listener's entry in LSTN. */
  listener: usize;
  /** This proxy is in a secondary data centre. */
  isSecondary: bool;
  /** What it counts; see metrics.ts. */
  counters: usize;
  /** It is in the gauge of live roots; in that of those on the newest table. */
  isCounted: bool;
  isNewest: bool;
}

/** A stream that is not over with its request headers: they have yet to come, or its body or its response matters. */
@unmanaged
export class Stream {
  root: u32;
  /** The table that decided; another one must not be asked about its numbers. */
  table: Table | null;
  /** State of its body's scanner, 0 where there is none; how much of what is held was scanned. */
  job: usize;
  scanned: u32;
  /** Its headers wait for the body. */
  held: held.Held | null;
  /** Its own host leads to a wiki. */
  isHostKnown: bool;
  // Then what was decided.

  get decision(): Decision {
    return changetype<Decision>(changetype<usize>(this) + DECISION_AT);
  }
}

const DECISION_AT: usize = (offsetof<Stream>() + 7) & ~7;

let roots: Root | null = null;

/** The root of that id; made where there is none yet. */
export function rootOf(id: u32): Root {
  const known = findRoot(id);
  if (known) return known;
  const root = changetype<Root>(zeroed(offsetof<Root>()));
  root.id = id;
  root.next = roots;
  roots = root;
  return root;
}

function findRoot(id: u32): Root | null {
  let root = roots;
  while (root) {
    if (root.id == id) return root;
    root = root.next;
  }
  return null;
}

/** The table that served before goes. */
export function setTable(root: Root, table: Table): void {
  const before = root.table;
  root.table = table;
  if (before) freeTable(before);
}

// ---- Streams --------------------------------------------------------------------------------------------
// The headers of a stream nearly always come next after its context: then all we know of it are these two numbers.
// Only a stream that is overtaken, or whose body or response matters, gets a record.

let freshStream: u32 = 0;
let freshRoot: u32 = 0;

export function addStream(id: u32, root: u32): void {
  if (freshStream != 0) keep(freshStream, freshRoot);
  freshStream = id;
  freshRoot = root;
}

/** The root of a stream whose request headers are here; null where nobody knows it. */
export function takeStream(id: u32): Root | null {
  if (id == freshStream) {
    freshStream = 0;
    return findRoot(freshRoot);
  }
  const stream = findStream(id);
  return stream ? findRoot(stream.root) : null;
}

/** The record of a stream, made where there is none yet. */
export function keep(id: u32, root: u32): Stream {
  const known = findStream(id);
  if (known) return known;
  const stream = changetype<Stream>(zeroed(DECISION_AT + offsetof<Decision>()));
  stream.root = root;
  addPlace(id, changetype<usize>(stream));
  return stream;
}

export function findStream(id: u32): Stream | null {
  return count == 0 ? null : changetype<Stream | null>(load<u32>(findPlace(id), 4));
}

/** Its root, as long as that has the table that decided it. */
export function rootOfStream(stream: Stream): Root | null {
  const root = findRoot(stream.root);
  return root && root.table == stream.table ? root : null;
}

/** A context is gone. @returns the root that it was, taken out of the list; freeRoot frees it */
export function remove(id: u32): Root | null {
  if (id == freshStream) {
    freshStream = 0;
    return null;
  }
  if (count > 0 && removeStream(id)) return null;
  let before: Root | null = null;
  let root = roots;
  while (root) {
    if (root.id == id) {
      if (before) before.next = root.next;
      else roots = root.next;
      return root;
    }
    before = root;
    root = root.next;
  }
  return null;
}

export function freeRoot(root: Root): void {
  if (root.table) freeTable(root.table!);
  if (root.counters != 0) heap.free(root.counters);
  heap.free(changetype<usize>(root));
}

// ---- Their records: an open-addressing map, stream id → record, in pairs of u32; id 0 is a free place -----
// Hosts count ids upwards, so their low bits spread evenly as they are.

const FIRST_CAPACITY: u32 = 64;
let places: usize = 0;
let capacity: u32 = 0;
let count: u32 = 0;

function addPlace(id: u32, record: usize): void {
  if (4 * (count + 1) > 3 * capacity) grow();
  const place = findPlace(id);
  count++;
  store<u32>(place, id);
  store<u32>(place, <u32>record, 4);
}

/** The place of a stream, or the free one where it would go. */
function findPlace(id: u32): usize {
  if (capacity == 0) grow();
  let index = id & (capacity - 1);
  while (true) {
    const place = places + (index << 3);
    const found = load<u32>(place);
    if (found == id || found == 0) return place;
    index = (index + 1) & (capacity - 1);
  }
}

/** Takes a stream out and moves up those behind it that had to give way, so that no gap hides them. */
function removeStream(id: u32): bool {
  let gap = findPlace(id);
  if (load<u32>(gap) == 0) return false;
  const stream = changetype<Stream>(load<u32>(gap, 4));
  if (stream.held) held.remove(stream.held!);
  if (stream.job != 0) heap.free(stream.job);
  heap.free(changetype<usize>(stream));
  count--;
  const mask = capacity - 1;
  let index = <u32>(gap - places) >> 3;
  let gapIndex = index;
  while (true) {
    index = (index + 1) & mask;
    const place = places + (index << 3);
    const found = load<u32>(place);
    if (found == 0) break;
    const home = found & mask;
    // It may move into the gap unless its home lies between the gap and here.
    if (((index - home) & mask) < ((index - gapIndex) & mask)) continue;
    store<u64>(gap, load<u64>(place));
    gap = place;
    gapIndex = index;
  }
  store<u64>(gap, 0);
  return true;
}

function grow(): void {
  const before = places;
  const beforeCapacity = capacity;
  capacity = beforeCapacity == 0 ? FIRST_CAPACITY : 2 * beforeCapacity;
  places = heap.alloc(capacity << 3);
  memory.fill(places, 0, capacity << 3);
  if (beforeCapacity == 0) return;
  for (let i: u32 = 0; i < beforeCapacity; i++) {
    const pair = load<u64>(before + (i << 3));
    if (<u32>pair != 0) store<u64>(findPlace(<u32>pair), pair);
  }
  heap.free(before);
}
