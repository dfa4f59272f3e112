// The one loop over rules, for deployments, assets and reads alike: predicates over the parts of a request.

import * as bytes from "./bytes";
import { areEqual, bitOf, indexOf, percentDecoded, trim } from "./bytes";
import * as C from "./characters";
import * as client from "./client";
import * as headers from "./headers";
import * as host from "./host";
import * as L from "./layout";
import * as path from "./path";
import {
  ANY_INITIAL,
  NAMED,
  NO_INITIAL,
  PREFILTER_ENTRY,
  PREFILTER_HOST,
  PREFILTER_HOST_MASK,
  PREFILTER_INITIALS,
  PREFILTER_NONE_OF,
  PREFILTER_PATH,
  PREFILTER_PATH_BITS,
  PREFILTER_PATH_MASK,
  PREFILTER_PATH_SHIFT,
  traitOf,
} from "./prefilter";
import { readMethod } from "./read";
import { isInShare } from "./share";
import { isString, Table } from "./table";

let traits: u64 = 0;
/** A bit for the initial of each of its parameters. */
let initials: u64 = 0;

/** Before the first rule of a request is asked: its headers, host and path are known. */
export function beginRules(): void {
  equalsText = 0;
  traits = traitOf(headers.method, headers.methodLength) | (host.isAddress ? 0 : NAMED) | <u64>~headers.seen;
  initials = host.targetLength > host.pathLength ? initialsOfQuery() : NO_INITIAL;
}

/**
 * Of the names of all parameters as `isCalled` reads them; of what follows a `#` too, which asks for nothing that is
 * there.
 */
function initialsOfQuery(): u64 {
  let at = host.target + host.pathLength;
  const end = host.target + host.targetLength - 1;
  let found = NO_INITIAL;
  while (at < end) {
    const byte: u32 = load<u8>(at, 1);
    if (byte == C.PERCENT || byte == C.PLUS || byte == C.SPACE) return ANY_INITIAL;
    found |= bitOf(nameByte(byte));
    at++;
    at += indexOf(at, <u32>(end - at), C.AMPERSAND);
  }
  return found;
}

/** @param range of a listener @returns address of the first rule whose predicates all hold, 0 where none does */
export function firstMatch(table: Table, range: usize): usize {
  const first: u32 = load<u16>(range);
  const end = table.prefilters + (first + load<u16>(range + L.RANGE_COUNT)) * PREFILTER_ENTRY;
  for (
    let prefilter = table.prefilters + first * PREFILTER_ENTRY;
    prefilter < end;
    prefilter += PREFILTER_ENTRY
  ) {
    if ((load<u64>(prefilter, PREFILTER_NONE_OF) & traits) != 0) continue;
    if ((load<u64>(prefilter, PREFILTER_PATH_MASK) & path.pathHead) != load<u64>(prefilter, PREFILTER_PATH))
      continue;
    const byte = (path.pathHead >> load<u64>(prefilter, PREFILTER_PATH_SHIFT)) & 63;
    if (((load<u64>(prefilter, PREFILTER_PATH_BITS) >> byte) & 1) == 0) continue;
    if ((load<u64>(prefilter, PREFILTER_HOST_MASK) & host.hostTail) != load<u64>(prefilter, PREFILTER_HOST))
      continue;
    if ((load<u64>(prefilter, PREFILTER_INITIALS) & initials) == 0) continue;
    const rule = table.rules + (<u32>(prefilter - table.prefilters) / PREFILTER_ENTRY) * L.RULE_ENTRY;
    if (matches(table, rule)) return rule;
  }
  return 0;
}

function matches(table: Table, rule: usize): bool {
  let predicate = table.predicates + load<u16>(rule + L.RULE_FIRST_PREDICATE) * L.PREDICATE_ENTRY;
  for (let left: u32 = load<u8>(rule + L.RULE_PREDICATES); left > 0; left--) {
    const test: u32 = load<u8>(predicate + L.PREDICATE_TEST);
    if (holds(table, predicate, test & ~L.TEST_NOT) == ((test & L.TEST_NOT) != 0)) return false;
    predicate += L.PREDICATE_ENTRY;
  }
  return true;
}

function holds(table: Table, predicate: usize, test: u32): bool {
  if (test == L.TEST_SHARE) return isInShare(table, predicate);
  switch (<u32>load<u8>(predicate + L.PREDICATE_SUBJECT)) {
    case L.SUBJECT_HOST:
      return test == L.TEST_ADDRESS
        ? host.isAddress
        : isOneOf(table, predicate, test, host.host, host.hostLength);
    case L.SUBJECT_PATH:
      return test == L.TEST_CONTAINS
        ? containsOneOf(table, predicate, path.path, path.pathLength)
        : isOneOf(table, predicate, test, path.path, path.pathLength);
    case L.SUBJECT_METHOD:
      if (headers.methodLength == 0) readMethod();
      return isOneOf(table, predicate, test, headers.method, headers.methodLength);
    case L.SUBJECT_HEADER:
      return headerHolds(table, predicate, test);
    case L.SUBJECT_COOKIE:
      return cookieHolds(table, predicate, test);
    case L.SUBJECT_CLIENT:
      client.readDigits(table);
      return client.digitsLength > 0 && isOneOf(table, predicate, test, client.digits, client.digitsLength);
    default:
      return parameterHolds(table, predicate, test);
  }
}

/** The text passes the test with one of the predicate's values. */
function isOneOf(table: Table, predicate: usize, test: u32, text: usize, length: u32): bool {
  const first: u32 = load<u16>(predicate + L.PREDICATE_FIRST_VALUE);
  const after = first + load<u16>(predicate + L.PREDICATE_VALUES);
  for (let value = first; value < after; value++) {
    if (passes(table, predicate, test, value, text, length)) return true;
  }
  return false;
}

function passes(table: Table, predicate: usize, test: u32, value: u32, text: usize, length: u32): bool {
  const at = table.stringAt(value);
  const own = table.stringLength(value);
  if (test == L.TEST_EXACT ? own != length : own > length) return false;
  if (test == L.TEST_SUFFIX) {
    // `*.a.example` is not `.a.example`; a path may be all that it ends with.
    if (own == length && load<u8>(predicate + L.PREDICATE_SUBJECT) == L.SUBJECT_HOST) return false;
    return areEqual(at, text + length - own, own);
  }
  if (!areEqual(at, text, own)) return false;
  return test != L.TEST_UNDER || own == length || load<u8>(text + own) == C.SLASH;
}

// ---- Headers --------------------------------------------------------------------------------------------

function headerHolds(table: Table, predicate: usize, test: u32): bool {
  const header: u32 = load<u16>(predicate + L.PREDICATE_NAME);
  if (!headers.firstCopy(header)) return false;
  if (test == L.TEST_PRESENT) return true;
  if (test == L.TEST_OPTION) return !headers.isRepeated(header) && optionHolds(table, predicate);
  do {
    const found =
      test == L.TEST_CONTAINS
        ? containsOneOf(table, predicate, headers.copy, headers.copyLength)
        : isOneOf(table, predicate, test, headers.copy, headers.copyLength);
    if (found) return true;
  } while (headers.nextCopy(table, header));
  return false;
}

function containsOneOf(table: Table, predicate: usize, text: usize, length: u32): bool {
  const number = <u32>(predicate - table.predicates) / L.PREDICATE_ENTRY;
  const before = load<u64>(table.bytesBeforeEquals + (number << 3));
  if (before != 0 && walkEquals(text, length) && (before & equalsAfter) == 0) return false;
  const first: u32 = load<u16>(predicate + L.PREDICATE_FIRST_VALUE);
  const after = first + load<u16>(predicate + L.PREDICATE_VALUES);
  for (let value = first; value < after; value++) {
    if (contains(text, length, table.stringAt(value), table.stringLength(value))) return true;
  }
  return false;
}

/** Looked for by its first "=", which is rare in a cookie; else by its last byte, which is as good as any. */
function contains(text: usize, length: u32, own: usize, size: u32): bool {
  if (size == 0) return true;
  const pivot = indexOf(own, size, C.EQUALS);
  if (pivot < size && walkEquals(text, length)) {
    for (let i: u32 = 0; i < equalsCount; i++) {
      if (isAt(text, length, load<u32>(equals + (i << 2)) - pivot, own, size)) return true;
    }
    return false;
  }
  const last = size - 1;
  let place: u32 = 0;
  while (place + last < length) {
    place += indexOf(text + place + last, length - place - last, load<u8>(own + last));
    if (isAt(text, length, place, own, size)) return true;
    place++;
  }
  return false;
}

/** @param place may be below 0, and so beyond the end */
function isAt(text: usize, length: u32, place: u32, own: usize, size: u32): bool {
  return place < length && size <= length - place && areEqual(text + place, own, size);
}

/** Where "=" stands in the text that was walked last, as several rules may ask about one cookie. */
const MOST_EQUALS: u32 = 64;
const equals = memory.data(4 * 64);
let equalsCount: u32 = 0;
/** A bit for each byte that stands before one. */
let equalsAfter: u64 = 0;
/** That text, and whether all its places fit; 0: none of this request was walked yet. */
let equalsText: usize = 0;
let equalsFit: bool = false;

function walkEquals(text: usize, length: u32): bool {
  if (text == equalsText) return equalsFit;
  equalsText = text;
  equalsFit = false;
  equalsCount = 0;
  equalsAfter = 0;
  let place = indexOf(text, length, C.EQUALS);
  while (place < length) {
    if (equalsCount == MOST_EQUALS) return false;
    store<u32>(equals + (equalsCount++ << 2), place);
    if (place > 0) equalsAfter |= bitOf(load<u8>(text + place - 1));
    place++;
    place += indexOf(text + place, length - place, C.EQUALS);
  }
  equalsFit = true;
  return true;
}

/** The header's one copy is a list of options between `;`. The first value is the option's name. */
function optionHolds(table: Table, predicate: usize): bool {
  const name: u32 = load<u16>(predicate + L.PREDICATE_FIRST_VALUE);
  const after = name + load<u16>(predicate + L.PREDICATE_VALUES);
  let at = headers.copy;
  const end = at + headers.copyLength;
  let bare: usize = 0;
  let bareLength: u32 = 0;
  let found: usize = 0;
  let foundLength: u32 = 0;
  while (at <= end) {
    const length = indexOf(at, <u32>(end - at), C.SEMICOLON);
    const equals = indexOf(at, length, C.EQUALS);
    trim(at, equals);
    if (equals == length) {
      if (at == headers.copy) {
        bare = bytes.trimmed;
        bareLength = bytes.trimmedLength;
      }
    } else if (isString(table, name, bytes.trimmed, bytes.trimmedLength)) {
      if (found != 0) return false; // which of two is meant, nobody knows
      trim(at + equals + 1, length - equals - 1);
      found = bytes.trimmed;
      foundLength = bytes.trimmedLength;
    }
    at += length + 1;
  }
  if (found == 0) {
    if (bare == 0) return false;
    found = bare;
    foundLength = bareLength;
  }
  for (let value = name + 1; value < after; value++) {
    if (isString(table, value, found, foundLength)) return true;
  }
  return false;
}

// ---- Cookies and parameters -----------------------------------------------------------------------------

function cookieHolds(table: Table, predicate: usize, test: u32): bool {
  const name: u32 = load<u16>(predicate + L.PREDICATE_NAME);
  let found = headers.firstCookie(table, name);
  while (found) {
    if (test == L.TEST_PRESENT) return true;
    if (isOneOf(table, predicate, test, headers.cookieValue, headers.cookieValueLength)) return true;
    found = headers.nextCookie(table, name);
  }
  return false;
}

/** One of the parameters between `?` and `#` is called so, and has one of the values when that is decoded. */
function parameterHolds(table: Table, predicate: usize, test: u32): bool {
  const name: u32 = load<u16>(predicate + L.PREDICATE_NAME);
  let at = host.target + host.pathLength + 1;
  const rest = host.targetLength > host.pathLength ? host.targetLength - host.pathLength - 1 : 0;
  const end = at + indexOf(at, rest, C.HASH);
  while (at < end) {
    const length = indexOf(at, <u32>(end - at), C.AMPERSAND);
    const equals = indexOf(at, length, C.EQUALS);
    if (isCalled(table, name, at, equals)) {
      if (test == L.TEST_PRESENT) return true;
      const value = min(equals + 1, length);
      if (isOneOfDecoded(table, predicate, test, at + value, length - value)) return true;
    }
    at += length + 1;
  }
  return false;
}

/**
 * The encoded name is the string as PHP reads it, or may be: decoded, without blanks before it, up to a NUL or to a `[`,
 * with `_` for what no variable of PHP has in its name. PHP ends a name at `[` only where a `]` follows.
 */
function isCalled(table: Table, string: u32, at: usize, length: u32): bool {
  const own = table.stringAt(string);
  const ownLength = table.stringLength(string);
  let j: u32 = 0;
  for (let i: u32 = 0; i < length; i += width) {
    const c = firstDecoded(at + i, length - i);
    if (c == C.NUL) break;
    if (c == C.SPACE && j == 0) continue;
    if (j == ownLength) return c == C.OPEN_BRACKET;
    if (nameByte(c) != <u32>load<u8>(own + j)) return false;
    j++;
  }
  return j == ownLength;
}

/** What PHP has in a name of a variable for that byte. */
function nameByte(c: u32): u32 {
  return c == C.SPACE || c == C.DOT || c == C.OPEN_BRACKET ? C.UNDERSCORE : c;
}

function isOneOfDecoded(table: Table, predicate: usize, test: u32, text: usize, length: u32): bool {
  const first: u32 = load<u16>(predicate + L.PREDICATE_FIRST_VALUE);
  const after = first + load<u16>(predicate + L.PREDICATE_VALUES);
  for (let value = first; value < after; value++) {
    const end = taken(table, value, text, length);
    if (test == L.TEST_PREFIX ? end <= length : end == length) return true;
  }
  return false;
}

/** How many bytes of an encoded text the string takes from its start; `length` + 1 where it does not begin so. */
function taken(table: Table, string: u32, at: usize, length: u32): u32 {
  const own = table.stringAt(string);
  const ownLength = table.stringLength(string);
  let i: u32 = 0;
  for (let j: u32 = 0; j < ownLength; j++) {
    if (i >= length) return length + 1;
    if (firstDecoded(at + i, length - i) != <u32>load<u8>(own + j)) return length + 1;
    i += width;
  }
  return i;
}

/** How many bytes stood for what `firstDecoded` gave last. */
let width: u32 = 1;

function firstDecoded(at: usize, length: u32): u32 {
  const c: u32 = load<u8>(at);
  width = 1;
  if (c == C.PLUS) return C.SPACE;
  const decoded = percentDecoded(at, length);
  if (decoded < 0) return c;
  width = 3;
  return decoded;
}
