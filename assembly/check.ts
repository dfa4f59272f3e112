// Loading is validation: every number that a look-up will follow is checked here, once, so that look-ups
// check none. The same checks, in the same order and words, as scripts/table/check.ts.

import { crc32 } from "./crc32";
import { NameKey } from "./headers";
import * as L from "./layout";
import * as message from "./message";
import { workOutNeeds } from "./needs";
import {
  emitHeader,
  emitKind,
  entry,
  freeTable,
  headerName,
  isString,
  KeySet,
  labelIn,
  labelsOf,
  newTable,
  Table,
  valueIn,
  zeroed,
} from "./table";

let table: Table = changetype<Table>(0);

/**
 * @param block of the arena, holds the bytes: from here on the table's, freed where it is refused; or 0
 * @param bytes `length` bytes, and 8 of slack
 * @returns null where the table is refused: then the message says what and where
 */
export function loadTable(block: usize, bytes: usize, length: u32): Table | null {
  table = newTable();
  table.block = block;
  table.bytes = bytes;
  table.length = length;
  memory.fill(bytes + length, 0, 8);
  if (
    checkContainer() &&
    checkStrings() &&
    checkLabels() &&
    checkReplies() &&
    checkReleases() &&
    checkPaths() &&
    checkKeySet(L.SECTION_WIKIS, table.wikis, table.placementCount) &&
    checkKeySet(L.SECTION_HOSTS, table.hosts, table.wikis.slots + table.pathCount + 1) &&
    checkHostTargets() &&
    checkReadAs() &&
    checkPatterns() &&
    checkDeployments() &&
    checkHeaders() &&
    checkJobs() &&
    checkRules() &&
    checkListeners() &&
    checkEmit() &&
    checkCanonical()
  ) {
    workOutNeeds(table);
    return table;
  }
  freeTable(table);
  return null;
}

// ---- The sections of the table that is being checked ----------------------------------------------------

/** The directory entry of a section, 0 where the table has none of that name. */
function directoryEntry(name: u32): usize {
  let at = table.bytes + L.HEADER_BYTES;
  for (let i: u32 = load<u16>(table.bytes + L.HEADER_SECTIONS); i > 0; i--) {
    if (load<u32>(at) == name) return at;
    at += L.DIRECTORY_ENTRY;
  }
  return 0;
}

function sectionStart(name: u32): usize {
  return table.bytes + load<u32>(directoryEntry(name) + L.DIRECTORY_OFFSET);
}

function sectionLength(name: u32): u32 {
  return load<u32>(directoryEntry(name) + L.DIRECTORY_LENGTH);
}

function fail(name: u32, what: string): bool {
  message.text("section ");
  message.sectionName(name);
  message.byte(0x20);
  message.text(what);
  return false;
}

function failAt(name: u32, thing: string, number: u32, what: string): bool {
  fail(name, thing);
  message.byte(0x20);
  message.decimal(number);
  message.byte(0x20);
  message.text(what);
  return false;
}

function failLength(length: u32, what: string): bool {
  message.decimal(length);
  message.text(what);
  return false;
}

/** The section has at least so many bytes. */
function need(name: u32, length: u32): bool {
  return sectionLength(name) >= length || fail(name, "is cut short");
}

function exactly(name: u32, length: u64): bool {
  return sectionLength(name) == length || fail(name, "is not as long as its entries");
}

function checkString(name: u32, at: usize, orNone: bool = false): bool {
  const number: u32 = load<u16>(at);
  if (number < table.stringCount || (orNone && number == L.NONE)) return true;
  return fail(name, "refers to a string that is not there");
}

/** A string, and not an empty one. */
function isName(number: u32): bool {
  return number < table.stringCount && table.stringLength(number) > 0;
}

function sameString(a: u32, b: u32): bool {
  return a == b || isString(table, a, table.stringAt(b), table.stringLength(b));
}

// ---- Container ------------------------------------------------------------------------------------------

function isRequired(name: u32): bool {
  switch (name) {
    case L.SECTION_STRINGS:
    case L.SECTION_LABELS:
    case L.SECTION_WIKIS:
    case L.SECTION_HOSTS:
    case L.SECTION_READ_AS:
    case L.SECTION_PATTERNS:
    case L.SECTION_PATHS:
    case L.SECTION_HEADERS:
    case L.SECTION_RULES:
    case L.SECTION_LISTENERS:
    case L.SECTION_REPLIES:
    case L.SECTION_DEPLOYMENTS:
    case L.SECTION_RELEASES:
    case L.SECTION_EMIT:
    case L.SECTION_JOBS:
    case L.SECTION_CANONICAL:
      return true;
    default:
      return false;
  }
}

function checkContainer(): bool {
  const start = table.bytes;
  const length = table.length;
  if (length < L.HEADER_BYTES) return failLength(length, " bytes: too short for a table");
  if (load<u32>(start) != L.MAGIC) {
    message.text('does not begin with "PNTS": not a table');
    return false;
  }
  const version = load<u16>(start + L.HEADER_VERSION);
  if (version != L.LAYOUT_VERSION) {
    message.text("layout version ");
    message.decimal(version);
    message.text(": this reader knows ");
    message.decimal(L.LAYOUT_VERSION);
    return false;
  }
  if (length > L.MAX_TABLE_BYTES) return failLength(length, " bytes: too large for a table");
  const declared = load<u32>(start + L.HEADER_LENGTH);
  if (declared != length) {
    failLength(length, " bytes, but its header says ");
    return failLength(declared, ": cut short or padded");
  }
  if (load<u32>(start + L.HEADER_CHECKSUM) != crc32(start + L.CHECKSUM_FROM, length - L.CHECKSUM_FROM)) {
    message.text("the checksum is wrong: the table is damaged");
    return false;
  }
  const count: u32 = load<u16>(start + L.HEADER_SECTIONS);
  const bodyStart = L.HEADER_BYTES + count * L.DIRECTORY_ENTRY;
  if (count > L.MAX_SECTIONS || bodyStart > length) return failLength(count, " sections: too many");
  for (let i: u32 = 0; i < count; i++) {
    const at = start + L.HEADER_BYTES + i * L.DIRECTORY_ENTRY;
    const name = load<u32>(at);
    const offset = load<u32>(at + L.DIRECTORY_OFFSET);
    const size = load<u32>(at + L.DIRECTORY_LENGTH);
    if (offset < bodyStart || offset > length || size > length - offset)
      return fail(name, "lies outside the table");
    if (directoryEntry(name) != at) return fail(name, "occurs twice");
    if (!isRequired(name) && (name & L.OPTIONAL_BIT) == 0) return fail(name, "is unknown to this reader");
  }
  return (
    checkThere(L.SECTION_STRINGS) &&
    checkThere(L.SECTION_LABELS) &&
    checkThere(L.SECTION_WIKIS) &&
    checkThere(L.SECTION_HOSTS) &&
    checkThere(L.SECTION_READ_AS) &&
    checkThere(L.SECTION_PATTERNS) &&
    checkThere(L.SECTION_PATHS) &&
    checkThere(L.SECTION_HEADERS) &&
    checkThere(L.SECTION_RULES) &&
    checkThere(L.SECTION_LISTENERS) &&
    checkThere(L.SECTION_REPLIES) &&
    checkThere(L.SECTION_DEPLOYMENTS) &&
    checkThere(L.SECTION_RELEASES) &&
    checkThere(L.SECTION_EMIT) &&
    checkThere(L.SECTION_JOBS) &&
    checkThere(L.SECTION_CANONICAL)
  );
}

function checkThere(name: u32): bool {
  return directoryEntry(name) != 0 || fail(name, "is missing");
}

// ---- Strings and labels ---------------------------------------------------------------------------------

function checkStrings(): bool {
  const name = L.SECTION_STRINGS;
  if (!need(name, L.STRINGS_ENDS)) return false;
  const count = load<u32>(sectionStart(name));
  if (count > L.MAX_STRINGS) return fail(name, "has too many strings");
  if (!need(name, L.STRINGS_ENDS + 4 * count)) return false;
  const ends = sectionStart(name) + L.STRINGS_ENDS;
  const bytes = ends + 4 * count;
  table.stringCount = count;
  table.strings = zeroed(4 * (count + 1));
  const size = sectionLength(name) - L.STRINGS_ENDS - 4 * count;
  let last: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const end = load<u32>(ends + 4 * i);
    if (end < last || end > size || end - last > L.MAX_STRING_BYTES) {
      return failAt(name, "string", i, "is out of bounds");
    }
    store<u32>(table.strings + 4 * i, <u32>bytes + last);
    last = end;
  }
  store<u32>(table.strings + 4 * count, <u32>bytes + last);
  if (last != size) return fail(name, "has bytes to spare");
  return checkText(name, bytes, size);
}

/** What goes into a header's value must not end it. Eight bytes a turn: most of a large table is text. */
function checkText(name: u32, at: usize, length: u32): bool {
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
  return (seen & 0x8080808080808080) == 0 || fail(name, "holds a byte that is not printable ASCII");
}

function checkLabels(): bool {
  const name = L.SECTION_LABELS;
  if (!need(name, L.LABELS_GROUPS)) return false;
  const groups = load<u32>(sectionStart(name));
  if (groups > L.MAX_STRING_BYTES + 1) return fail(name, "has too many groups");
  if (!need(name, L.LABELS_GROUPS + 4 * groups)) return false;
  const first = sectionStart(name) + L.LABELS_GROUPS;
  let count: u64 = 0;
  let size: u64 = 0;
  for (let i: u32 = 0; i < groups; i++) {
    const group = load<u32>(first + 4 * i);
    count += group >> L.LABELS_COUNT_SHIFT;
    size += <u64>(group & 0xff) * (group >> L.LABELS_COUNT_SHIFT);
  }
  if (count > L.MAX_LABELS) return fail(name, "has too many labels");
  if (size != sectionLength(name) - L.LABELS_GROUPS - 4 * groups)
    return fail(name, "is not as long as its labels");
  table.labelCount = <u32>count;
  return takeLabelRanges(first, groups) && checkText(name, first + 4 * groups, <u32>size);
}

/** A look-up knows how long a label would be: where those of each length lie is noted here. */
function takeLabelRanges(group: usize, groups: u32): bool {
  let number: u32 = 0;
  let at = group + 4 * groups;
  let least: u32 = 0;
  for (; groups > 0; groups--) {
    const length = load<u32>(group) & 0xff;
    if (length < least) return fail(L.SECTION_LABELS, "has groups that are not in order");
    const range = labelsOf(table, length);
    range.first = number;
    range.count = load<u32>(group) >> L.LABELS_COUNT_SHIFT;
    range.at = at;
    table.longestLabel = length;
    number += range.count;
    at += range.count * length;
    least = length + 1;
    group += 4;
  }
  return true;
}

// ---- Replies, releases and path forms -------------------------------------------------------------------

function checkReplies(): bool {
  const name = L.SECTION_REPLIES;
  if (!need(name, L.REPLIES_BODY)) return false;
  table.replyCount = load<u16>(sectionStart(name));
  table.replies = sectionStart(name) + L.REPLIES_BODY;
  if (table.replyCount > L.MAX_REPLIES) return fail(name, "has too many replies");
  if (!exactly(name, L.REPLIES_BODY + table.replyCount * L.REPLY_ENTRY)) return false;
  for (let i: u32 = 0; i < table.replyCount; i++) {
    const at = table.replies + i * L.REPLY_ENTRY;
    const status: u32 = load<u16>(at + L.REPLY_STATUS);
    if (status < L.MIN_STATUS || status > L.MAX_STATUS) {
      return failAt(name, "reply", i, "has no proper status");
    }
    if (!checkString(name, at + L.REPLY_TEXT)) return false;
  }
  return true;
}

/** @param at of u8 outcome, u16 value */
function checkWikiless(at: usize): bool {
  const outcome: u32 = load<u8>(at);
  const value: u32 = load<u16>(at + L.OUTCOME_VALUE);
  const there =
    (outcome == L.OUTCOME_RELEASE && value < table.releaseCount) ||
    (outcome == L.OUTCOME_REPLY && value < table.replyCount);
  return there || fail(L.SECTION_RELEASES, "has no outcome for a request without a wiki");
}

function checkReleases(): bool {
  const name = L.SECTION_RELEASES;
  if (!need(name, L.RELEASES_BODY)) return false;
  const start = sectionStart(name);
  table.releaseCount = load<u16>(start);
  table.defaultRelease = load<u16>(start + L.RELEASES_DEFAULT);
  table.placementCount = load<u16>(start + L.RELEASES_PLACEMENTS);
  table.releaseSection = start;
  table.releases = start + L.RELEASES_BODY;
  table.placements = table.releases + table.releaseCount * L.RELEASE_ENTRY;
  if (table.releaseCount > L.MAX_RELEASES) return fail(name, "has too many releases");
  if (table.placementCount > L.MAX_PLACEMENTS) return fail(name, "has too many placements");
  const size =
    L.RELEASES_BODY + table.releaseCount * L.RELEASE_ENTRY + table.placementCount * L.PLACEMENT_ENTRY;
  if (!exactly(name, size)) return false;
  if (table.defaultRelease >= table.releaseCount) return fail(name, "has no such default release");
  if (!checkWikiless(start + L.RELEASES_NO_HOST)) return false;
  if (!checkWikiless(start + L.RELEASES_MISSING)) return false;
  if (!checkWikiless(start + L.RELEASES_NOT_INSTALLED)) return false;
  for (let i: u32 = 0; i < 2 * table.releaseCount; i++) {
    if (!checkString(name, table.releases + 2 * i)) return false;
  }
  for (let i: u32 = 0; i < table.placementCount; i++) {
    const at = table.placements + i * L.PLACEMENT_ENTRY;
    if (load<u16>(at + L.PLACEMENT_RELEASE) >= table.releaseCount) {
      return failAt(name, "placement", i, "has no release");
    }
    if (!checkString(name, at + L.PLACEMENT_GROUP, true)) return false;
    if ((<u32>load<u8>(at + L.PLACEMENT_FLAGS) & ~L.FLAG_NOT_INSTALLED) != 0) {
      return failAt(name, "placement", i, "has an unknown flag");
    }
  }
  return true;
}

function checkPaths(): bool {
  const name = L.SECTION_PATHS;
  if (!need(name, L.PATHS_BODY)) return false;
  const start = sectionStart(name);
  const replacements = load<u32>(start + L.PATHS_REPLACEMENTS);
  table.pathCount = load<u32>(start);
  if (table.pathCount > L.MAX_PATH_FORMS) return fail(name, "has too many forms");
  if (replacements > L.MAX_REPLACEMENTS) return fail(name, "has too many replacements");
  table.paths = start + L.PATHS_BODY;
  table.replacements = table.paths + table.pathCount * L.PATH_ENTRY;
  if (!exactly(name, L.PATHS_BODY + table.pathCount * L.PATH_ENTRY + replacements * L.REPLACEMENT_ENTRY))
    return false;
  for (let i: u32 = 0; i < table.pathCount; i++) {
    const at = table.paths + i * L.PATH_ENTRY;
    const segments: u32 = load<u8>(at + L.PATH_SEGMENTS);
    const parts: u32 = load<u8>(at + L.PATH_PARTS);
    const last: u32 =
      <u32>load<u16>(at + L.PATH_FIRST_REPLACEMENT) + <u32>load<u16>(at + L.PATH_REPLACEMENTS);
    const known: u32 = L.FLAG_DASHES | L.FLAG_TARGET | L.FLAG_CLOSED;
    let ok = (<u32>load<u8>(at + L.PATH_FLAGS) & ~known) == 0 && last <= replacements;
    ok = ok && segments >= 1 && segments <= L.MAX_PATH_SEGMENTS && parts >= 1 && parts <= L.MAX_PATH_PARTS;
    for (let part: u32 = 0; ok && part < parts; part++)
      ok = <u32>load<u8>(at + L.PATH_PART + part) < segments;
    if (!ok) return failAt(name, "form", i, "makes no sense");
  }
  for (let i: u32 = 0; i < replacements; i++) {
    const at = table.replacements + i * L.REPLACEMENT_ENTRY;
    if (!checkString(name, at + L.REPLACEMENT_FROM) || !checkString(name, at + L.REPLACEMENT_TO))
      return false;
  }
  return true;
}

// ---- Keys and where they lead ---------------------------------------------------------------------------

function checkKeySet(name: u32, set: KeySet, values: u32): bool {
  if (!need(name, L.KEYS_BODY)) return false;
  const start = sectionStart(name);
  const count = load<u32>(start + L.KEYS_COUNT);
  const labelBits: u32 = load<u8>(start + L.KEYS_LABEL_BITS);
  const suffixBits: u32 = load<u8>(start + L.KEYS_SUFFIX_BITS);
  set.slots = load<u32>(start + L.KEYS_SLOTS);
  set.buckets = load<u32>(start + L.KEYS_BUCKETS);
  set.seed = load<u32>(start + L.KEYS_SEED);
  set.displacementBytes = load<u8>(start + L.KEYS_DISPLACEMENT_BYTES);
  set.displacements = start + L.KEYS_BODY;
  set.entryBytes = load<u8>(start + L.KEYS_ENTRY_BYTES);
  set.firstSuffix = load<u16>(start + L.KEYS_FIRST_SUFFIX);
  set.suffixes = load<u16>(start + L.KEYS_SUFFIXES);
  // Slots exceed keys by a thirty-second; twice the keys is far beyond what a packer makes.
  const sized = count <= L.MAX_KEYS && set.slots <= 2 * count && set.buckets <= set.slots;
  if (!sized || count > set.slots || (set.slots > 0 && set.buckets == 0))
    return fail(name, "has impossible sizes");
  if (set.displacementBytes != 1 && set.displacementBytes != 2 && set.displacementBytes != 4) {
    return fail(name, "has impossible displacements");
  }
  const valueBits = 8 * <i32>set.entryBytes - <i32>labelBits - <i32>suffixBits;
  const fits = set.entryBytes >= 1 && set.entryBytes <= 8 && valueBits >= 1 && valueBits <= 32;
  if (!fits || labelBits < 1 || labelBits > 24 || suffixBits < 1 || suffixBits > 16) {
    return fail(name, "has impossible entries");
  }
  if (set.firstSuffix + set.suffixes > table.stringCount)
    return fail(name, "has suffixes that are no strings");
  set.entries = set.displacements + set.buckets * set.displacementBytes;
  const size = <u64>L.KEYS_BODY + <u64>set.buckets * set.displacementBytes + <u64>set.slots * set.entryBytes;
  if (size != sectionLength(name)) return fail(name, "is not as long as its entries");
  set.labelMask = (1 << labelBits) - 1;
  set.suffixShift = labelBits;
  set.suffixMask = (1 << suffixBits) - 1;
  set.valueUp = 64 - 8 * set.entryBytes;
  set.valueDown = 64 - valueBits;
  set.longestKey = table.longestLabel + longestSuffix(set);
  return checkEntries(name, set, count, values);
}

function longestSuffix(set: KeySet): u32 {
  let longest: u32 = 0;
  for (let i: u32 = 0; i < set.suffixes; i++) {
    longest = max(longest, table.stringLength(set.firstSuffix + i));
  }
  return longest;
}

/** There may be millions of entries: what the loop asks of the set is taken out of its record before it. */
function checkEntries(name: u32, set: KeySet, count: u32, values: u32): bool {
  const labels = table.labelCount;
  const labelMask = set.labelMask;
  const suffixes = set.suffixes;
  const suffixShift = set.suffixShift;
  const suffixMask = set.suffixMask;
  const valueUp = set.valueUp;
  const valueDown = set.valueDown;
  let keys: u32 = 0;
  let at = set.entries;
  for (let slot: u32 = 0; slot < set.slots; slot++) {
    const found = load<u64>(at);
    at += set.entryBytes;
    const label = <u32>found & labelMask;
    if (label == labelMask) continue;
    keys++;
    const suffix = <u32>(found >> suffixShift) & suffixMask;
    const value = <u32>((found << valueUp) >> valueDown);
    if (label >= labels || suffix >= suffixes || value >= values) {
      return failAt(name, "entry", slot, "is out of bounds");
    }
  }
  return keys == count || fail(name, "has not as many keys as it says");
}

/** The slot is there, and holds a key. */
function isFilled(set: KeySet, slot: u32): bool {
  return slot < set.slots && labelIn(set, entry(set, slot)) != set.labelMask;
}

/** A target is a slot that holds a wiki, a path form, or the number after the last: no wiki. */
function checkTarget(name: u32, target: u32): bool {
  const wikis = table.wikis;
  const ok = target < wikis.slots ? isFilled(wikis, target) : target <= wikis.slots + table.pathCount;
  return ok || fail(name, "leads to a wiki that is not there");
}

/** What checkTarget checks, of each host. They ask in no order: WIKI's entries may be more than a cache holds, bits are not. */
function checkHostTargets(): bool {
  const hosts = table.hosts;
  const wikis = table.wikis.slots;
  const filled = filledWikis();
  let isSound = true;
  let at = hosts.entries;
  for (let slot: u32 = 0; isSound && slot < hosts.slots; slot++) {
    const found = load<u64>(at);
    at += hosts.entryBytes;
    const target = valueIn(hosts, found);
    if (target >= wikis || labelIn(hosts, found) == hosts.labelMask) continue;
    isSound = (load<u8>(filled + (target >> 3)) & (1 << (target & 7))) != 0;
  }
  heap.free(filled);
  return isSound || fail(L.SECTION_HOSTS, "leads to a wiki that is not there");
}

/** A heap block with a bit for each slot of WIKI, set where it holds a key. */
function filledWikis(): usize {
  const wikis = table.wikis;
  const filled = zeroed((wikis.slots >> 3) + 1);
  let at = wikis.entries;
  for (let slot: u32 = 0; slot < wikis.slots; slot++) {
    if (labelIn(wikis, load<u64>(at)) != wikis.labelMask) {
      const bits = <u32>load<u8>(filled + (slot >> 3)) | (1 << (slot & 7));
      store<u8>(filled + (slot >> 3), <u8>bits);
    }
    at += wikis.entryBytes;
  }
  return filled;
}

function checkReadAs(): bool {
  const name = L.SECTION_READ_AS;
  if (!checkList(name, L.READ_AS_BODY, L.READ_AS_ENTRY, L.MAX_READ_AS)) return false;
  table.readAsCount = load<u32>(sectionStart(name));
  table.readAs = sectionStart(name) + L.READ_AS_BODY;
  let suffixes = false;
  for (let i: u32 = 0; i < table.readAsCount; i++) {
    const at = table.readAs + i * L.READ_AS_ENTRY;
    const kind: u32 = load<u8>(at + L.READ_AS_KIND);
    if (kind > L.READ_AS_PATH) return failAt(name, "entry", i, "is of an unknown kind");
    if (kind == L.READ_AS_PATH && suffixes) return failAt(name, "entry", i, "stands after one of a suffix");
    if (kind == L.READ_AS_SUFFIX) {
      suffixes = true;
      if (load<u16>(at + L.READ_AS_LABELS) == 0) return failAt(name, "entry", i, "has no labels");
    }
    if (!checkString(name, at + L.READ_AS_FROM) || !checkString(name, at + L.READ_AS_TO)) return false;
  }
  return true;
}

function checkPatterns(): bool {
  const name = L.SECTION_PATTERNS;
  if (!checkList(name, L.PATTERNS_BODY, L.PATTERN_ENTRY, L.MAX_PATTERNS)) return false;
  table.patternCount = load<u32>(sectionStart(name));
  table.patterns = sectionStart(name) + L.PATTERNS_BODY;
  for (let i: u32 = 0; i < table.patternCount; i++) {
    const at = table.patterns + i * L.PATTERN_ENTRY;
    const kind: u32 = load<u8>(at + L.PATTERN_KIND);
    const flags: u32 = load<u8>(at + L.PATTERN_FLAGS);
    if (kind > L.PATTERN_FAMILY || (flags & ~L.FLAG_DASHES) != 0) {
      return failAt(name, "pattern", i, "is of an unknown kind");
    }
    if (!checkString(name, at + L.PATTERN_SUFFIX)) return false;
    if (!checkString(name, at + L.PATTERN_TAIL, kind != L.PATTERN_JOIN)) return false;
    if (kind == L.PATTERN_FIXED && !checkTarget(name, load<u32>(at + L.PATTERN_TARGET))) return false;
  }
  return true;
}

// ---- Deployments, headers, jobs -------------------------------------------------------------------------

function nearOf(deployment: u32): u32 {
  return load<u16>(table.deployments + deployment * L.DEPLOYMENT_ENTRY + L.DEPLOYMENT_NEAR);
}

function checkDeployments(): bool {
  const name = L.SECTION_DEPLOYMENTS;
  if (!need(name, L.DEPLOYMENTS_BODY)) return false;
  const count: u32 = load<u16>(sectionStart(name));
  table.deploymentCount = count;
  table.deployments = sectionStart(name) + L.DEPLOYMENTS_BODY;
  table.clusters = table.deployments + count * L.DEPLOYMENT_ENTRY;
  if (count > L.MAX_DEPLOYMENTS) return fail(name, "has too many deployments");
  const clusters = count * table.releaseCount;
  if (!exactly(name, L.DEPLOYMENTS_BODY + count * L.DEPLOYMENT_ENTRY + 2 * clusters)) return false;
  for (let i: u32 = 0; i < count; i++) {
    if (!checkString(name, table.deployments + i * L.DEPLOYMENT_ENTRY + L.DEPLOYMENT_NAME)) return false;
    // A twin of a twin would read in a third place.
    const near = nearOf(i);
    if (near != L.NONE && (near >= count || nearOf(near) != L.NONE)) {
      return failAt(name, "deployment", i, "has no proper twin");
    }
  }
  for (let i: u32 = 0; i < clusters; i++) {
    if (!checkString(name, table.clusters + 2 * i)) return false;
  }
  return true;
}

function checkHeaders(): bool {
  const name = L.SECTION_HEADERS;
  if (!checkList(name, L.HEADERS_BODY, 2, L.MAX_HEADERS)) return false;
  table.headerCount = load<u32>(sectionStart(name));
  table.headers = sectionStart(name) + L.HEADERS_BODY;
  table.headerKeys = zeroed(4 * table.headerCount + 1);
  table.headerBits = 0;
  table.cookieHeader = L.NONE;
  table.forwardedHeader = L.NONE;
  for (let i: u32 = 0; i < table.headerCount; i++) {
    if (!checkString(name, table.headers + 2 * i)) return false;
    const header = headerName(table, i);
    if (!isHeaderName(header, i)) return failAt(name, "header", i, "has no proper name");
    const text = table.stringAt(header);
    const length = table.stringLength(header);
    const key = NameKey.of(text, length);
    store<u32>(table.headerKeys + 4 * i, key);
    table.headerBits |= (<u64>1) << NameKey.bit(key);
    if (isText(header, "cookie")) table.cookieHeader = i;
    if (isText(header, "x-forwarded-for")) table.forwardedHeader = i;
  }
  return true;
}

/** Lower case, no pseudo-header, and not the name of one of the headers before it. */
function isHeaderName(name: u32, before: u32): bool {
  const at = table.stringAt(name);
  const length = table.stringLength(name);
  for (let i: u32 = 0; i < length; i++) {
    const c = load<u8>(at + i);
    const ok = (c >= 0x61 && c <= 0x7a) || (c >= 0x30 && c <= 0x39) || c == 0x2d;
    if (!ok) return false;
  }
  for (let i: u32 = 0; i < before; i++) if (sameString(headerName(table, i), name)) return false;
  return length > 0;
}

/** The string is an ASCII literal. */
function isText(number: u32, literal: string): bool {
  const length = table.stringLength(number);
  if (length != <u32>literal.length) return false;
  const at = table.stringAt(number);
  for (let i: u32 = 0; i < length; i++) if (<i32>load<u8>(at + i) != literal.charCodeAt(i)) return false;
  return true;
}

function checkJobs(): bool {
  const name = L.SECTION_JOBS;
  if (!exactly(name, L.JOBS_BYTES)) return false;
  table.jobs = sectionStart(name);
  if (!checkString(name, table.jobs + L.JOBS_FIELD, true)) return false;
  if (<u32>load<u8>(table.jobs + L.JOBS_HOST) > L.HOST_ALWAYS)
    return fail(name, "has an unknown mode for Host");
  return load<u32>(table.jobs + L.JOBS_LIMIT) <= L.MAX_JOB_LIMIT || fail(name, "has too large a limit");
}

// ---- Rules and who has them -----------------------------------------------------------------------------

function checkRules(): bool {
  const name = L.SECTION_RULES;
  if (!need(name, L.RULES_BODY)) return false;
  const start = sectionStart(name);
  const predicates = load<u32>(start + L.RULES_PREDICATES);
  table.ruleCount = load<u32>(start);
  if (table.ruleCount > L.MAX_RULES) return fail(name, "has too many rules");
  if (predicates > L.MAX_PREDICATES) return fail(name, "has too many predicates");
  table.rules = start + L.RULES_BODY;
  table.predicateCount = predicates;
  table.predicates = table.rules + table.ruleCount * L.RULE_ENTRY;
  if (!exactly(name, L.RULES_BODY + table.ruleCount * L.RULE_ENTRY + predicates * L.PREDICATE_ENTRY))
    return false;
  for (let i: u32 = 0; i < table.ruleCount; i++) {
    const at = table.rules + i * L.RULE_ENTRY;
    if (<u32>load<u16>(at + L.RULE_FIRST_PREDICATE) + <u32>load<u8>(at + L.RULE_PREDICATES) > predicates) {
      return failAt(name, "rule", i, "has predicates that are not there");
    }
    const outcome: u32 = load<u8>(at + L.RULE_OUTCOME);
    if (!isOutcome(outcome, load<u16>(at + L.RULE_VALUE))) {
      return failAt(name, "rule", i, "has an unknown outcome");
    }
    const wiki = <u32>load<u8>(at + L.RULE_FLAGS) & ~L.FLAG_DEBUG;
    const known = wiki == 0 || wiki == L.FLAG_NO_WIKI || wiki == L.FLAG_BODY;
    if (!known || (wiki != 0 && outcome != L.OUTCOME_DEPLOYMENT)) {
      return failAt(name, "rule", i, "has flags that make no sense");
    }
    if (wiki == L.FLAG_BODY && load<u16>(table.jobs + L.JOBS_FIELD) == L.NONE) {
      return failAt(name, "rule", i, "reads bodies, and JOBS says no field");
    }
  }
  for (let i: u32 = 0; i < predicates; i++) {
    if (!checkPredicate(i, table.predicates + i * L.PREDICATE_ENTRY)) return false;
  }
  return true;
}

function isOutcome(outcome: u32, value: u32): bool {
  switch (outcome) {
    case L.OUTCOME_DEPLOYMENT:
      return value < table.deploymentCount;
    case L.OUTCOME_PASS:
      return true;
    case L.OUTCOME_RELEASE:
      return value < table.releaseCount;
    case L.OUTCOME_REPLY:
      return value < table.replyCount;
    case L.OUTCOME_NEAR:
      return value <= L.SHARE_WHOLE;
    default:
      return false;
  }
}

function checkPredicate(i: u32, at: usize): bool {
  const name = L.SECTION_RULES;
  const subject: u32 = load<u8>(at + L.PREDICATE_SUBJECT);
  const test = <u32>load<u8>(at + L.PREDICATE_TEST) & ~L.TEST_NOT;
  if (!goTogether(subject, test)) return failAt(name, "predicate", i, "is unknown to this reader");
  const called: u32 = load<u16>(at + L.PREDICATE_NAME);
  let named = called == L.NONE;
  if (subject == L.SUBJECT_HEADER) named = called < table.headerCount;
  if (subject == L.SUBJECT_COOKIE || subject == L.SUBJECT_QUERY) named = isName(called);
  if (!named) return failAt(name, "predicate", i, "has no proper name");
  if (subject == L.SUBJECT_COOKIE && table.cookieHeader == L.NONE) {
    return failAt(name, "predicate", i, "is about a cookie, and HDRS has no cookie");
  }
  const values: u32 = load<u16>(at + L.PREDICATE_VALUES);
  const none = test == L.TEST_ADDRESS || test == L.TEST_PRESENT;
  const least: u32 = test == L.TEST_OPTION ? 2 : 1;
  if (none ? values != 0 : values < least) {
    return failAt(name, "predicate", i, "has too few values, or too many");
  }
  if (values == 0 || <u32>load<u16>(at + L.PREDICATE_FIRST_VALUE) + values <= table.stringCount) return true;
  return fail(name, "refers to a string that is not there");
}

/** Whether such a test may be put to that part of a request. */
function goTogether(subject: u32, test: u32): bool {
  switch (subject) {
    case L.SUBJECT_HOST:
      return test == L.TEST_EXACT || test == L.TEST_SUFFIX || test == L.TEST_ADDRESS;
    case L.SUBJECT_PATH:
      return test == L.TEST_EXACT || test == L.TEST_PREFIX || test == L.TEST_UNDER;
    case L.SUBJECT_METHOD:
      return test == L.TEST_EXACT || test == L.TEST_PREFIX;
    case L.SUBJECT_COOKIE:
    case L.SUBJECT_QUERY:
      return test == L.TEST_EXACT || test == L.TEST_PREFIX || test == L.TEST_PRESENT;
    case L.SUBJECT_HEADER:
      if (test == L.TEST_CONTAINS || test == L.TEST_OPTION) return true;
      return test == L.TEST_EXACT || test == L.TEST_PREFIX || test == L.TEST_PRESENT;
    default:
      return false;
  }
}

function checkListeners(): bool {
  const name = L.SECTION_LISTENERS;
  if (!need(name, L.LISTENERS_BODY)) return false;
  const start = sectionStart(name);
  table.listenerCount = load<u16>(start);
  table.shareCookie = load<u16>(start + L.LISTENERS_SHARE_COOKIE);
  table.listeners = start + L.LISTENERS_BODY;
  if (table.listenerCount > L.MAX_LISTENERS) return fail(name, "has too many listeners");
  if (table.listenerCount == 0) return fail(name, "has no listener");
  if (!exactly(name, L.LISTENERS_BODY + table.listenerCount * L.LISTENER_ENTRY)) return false;
  if (table.shareCookie != L.NONE) {
    if (!isName(table.shareCookie)) return fail(name, "has no proper name of the share's cookie");
    if (table.cookieHeader == L.NONE) return fail(name, "cuts shares by a cookie, and HDRS has no cookie");
  }
  for (let i: u32 = 0; i < table.listenerCount; i++) {
    const at = table.listeners + i * L.LISTENER_ENTRY;
    if (!isListenerName(load<u16>(at + L.LISTENER_NAME), i)) {
      return failAt(name, "listener", i, "has no name of its own");
    }
    if ((<u32>load<u8>(at + L.LISTENER_FLAGS) & ~L.FLAG_INTERNAL) != 0) {
      return failAt(name, "listener", i, "has an unknown flag");
    }
    if (!checkString(name, at + L.LISTENER_DATACENTRE, true)) return false;
    if (<u32>load<u16>(at + L.LISTENER_DEPLOYMENT) >= table.deploymentCount) {
      return failAt(name, "listener", i, "has no such deployment");
    }
    if (!checkRange(i, at + L.LISTENER_ROUTES, ROUTES)) return false;
    if (!checkRange(i, at + L.LISTENER_ASSETS, 1 << L.OUTCOME_RELEASE)) return false;
    if (!checkRange(i, at + L.LISTENER_READS, 1 << L.OUTCOME_NEAR)) return false;
  }
  return true;
}

/** A name, and not that of one of the listeners before it; or no name, of the only one. */
function isListenerName(name: u32, before: u32): bool {
  if (name == L.NONE) return table.listenerCount == 1;
  if (!isName(name)) return false;
  for (let i: u32 = 0; i < before; i++) {
    if (sameString(load<u16>(table.listeners + i * L.LISTENER_ENTRY + L.LISTENER_NAME), name)) return false;
  }
  return true;
}

/** Bits of the outcomes that may stand in LISTENER_ROUTES. */
const ROUTES: u32 = (1 << L.OUTCOME_DEPLOYMENT) | (1 << L.OUTCOME_PASS) | (1 << L.OUTCOME_REPLY);

/** The rules of one of a listener's lists are there, and have an outcome whose bit is in `outcomes`. */
function checkRange(listener: u32, at: usize, outcomes: u32): bool {
  const name = L.SECTION_LISTENERS;
  const first: u32 = load<u16>(at);
  const end = first + <u32>load<u16>(at + L.RANGE_COUNT);
  if (end > table.ruleCount) return failAt(name, "listener", listener, "has rules that are not there");
  for (let i = first; i < end; i++) {
    const outcome: u32 = load<u8>(table.rules + i * L.RULE_ENTRY + L.RULE_OUTCOME);
    if ((outcomes & (1 << outcome)) == 0) {
      return failAt(name, "listener", listener, "has rules of a kind that does not go there");
    }
  }
  return true;
}

// ---- What is said of a wiki -----------------------------------------------------------------------------

function checkEmit(): bool {
  const name = L.SECTION_EMIT;
  if (!checkList(name, L.EMIT_BODY, L.EMIT_ENTRY, L.EMIT_KINDS)) return false;
  table.emitCount = load<u32>(sectionStart(name));
  table.emit = sectionStart(name) + L.EMIT_BODY;
  let kinds: u32 = 0;
  let headers: u32 = 0;
  for (let i: u32 = 0; i < table.emitCount; i++) {
    const kind = emitKind(table, i);
    if (kind >= L.EMIT_KINDS || (kinds & (1 << kind)) != 0) {
      return failAt(name, "header", i, "is of an unknown or a second kind");
    }
    kinds |= 1 << kind;
    const header = emitHeader(table, i);
    if (header >= table.headerCount || (headers & (1 << header)) != 0) {
      return failAt(name, "header", i, "is none of HDRS, or a second time the same");
    }
    headers |= 1 << header;
  }
  return (kinds & (1 << L.EMIT_CLUSTER)) != 0 || fail(name, "has no header for the cluster");
}

function checkCanonical(): bool {
  const name = L.SECTION_CANONICAL;
  if (!need(name, L.CANONICAL_BODY)) return false;
  const start = sectionStart(name);
  const rules: u32 = load<u16>(start);
  table.canonicalRuleCount = rules;
  table.canonicalRules = start + L.CANONICAL_BODY;
  table.exceptionCount = load<u32>(start + L.CANONICAL_EXCEPTIONS);
  table.exceptions = table.canonicalRules + rules * L.CANONICAL_RULE;
  if (rules > L.MAX_CANONICAL_RULES) return fail(name, "has too many rules");
  const size =
    <u64>(L.CANONICAL_BODY + rules * L.CANONICAL_RULE) + <u64>table.exceptionCount * L.EXCEPTION_ENTRY;
  if (!exactly(name, size)) return false;
  for (let i: u32 = 0; i < rules; i++) {
    const at = table.canonicalRules + i * L.CANONICAL_RULE;
    if (!checkString(name, at + L.CANONICAL_TAIL) || !checkString(name, at + L.CANONICAL_SUFFIX))
      return false;
    if ((<u32>load<u8>(at + L.CANONICAL_FLAGS) & ~L.FLAG_DASHES) != 0) {
      return failAt(name, "rule", i, "has an unknown flag");
    }
  }
  for (let i: u32 = 0; i < table.exceptionCount; i++) {
    const at = table.exceptions + i * L.EXCEPTION_ENTRY;
    const slot = load<u32>(at + L.EXCEPTION_SLOT);
    if (i > 0 && slot <= load<u32>(at - L.EXCEPTION_ENTRY + L.EXCEPTION_SLOT)) {
      return failAt(name, "exception", i, "is out of order");
    }
    const value = load<u32>(at + L.EXCEPTION_VALUE);
    const there = value == L.NO_HOST || value < rules || isFilled(table.hosts, value - rules);
    if (!there || !isFilled(table.wikis, slot)) return failAt(name, "exception", i, "is out of bounds");
  }
  return true;
}

function checkList(name: u32, body: u32, entrySize: u32, most: u32): bool {
  if (!need(name, body)) return false;
  const count = load<u32>(sectionStart(name));
  if (count > most) return fail(name, "has too many entries");
  return exactly(name, body + count * entrySize);
}
