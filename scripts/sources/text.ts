/** Reads a text file, and refuses what is no text. */
import { readBytes } from "./files.ts";
import { refuseMergeConflict } from "./merge-conflict.ts";
import { type Place, SourceError } from "./problem.ts";

/**
 * A file's text. What cannot be read is an error at `referrer`, the place that named the file; what is no sound text,
 * as after a merge that failed or a disk that did, is one where it stands.
 */
export function readText(file: string, referrer: Place = { file }, atMost?: number): string {
  const bytes = readBytes(file, referrer, atMost);
  const text = decoded(bytes);
  if (text === null) throw notUtf8(file, bytes);
  const zero = text.indexOf("\0");
  if (zero !== -1) throw damaged(file, text, zero, "a zero byte: the file is damaged, restore it");
  refuseMergeConflict(file, text);
  return text;
}

/** Without a BOM; null for what is not UTF-8. */
function decoded(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return null;
  }
}

function damaged(file: string, text: string, offset: number, what: string): SourceError {
  return new SourceError({ file, ...new LineIndex(text).at(offset) }, what);
}

function notUtf8(file: string, bytes: Uint8Array): SourceError {
  const start = (bytes[0]! << 8) | bytes[1]!;
  if (start === 0xfffe || start === 0xfeff) {
    return new SourceError({ file, line: 1, column: 1 }, "the text is UTF-16: save it as UTF-8");
  }
  if (start === 0x1f8b) {
    return new SourceError({ file, line: 1, column: 1 }, "the file is compressed by gzip: unpack it");
  }
  const { before, byte } = firstBad(bytes);
  const shown = byte.toString(16).toUpperCase().padStart(2, "0");
  return damaged(file, before, before.length, `the byte ${shown} is not UTF-8: save the file as UTF-8`);
}

/** The first byte that is no character's, and the text before it. */
function firstBad(bytes: Uint8Array): { before: string; byte: number } {
  const text = textOf(bytes); // with U+FFFD in its place, which may be a character of the file as well
  let offset = 0;
  for (let at = 0; ; ) {
    const next = text.indexOf("\u{fffd}", at);
    offset += new TextEncoder().encode(text.slice(at, next)).length;
    const isWritten = REPLACEMENT.every((byte, i) => bytes[offset + i] === byte);
    if (!isWritten) return { before: text.slice(0, next), byte: bytes[offset]! };
    offset += REPLACEMENT.length;
    at = next + 1;
  }
}

/** U+FFFD in UTF-8. */
const REPLACEMENT = [0xef, 0xbf, 0xbd];

const textOf = (bytes: Uint8Array) => new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);

/** A program that died while it wrote leaves half a line, and half a line may well mean something else. */
export function isCutOff(text: string): boolean {
  return text !== "" && !text.endsWith("\n");
}

/** Turns offsets into lines and columns; a line ends at \n, \r\n or \r, as in YAML. */
export class LineIndex {
  readonly #starts: number[] = [0];
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
    for (const end of text.matchAll(/\r\n?|\n/g)) this.#starts.push(end.index + end[0].length);
  }

  at(offset: number): { line: number; column: number } {
    let low = 0;
    let high = this.#starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#starts[middle]! <= offset) low = middle;
      else high = middle - 1;
    }
    return { line: low + 1, column: offset - this.#starts[low]! + 1 };
  }

  /** The text from `offset` to the end of its line. */
  restOfLine(offset: number): string {
    return /^[^\r\n]*/.exec(this.#text.slice(offset))![0];
  }
}
