// Which plugin (root context) a stream belongs to, and each plugin's table. Envoy keeps an old root alive while
// its streams drain, and one VM may hold several plugins, so neither "the newest" nor "the only" root would do.

import { freeTable, Table } from "./table";

@unmanaged
export class Root {
  id: u32;
  next: Root | null;
  /** null until a table was accepted. */
  table: Table | null;
}

let roots: Root | null = null;

/** The root of that id; made where there is none yet. */
export function rootOf(id: u32): Root {
  const known = findRoot(id);
  if (known) return known;
  const root = changetype<Root>(heap.alloc(offsetof<Root>()));
  root.id = id;
  root.table = null;
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

/** The table of a stream's root, null where it has none. */
export function tableOf(stream: u32): Table | null {
  const place = findPlace(stream);
  if (load<u32>(place) == 0) return null;
  const root = findRoot(load<u32>(place + 4));
  return root ? root.table : null;
}

/** A context is gone: a stream, or a root with its table. */
export function remove(id: u32): void {
  if (count > 0 && removeStream(id)) return;
  let before: Root | null = null;
  let root = roots;
  while (root) {
    if (root.id == id) {
      if (before) before.next = root.next;
      else roots = root.next;
      if (root.table) freeTable(root.table!);
      heap.free(changetype<usize>(root));
      return;
    }
    before = root;
    root = root.next;
  }
}

// ---- Streams: an open-addressing map, stream id → root id, in pairs of u32; id 0 is a free place ---------
// Hosts count ids upwards, so their low bits spread evenly as they are.

const FIRST_CAPACITY: u32 = 64;
let places: usize = 0;
let capacity: u32 = 0;
let count: u32 = 0;

export function addStream(id: u32, root: u32): void {
  if (4 * (count + 1) > 3 * capacity) grow();
  const place = findPlace(id);
  if (load<u32>(place) == 0) count++;
  store<u32>(place, id);
  store<u32>(place + 4, root);
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
