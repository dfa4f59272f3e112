// From bytes to a table that look-ups may trust: the check, and then where things lie.

import { giveBack } from "./arena";
import { Checker } from "./check";
import { crc32 } from "./crc32";
import { NameKey } from "./headers";
import * as L from "./layout";
import * as message from "./message";
import { workOutPrefilters } from "./prefilter";
import { KeySetShape } from "./section-reader";
import { findHeld, freeTable, headerName, KeySet, newTable, stemsOf, Table, zeroed } from "./table";

/**
 * @param block of the arena, holds the bytes: the table's from here on, given back where there is no new one; or 0
 * @param bytes `length` bytes, and 8 of slack
 * @returns a table to hold, or the one that has the same bytes; null where it is refused: then the message says what
 * and where
 */
export function loadTable(block: usize, bytes: usize, length: u32): Table | null {
  const known = findHeld(bytes, length);
  if (known) {
    if (block != 0) giveBack(block);
    return known;
  }
  const table = newTable();
  table.block = block;
  table.bytes = bytes;
  table.length = length;
  memory.fill(bytes + length, 0, 8);
  checker.bytes = bytes;
  checker.length = length;
  if (!checker.check()) {
    message.because(checker.code);
    freeTable(table);
    return null;
  }
  locate(table);
  workOutPrefilters(table);
  return table;
}

// ---- The check, on linear memory ------------------------------------------------------------------------

class MemoryChecker extends Checker {
  bytes: usize = 0;

  u8(at: u32): u32 {
    return load<u8>(this.bytes + at);
  }

  u16(at: u32): u32 {
    return load<u16>(this.bytes + at);
  }

  u32(at: u32): u32 {
    return load<u32>(this.bytes + at);
  }

  checksumFrom(at: u32): u32 {
    return crc32(this.bytes + at, this.length - at);
  }

  /** Eight bytes a turn: most of a large table is text. */
  isPrintable(start: u32, length: u32): bool {
    let at = this.bytes + start;
    const end = at + length;
    // A byte that is not in 20…7e has its high bit set, or gets it from 1 more or 20 less; no other does.
    let seen: u64 = 0;
    for (; end - at >= 8; at += 8) {
      const bytes = load<u64>(at);
      seen |= bytes | (bytes + 0x0101010101010101) | (bytes - 0x2020202020202020);
    }
    for (; at < end; at++) {
      const byte: u64 = load<u8>(at);
      seen |= byte | (byte + 1) | (byte - 0x20);
    }
    return (seen & 0x8080808080808080) == 0;
  }

  /** There may be millions of entries: what the loop asks of the set is taken out of its record before it. */
  firstUnsound(set: KeySetShape, stems: u32): u32 {
    const stemMask: u32 = (1 << set.stemBits) - 1;
    const suffixMask: u32 = (1 << set.suffixBits) - 1;
    const suffixShift = set.stemBits;
    const valueUp: u32 = 64 - 8 * set.entryBytes;
    const valueDown: u32 = valueUp + set.stemBits + set.suffixBits;
    const suffixes = set.suffixes;
    const values = set.values;
    let keys: u32 = 0;
    let at = this.bytes + set.entries;
    let slot: u32 = 0;
    for (; slot < set.slots; slot++) {
      const entry = load<u64>(at);
      at += set.entryBytes;
      const stem = <u32>entry & stemMask;
      if (stem == stemMask) continue;
      const suffix = <u32>(entry >> suffixShift) & suffixMask;
      const value = <u32>((entry << valueUp) >> valueDown);
      if (stem >= stems || suffix >= suffixes || value >= values) break;
      keys++;
    }
    this.keys = keys;
    return slot;
  }

  isFilled(set: KeySetShape, slot: u32): bool {
    const stemMask: u32 = (1 << set.stemBits) - 1;
    return (
      slot < set.slots && (load<u32>(this.bytes + set.entries + slot * set.entryBytes) & stemMask) != stemMask
    );
  }

  /** Hosts ask in no order: WIKI's entries may be more than a cache holds, a bit for each is not. */
  leadToWikis(hosts: KeySetShape, wikis: KeySetShape): bool {
    const filled = zeroed((wikis.slots >> 3) + 1);
    for (let slot: u32 = 0; slot < wikis.slots; slot++) {
      if (!this.isFilled(wikis, slot)) continue;
      const bits = <u32>load<u8>(filled + (slot >> 3)) | (1 << (slot & 7));
      store<u8>(filled + (slot >> 3), <u8>bits);
    }
    const stemMask: u32 = (1 << hosts.stemBits) - 1;
    const valueUp: u32 = 64 - 8 * hosts.entryBytes;
    const valueDown: u32 = valueUp + hosts.stemBits + hosts.suffixBits;
    let areThere = true;
    let at = this.bytes + hosts.entries;
    for (let slot: u32 = 0; areThere && slot < hosts.slots; slot++) {
      const entry = load<u64>(at);
      at += hosts.entryBytes;
      const value = <u32>((entry << valueUp) >> valueDown);
      if (value >= wikis.slots || (<u32>entry & stemMask) == stemMask) continue;
      areThere = (load<u8>(filled + (value >> 3)) & (1 << (value & 7))) != 0;
    }
    heap.free(filled);
    return areThere;
  }

  say(text: string): void {
    message.literal(text);
  }

  sayNumber(number: u32): void {
    message.decimal(number);
  }

  saySection(name: u32): void {
    message.sectionName(name);
  }

  refuse(): bool {
    return false;
  }
}

/** One for all tables: the runtime of the filter collects nothing. */
const checker = new MemoryChecker();

// ---- Where things lie -----------------------------------------------------------------------------------

function startOf(name: u32): usize {
  return checker.bytes + checker.startOf(name);
}

/** Of the table that was checked last. */
function locate(table: Table): void {
  locateStrings(table);
  locateStems(table);
  locateKeys(table, table.wikis, checker.wikis);
  locateKeys(table, table.hosts, checker.hosts);

  const rewrites = startOf(L.SECTION_REWRITES);
  table.rewriteCount = load<u32>(rewrites);
  table.rewrites = rewrites + L.REWRITES_BODY;
  const patterns = startOf(L.SECTION_PATTERNS);
  table.patternCount = load<u32>(patterns);
  table.patterns = patterns + L.PATTERNS_BODY;
  table.pathCount = checker.paths;
  table.paths = startOf(L.SECTION_PATHS) + L.PATHS_BODY;
  table.replacements = table.paths + table.pathCount * L.PATH_ENTRY;
  table.elseCount = checker.elses;
  const replacements = load<u32>(startOf(L.SECTION_PATHS) + L.PATHS_REPLACEMENTS);
  table.elses = table.replacements + replacements * L.REPLACEMENT_ENTRY;

  locateHeaders(table);
  const rules = startOf(L.SECTION_RULES);
  table.ruleCount = checker.rules;
  table.rules = rules + L.RULES_BODY;
  table.predicateCount = load<u32>(rules + L.RULES_PREDICATES);
  table.predicates = table.rules + table.ruleCount * L.RULE_ENTRY;
  const listeners = startOf(L.SECTION_LISTENERS);
  table.listenerCount = load<u16>(listeners);
  table.shareCookie = load<u16>(listeners + L.LISTENERS_SHARE_COOKIE);
  table.listeners = listeners + L.LISTENERS_BODY;
  table.replies = startOf(L.SECTION_REPLIES) + L.REPLIES_BODY;

  table.releaseSection = startOf(L.SECTION_RELEASES);
  table.releaseCount = checker.releases;
  table.defaultRelease = load<u16>(table.releaseSection + L.RELEASES_DEFAULT);
  table.releases = table.releaseSection + L.RELEASES_BODY;
  table.placements = table.releases + table.releaseCount * L.RELEASE_ENTRY;
  table.deploymentCount = checker.deployments;
  table.deployments = startOf(L.SECTION_DEPLOYMENTS) + L.DEPLOYMENTS_BODY;
  table.clusters = table.deployments + table.deploymentCount * L.DEPLOYMENT_ENTRY;

  const emit = startOf(L.SECTION_EMIT);
  table.emitCount = load<u32>(emit);
  table.emit = emit + L.EMIT_BODY;
  table.jobs = startOf(L.SECTION_JOBS);
  const canonical = startOf(L.SECTION_CANONICAL);
  table.canonicalRuleCount = load<u16>(canonical);
  table.canonicalRules = canonical + L.CANONICAL_BODY;
  table.exceptionCount = load<u32>(canonical + L.CANONICAL_EXCEPTIONS);
  table.exceptions = table.canonicalRules + table.canonicalRuleCount * L.CANONICAL_RULE;
}

function locateStrings(table: Table): void {
  const count = checker.strings;
  const ends = startOf(L.SECTION_STRINGS) + L.STRINGS_ENDS;
  const bytes: u32 = <u32>(ends + 4 * count);
  table.strings = zeroed(4 * (count + 1));
  store<u32>(table.strings, bytes);
  for (let i: u32 = 0; i < count; i++) {
    store<u32>(table.strings + 4 * (i + 1), bytes + load<u32>(ends + 4 * i));
  }
}

/** A look-up knows how long a stem would be: where those of each length lie is noted here. */
function locateStems(table: Table): void {
  const start = startOf(L.SECTION_STEMS);
  const groups = load<u32>(start);
  let group = start + L.STEMS_GROUPS;
  let at = group + 4 * groups;
  let number: u32 = 0;
  for (let i: u32 = 0; i < groups; i++) {
    const length = load<u32>(group) & 0xff;
    const range = stemsOf(table, length);
    range.first = number;
    range.count = load<u32>(group) >> L.STEMS_COUNT_SHIFT;
    range.at = at;
    table.longestStem = length;
    number += range.count;
    at += range.count * length;
    group += 4;
  }
}

function locateKeys(table: Table, set: KeySet, shape: KeySetShape): void {
  set.slots = shape.slots;
  set.buckets = shape.buckets;
  set.seed = shape.seed;
  set.displacementBytes = shape.displacementBytes;
  set.displacements = table.bytes + shape.displacements;
  set.entryBytes = shape.entryBytes;
  set.entries = table.bytes + shape.entries;
  set.stemMask = (1 << shape.stemBits) - 1;
  set.suffixShift = shape.stemBits;
  set.suffixMask = (1 << shape.suffixBits) - 1;
  set.valueUp = 64 - 8 * shape.entryBytes;
  set.valueDown = set.valueUp + shape.stemBits + shape.suffixBits;
  set.firstSuffix = shape.firstSuffix;
  let longest: u32 = 0;
  for (let i: u32 = 0; i < shape.suffixes; i++) {
    longest = max(longest, table.stringLength(set.firstSuffix + i));
  }
  set.longestKey = table.longestStem + longest;
}

function locateHeaders(table: Table): void {
  table.headerCount = checker.headers;
  table.headers = startOf(L.SECTION_HEADERS) + L.HEADERS_BODY;
  table.headerKeys = zeroed(4 * table.headerCount + 1);
  table.cookieHeader = checker.cookieHeader;
  table.forwardedHeader = checker.forwardedHeader;
  for (let i: u32 = 0; i < table.headerCount; i++) {
    const name = headerName(table, i);
    const key = NameKey.of(table.stringAt(name), table.stringLength(name));
    store<u32>(table.headerKeys + 4 * i, key);
    table.headerBits |= (<u64>1) << NameKey.bit(key);
  }
}
