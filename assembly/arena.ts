// Memory that lives for one callback: what the host hands in, and what we join. Taken by moving a pointer,
// given back all at once when the next callback begins; nothing of it is ever collected.

const BLOCK: usize = 16384;
const ALIGN: usize = 7;

let block: usize = 0;
let used: usize = 0;
/** Requests that did not fit, each a heap block that begins with the address of the one before and its own size. */
let overflow: usize = 0;

export function reset(): void {
  used = 0;
  while (overflow != 0) {
    const before = load<usize>(overflow);
    heap.free(overflow);
    overflow = before;
  }
}

/** @returns address of `size` bytes, aligned to 8, valid until the next callback begins */
export function alloc(size: usize): usize {
  if (block == 0) block = heap.alloc(BLOCK);
  const start = used;
  if (size <= BLOCK - start) {
    used = (start + size + ALIGN) & ~ALIGN;
    return block + start;
  }
  const large = heap.alloc(size + HEAD + SLACK);
  store<usize>(large, overflow);
  store<u32>(large, <u32>size, 4);
  overflow = large;
  return large + HEAD;
}

const HEAD: usize = 8;
/** So many bytes more than was asked for stand after a heap block's end. */
export const SLACK: usize = 8;

/**
 * Takes the heap block that `at` lies in out of the arena: it lives on, and whoever asked has to free it.
 * @returns the block's address for heap.free; 0 where `at` lies in none
 */
export function keepBlock(at: usize): usize {
  let before: usize = 0;
  let one = overflow;
  while (one != 0) {
    const next = load<usize>(one);
    if (at >= one + HEAD && at < one + HEAD + load<u32>(one, 4)) {
      if (before == 0) overflow = next;
      else store<usize>(before, next);
      return one;
    }
    before = one;
    one = next;
  }
  return 0;
}
