// The path as rules see it: decoded, `//` merged, dot segments resolved. Another spelling of a path must not lead to
// another deployment. The path that upstream gets stays as the proxy has it.

import * as arena from "./arena";
import { headOf, indexOf, percentDecoded, SLACK, Word } from "./bytes";
import * as C from "./characters";

export let path: usize = 0;
export let pathLength: u32 = 0;
/** Its first 8 bytes, as `headOf` gives them. */
export let pathHead: u64 = 0;
/** There is a `%2F` in it, which some servers take for a slash and others for a letter. */
export let hasEncodedSlash: bool = false;

/** @param length of the path alone, without its query */
export function readPath(at: usize, length: u32): void {
  path = at;
  pathLength = length;
  hasEncodedSlash = false;
  if (!isPlain(at, length)) {
    path = arena.alloc(length + SLACK);
    pathLength = resolve(path, decode(at, length, path, true));
  }
  pathHead = headOf(path, pathLength);
}

/** The same path with each `%2F` as it is: its address; `keptLength` bytes. */
export function pathWithKeptSlashes(at: usize, length: u32): usize {
  const kept = arena.alloc(length + SLACK);
  keptLength = resolve(kept, decode(at, length, kept, false));
  return kept;
}

export let keptLength: u32 = 0;

/** Nothing in it has another spelling; or it is no path at all, as in `OPTIONS *`. */
function isPlain(at: usize, length: u32): bool {
  if (length == 0 || load<u8>(at) != C.SLASH) return true;
  let before: u64 = 0;
  for (let i: u32 = 0; i < length; i += 8) {
    const word = load<u64>(at + i);
    const percents = Word.zeroBytes(word ^ Word.of(C.PERCENT));
    const slashes = Word.zeroBytes(word ^ Word.of(C.SLASH));
    const dotsOrSlashes = Word.zeroBytes((word | Word.of(1)) ^ Word.of(C.SLASH));
    const found = percents | (((slashes << 8) | before) & dotsOrSlashes);
    const left = length - i;
    if ((left < 8 ? found << (64 - (left << 3)) : found) != 0) return false;
    before = slashes >> 56;
  }
  return true;
}

/** @param takesSlashes `%2F` is a slash; else it stays */
function decode(at: usize, length: u32, to: usize, takesSlashes: bool): u32 {
  let written: u32 = 0;
  for (let i: u32 = 0; i < length; i++) {
    let decoded = percentDecoded(at + i, length - i);
    if (decoded == C.SLASH) {
      hasEncodedSlash = true;
      if (!takesSlashes) decoded = -1;
    }
    store<u8>(to + written++, decoded < 0 ? load<u8>(at + i) : <u8>decoded);
    if (decoded >= 0) i += 2;
  }
  return written;
}

/** Merges slashes and resolves dot segments in place: what is written never overtakes what is read. */
function resolve(at: usize, length: u32): u32 {
  let written: u32 = 0;
  let i: u32 = 0;
  while (i < length) {
    while (i < length && load<u8>(at + i) == C.SLASH) i++;
    const size = indexOf(at + i, length - i, C.SLASH);
    const isLast = i + size == length;
    const isDot = size == 1 && load<u8>(at + i) == C.DOT;
    const isUp = size == 2 && load<u8>(at + i) == C.DOT && load<u8>(at + i + 1) == C.DOT;
    if (isUp) {
      while (written > 0 && load<u8>(at + --written) != C.SLASH) {}
    }
    if (size == 0 || isDot || isUp) {
      if (isLast) store<u8>(at + written++, <u8>C.SLASH);
    } else {
      store<u8>(at + written++, <u8>C.SLASH);
      memory.copy(at + written, at + i, size);
      written += size;
    }
    i += size;
  }
  return written;
}
