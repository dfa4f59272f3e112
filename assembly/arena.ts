// Memory that lives for one callback: what the proxy hands in, and what we join. Taken by moving a pointer,
// given back all at once when the next callback begins; nothing of it is ever collected.

import { SLACK } from "./bytes";
import { giveRun, runSize, takeRun } from "./pages";

const ROOM: usize = 16384;
const ALIGN: usize = 7;

let start: usize = 0;
let used: usize = 0;
/** Blocks of what did not fit, each with the address of the one before. */
let overflow: usize = 0;

export function reset(): void {
  used = 0;
  while (overflow != 0) {
    const before = load<usize>(overflow);
    freeBlock(overflow);
    overflow = before;
  }
}

/** @returns address of `size` bytes, aligned to 8, valid until the next callback begins; 0 where there is no room */
export function allocForProxy(size: usize): usize {
  if (start == 0) start = heap.alloc(ROOM + SLACK);
  const from = used;
  if (size <= ROOM - from) {
    used = (from + size + ALIGN) & ~ALIGN;
    return start + from;
  }
  return inBlock(allocBlock(size));
}

/** The same for what we join, which is small: where there is no room, the heap finds some. */
export function alloc(size: usize): usize {
  const at = allocForProxy(size);
  return at != 0 ? at : inBlock(heapBlock(size));
}

function inBlock(block: usize): usize {
  if (block == 0) return 0;
  giveBack(block);
  return block + BLOCK_HEAD;
}

/** The block lives until the next callback begins. */
export function giveBack(block: usize): void {
  store<usize>(block, overflow);
  overflow = block;
}

// ---- Blocks: for what does not fit, and for tables, which live on -------------------------------------------

/** A block begins with the address of the one before in `overflow`, and its room, both u32. */
export const BLOCK_HEAD: usize = 8;
const AROUND: usize = BLOCK_HEAD + SLACK;
/** A block of so many bytes is made of pages, a smaller one of the heap. */
const LARGE: usize = 131072;
/** In the room of a heap's block, which is even. */
const OF_HEAP: u32 = 1;

/** @returns a block with room for `size` bytes after its head, 0 where there is none */
export function allocBlock(size: usize): usize {
  if (size < LARGE) return heapBlock(size);
  const whole = size + AROUND;
  const block: usize = whole < size ? 0 : takeRun(whole);
  if (block != 0) store<u32>(block, <u32>(runSize(whole) - AROUND), 4);
  return block;
}

function heapBlock(size: usize): usize {
  const room = (size + 1) & ~1;
  const block = heap.alloc(room + AROUND);
  store<u32>(block, <u32>room | OF_HEAP, 4);
  return block;
}

export function freeBlock(block: usize): void {
  if ((load<u32>(block, 4) & OF_HEAP) != 0) heap.free(block);
  else giveRun(block, roomOf(block) + AROUND);
}

function roomOf(block: usize): usize {
  return load<u32>(block, 4) & ~OF_HEAP;
}

/**
 * Takes the block that `at` lies in out of the arena: it lives on until freeBlock.
 * @returns 0 where `at` lies in none
 */
export function keepBlock(at: usize): usize {
  let before: usize = 0;
  let block = overflow;
  while (block != 0) {
    const next = load<usize>(block);
    if (at >= block && at < block + BLOCK_HEAD + roomOf(block)) {
      if (before == 0) overflow = next;
      else store<usize>(before, next);
      return block;
    }
    before = block;
    block = next;
  }
  return 0;
}
