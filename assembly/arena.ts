// Memory that lives for one callback: what the host hands in, and what we join. Taken by moving a pointer,
// given back all at once when the next callback begins; nothing of it is ever collected.

const BLOCK: usize = 16384;
const ALIGN: usize = 7;

let block: usize = 0;
let used: usize = 0;
/** Requests that did not fit, each a heap block that begins with the address of the one before. */
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
  const large = heap.alloc(size + 8);
  store<usize>(large, overflow);
  overflow = large;
  return large + 8;
}
