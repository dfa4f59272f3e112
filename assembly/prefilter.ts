// What a request must have for a rule to hold at all, worked out once a table: of the rules of a farm most ask for
// a header, a path, a host, a parameter or a method that most requests do not have, and are then passed over.

import { bitOf, headOf, indexOf, tailOf } from "./bytes";
import * as C from "./characters";
import * as L from "./layout";
import { Table, zeroed } from "./table";
import { ascii } from "./text";

// Of each rule:
/** u64: traits of a request that rule it out. */
export const PREFILTER_NONE_OF: u32 = 0;
/** u64: initials, of which a parameter of the request must have one. */
export const PREFILTER_INITIALS: u32 = 8;
/** Two u64: which bytes of the path's first 8 matter, and what they must be. */
export const PREFILTER_PATH_MASK: u32 = 16;
export const PREFILTER_PATH: u32 = 24;
/** The same of the host's last 8. */
export const PREFILTER_HOST_MASK: u32 = 32;
export const PREFILTER_HOST: u32 = 40;
/** Two u64: a bit for each byte that may stand at one more place of the path's first 8; 8 times that place. */
export const PREFILTER_PATH_BITS: u32 = 48;
export const PREFILTER_PATH_SHIFT: u32 = 56;
export const PREFILTER_ENTRY: u32 = 64;

// Traits of a request. Bit n below 32: header n of HDRS is not there.
const GET: u64 = 1 << 32;
const HEAD: u64 = 1 << 33;
const POST: u64 = 1 << 34;
const OTHER_METHOD: u64 = 1 << 35;
const METHODS: u64 = GET | HEAD | POST | OTHER_METHOD;
/** Its host is no address. */
export const NAMED: u64 = 1 << 36;

const GET_TEXT = ascii("GET");
const HEAD_TEXT = ascii("HEAD");
const POST_TEXT = ascii("POST");

/** The trait that a method is; none where the method is not known yet. */
export function traitOf(method: usize, length: u32): u64 {
  if (length == 0) return 0;
  if (GET_TEXT.is(method, length)) return GET;
  if (HEAD_TEXT.is(method, length)) return HEAD;
  return POST_TEXT.is(method, length) ? POST : OTHER_METHOD;
}

/** Any initial: of a rule that asks for none, and of a request with a parameter whose name is encoded. */
export const ANY_INITIAL: u64 = ~0;
/** Every request has it, so that a rule that asks for no initial is not passed over. */
export const NO_INITIAL: u64 = 1;

/** For a table whose rules have been checked. */
export function workOutPrefilters(table: Table): void {
  workOutBytesBeforeEquals(table);
  table.prefilters = zeroed(table.ruleCount * PREFILTER_ENTRY + 1);
  for (let i: u32 = 0; i < table.ruleCount; i++) {
    const rule = table.rules + i * L.RULE_ENTRY;
    const prefilter = table.prefilters + i * PREFILTER_ENTRY;
    store<u64>(prefilter, ANY_INITIAL, PREFILTER_INITIALS);
    store<u64>(prefilter, ~0, PREFILTER_PATH_BITS);
    let predicate = table.predicates + load<u16>(rule + L.RULE_FIRST_PREDICATE) * L.PREDICATE_ENTRY;
    for (let left: u32 = load<u8>(rule + L.RULE_PREDICATES); left > 0; left--) {
      // What must not hold asks for nothing.
      if ((load<u8>(predicate + L.PREDICATE_TEST) & L.TEST_NOT) == 0) narrow(table, predicate, prefilter);
      predicate += L.PREDICATE_ENTRY;
    }
  }
}

/** A test that is not named here narrows nothing: its rules are asked in full, which is slower and never wrong. */
function narrow(table: Table, predicate: usize, prefilter: usize): void {
  const test: u32 = load<u8>(predicate + L.PREDICATE_TEST);
  const name: u32 = load<u16>(predicate + L.PREDICATE_NAME);
  switch (<u32>load<u8>(predicate + L.PREDICATE_SUBJECT)) {
    case L.SUBJECT_HOST:
      if (test == L.TEST_ADDRESS) forbid(prefilter, NAMED);
      else if (test == L.TEST_EXACT || test == L.TEST_SUFFIX) narrowHost(table, predicate, prefilter);
      break;
    case L.SUBJECT_PATH:
      if (test == L.TEST_EXACT || test == L.TEST_PREFIX || test == L.TEST_UNDER) {
        narrowPath(table, predicate, prefilter);
      }
      break;
    case L.SUBJECT_METHOD:
      if (test == L.TEST_EXACT) forbid(prefilter, METHODS & ~methodsOf(table, predicate));
      break;
    case L.SUBJECT_HEADER:
      if (wantsPresence(test) || test == L.TEST_CONTAINS || test == L.TEST_OPTION) {
        forbid(prefilter, (<u64>1) << name);
      }
      break;
    case L.SUBJECT_COOKIE:
      if (wantsPresence(test)) forbid(prefilter, (<u64>1) << table.cookieHeader);
      break;
    case L.SUBJECT_QUERY:
      if (wantsPresence(test)) narrowInitial(table, name, prefilter);
  }
}

/** Of a header, cookie or parameter: the test does not hold where there is none. */
function wantsPresence(test: u32): bool {
  return test == L.TEST_EXACT || test == L.TEST_PREFIX || test == L.TEST_PRESENT;
}

function forbid(prefilter: usize, traits: u64): void {
  store<u64>(prefilter, load<u64>(prefilter, PREFILTER_NONE_OF) | traits, PREFILTER_NONE_OF);
}

function narrowInitial(table: Table, name: u32, prefilter: usize): void {
  if (table.stringLength(name) == 0) return;
  store<u64>(prefilter, bitOf(load<u8>(table.stringAt(name))), PREFILTER_INITIALS);
}

function narrowHost(table: Table, predicate: usize, prefilter: usize): void {
  const first: u32 = load<u16>(predicate + L.PREDICATE_FIRST_VALUE);
  const after = first + load<u16>(predicate + L.PREDICATE_VALUES);
  const bytes = tailOf(table.stringAt(first), table.stringLength(first));
  let mask: u64 = ~0;
  for (let value = first; value < after; value++) {
    const length = table.stringLength(value);
    mask &= lastBytes(length) & equalBytes(bytes, tailOf(table.stringAt(value), length));
  }
  store<u64>(prefilter, mask, PREFILTER_HOST_MASK);
  store<u64>(prefilter, bytes & mask, PREFILTER_HOST);
}

function narrowPath(table: Table, predicate: usize, prefilter: usize): void {
  const first: u32 = load<u16>(predicate + L.PREDICATE_FIRST_VALUE);
  const after = first + load<u16>(predicate + L.PREDICATE_VALUES);
  const bytes = headOf(table.stringAt(first), table.stringLength(first));
  let mask: u64 = ~0;
  for (let value = first; value < after; value++) {
    const length = table.stringLength(value);
    mask &= bswap<u64>(lastBytes(length)) & equalBytes(bytes, headOf(table.stringAt(value), length));
  }
  store<u64>(prefilter, mask, PREFILTER_PATH_MASK);
  store<u64>(prefilter, bytes & mask, PREFILTER_PATH);
  narrowByte(table, predicate, prefilter);
}

/** Where its values differ: the last place, of the first 8, about which each of them says something. */
function narrowByte(table: Table, predicate: usize, prefilter: usize): void {
  const first: u32 = load<u16>(predicate + L.PREDICATE_FIRST_VALUE);
  const after = first + load<u16>(predicate + L.PREDICATE_VALUES);
  const test: u32 = load<u8>(predicate + L.PREDICATE_TEST);
  let place: u32 = 7;
  for (let value = first; value < after; value++) place = min(place, table.stringLength(value));
  let bits: u64 = 0;
  for (let value = first; value < after; value++) {
    if (place < table.stringLength(value)) bits |= bitOf(load<u8>(table.stringAt(value) + place));
    else if (test == L.TEST_PREFIX) bits = ~0;
    else bits |= bitOf(C.NUL) | (test == L.TEST_UNDER ? bitOf(C.SLASH) : 0); // the path ends there
  }
  store<u64>(prefilter, bits, PREFILTER_PATH_BITS);
  store<u64>(prefilter, place << 3, PREFILTER_PATH_SHIFT);
}

/** 0xff in each of the last `length` bytes of a word. */
function lastBytes(length: u32): u64 {
  if (length >= 8) return ~0;
  return length == 0 ? 0 : (<u64>~0) << (64 - (length << 3));
}

/** 0xff in each byte that is the same in both. */
function equalBytes(a: u64, b: u64): u64 {
  let mask: u64 = 0;
  for (let shift: u32 = 0; shift < 64; shift += 8) {
    const byte: u64 = (<u64>0xff) << shift;
    if (((a ^ b) & byte) == 0) mask |= byte;
  }
  return mask;
}

function methodsOf(table: Table, predicate: usize): u64 {
  const first: u32 = load<u16>(predicate + L.PREDICATE_FIRST_VALUE);
  const after = first + load<u16>(predicate + L.PREDICATE_VALUES);
  let methods: u64 = 0;
  for (let value = first; value < after; value++) {
    const length = table.stringLength(value);
    // An empty one is that of a request without a method, whose trait is none.
    methods |= length == 0 ? METHODS : traitOf(table.stringAt(value), length);
  }
  return methods;
}

/**
 * Of each predicate that asks for a text in a header: a bit for each byte that stands before the first "=" of one of
 * its values. 0: another predicate, or a value without such a byte. `session=` is not in a cookie without `n=`.
 */
function workOutBytesBeforeEquals(table: Table): void {
  table.bytesBeforeEquals = zeroed((table.predicateCount << 3) + 1);
  for (let i: u32 = 0; i < table.predicateCount; i++) {
    const predicate = table.predicates + i * L.PREDICATE_ENTRY;
    const test = <u32>load<u8>(predicate + L.PREDICATE_TEST) & ~L.TEST_NOT;
    if (test == L.TEST_CONTAINS)
      store<u64>(table.bytesBeforeEquals + (i << 3), bytesBeforeEquals(table, predicate));
  }
}

function bytesBeforeEquals(table: Table, predicate: usize): u64 {
  const first: u32 = load<u16>(predicate + L.PREDICATE_FIRST_VALUE);
  const after = first + load<u16>(predicate + L.PREDICATE_VALUES);
  let bits: u64 = 0;
  for (let value = first; value < after; value++) {
    const at = table.stringAt(value);
    const length = table.stringLength(value);
    const equals = indexOf(at, length, C.EQUALS);
    if (equals == 0 || equals == length) return 0;
    bits |= bitOf(load<u8>(at + equals - 1));
  }
  return bits;
}
