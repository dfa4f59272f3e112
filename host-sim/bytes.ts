/**
 * Byte strings: text of which each character (0–255) is a byte, as Node's http gives headers. No header is ever changed
 * by decoding it.
 */

const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });

/** So many bytes and more are not joined one by one; a call takes so many at most, for arguments lie on the stack. */
const LONG = 64;
const AT_ONCE = 8192;

/** UTF-16 text → the byte string of its UTF-8 form; use it for text that is not known to be ASCII. */
export const byteString = (text: string): string => byteStringOf(new TextEncoder().encode(text));

/** The inverse of `byteString`; bytes that are not UTF-8 become U+FFFD. */
export const textOf = (bytes: string): string => utf8.decode(bytesOf(bytes));

/** Bytes of a byte string. Throws if a character is above 255: then it is text, and needs `byteString` first. */
export function bytesOf(value: string): Uint8Array {
  const bytes = new Uint8Array(value.length);
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i);
    if (code > 255) throw new TypeError(`not a byte string: ${JSON.stringify(value)}`);
    bytes[i] = code;
  }
  return bytes;
}

/** The byte string of bytes, or of those from `start` to before `end`. */
export function byteStringOf(bytes: Uint8Array, start = 0, end = bytes.length): string {
  let text = "";
  let at = start;
  for (; end - at >= LONG; at = Math.min(at + AT_ONCE, end)) {
    const piece = bytes.subarray(at, Math.min(at + AT_ONCE, end));
    text += String.fromCharCode.apply(null, piece as unknown as number[]);
  }
  // Four at a time take half of the time.
  for (; at + 4 <= end; at += 4)
    text += String.fromCharCode(bytes[at]!, bytes[at + 1]!, bytes[at + 2]!, bytes[at + 3]!);
  for (; at < end; at++) text += String.fromCharCode(bytes[at]!);
  return text;
}

/** The pieces one after another, in bytes of their own. */
export function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(pieces.reduce((size, piece) => size + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}
