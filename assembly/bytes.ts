// Bytes from outside, eight at a time: a cookie has thousands.

import * as C from "./characters";

/** Words are read whole, and short copies written so: behind any text that comes here is so much room. */
export const SLACK: u32 = 8;

const LOW: u64 = 0x0101010101010101;
const HIGH: u64 = 0x8080808080808080;

/** Eight bytes at once. Methods, as only these can be inlined whatever their size. */
export class Word {
  /** That byte eight times. */
  @inline
  static of(byte: u32): u64 {
    return LOW * <u64>byte;
  }

  /** The high bit of each byte that is 0, up to the first one; beyond it, a borrow may set others. */
  @inline
  static zeroBytes(word: u64): u64 {
    return (word - LOW) & ~word & HIGH;
  }

  /** Each ASCII letter in lower case; other bytes stay. */
  @inline
  static lowerCase(word: u64): u64 {
    const low7 = word & ~HIGH;
    const fromA = low7 + Word.of(0x80 - C.UPPER_A);
    const afterZ = low7 + Word.of(0x80 - (C.UPPER_Z + 1));
    return word | ((fromA & ~afterZ & ~word & HIGH) >> 2);
  }
}

/** Place of the first such byte, `length` where there is none. */
export function indexOf(at: usize, length: u32, byte: u32): u32 {
  const pattern: u64 = Word.of(byte);
  for (let i = skip(at, length, pattern); i < length; i += 8) {
    const found = Word.zeroBytes(load<u64>(at + i) ^ pattern);
    if (found != 0) return min(i + (<u32>ctz(found) >> 3), length);
  }
  return length;
}

/**
 * How many bytes, in steps of 32, certainly do not hold the byte that `pattern` is made of: a cookie has hundreds
 * between two that matter. Of a byte above 0x7f it is not certain.
 */
function skip(at: usize, length: u32, pattern: u64): u32 {
  let i: u32 = 0;
  while (i + 32 <= length) {
    const first = ((load<u64>(at + i) ^ pattern) - LOW) | ((load<u64>(at + i, 8) ^ pattern) - LOW);
    const second = ((load<u64>(at + i, 16) ^ pattern) - LOW) | ((load<u64>(at + i, 24) ^ pattern) - LOW);
    if (((first | second) & HIGH) != 0) break;
    i += 32;
  }
  return i;
}

/** One bit of 64 for a byte; some bytes share one. */
export function bitOf(byte: u32): u64 {
  return (<u64>1) << (byte & 63);
}

/** The first 8 bytes; after a shorter text come zeros. */
export function headOf(at: usize, length: u32): u64 {
  if (length >= 8) return load<u64>(at);
  return length == 0 ? 0 : (load<u64>(at) << (64 - (length << 3))) >> (64 - (length << 3));
}

/** The last 8 bytes; before a shorter text come zeros. */
export function tailOf(at: usize, length: u32): u64 {
  if (length >= 8) return load<u64>(at + length - 8);
  return length == 0 ? 0 : load<u64>(at) << (64 - (length << 3));
}

/** The same bytes in both places. Up to 7 bytes before them are read, which no address of ours lacks. */
export function areEqual(one: usize, other: usize, length: u32): bool {
  for (; length > 8; length -= 8) {
    if (load<u64>(one + length - 8) != load<u64>(other + length - 8)) return false;
  }
  return (
    length == 0 || (load<u64>(one + length - 8) ^ load<u64>(other + length - 8)) >> ((8 - length) << 3) == 0
  );
}

/** Up to 7 bytes after the copy are overwritten. For a few bytes: memory.copy leaves the VM. */
export function copyShort(to: usize, from: usize, length: u32): void {
  for (let i: u32 = 0; i < length; i += 8) store<u64>(to + i, load<u64>(from + i));
}

export function isBlank(byte: u32): bool {
  return byte == C.SPACE || byte == C.TAB;
}

/** What `trim` has left. */
export let trimmed: usize = 0;
export let trimmedLength: u32 = 0;

/** Leaves out blanks and tabs at both ends. */
export function trim(at: usize, length: u32): void {
  while (length > 0 && isBlank(load<u8>(at))) {
    at++;
    length--;
  }
  while (length > 0 && isBlank(load<u8>(at + length - 1))) length--;
  trimmed = at;
  trimmedLength = length;
}

/** Value of a hexadecimal digit, -1 for any other byte. */
export function hexDigit(byte: u32): i32 {
  if (byte >= C.ZERO && byte <= C.NINE) return byte - C.ZERO;
  const lower = byte | C.CASE_BIT;
  return lower >= C.LOWER_A && lower <= C.LOWER_F ? lower - C.LOWER_A + 10 : -1;
}

/** What `%XX` at the start of these bytes stands for, -1 where there is none. */
export function percentDecoded(at: usize, length: u32): i32 {
  if (length < 3 || load<u8>(at) != C.PERCENT) return -1;
  const high = hexDigit(load<u8>(at, 1));
  const low = hexDigit(load<u8>(at, 2));
  return high < 0 || low < 0 ? -1 : (high << 4) | low;
}
