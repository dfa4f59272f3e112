// Base64 as RFC 4648 has it, for proxies that take no bytes as configuration.

import * as C from "./characters";

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
/** Of each byte its place in the alphabet, or one of these. Made when it is first needed. */
const PLACES = memory.data(256);
const WHITE: u32 = 64;
const PADDING: u32 = 65;
const NONE: u32 = 66;
let isMade: bool = false;

function makePlaces(): void {
  isMade = true;
  memory.fill(PLACES, <u8>NONE, 256);
  for (let i = 0; i < ALPHABET.length; i++) store<u8>(PLACES + ALPHABET.charCodeAt(i), <u8>i);
  store<u8>(PLACES + C.SPACE, <u8>WHITE);
  store<u8>(PLACES + C.LF, <u8>WHITE);
  store<u8>(PLACES + C.CR, <u8>WHITE);
  store<u8>(PLACES + C.TAB, <u8>WHITE);
  store<u8>(PLACES + C.EQUALS, <u8>PADDING);
}

/**
 * RFC 4648 base64, white space skipped (YAML folds long scalars), padding optional but only at the end.
 * @param to has room for three bytes of each four, and may be `from` itself
 * @returns bytes written; where a character is not base64, minus its place from 1 on
 */
export function decodeBase64(from: usize, length: u32, to: usize): i32 {
  if (!isMade) makePlaces();
  let bits: u32 = 0;
  let held: u32 = 0;
  let written: i32 = 0;
  let padded = false;
  for (let i: u32 = 0; i < length; i++) {
    while (held == 0 && !padded && i + 4 <= length && decodeFour(from + i, to + written)) {
      i += 4;
      written += 3;
    }
    if (i == length) break;
    const place: u32 = load<u8>(PLACES + load<u8>(from + i));
    if (place == WHITE) continue;
    if (place == PADDING) {
      padded = true;
      continue;
    }
    if (place == NONE || padded) return -(<i32>(i + 1));
    bits = (bits << 6) | place;
    held += 6;
    if (held < 8) continue;
    held -= 8;
    store<u8>(to + written++, <u8>(bits >> held));
  }
  return written;
}

/** Most of a text is read so. @returns false, with nothing written, where one of the four is not of the alphabet */
function decodeFour(from: usize, to: usize): bool {
  const a: u32 = load<u8>(PLACES + load<u8>(from));
  const b: u32 = load<u8>(PLACES + load<u8>(from, 1));
  const c: u32 = load<u8>(PLACES + load<u8>(from, 2));
  const d: u32 = load<u8>(PLACES + load<u8>(from, 3));
  if ((a | b | c | d) >= WHITE) return false;
  store<u8>(to, <u8>((a << 2) | (b >> 4)));
  store<u8>(to, <u8>((b << 4) | (c >> 2)), 1);
  store<u8>(to, <u8>((c << 6) | d), 2);
  return true;
}
