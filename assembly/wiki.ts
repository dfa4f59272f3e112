// From the host, or from the path where the host says so, to a wiki.

import * as arena from "./arena";
import { areEqual, copyShort, indexOf, percentDecoded, SLACK, Word } from "./bytes";
import * as C from "./characters";
import * as host from "./host";
import * as L from "./layout";
import * as path from "./path";
import { entry, find, isString, MAX_KEY, startsWithString, Table, valueIn } from "./table";

/** Nothing says which wiki the host is: no exact host, no pattern, or a path that carries none. */
export const UNKNOWN_HOST: i32 = -1;
/** The wiki that it stands for is none of the table's. */
export const MISSING: i32 = -2;

/** The path can be read in two ways, and not both name the wiki that one of them names. */
export const TWO_WIKIS: i32 = -3;

/** What path forms read. */
let text: usize = 0;
let textLength: u32 = 0;
/** Path forms read the request in the other way. */
let isOtherWay: bool = false;
/** A path form was read, of a path that has another way. */
let hasOtherWay: bool = false;
/** A segment that a form of the path read has a `%2F` in it. */
let hasSlashInside: bool = false;

/** Slot of the request's wiki in WIKI; UNKNOWN_HOST, MISSING, TWO_WIKIS. */
export function findWiki(table: Table): i32 {
  isOtherWay = false;
  hasOtherWay = false;
  hasSlashInside = false;
  const slot = lookUp(table);
  if (!hasOtherWay) return slot;
  isOtherWay = true;
  const other = lookUp(table);
  if (hasSlashInside) return TWO_WIKIS;
  return other == slot || (other < 0 && slot < 0) ? slot : TWO_WIKIS;
}

/**
 * A form of the path reads what PHP gets from its server, PATH_INFO: decoded, `//` merged, dot segments resolved. What a
 * `%2F` is there, the server's settings say; so in the other way it stays, and no segment that is read may have one. A
 * form of the target reads what stands there; in the other way the path, by which a server may have gone.
 * @param segments so many are read
 */
function chooseText(isTarget: bool, segments: u32): void {
  text = isTarget && !isOtherWay ? host.target : path.path;
  textLength = isTarget && !isOtherWay ? host.targetLength : path.pathLength;
  if (isTarget ? path.path != host.target : path.hasEncodedSlash) hasOtherWay = true;
  if (isTarget || !isOtherWay) return;
  text = path.pathWithKeptSlashes(host.target, host.pathLength);
  textLength = path.keptLength;
  for (let i: u32 = 1; i < textLength; i++) {
    if (load<u8>(text + i) == C.SLASH && --segments == 0) return;
    if (percentDecoded(text + i, textLength - i) == C.SLASH) {
      hasSlashInside = true;
      return;
    }
  }
}

function lookUp(table: Table): i32 {
  const exact = find(table, table.hosts, host.host, host.hostLength);
  if (exact >= 0) return follow(table, valueIn(table.hosts, entry(table.hosts, exact)));
  let pattern = table.patterns;
  for (let i = table.patternCount; i > 0; i--) {
    const suffix: u32 = load<u16>(pattern + L.PATTERN_SUFFIX);
    if (endsWith(table.stringAt(suffix), table.stringLength(suffix))) {
      const start = stemStart(table, load<u16>(pattern + L.PATTERN_PREFIX));
      const end = host.hostLength - table.stringLength(suffix);
      const kind = load<u8>(pattern + L.PATTERN_KIND);
      if (kind == L.PATTERN_FIXED) {
        if (start < end) return follow(table, load<u32>(pattern + L.PATTERN_DESTINATION));
      } else if (start <= end) {
        const dot = kind == L.PATTERN_FAMILY ? familyDot(start, end) : end;
        if (dot >= 0) return wikiOfStem(table, pattern, start, dot, end);
      }
    }
    pattern += L.PATTERN_ENTRY;
  }
  return UNKNOWN_HOST;
}

/** The wiki of the path, where the pattern has a form and the path names one; else that of the stem and what is after. */
function wikiOfStem(table: Table, pattern: usize, start: u32, dot: u32, end: u32): i32 {
  const form = load<u32>(pattern + L.PATTERN_DESTINATION);
  if (form != L.NO_DESTINATION) {
    const slot = follow(table, form);
    if (slot >= 0) return slot;
  }
  const tail: u32 = load<u16>(pattern + L.PATTERN_TAIL);
  beginKey();
  append(host.host + start, dot - start);
  if (load<u8>(pattern + L.PATTERN_KIND) == L.PATTERN_FAMILY) append(host.host + dot + 1, end - dot - 1);
  else append(table.stringAt(tail), table.stringLength(tail));
  return findKey(table, load<u8>(pattern + L.PATTERN_FLAGS));
}

/** Where the stem begins, after the prefix; beyond the host where that begins otherwise. */
function stemStart(table: Table, prefix: u32): u32 {
  if (prefix == L.NONE) return 0;
  const isThere = startsWithString(table, prefix, host.host, host.hostLength);
  return isThere ? table.stringLength(prefix) : host.hostLength + 1;
}

/** The host ends so; of most suffixes, its last 8 bytes say that it does not. */
function endsWith(suffix: usize, length: u32): bool {
  if (length > host.hostLength) return false;
  if (length >= 8 && load<u64>(suffix + length - 8) != host.hostTail) return false;
  return areEqual(suffix, host.host + host.hostLength - length, length);
}

/** Where the dot stands before a family of a…z that ends what is between the two places of the host; -1: none. */
function familyDot(start: u32, end: u32): i32 {
  for (let i = end; i > start; i--) {
    const c = load<u8>(host.host + i - 1);
    if (c == C.DOT) return i == end ? -1 : <i32>i - 1;
    if (c < C.LOWER_A || c > C.LOWER_Z) return -1;
  }
  return -1;
}

/** From a destination to a wiki's slot, or what is wrong. */
function follow(table: Table, destination: u32): i32 {
  if (destination < table.wikis.slots) return destination;
  const form = destination - table.wikis.slots;
  if (form < table.pathCount) return wikiOfPath(table, table.paths + form * L.PATH_ENTRY);
  if (form - table.pathCount >= table.elseCount) return MISSING;
  const either = table.elses + (form - table.pathCount) * L.ELSE_ENTRY;
  const slot = wikiOfPath(table, table.paths + load<u16>(either + L.ELSE_FORM) * L.PATH_ENTRY);
  return slot < 0 ? load<u32>(either + L.ELSE_WIKI) : slot;
}

/** Start of each segment, and one past the slash after it. */
const segments = memory.data(4 * (L.MAX_PATH_SEGMENTS + 1));

function wikiOfPath(table: Table, form: usize): i32 {
  const flags: u32 = load<u8>(form + L.PATH_FLAGS);
  const wanted: u32 = load<u8>(form + L.PATH_SEGMENTS);
  chooseText((flags & L.PATH_FLAG_TARGET) != 0, wanted);
  const length = textLength;
  if (length == 0 || load<u8>(text) != C.SLASH) return UNKNOWN_HOST;
  let start: u32 = 1;
  for (let i: u32 = 0; i < wanted; i++) {
    store<u32>(segments + (i << 2), start);
    const end = start + indexOf(text + start, length - start, C.SLASH);
    const literal: u32 = load<u16>(form + L.PATH_LITERAL + (i << 1));
    if (literal != L.NONE && !isString(table, literal, text + start, end - start)) return UNKNOWN_HOST;
    if (end == length && (i + 1 < wanted || (flags & L.PATH_FLAG_CLOSED) != 0)) return UNKNOWN_HOST;
    start = end + 1;
  }
  store<u32>(segments + (wanted << 2), start);

  beginKey();
  const parts: u32 = load<u8>(form + L.PATH_PARTS);
  for (let i: u32 = 0; i < parts; i++) {
    const segment: u32 = load<u8>(form + L.PATH_PART + i);
    const from = load<u32>(segments + (segment << 2));
    appendSegment(table, form, segment, text + from, load<u32>(segments + (segment << 2), 4) - 1 - from);
  }
  return findKey(table, flags);
}

/** Appends the segment, or what the form puts in its place. */
function appendSegment(table: Table, form: usize, segment: u32, at: usize, length: u32): void {
  if ((load<u8>(form + L.PATH_FLAGS) & L.PATH_FLAG_LOWER) != 0 && length <= MAX_KEY) {
    const lower = arena.alloc(length + SLACK);
    for (let i: u32 = 0; i < length; i += 8) store<u64>(lower + i, Word.lowerCase(load<u64>(at + i)));
    at = lower;
  }
  let replacement = table.replacements + load<u16>(form + L.PATH_FIRST_REPLACEMENT) * L.REPLACEMENT_ENTRY;
  for (let left: u32 = load<u16>(form + L.PATH_REPLACEMENTS); left > 0; left--) {
    const isSegment = load<u8>(replacement + L.REPLACEMENT_SEGMENT) == segment;
    if (isSegment && isString(table, load<u16>(replacement + L.REPLACEMENT_FROM), at, length)) {
      const to: u32 = load<u16>(replacement + L.REPLACEMENT_TO);
      append(table.stringAt(to), table.stringLength(to));
      return;
    }
    replacement += L.REPLACEMENT_ENTRY;
  }
  append(at, length);
}

// ---- The wiki ID that host or path stand for ------------------------------------------------------------

const key = memory.data(518); // KEY_ROOM
let keyLength: u32 = 0;
/** Longer than any key of a table: not there, whatever the rest. */
let keyTooLong: bool = false;

function beginKey(): void {
  keyLength = 0;
  keyTooLong = false;
}

function append(at: usize, length: u32): void {
  if (keyTooLong || length > MAX_KEY - keyLength) {
    keyTooLong = true;
    return;
  }
  copyShort(key + keyLength, at, length);
  keyLength += length;
}

function findKey(table: Table, flags: u32): i32 {
  if (keyTooLong) return MISSING;
  if ((flags & L.KEY_FLAG_DASHES) != 0) {
    for (let i: u32 = 0; i < keyLength; i++) {
      if (load<u8>(key + i) == C.DASH) store<u8>(key + i, <u8>C.UNDERSCORE);
    }
  }
  const slot = find(table, table.wikis, key, keyLength);
  return slot < 0 ? MISSING : slot;
}
