// From authority and target to release and deployment: the request path. It writes nothing but a host and a
// wiki ID into the arena; what it answers are numbers in the table.

import * as arena from "./arena";
import * as L from "./layout";
import {
  endsWithString,
  entry,
  find,
  isString,
  MAX_KEY,
  startsWithString,
  stringAt,
  stringLength,
  Table,
  valueIn,
} from "./table";

// ---- The decision ---------------------------------------------------------------------------------------

/** Not ours: our headers go, none comes. */
export let pass: bool = false;
/** Slot in WIKI, -1 where the request has no wiki. */
export let wiki: i32 = -1;
/** String of the wiki's group, NONE where it has none. */
export let group: u32 = L.NONE;
export let release: u32 = 0;
export let deployment: u32 = 0;

// ---- The request ----------------------------------------------------------------------------------------

let host: usize = 0;
let hostLength: u32 = 0;
let isAddress: bool = false;
/** The raw target, query included, and how much of it is path. */
let target: usize = 0;
let targetLength: u32 = 0;
let pathLength: u32 = 0;

/**
 * Decides one request. Nothing in it is trusted, neither length nor bytes.
 * @param authorityLength 0 where the request has no authority
 * @param targetLength 0 where it has no path
 */
export function decide(
  table: Table,
  authority: usize,
  authorityLength: u32,
  rawTarget: usize,
  rawTargetLength: u32,
): void {
  normalise(authority, authorityLength);
  readAs(table);
  target = rawTarget;
  targetLength = rawTargetLength;
  pathLength = indexOf(target, targetLength, 0x3f);

  const rule = findRule(table);
  pass = rule != 0 && load<u8>(rule + L.RULE_OUTCOME) == L.OUTCOME_PASS;
  if (pass) return;
  deployment = rule == 0 ? table.defaultDeployment : load<u16>(rule + L.RULE_VALUE);

  wiki = findWiki(table);
  group = L.NONE;
  release = table.defaultRelease;
  if (wiki < 0) return;
  const placement = table.placements + valueIn(table.wikis, entry(table.wikis, wiki)) * L.PLACEMENT_ENTRY;
  release = load<u16>(placement + L.PLACEMENT_RELEASE);
  group = load<u16>(placement + L.PLACEMENT_GROUP);
}

// ---- Host -----------------------------------------------------------------------------------------------

/** Host without port, without one trailing dot, ASCII letters lower-cased; other bytes stay, and match nothing. */
function normalise(authority: usize, length: u32): void {
  isAddress = length > 0 && load<u8>(authority) == 0x5b; // "[": an IPv6 literal
  if (!isAddress) {
    length = withoutPort(authority, length);
    if (length > 0 && load<u8>(authority + length - 1) == 0x2e) length--;
  }
  host = arena.alloc(length + L.MAX_STRING_BYTES); // room for readAs
  hostLength = length;
  for (let i: u32 = 0; i < length; i++) {
    const c: u32 = load<u8>(authority + i);
    store<u8>(host + i, c >= 0x41 && c <= 0x5a ? c | 0x20 : c);
  }
  if (!isAddress) isAddress = length == 0 || isDottedQuad();
}

function withoutPort(authority: usize, length: u32): u32 {
  for (let i = length; i > 0; i--) {
    const c = load<u8>(authority + i - 1);
    if (c == 0x3a) return i - 1;
    if (c < 0x30 || c > 0x39) return length;
  }
  return length;
}

/** Four groups of one to three digits: an IPv4 address. */
function isDottedQuad(): bool {
  if (hostLength > 15) return false;
  let groups = 1;
  let digits = 0;
  for (let i: u32 = 0; i < hostLength; i++) {
    const c = load<u8>(host + i);
    if (c == 0x2e) {
      if (digits == 0) return false;
      groups++;
      digits = 0;
    } else if (c < 0x30 || c > 0x39 || ++digits > 3) {
      return false;
    }
  }
  return groups == 4 && digits > 0;
}

/** Puts the other suffix in place where the host is one that is read as another. */
function readAs(table: Table): void {
  let at = table.readAs;
  for (let i = table.readAsCount; i > 0; i--) {
    const from: u32 = load<u16>(at + L.READ_AS_FROM);
    if (endsWithString(table, from, host, hostLength)) {
      const head = hostLength - stringLength(table, from);
      if (countLabels(head) == load<u16>(at + L.READ_AS_LABELS)) {
        const to: u32 = load<u16>(at + L.READ_AS_TO);
        memory.copy(host + head, stringAt(table, to), stringLength(table, to));
        hostLength = head + stringLength(table, to);
        return;
      }
    }
    at += L.READ_AS_ENTRY;
  }
}

/** Labels in the first `length` bytes of the host, 0 where one of them is empty. */
function countLabels(length: u32): u32 {
  let labels: u32 = 1;
  let labelLength: u32 = 0;
  for (let i: u32 = 0; i < length; i++) {
    if (load<u8>(host + i) != 0x2e) {
      labelLength++;
    } else {
      if (labelLength == 0) return 0;
      labels++;
      labelLength = 0;
    }
  }
  return labelLength == 0 ? 0 : labels;
}

// ---- Rules ----------------------------------------------------------------------------------------------

/** Address of the first rule whose predicates all hold, 0 where none does. */
function findRule(table: Table): usize {
  let rule = table.rules;
  for (let i = table.ruleCount; i > 0; i--) {
    let predicate = table.predicates + load<u16>(rule + L.RULE_FIRST_PREDICATE) * L.PREDICATE_ENTRY;
    let left: u32 = load<u8>(rule + L.RULE_PREDICATES);
    while (left > 0 && holds(table, predicate)) {
      predicate += L.PREDICATE_ENTRY;
      left--;
    }
    if (left == 0) return rule;
    rule += L.RULE_ENTRY;
  }
  return 0;
}

function holds(table: Table, predicate: usize): bool {
  const onHost = load<u8>(predicate + L.PREDICATE_SUBJECT) == L.SUBJECT_HOST;
  const text = onHost ? host : target;
  const length = onHost ? hostLength : pathLength;
  const value: u32 = load<u16>(predicate + L.PREDICATE_VALUE);
  switch (<u32>load<u8>(predicate + L.PREDICATE_TEST)) {
    case L.TEST_ADDRESS:
      return isAddress;
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

// ---- Wiki -----------------------------------------------------------------------------------------------

/** Slot of the request's wiki in WIKI, -1 for none. */
function findWiki(table: Table): i32 {
  const exact = find(table, table.hosts, host, hostLength);
  if (exact >= 0) return follow(table, valueIn(table.hosts, entry(table.hosts, exact)));
  let pattern = table.patterns;
  for (let i = table.patternCount; i > 0; i--) {
    const suffix: u32 = load<u16>(pattern + L.PATTERN_SUFFIX);
    if (endsWithString(table, suffix, host, hostLength)) {
      const label = hostLength - stringLength(table, suffix);
      const kind = load<u8>(pattern + L.PATTERN_KIND);
      if (kind == L.PATTERN_FIXED) {
        if (label > 0) return follow(table, load<u32>(pattern + L.PATTERN_TARGET));
      } else {
        const dot = kind == L.PATTERN_FAMILY ? familyDot(label) : label;
        if (dot >= 0) {
          const tail: u32 = load<u16>(pattern + L.PATTERN_TAIL);
          beginKey();
          append(host, dot);
          if (kind == L.PATTERN_FAMILY) append(host + dot + 1, label - dot - 1);
          else append(stringAt(table, tail), stringLength(table, tail));
          return findKey(table, load<u8>(pattern + L.PATTERN_FLAGS));
        }
      }
    }
    pattern += L.PATTERN_ENTRY;
  }
  return -1;
}

/** Where the dot stands before a family of a…z that ends the first `length` bytes of the host; -1: none. */
function familyDot(length: u32): i32 {
  for (let i = length; i > 0; i--) {
    const c = load<u8>(host + i - 1);
    if (c == 0x2e) return i == length ? -1 : <i32>i - 1;
    if (c < 0x61 || c > 0x7a) return -1;
  }
  return -1;
}

/** From a target number to a wiki's slot. */
function follow(table: Table, targetNumber: u32): i32 {
  if (targetNumber < table.wikis.slots) return targetNumber;
  const form = targetNumber - table.wikis.slots;
  return form < table.pathCount ? wikiOfPath(table, table.paths + form * L.PATH_ENTRY) : -1;
}

/** Start of each segment, and one past the slash after it. */
const segments = memory.data(4 * (L.MAX_PATH_SEGMENTS + 1));

function wikiOfPath(table: Table, form: usize): i32 {
  const flags: u32 = load<u8>(form + L.PATH_FLAGS);
  const wanted: u32 = load<u8>(form + L.PATH_SEGMENTS);
  const length = (flags & L.FLAG_TARGET) != 0 ? targetLength : pathLength;
  if (length == 0 || load<u8>(target) != 0x2f) return -1;
  let start: u32 = 1;
  for (let i: u32 = 0; i < wanted; i++) {
    store<u32>(segments + (i << 2), start);
    const end = start + indexOf(target + start, length - start, 0x2f);
    if (end == length && (i + 1 < wanted || (flags & L.FLAG_CLOSED) != 0)) return -1;
    start = end + 1;
  }
  store<u32>(segments + (wanted << 2), start);

  beginKey();
  const parts: u32 = load<u8>(form + L.PATH_PARTS);
  for (let i: u32 = 0; i < parts; i++) {
    const segment: u32 = load<u8>(form + L.PATH_PART + i);
    const from = load<u32>(segments + (segment << 2));
    appendSegment(table, form, segment, target + from, load<u32>(segments + (segment << 2), 4) - 1 - from);
  }
  return findKey(table, flags);
}

/** Appends the segment, or what the form puts in its place. */
function appendSegment(table: Table, form: usize, segment: u32, at: usize, length: u32): void {
  let replacement = table.replacements + load<u16>(form + L.PATH_FIRST_REPLACEMENT) * L.REPLACEMENT_ENTRY;
  for (let left: u32 = load<u16>(form + L.PATH_REPLACEMENTS); left > 0; left--) {
    const isSegment = load<u8>(replacement + L.REPLACEMENT_SEGMENT) == segment;
    if (isSegment && isString(table, load<u16>(replacement + L.REPLACEMENT_FROM), at, length)) {
      const to: u32 = load<u16>(replacement + L.REPLACEMENT_TO);
      append(stringAt(table, to), stringLength(table, to));
      return;
    }
    replacement += L.REPLACEMENT_ENTRY;
  }
  append(at, length);
}

// ---- The wiki ID that host or path stand for ------------------------------------------------------------

const key = memory.data(512);
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
  memory.copy(key + keyLength, at, length);
  keyLength += length;
}

function findKey(table: Table, flags: u32): i32 {
  if (keyTooLong) return -1;
  if ((flags & L.FLAG_DASHES) != 0) {
    for (let i: u32 = 0; i < keyLength; i++) {
      if (load<u8>(key + i) == 0x2d) store<u8>(key + i, 0x5f);
    }
  }
  return find(table, table.wikis, key, keyLength);
}

/** Place of the first such byte, `length` where there is none. */
function indexOf(at: usize, length: u32, byte: u32): u32 {
  for (let i: u32 = 0; i < length; i++) {
    if (load<u8>(at + i) == byte) return i;
  }
  return length;
}
