// Which plugin (root context) a stream belongs to, and what its listener serves. Envoy keeps an old root alive while
// its streams drain, and one VM may hold several plugins, so neither "the newest" nor "the only" root would do. All
// roots of a listener serve its newest table: an old one that an open stream keeps holds no table of its own.

import { areEqual } from "./bytes";
import { Decision } from "./decide";
import * as held from "./held";
import { hold, letGo, Table, zeroed } from "./table";

/** What is served under a name. */
@unmanaged
export class Listener {
  next: Listener | null;
  /** How many roots serve it. */
  roots: u32;
  table: Table;
  /** Its entry in LSTN. */
  entry: usize;
  /** What it counts; see metrics.ts. */
  counters: usize;
  /** This VM's number in what all share of it, 0 before its first tick; see served.ts. */
  vm: u32;
  nameLength: u32;

  /** Its name's bytes, behind the record. */
  get name(): usize {
    return changetype<usize>(this) + offsetof<Listener>();
  }
}

@unmanaged
export class Root {
  id: u32;
  next: Root | null;
  /** null until a table was accepted. */
  listener: Listener | null;
  /** As its own configuration says, this proxy is in a secondary data centre. */
  isSecondary: bool;
  /** As its own configuration says, it decides and only tells. */
  isShadow: bool;
}

/** A stream that is not over with its request headers: they have yet to come, or its body or its response matters. */
@unmanaged
export class Stream {
  root: u32;
  /** Serial of the table that decided: another one must not be asked about its numbers. */
  serial: u32;
  /** State of its body's scanner, 0 where there is none; how much of what is held was scanned. */
  job: usize;
  scanned: u32;
  /** Its headers wait for the body. */
  held: held.Held | null;
  /** Its own host leads to a wiki. */
  isHostKnown: bool;
  /** A heap block: what the response is to say of the decision, see debug.ts; or 0. */
  note: usize;
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

// ---- Listeners ------------------------------------------------------------------------------------------

let listeners: Listener | null = null;

/** What is served under that name, null where nothing is. */
export function findListener(name: usize, length: u32): Listener | null {
  let listener = listeners;
  while (listener && !(listener.nameLength == length && areEqual(listener.name, name, length))) {
    listener = listener.next;
  }
  return listener;
}

/** The listener of that name serves this table from now on: for this root, and for all that it had. */
export function serve(root: Root, name: usize, length: u32, table: Table): Listener {
  hold(table);
  let listener = findListener(name, length);
  if (!listener) {
    listener = changetype<Listener>(zeroed(offsetof<Listener>() + length));
    memory.copy(listener.name, name, length);
    listener.nameLength = length;
    listener.next = listeners;
    listeners = listener;
  } else {
    letGo(listener.table);
  }
  listener.table = table;
  join(root, listener);
  return listener;
}

/** There is no other configuration: the root serves what that listener does, as its newest root does. */
export function joinNewest(root: Root, listener: Listener): void {
  let newest = roots!;
  while (newest.listener !== listener) newest = newest.next!;
  root.isSecondary = newest.isSecondary;
  root.isShadow = newest.isShadow;
  join(root, listener);
}

/** From now on the root serves what that listener does. */
function join(root: Root, listener: Listener): void {
  listener.roots++;
  leave(root);
  root.listener = listener;
}

/** The last root takes its listener with it. */
function leave(root: Root): void {
  const listener = root.listener;
  if (!listener || --listener.roots > 0) return;
  let before: Listener | null = null;
  for (let one = listeners; one !== listener; one = one!.next) before = one;
  if (before) before.next = listener.next;
  else listeners = listener.next;
  letGo(listener.table);
  if (listener.counters != 0) heap.free(listener.counters);
  heap.free(changetype<usize>(listener));
}

/** Something is served. */
export function isServing(): bool {
  return listeners != null;
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

export function rootOfStream(stream: Stream): Root | null {
  return findRoot(stream.root);
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
  leave(root);
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
  if (stream.note != 0) heap.free(stream.note);
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
