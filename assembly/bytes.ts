// Searches in bytes from outside, eight at a time where it pays: a cookie has thousands.

const LOW: u64 = 0x0101010101010101;
const HIGH: u64 = 0x8080808080808080;

/** Place of the first such byte, `length` where there is none. */
export function indexOf(at: usize, length: u32, byte: u32): u32 {
  const pattern: u64 = LOW * <u64>byte;
  let i: u32 = 0;
  // Two words a turn: which of them it is, the next loop finds out.
  while (i + 16 <= length) {
    if ((matches(load<u64>(at + i) ^ pattern) | matches(load<u64>(at + i, 8) ^ pattern)) != 0) break;
    i += 16;
  }
  while (i + 8 <= length) {
    const found = matches(load<u64>(at + i) ^ pattern);
    if (found != 0) return i + (<u32>ctz(found) >> 3);
    i += 8;
  }
  while (i < length && load<u8>(at + i) != byte) i++;
  return i;
}

/** The high bit of each byte that is 0, up to the first one; beyond it, a borrow may set others. */
function matches(rest: u64): u64 {
  return (rest - LOW) & ~rest & HIGH;
}

export function isBlank(byte: u32): bool {
  return byte == 0x20 || byte == 0x09;
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
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}

/** What `%XX` at the start of these bytes stands for, -1 where there is none. */
export function percentDecoded(at: usize, length: u32): i32 {
  if (length < 3 || load<u8>(at) != 0x25) return -1;
  const high = hexDigit(load<u8>(at, 1));
  const low = hexDigit(load<u8>(at, 2));
  return high < 0 || low < 0 ? -1 : (high << 4) | low;
}
