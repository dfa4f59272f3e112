// The wiki that a job's body names, as the filter's scanner finds it (assembly/job-body.ts), but over a whole body.

import * as L from "../../assembly/layout.ts";

/** Longer text names no wiki. */
const MAX_KEY = 2 * L.MAX_STRING_BYTES;

export type WikiOfBody = { kind: "text"; text: string } | { kind: "none" } | { kind: "conflict" };

interface Value {
  isText: boolean;
  /** Text with its escapes undone; of anything else what stands there, without the white space outside strings. */
  content: string;
  /** How many bytes of the body were read until it was whole. */
  end: number;
}

/**
 * @param body characters are bytes, as in the other two texts here
 * @param field name of the member of the body's object
 * @param limit bytes within which the field's value must end
 * @returns a conflict where the field stands there again, anywhere, and is not the same
 */
export function wikiOfBody(body: string, field: string, limit: number): WikiOfBody {
  let first: Value | undefined;
  for (const value of valuesOf(body, field)) {
    if (first === undefined) {
      if (value.end > limit) break;
      first = value;
    } else if (value.isText !== first.isText || value.content !== first.content) {
      return { kind: "conflict" };
    }
  }
  const isKey = first?.isText && first.content.length <= MAX_KEY;
  return isKey ? { kind: "text", text: first!.content } : { kind: "none" };
}

/** The field's values, until the object ends or the body is no JSON: below the top, only strings are checked. */
function* valuesOf(body: string, field: string): Generator<Value> {
  let at = pastBlank(body, 0);
  if (body[at] !== "{") return;
  do {
    const name = pastBlank(body, at + 1);
    const nameEnd = body[name] === '"' ? endOfString(body, name) : -1;
    if (nameEnd < 0) return;
    const isField = unescaped(body.slice(name + 1, nameEnd - 1)) === field;

    at = pastBlank(body, nameEnd);
    if (body[at] !== ":") return;
    const value = pastBlank(body, at + 1);
    const isText = body[value] === '"';
    const end = endOfValue(body, value);
    if (end < 0) return;
    if (isField && isText) yield { isText, content: unescaped(body.slice(value + 1, end - 1)), end };

    at = pastBlank(body, end);
    if (body[at] !== "," && body[at] !== "}") return;
    // Only what follows shows that a number is whole; so it is with everything that is no text.
    if (isField && !isText) yield { isText, content: withoutBlanks(body.slice(value, end)), end: at + 1 };
  } while (body[at] === ",");
}

/** All of these give the place after what stands at `at`, -1 where it is not that or not whole. */
function endOfValue(body: string, at: number): number {
  if (body[at] === '"') return endOfString(body, at);
  if (body[at] === "{" || body[at] === "[") return endOfNested(body, at);
  // Capitals too, as some parsers take them. Whether a number is one does not matter.
  return endOfMatch(body, at, /true|false|null|[-0-9][-+.0-9e]*/iy);
}

function endOfNested(body: string, at: number): number {
  let depth = 0;
  while (at >= 0 && at < body.length) {
    const c = body[at]!;
    if (c === "{" || c === "[") depth++;
    if (c === "}" || c === "]") depth--;
    at = c === '"' ? endOfString(body, at) : at + 1;
    if (depth === 0) return at;
  }
  return -1;
}

function endOfString(body: string, at: number): number {
  at++;
  while (at >= 0 && at < body.length) {
    if (body[at] === '"') return at + 1;
    // No control character, no quote, no backslash; or an escape.
    at = endOfMatch(body, at, /[ !#-[\]-\xff]+|\\["\\/bfnrt]|\\u[0-9A-Fa-f]{4}/y);
  }
  return -1;
}

const pastBlank = (body: string, at: number): number => endOfMatch(body, at, /[ \n\r\t]*/y);

function endOfMatch(body: string, at: number, pattern: RegExp): number {
  pattern.lastIndex = at;
  return pattern.test(body) ? pattern.lastIndex : -1;
}

function withoutBlanks(value: string): string {
  let kept = "";
  for (let at = 0; at < value.length; ) {
    const start = pastBlank(value, at);
    at = value[start] === '"' ? endOfString(value, start) : start + 1;
    kept += value.slice(start, at);
  }
  return kept;
}

/** Undoes the escapes of a string's inside; a surrogate without its other half becomes three bytes. */
function unescaped(inside: string): string {
  const pattern = /\\u(d[89ab][0-9a-f]{2})\\u(d[c-f][0-9a-f]{2})|\\u([0-9a-f]{4})|\\(.)/gi;
  return inside.replace(pattern, (_, high: string, low: string, unit: string, letter: string) => {
    if (letter !== undefined) return LETTERS[letter] ?? letter;
    if (unit !== undefined) return utf8(Number.parseInt(unit, 16));
    return utf8(0x10000 + ((Number.parseInt(high, 16) & 0x3ff) << 10) + (Number.parseInt(low, 16) & 0x3ff));
  });
}

const LETTERS: Record<string, string> = { b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" };

/** Not TextEncoder's, which has no bytes for a lone surrogate. */
function utf8(code: number): string {
  const tail = (shift: number) => 0x80 | ((code >> shift) & 0x3f);
  if (code < 0x80) return String.fromCharCode(code);
  if (code < 0x800) return String.fromCharCode(0xc0 | (code >> 6), tail(0));
  if (code < 0x10000) return String.fromCharCode(0xe0 | (code >> 12), tail(6), tail(0));
  return String.fromCharCode(0xf0 | (code >> 18), tail(12), tail(6), tail(0));
}
