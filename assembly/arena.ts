// Memory that lives for one callback: what the proxy hands in, and what we join. Taken by moving a pointer,
// given back all at once when the next callback begins; nothing of it is ever collected.

import { SLACK } from "./bytes";

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

/** @returns address of `size` bytes, aligned to 8, valid until the next callback begins */
export function alloc(size: usize): usize {
  if (start == 0) start = heap.alloc(ROOM + SLACK);
  const from = used;
  if (size <= ROOM - from) {
    used = (from + size + ALIGN) & ~ALIGN;
    return start + from;
  }
  const block = allocBlock(size);
  store<usize>(block, overflow);
  overflow = block;
  return block + BLOCK_HEAD;
}

// ---- Blocks: for what does not fit, and for tables, which live on -------------------------------------------
// An update brings a table of about the same size while the one before still serves. The heap would not put it where
// the last but one was: it looks only among blocks of the next size up, and then doubles the memory. So the largest
// block that was given back is kept for the next that fits.

/** A block begins with the address of the one before in `overflow`, and its room, both u32. */
export const BLOCK_HEAD: usize = 8;
/** 0 where there is none. */
let spare: usize = 0;

/** @returns a block with room for `size` bytes after its head */
export function allocBlock(size: usize): usize {
  const block = spare;
  if (block != 0 && roomOf(block) <= 2 * size) {
    spare = 0;
    if (roomOf(block) >= size) return block;
    heap.free(block); // so that what is about to be made may take its place
  }
  const room = size + (size >> 5); // the next table may be a little larger
  const made = heap.alloc(BLOCK_HEAD + room + SLACK);
  store<u32>(made, <u32>room, 4);
  return made;
}

export function freeBlock(block: usize): void {
  let smaller = spare;
  if (smaller == 0 || roomOf(smaller) < roomOf(block)) spare = block;
  else smaller = block;
  if (smaller != 0) heap.free(smaller);
}

function roomOf(block: usize): usize {
  return load<u32>(block, 4);
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
