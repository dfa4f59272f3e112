// The one loop over rules, for deployments, assets and reads alike: predicates over the parts of a request.

import { indexOf, percentDecoded, trim, trimmed, trimmedLength } from "./bytes";
import * as headers from "./headers";
import { host, hostLength, isAddress, pathLength as rawPathLength, target, targetLength } from "./host";
import * as L from "./layout";
import { NEEDS_ENTRY, NEEDS_HEADERS, NEEDS_TRAITS, NO_QUERY, traitOf } from "./needs";
import { path, pathLength } from "./path";
import { methodOfHost } from "./request";
import { endsWithString, isString, startsWithString, stringAt, stringLength, Table } from "./table";

let traits: u32 = 0;

/** Before the first rule of a request is asked: its headers, host and path are known. */
export function beginRules(): void {
  equalsText = 0;
  traits = traitOf(headers.method, headers.methodLength) | (targetLength > rawPathLength ? 0 : NO_QUERY);
}

/** @param range of a listener @returns address of the first rule whose predicates all hold, 0 where none does */
export function firstMatch(table: Table, range: usize): usize {
  const first: u32 = load<u16>(range);
  let rule = table.rules + first * L.RULE_ENTRY;
  let needs = table.needs + first * NEEDS_ENTRY;
  for (let left: u32 = load<u16>(range + L.RANGE_COUNT); left > 0; left--) {
    const lacks =
      (load<u32>(needs, NEEDS_HEADERS) & ~headers.seen) | (load<u32>(needs, NEEDS_TRAITS) & traits);
    if (lacks == 0 && matches(table, rule)) return rule;
    rule += L.RULE_ENTRY;
    needs += NEEDS_ENTRY;
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
  switch (<u32>load<u8>(predicate + L.PREDICATE_SUBJECT)) {
    case L.SUBJECT_HOST:
      return test == L.TEST_ADDRESS ? isAddress : isOneOf(table, predicate, test, host, hostLength);
    case L.SUBJECT_PATH:
      return isOneOf(table, predicate, test, path, pathLength);
    case L.SUBJECT_METHOD:
      if (headers.methodLength == 0) methodOfHost();
      return isOneOf(table, predicate, test, headers.method, headers.methodLength);
    case L.SUBJECT_HEADER:
      return headerHolds(table, predicate, test);
    case L.SUBJECT_COOKIE:
      return cookieHolds(table, predicate, test);
    default:
      return parameterHolds(table, predicate, test);
  }
}

/** The text passes the test with one of the predicate's values. */
function isOneOf(table: Table, predicate: usize, test: u32, text: usize, length: u32): bool {
  const first: u32 = load<u16>(predicate + L.PREDICATE_FIRST_VALUE);
  const after = first + load<u16>(predicate + L.PREDICATE_VALUES);
  for (let value = first; value < after; value++) {
    if (passes(table, test, value, text, length)) return true;
  }
  return false;
}

function passes(table: Table, test: u32, value: u32, text: usize, length: u32): bool {
  switch (test) {
    case L.TEST_SUFFIX:
      return length > stringLength(table, value) && endsWithString(table, value, text, length);
    case L.TEST_PREFIX:
      return startsWithString(table, value, text, length);
    case L.TEST_UNDER: {
      if (!startsWithString(table, value, text, length)) return false;
      const own = stringLength(table, value);
      return length == own || load<u8>(text + own) == 0x2f;
    }
    default:
      return isString(table, value, text, length);
  }
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

/** Values that are looked for at once, each with its address, its length and its pivot. */
const BATCH: u32 = 32;
const batch = memory.data(12 * 32);
let batchSize: u32 = 0;

/**
 * Each value is looked for by one of its bytes, its pivot. Values of one pivot are looked for together: `session=`
 * and `token=` cost one walk through a cookie.
 */
function containsOneOf(table: Table, predicate: usize, text: usize, length: u32): bool {
  let first: u32 = load<u16>(predicate + L.PREDICATE_FIRST_VALUE);
  const after = first + load<u16>(predicate + L.PREDICATE_VALUES);
  while (first < after) {
    batchSize = min(after - first, BATCH);
    for (let i: u32 = 0; i < batchSize; i++) {
      const size = stringLength(table, first + i);
      if (size == 0) return true;
      const at = stringAt(table, first + i);
      store<u32>(batch + 12 * i, <u32>at);
      store<u32>(batch + 12 * i, size, 4);
      // "=" is rare in a cookie; else the last byte is as good as any.
      store<u32>(batch + 12 * i, min(indexOf(at, size, 0x3d), size - 1), 8);
    }
    if (containsOneOfBatch(text, length)) return true;
    first += batchSize;
  }
  return false;
}

function pivotByte(entry: usize): u32 {
  return load<u8>(<usize>load<u32>(entry) + load<u32>(entry, 8));
}

function containsOneOfBatch(text: usize, length: u32): bool {
  for (let i: u32 = 0; i < batchSize; i++) {
    const byte = pivotByte(batch + 12 * i);
    let other: u32 = 0;
    while (other < i && pivotByte(batch + 12 * other) != byte) other++;
    if (other == i && containsByPivot(i, byte, text, length)) return true;
  }
  return false;
}

/** One of the values from number `first` on that have this pivot is in the text. */
function containsByPivot(first: u32, byte: u32, text: usize, length: u32): bool {
  if (byte == 0x3d && walkEquals(text, length)) {
    for (let i: u32 = 0; i < equalsCount; i++) {
      if (isAt(load<u32>(equals + (i << 2)), first, text, length)) return true;
    }
    return false;
  }
  let place: u32 = 0;
  while (true) {
    place += indexOf(text + place, length - place, byte);
    if (place >= length) return false;
    if (isAt(place, first, text, length)) return true;
    place++;
  }
}

/** One of the values from number `first` on is in the text with its pivot at that place. */
function isAt(place: u32, first: u32, text: usize, length: u32): bool {
  for (let i = first; i < batchSize; i++) {
    const entry = batch + 12 * i;
    const own: usize = load<u32>(entry);
    const size = load<u32>(entry, 4);
    const pivot = load<u32>(entry, 8);
    if (pivot > place || size - pivot > length - place) continue;
    const at = text + place - pivot;
    if (load<u8>(at) == load<u8>(own) && memory.compare(at, own, size) == 0) return true;
  }
  return false;
}

/** Where "=" stands in the text that was walked last, as several rules may ask about one cookie. */
const MOST_EQUALS: u32 = 64;
const equals = memory.data(4 * 64);
let equalsCount: u32 = 0;
/** That text, and whether all its places fit; 0: none of this request was walked yet. */
let equalsText: usize = 0;
let equalsFit: bool = false;

function walkEquals(text: usize, length: u32): bool {
  if (text == equalsText) return equalsFit;
  equalsText = text;
  equalsFit = false;
  equalsCount = 0;
  let place = indexOf(text, length, 0x3d);
  while (place < length) {
    if (equalsCount == MOST_EQUALS) return false;
    store<u32>(equals + (equalsCount++ << 2), place);
    place++;
    place += indexOf(text + place, length - place, 0x3d);
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
    const length = indexOf(at, <u32>(end - at), 0x3b);
    const equals = indexOf(at, length, 0x3d);
    trim(at, equals);
    if (equals == length) {
      if (at == headers.copy) {
        bare = trimmed;
        bareLength = trimmedLength;
      }
    } else if (isString(table, name, trimmed, trimmedLength)) {
      if (found != 0) return false; // which of two is meant, nobody knows
      trim(at + equals + 1, length - equals - 1);
      found = trimmed;
      foundLength = trimmedLength;
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

/** One of the parameters between `?` and `#` is called so, and has one of the values, when both are decoded. */
function parameterHolds(table: Table, predicate: usize, test: u32): bool {
  const name: u32 = load<u16>(predicate + L.PREDICATE_NAME);
  let at = target + rawPathLength + 1;
  const rest = targetLength > rawPathLength ? targetLength - rawPathLength - 1 : 0;
  const end = at + indexOf(at, rest, 0x23);
  while (at < end) {
    const length = indexOf(at, <u32>(end - at), 0x26);
    const equals = indexOf(at, length, 0x3d);
    if (taken(table, name, at, equals) == equals) {
      if (test == L.TEST_PRESENT) return true;
      const value = min(equals + 1, length);
      if (isOneOfDecoded(table, predicate, test, at + value, length - value)) return true;
    }
    at += length + 1;
  }
  return false;
}

function isOneOfDecoded(table: Table, predicate: usize, test: u32, text: usize, length: u32): bool {
  const first: u32 = load<u16>(predicate + L.PREDICATE_FIRST_VALUE);
  const after = first + load<u16>(predicate + L.PREDICATE_VALUES);
  for (let value = first; value < after; value++) {
    const bytes = taken(table, value, text, length);
    if (test == L.TEST_PREFIX ? bytes <= length : bytes == length) return true;
  }
  return false;
}

/** How many bytes of an encoded text the string takes from its start; `length` + 1 where it does not begin so. */
function taken(table: Table, string: u32, at: usize, length: u32): u32 {
  const own = stringAt(table, string);
  const ownLength = stringLength(table, string);
  let i: u32 = 0;
  for (let j: u32 = 0; j < ownLength; j++) {
    if (i >= length) return length + 1;
    let c: i32 = load<u8>(at + i);
    const decoded = percentDecoded(at + i, length - i);
    if (decoded >= 0) {
      c = decoded;
      i += 2;
    } else if (c == 0x2b) {
      c = 0x20;
    }
    i++;
    if (c != <i32>load<u8>(own + j)) return length + 1;
  }
  return i;
}
