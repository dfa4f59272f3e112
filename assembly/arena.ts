// Memory that lives for one callback: what the proxy hands in, and what we join. Taken by moving a pointer,
// given back all at once when the next callback begins; nothing of it is ever collected.
//
// What the proxy hands in must lie in memory that was there before the proxy was called: in ATS, memory that grows while
// the proxy runs is out of bounds for the callback that called it. So a callback makes room, and `malloc` only gives it.

import { SLACK } from "./bytes";
import { giveRun, runSize, takeRun } from "./pages";

/** As many bytes of headers as ATS lets a request have. */
const ROOM: usize = 131072;
const ALIGN: usize = 7;

let start: usize = 0;
let used: usize = 0;
/** Blocks of what did not fit, each with the address of the one before. */
let overflow: usize = 0;
/** The one of them that was made for what the proxy hands in next, or 0. */
let ready: usize = 0;
/** So many bytes the proxy asked for in vain, or 0. */
let lacking: usize = 0;

/** Before the proxy is asked for anything. */
export function prepare(): void {
  if (start == 0) start = heap.alloc(ROOM + SLACK);
}

export function reset(): void {
  used = 0;
  ready = 0;
  while (overflow != 0) {
    const before = load<usize>(overflow);
    freeBlock(overflow);
    overflow = before;
  }
}

/** @returns address of `size` bytes, aligned to 8, valid until the next callback begins; 0 where there is no room */
export function allocForProxy(size: usize): usize {
  const at = inArena(size);
  if (at != 0) return at;
  const block = ready;
  ready = 0;
  if (block != 0 && size <= roomOf(block)) return block + BLOCK_HEAD;
  lacking = size;
  return 0;
}

/** What the proxy hands in next may have so many bytes. @returns false where there is no room for them */
export function makeRoom(size: usize): bool {
  if (start != 0 && size <= ROOM - used) return true;
  ready = allocBlock(size);
  if (ready == 0) return false;
  giveBack(ready);
  return true;
}

/** After a call of the proxy's that failed: whether it did so for want of room, which there is now. */
export function madeRoom(): bool {
  const size = lacking;
  lacking = 0;
  return size != 0 && makeRoom(size);
}

/** The same for what we join, which is small: where there is no room, the heap finds some. */
export function alloc(size: usize): usize {
  const at = inArena(size);
  if (at != 0) return at;
  const block = heapBlock(size);
  giveBack(block);
  return block + BLOCK_HEAD;
}

function inArena(size: usize): usize {
  const from = used;
  if (start == 0 || size > ROOM - from) return 0;
  used = (from + size + ALIGN) & ~ALIGN;
  return start + from;
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
