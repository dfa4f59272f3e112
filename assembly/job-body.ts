// Finds one member of the object that a JSON body is: the text that names the wiki of a job. The body comes in
// chunks, cut anywhere; what must be known between two of them is a block of JOB_STATE_BYTES.
//
// PHP takes the last of two members of one name, so the scan goes on to the end of the object: a second value
// that is another one is a conflict, whatever is done with the first. Being laxer than JSON is safe here, since
// who refuses the body runs no job; being stricter is not: a reader could find a member after our end.
// So only strings and the top level are checked, and below that brackets are just counted.

import { hexDigit } from "./bytes";
import * as C from "./characters";
import { KEY_ROOM, MAX_KEY } from "./table";

/** Not seen yet; more bytes may bring it. */
export const JOB_LOOKING: u32 = 0;
/** It is text: jobValue has it. */
export const JOB_TEXT: u32 = 1;
/** It is not text, or longer than any key; or it does not come: the object has ended, or this is no JSON object. */
export const JOB_NONE: u32 = 2;
/** It stands there twice, with different values. */
export const JOB_CONFLICT: u32 = 3;

/** What the next byte belongs to. */
const START: u32 = 0;
const FIRST_NAME: u32 = 1;
const NAME: u32 = 2;
const STRING: u32 = 3;
const ESCAPE: u32 = 4;
const HEX: u32 = 5;
const COLON: u32 = 6;
const VALUE: u32 = 7;
const NUMBER: u32 = 8;
const LITERAL: u32 = 9;
/** Inside an array or an object that is a value, outside its strings. */
const NESTED: u32 = 10;
const AFTER_VALUE: u32 = 11;
/** Nothing that follows can change the answer. */
const DONE: u32 = 12;

/** What becomes of a string or a value: of the first two, nothing. */
const SKIPPED: u32 = 0;
const OTHER_NAME: u32 = 1;
/** A name at the top that is the field's as far as it has come. */
const FIELD_NAME: u32 = 2;
/** The field's value: text, of which the escapes are undone… */
const TEXT: u32 = 3;
/** …or anything else, taken as its bytes without the white space outside strings. */
const RAW: u32 = 4;

// What follows the first letter of `true`, `false` and `null`, the next letter in the lowest byte.
const RUE: u32 = C.LOWER_R | (C.LOWER_U << 8) | (C.LOWER_E << 16);
const ALSE: u32 = C.LOWER_A | (C.LOWER_L << 8) | (C.LOWER_S << 16) | (C.LOWER_E << 24);
const ULL: u32 = C.LOWER_U | (C.LOWER_L << 8) | (C.LOWER_L << 16);

const FNV_BASIS: u64 = 0xcbf29ce484222325;
const FNV_PRIME: u64 = 0x100000001b3;

/** Where a scan stands. The bytes of the first value follow, at most MAX_KEY. */
@unmanaged
class Scan {
  status: u32;
  step: u32;
  role: u32;
  /** Open brackets, the outermost one not counted. */
  depth: u32;
  /** How many bytes of the field's name have been matched. */
  matched: u32;
  /** Letters of `true`, `false` or `null` that must follow, the next one in the lowest byte. */
  letters: u32;
  /** Hexadecimal digits of an escape, after a 1 that shows when there are four. */
  unit: u32;
  /** High surrogate of which the low one may follow, or 0. */
  high: u32;

  found: bool;
  firstIsText: bool;
  firstLength: u32;
  firstHash: u64;

  /** The value that is being read. */
  length: u32;
  hash: u64;
  /** It is not the first one, as far as that is kept. */
  differs: bool;
}

export const JOB_STATE_BYTES: u32 = <u32>offsetof<Scan>() + KEY_ROOM;

export function beginJob(state: usize): void {
  memory.fill(state, 0, offsetof<Scan>());
}

/** The field's text, where the status is JOB_TEXT: valid as long as the state. */
export function jobValue(state: usize): usize {
  return state + offsetof<Scan>();
}

export function jobValueLength(state: usize): u32 {
  return changetype<Scan>(state).firstLength;
}

/** Whether no more bytes can change the status; with JOB_NONE they may, where something else than text was found. */
export function isJobOver(state: usize): bool {
  return changetype<Scan>(state).step == DONE;
}

let field: usize = 0;
let fieldLength: u32 = 0;

/**
 * Scans the next bytes of a body for a member. Once it is found, what follows can only be a conflict.
 * @param name of the member, the same in each call for a body
 * @returns the status
 */
export function scanJob(state: usize, name: usize, nameLength: u32, at: usize, length: u32): u32 {
  field = name;
  fieldLength = nameLength;
  const scan = changetype<Scan>(state);
  const end = at + length;
  let step = scan.step;
  let cursor = at;
  while (cursor < end && step != DONE) {
    // Nearly every byte of a body is one of those that these two pass over.
    if (step == STRING && scan.role <= OTHER_NAME) cursor = pastPlain(cursor, end);
    else if (step == NESTED && scan.role == SKIPPED) cursor = pastUnquoted(cursor, end);
    if (cursor < end) step = next(scan, step, load<u8>(cursor++));
  }
  scan.step = step;
  return scan.status;
}

/** The first byte of a string that is not passed over: its end, or an escape that is cut off or none. */
function pastPlain(cursor: usize, end: usize): usize {
  while (cursor < end) {
    const c: u32 = load<u8>(cursor);
    if (c == C.BACKSLASH) {
      const size = escapeSize(cursor, end);
      if (size == 0) break;
      cursor += size;
    } else if (c == C.QUOTE || c < C.SPACE) break;
    else cursor++;
  }
  return cursor;
}

/** Bytes of the escape at the cursor; 0 where they are not all there, or no escape. */
function escapeSize(cursor: usize, end: usize): usize {
  if (end - cursor < 6) return 0;
  const c: u32 = load<u8>(cursor, 1);
  if (c != C.LOWER_U) return unescaped(c) == 0 ? 0 : 2;
  const digits =
    hexDigit(load<u8>(cursor, 2)) |
    hexDigit(load<u8>(cursor, 3)) |
    hexDigit(load<u8>(cursor, 4)) |
    hexDigit(load<u8>(cursor, 5));
  return digits < 0 ? 0 : 6;
}

/** The first quote or bracket. */
function pastUnquoted(cursor: usize, end: usize): usize {
  while (cursor < end) {
    const c: u32 = load<u8>(cursor);
    const either = c | C.CASE_BIT; // [ and {, ] and }
    if (c == C.QUOTE || either == C.OPEN_BRACE || either == C.CLOSE_BRACE) break;
    cursor++;
  }
  return cursor;
}

function next(scan: Scan, step: u32, c: u32): u32 {
  switch (step) {
    case STRING:
      return inString(scan, c);
    case ESCAPE:
      return inEscape(scan, c);
    case HEX:
      return inHex(scan, c);
    case NESTED:
      return inNested(scan, c);
    case NUMBER:
      if (!isOfNumber(c)) return afterValue(scan, c);
      if (scan.role == RAW) keep(scan, c);
      return NUMBER;
    case LITERAL:
      return inLiteral(scan, c);
    case VALUE:
      return isBlank(c) ? VALUE : beginValue(scan, c);
    case AFTER_VALUE:
      return afterValue(scan, c);
    case COLON:
      return isBlank(c) ? COLON : c == C.COLON ? VALUE : stop(scan);
    case NAME:
      return isBlank(c) ? NAME : c == C.QUOTE ? beginName(scan) : stop(scan);
    case FIRST_NAME: // or the closing brace, which stops as well
      return isBlank(c) ? FIRST_NAME : c == C.QUOTE ? beginName(scan) : stop(scan);
    case START:
      return isBlank(c) ? START : c == C.OPEN_BRACE ? FIRST_NAME : stop(scan);
    default:
      return DONE;
  }
}

/** At the end of the object, and where this is not JSON: what was found stays. */
function stop(scan: Scan): u32 {
  if (scan.status == JOB_LOOKING) scan.status = JOB_NONE;
  return DONE;
}

// ---- Members of the object ------------------------------------------------------------------------------

function beginName(scan: Scan): u32 {
  scan.role = FIELD_NAME;
  scan.matched = 0;
  return STRING;
}

/** @param c begins it: what the field's value is kept as depends on it */
function beginValue(scan: Scan, c: u32): u32 {
  if (c == C.QUOTE) {
    if (scan.role == RAW) scan.role = TEXT;
    return STRING;
  }
  if (scan.role == RAW) keep(scan, c);
  if (c == C.OPEN_BRACE || c == C.OPEN_BRACKET) {
    scan.depth = 1;
    return NESTED;
  }
  if (c == C.DASH || (c >= C.ZERO && c <= C.NINE)) return NUMBER;
  // Capitals too, as some parsers take them.
  const lower = c | C.CASE_BIT;
  if (lower == C.LOWER_T) scan.letters = RUE;
  else if (lower == C.LOWER_F) scan.letters = ALSE;
  else if (lower == C.LOWER_N) scan.letters = ULL;
  else return stop(scan);
  return LITERAL;
}

function inLiteral(scan: Scan, c: u32): u32 {
  if ((c | C.CASE_BIT) != (scan.letters & 0xff)) return stop(scan);
  if (scan.role == RAW) keep(scan, c);
  scan.letters >>= 8;
  return scan.letters == 0 ? AFTER_VALUE : LITERAL;
}

function inNested(scan: Scan, c: u32): u32 {
  if (scan.role == RAW && !isBlank(c)) keep(scan, c);
  if (c == C.QUOTE) return STRING;
  if (c == C.OPEN_BRACE || c == C.OPEN_BRACKET) scan.depth++;
  else if (c == C.CLOSE_BRACE || c == C.CLOSE_BRACKET) scan.depth--;
  return scan.depth == 0 ? AFTER_VALUE : NESTED;
}

function afterValue(scan: Scan, c: u32): u32 {
  if (isBlank(c)) return AFTER_VALUE;
  if (c != C.COMMA && c != C.CLOSE_BRACE) return stop(scan);
  if (scan.role == RAW && !endOfField(scan, false)) return DONE;
  return c == C.COMMA ? NAME : stop(scan);
}

/** @returns whether to scan on: not where this value conflicts with the first */
function endOfField(scan: Scan, isText: bool): bool {
  if (!scan.found) {
    scan.found = true;
    scan.firstIsText = isText;
    scan.firstLength = scan.length;
    scan.firstHash = scan.hash;
    scan.status = isText && scan.length <= MAX_KEY ? JOB_TEXT : JOB_NONE;
    return true;
  }
  if (
    isText == scan.firstIsText &&
    scan.length == scan.firstLength &&
    scan.hash == scan.firstHash &&
    !scan.differs
  ) {
    return true;
  }
  scan.status = JOB_CONFLICT;
  return false;
}

// ---- Strings --------------------------------------------------------------------------------------------

function inString(scan: Scan, c: u32): u32 {
  if (c < C.SPACE) return stop(scan);
  if (scan.role == RAW) keep(scan, c);
  if (c == C.QUOTE) return endOfString(scan);
  if (c == C.BACKSLASH) return ESCAPE;
  if (scan.role != RAW) putByte(scan, c);
  return STRING;
}

function endOfString(scan: Scan): u32 {
  putLoneHigh(scan);
  if (scan.depth != 0) return NESTED;
  const role = scan.role;
  scan.role = SKIPPED;
  if (role == SKIPPED) return AFTER_VALUE;
  if (role == TEXT) return endOfField(scan, true) ? AFTER_VALUE : DONE;
  if (role == FIELD_NAME && scan.matched == fieldLength) {
    scan.role = RAW;
    scan.length = 0;
    scan.hash = FNV_BASIS;
    scan.differs = false;
  }
  return COLON;
}

function inEscape(scan: Scan, c: u32): u32 {
  if (scan.role == RAW) keep(scan, c);
  if (c == C.LOWER_U) {
    scan.unit = 1;
    return HEX;
  }
  const byte = unescaped(c);
  if (byte == 0) return stop(scan);
  if (scan.role != RAW) putByte(scan, byte);
  return STRING;
}

function inHex(scan: Scan, c: u32): u32 {
  const digit = hexDigit(c);
  if (digit < 0) return stop(scan);
  if (scan.role == RAW) keep(scan, c);
  scan.unit = (scan.unit << 4) | digit;
  if (scan.unit < 0x10000) return HEX;
  if (scan.role != RAW) putUnit(scan, scan.unit & 0xffff);
  return STRING;
}

/** A surrogate without its other half becomes three bytes like any other unit. */
function putUnit(scan: Scan, unit: u32): void {
  if ((unit & 0xfc00) == 0xdc00 && scan.high != 0) {
    const code = 0x10000 + ((scan.high & 0x3ff) << 10) + (unit & 0x3ff);
    scan.high = 0;
    put(scan, 0xf0 | (code >> 18));
    put(scan, 0x80 | ((code >> 12) & 0x3f));
    put(scan, 0x80 | ((code >> 6) & 0x3f));
    put(scan, 0x80 | (code & 0x3f));
    return;
  }
  putLoneHigh(scan);
  if ((unit & 0xfc00) == 0xd800) scan.high = unit;
  else if (unit >= 0x800) putThree(scan, unit);
  else if (unit >= 0x80) {
    put(scan, 0xc0 | (unit >> 6));
    put(scan, 0x80 | (unit & 0x3f));
  } else put(scan, unit);
}

function putByte(scan: Scan, byte: u32): void {
  putLoneHigh(scan);
  put(scan, byte);
}

function putLoneHigh(scan: Scan): void {
  const unit = scan.high;
  if (unit == 0) return;
  scan.high = 0;
  putThree(scan, unit);
}

function putThree(scan: Scan, unit: u32): void {
  put(scan, 0xe0 | (unit >> 12));
  put(scan, 0x80 | ((unit >> 6) & 0x3f));
  put(scan, 0x80 | (unit & 0x3f));
}

/** The next byte of a string, escapes undone. */
function put(scan: Scan, byte: u32): void {
  if (scan.role == TEXT) keep(scan, byte);
  else if (scan.role == FIELD_NAME) {
    const is = scan.matched < fieldLength && load<u8>(field + scan.matched) == byte;
    if (is) scan.matched++;
    else scan.role = OTHER_NAME;
  }
}

/**
 * The next byte of the field's value. What may be a key is kept, so that a second value is compared with it
 * byte by byte; the hash alone, for which collisions can be made, tells only what no key can be.
 */
function keep(scan: Scan, byte: u32): void {
  if (scan.length < MAX_KEY) {
    const at = jobValue(changetype<usize>(scan)) + scan.length;
    if (!scan.found) store<u8>(at, <u8>byte);
    else if (load<u8>(at) != byte) scan.differs = true;
  }
  scan.length++;
  scan.hash = (scan.hash ^ byte) * FNV_PRIME;
}

// ---- Bytes ----------------------------------------------------------------------------------------------

function isBlank(c: u32): bool {
  return c == C.SPACE || c == C.LF || c == C.CR || c == C.TAB;
}

/** Not in which order: a number that is none ends nothing early. */
function isOfNumber(c: u32): bool {
  return (
    (c >= C.ZERO && c <= C.NINE) || c == C.DOT || c == C.DASH || c == C.PLUS || (c | C.CASE_BIT) == C.LOWER_E
  );
}

/** What stands for a byte after a backslash; 0 where that is no escape of one letter. */
function unescaped(c: u32): u32 {
  if (c == C.QUOTE || c == C.BACKSLASH || c == C.SLASH) return c;
  if (c == C.LOWER_N) return C.LF;
  if (c == C.LOWER_T) return C.TAB;
  if (c == C.LOWER_R) return C.CR;
  if (c == C.LOWER_B) return C.BACKSPACE;
  return c == C.LOWER_F ? C.FORM_FEED : 0;
}
