// The request's headers as the proxy handed them over: where the parts of the request line lie, and, of each name
// in HDRS, its first copy. A copy that comes later is looked for only where a rule asks.

import * as bytes from "./bytes";
import { indexOf, trim, Word } from "./bytes";
import * as C from "./characters";
import * as L from "./layout";
import { headerName, isString, Table } from "./table";
import { ascii, Text } from "./text";

/** ATS has none; there, Host and properties take their place. */
export let hasPseudoHeaders: bool = false;
export let authority: usize = 0;
export let authorityLength: u32 = 0;
/** Path and query as the proxy has them. */
export let target: usize = 0;
export let targetLength: u32 = 0;
/** Where there are no pseudo-headers: the request's body does not say how long it is. */
export let hasTransferEncoding: bool = false;
/** No length: not known yet. */
export let method: usize = 0;
export let methodLength: u32 = 0;

/** Bit n: header n of HDRS is there; it is there more than once. */
export let seen: u32 = 0;
let repeated: u32 = 0;

/** Of each header of HDRS, its first copy: value, its length, and the next header's sizes and name. */
const firstCopies = memory.data(16 * 32);

let count: u32 = 0;
let sizes: usize = 0;

/**
 * Reads the ABI's serialised map: u32 count, two u32 sizes a header, then name NUL value NUL for each.
 * The proxy made it, but its sizes are followed only as far as the bytes go.
 */
export function readPairs(table: Table, at: usize, size: u32): void {
  hasPseudoHeaders = false;
  hasTransferEncoding = false;
  authorityLength = 0;
  targetLength = 0;
  methodLength = 0;
  seen = 0;
  repeated = 0;
  count = 0;
  if (size < 4) return;
  const declared = load<u32>(at);
  if (declared > (size - 4) / 10) return; // sizes and NULs alone need ten bytes a header
  count = declared;
  sizes = at + 4;
  const end: u64 = at + size;
  const texts = sizes + (declared << 3);
  const bits = table.headerBits | OWN_BITS;
  let text = texts;
  for (let entry = sizes; entry < texts; entry += 8) {
    const both = load<u64>(entry);
    const next: u64 = <u64>text + (both & 0xffffffff) + (both >> 32) + 2;
    if (next > end) {
      count = <u32>(entry - sizes) >> 3;
      return;
    }
    const key = NameKey.of(text, <u32>both);
    if (((bits >> NameKey.bit(key)) & 1) != 0) readHeader(table, entry, text, key);
    text = <usize>next;
  }
}

/** What tells most names apart: length and last byte, in whatever case. */
export class NameKey {
  @inline
  static of(name: usize, length: u32): u32 {
    return NameKey.make(length, load<u8>(name + length - 1));
  }

  @inline
  static make(length: u32, last: u32): u32 {
    return length ^ ((last | C.CASE_BIT) << 24);
  }

  /** 0…63: most names share it with none that matters. */
  @inline
  static bit(key: u32): u64 {
    return (key * 0x9e3779b1) >> 26;
  }
}

const HOST = ascii("host");
const TRANSFER_ENCODING = ascii("transfer-encoding");
const PATH = ascii(":path");
const METHOD = ascii(":method");
const AUTHORITY = ascii(":authority");
const OWN_BITS: u64 =
  bitOfName(HOST) | bitOfName(TRANSFER_ENCODING) | bitOfName(PATH) | bitOfName(METHOD) | bitOfName(AUTHORITY);

function bitOfName(name: Text): u64 {
  return (<u64>1) << NameKey.bit(NameKey.of(name.at, name.length));
}

/** @param entry its two sizes */
function readHeader(table: Table, entry: usize, name: usize, key: u32): void {
  const nameLength = load<u32>(entry);
  const valueLength = load<u32>(entry, 4);
  if (nameLength == 0) return;
  const value = name + nameLength + 1;
  if (load<u8>(name) == C.COLON) {
    readPseudoHeader(name, nameLength, value, valueLength);
    return;
  }
  if (!hasPseudoHeaders) {
    if (isCalled(HOST.at, HOST.length, name, nameLength)) {
      authority = value;
      authorityLength = valueLength;
    } else if (isCalled(TRANSFER_ENCODING.at, TRANSFER_ENCODING.length, name, nameLength)) {
      hasTransferEncoding = true;
    }
  }
  for (let i: u32 = 0; i < table.headerCount; i++) {
    if (load<u32>(table.headerKeys + (i << 2)) != key) continue;
    if (!isName(table, headerName(table, i), name, nameLength)) continue;
    if ((seen & (1 << i)) != 0) {
      repeated |= 1 << i;
      return;
    }
    seen |= 1 << i;
    const first = firstCopies + (i << 4);
    store<u32>(first, <u32>value);
    store<u32>(first, valueLength, 4);
    store<u32>(first, <u32>entry + 8, 8);
    store<u32>(first, <u32>value + valueLength + 1, 12);
    return;
  }
}

function readPseudoHeader(name: usize, nameLength: u32, value: usize, valueLength: u32): void {
  hasPseudoHeaders = true;
  if (PATH.is(name, nameLength)) {
    target = value;
    targetLength = valueLength;
  } else if (METHOD.is(name, nameLength)) {
    method = value;
    methodLength = valueLength;
  } else if (AUTHORITY.is(name, nameLength)) {
    authority = value;
    authorityLength = valueLength;
  }
}

/** The header has the name that the table says in lower case, in whatever case it came. */
function isName(table: Table, number: u32, name: usize, length: u32): bool {
  return isCalled(table.stringAt(number), table.stringLength(number), name, length);
}

/** @param own in lower case */
function isCalled(own: usize, ownLength: u32, name: usize, length: u32): bool {
  if (ownLength != length) return false;
  for (let i: u32 = 0; i < length; i += 8) {
    const differs = Word.lowerCase(load<u64>(name + i)) ^ load<u64>(own + i);
    const left = length - i;
    if ((left < 8 ? differs << (64 - (left << 3)) : differs) != 0) return false;
  }
  return true;
}

/** What a proxy without pseudo-headers says by other ways. */
export function setTarget(at: usize, length: u32): void {
  target = at;
  targetLength = length;
}

export function setMethod(at: usize, length: u32): void {
  method = at;
  methodLength = length;
}

// ---- Headers of HDRS ------------------------------------------------------------------------------------

/** The copy that firstCopy or nextCopy has found. */
export let copy: usize = 0;
export let copyLength: u32 = 0;
/** The two sizes of the header after it, and where its name lies. */
let nextEntry: usize = 0;
let nextText: usize = 0;

export function isThere(header: u32): bool {
  return (seen & (1 << header)) != 0;
}

export function isRepeated(header: u32): bool {
  return (repeated & (1 << header)) != 0;
}

/** @param header number in HDRS, or NONE */
export function firstCopy(header: u32): bool {
  if (header == L.NONE || !isThere(header)) return false;
  const first = firstCopies + (header << 4);
  copy = load<u32>(first);
  copyLength = load<u32>(first, 4);
  nextEntry = load<u32>(first, 8);
  nextText = load<u32>(first, 12);
  return true;
}

/** What its copies say together takes the place of the first, and there is no other. */
export function setWhole(header: u32, at: usize, length: u32): void {
  const first = firstCopies + (header << 4);
  store<u32>(first, <u32>at);
  store<u32>(first, length, 4);
  repeated &= ~(1 << header);
}

/** Goes on from the copy that was found last. */
export function nextCopy(table: Table, header: u32): bool {
  if (!isRepeated(header)) return false;
  const name = headerName(table, header);
  const end = sizes + (count << 3);
  while (nextEntry < end) {
    const nameLength = load<u32>(nextEntry);
    const valueLength = load<u32>(nextEntry, 4);
    const text = nextText;
    nextEntry += 8;
    nextText = text + nameLength + valueLength + 2;
    if (isName(table, name, text, nameLength)) {
      copy = text + nameLength + 1;
      copyLength = valueLength;
      return true;
    }
  }
  return false;
}

// ---- Cookies --------------------------------------------------------------------------------------------

let cookies: usize = 0;
let cookiesEnd: usize = 0;
/** The cookie that nextCookie has found. */
export let cookieValue: usize = 0;
export let cookieValueLength: u32 = 0;

export function firstCookie(table: Table, name: u32): bool {
  if (!firstCopy(table.cookieHeader)) return false;
  cookies = copy;
  cookiesEnd = copy + copyLength;
  return nextCookie(table, name);
}

/** The next cookie of that name (a string), in this copy of the header or a later one. */
export function nextCookie(table: Table, name: u32): bool {
  while (true) {
    while (cookies < cookiesEnd) {
      const length = indexOf(cookies, <u32>(cookiesEnd - cookies), C.SEMICOLON);
      const at = cookies;
      cookies += length + 1;
      if (isCookie(table, name, at, length)) return true;
    }
    if (!nextCopy(table, table.cookieHeader)) return false;
    cookies = copy;
    cookiesEnd = copy + copyLength;
  }
}

function isCookie(table: Table, name: u32, at: usize, length: u32): bool {
  trim(at, length);
  const pair = bytes.trimmed;
  const pairLength = bytes.trimmedLength;
  const equals = indexOf(pair, pairLength, C.EQUALS);
  trim(pair, equals);
  if (!isString(table, name, bytes.trimmed, bytes.trimmedLength)) return false;
  if (equals == pairLength) {
    cookieValueLength = 0;
    return true;
  }
  trim(pair + equals + 1, pairLength - equals - 1);
  cookieValue = bytes.trimmed;
  cookieValueLength = bytes.trimmedLength;
  return true;
}
