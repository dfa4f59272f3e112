/** Bytes that base64 text of `length` characters can become at most. */
export function decodedRoom(length: u32): u32 {
  return (length >> 2) * 3 + 3;
}

/**
 * RFC 4648 base64, white space skipped (YAML folds long scalars), padding optional but only at the end.
 * @param to has room for decodedRoom(length) bytes
 * @returns bytes written; where a character is not base64, minus its place from 1 on
 */
export function decodeBase64(from: usize, length: u32, to: usize): i32 {
  let bits: u32 = 0;
  let held: u32 = 0;
  let written: i32 = 0;
  let padded = false;
  for (let i: u32 = 0; i < length; i++) {
    const c: u32 = load<u8>(from + i);
    if (c == 0x20 || c == 0x0a || c == 0x0d || c == 0x09) continue;
    if (c == 0x3d) {
      padded = true;
      continue;
    }
    const value = sextet(c);
    if (value < 0 || padded) return -(<i32>(i + 1));
    bits = (bits << 6) | value;
    held += 6;
    if (held < 8) continue;
    held -= 8;
    store<u8>(to + written++, <u8>(bits >> held));
  }
  return written;
}

function sextet(c: u32): i32 {
  if (c >= 0x41 && c <= 0x5a) return c - 0x41;
  if (c >= 0x61 && c <= 0x7a) return c - 0x61 + 26;
  if (c >= 0x30 && c <= 0x39) return c - 0x30 + 52;
  if (c == 0x2b) return 62;
  if (c == 0x2f) return 63;
  return -1;
}
