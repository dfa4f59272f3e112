// Loading is validation: every number that a look-up will follow is checked here, once, so that look-ups
// check none. The same checks, in the same order and words, as scripts/table/check.ts.

import { crc32 } from "./crc32";
import * as L from "./layout";
import * as message from "./message";
import {
  entry,
  freeTable,
  KeySet,
  labelIn,
  newTable,
  stringAt,
  stringLength,
  suffixIn,
  Table,
  valueIn,
} from "./table";

let table: Table = changetype<Table>(0);

/**
 * @param bytes a heap block of `length` bytes and 8 of slack; from here on the table's, freed where it is refused
 * @returns null where the table is refused: then the message says what and where
 */
export function loadTable(bytes: usize, length: u32): Table | null {
  table = newTable();
  table.bytes = bytes;
  table.length = length;
  memory.fill(bytes + length, 0, 8);
  if (
    checkContainer() &&
    checkStrings() &&
    checkLabels() &&
    checkReleases() &&
    checkPaths() &&
    checkKeySet(L.SECTION_WIKIS, table.wikis, table.placementCount) &&
    checkKeySet(L.SECTION_HOSTS, table.hosts, table.wikis.slots + table.pathCount + 1) &&
    checkHostTargets() &&
    checkReadAs() &&
    checkPatterns() &&
    checkDeployments() &&
    checkRules() &&
    checkEmit()
  ) {
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
    case L.SECTION_RULES:
    case L.SECTION_DEPLOYMENTS:
    case L.SECTION_RELEASES:
    case L.SECTION_EMIT:
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
    checkThere(L.SECTION_RULES) &&
    checkThere(L.SECTION_DEPLOYMENTS) &&
    checkThere(L.SECTION_RELEASES) &&
    checkThere(L.SECTION_EMIT)
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
  table.stringCount = count;
  table.stringEnds = sectionStart(name) + L.STRINGS_ENDS;
  table.stringBytes = table.stringEnds + 4 * count;
  const size = sectionLength(name) - L.STRINGS_ENDS - 4 * count;
  let last: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const end = load<u32>(table.stringEnds + 4 * i);
    if (end < last || end > size || end - last > L.MAX_STRING_BYTES) {
      return failAt(name, "string", i, "is out of bounds");
    }
    last = end;
  }
  if (last != size) return fail(name, "has bytes to spare");
  return checkText(name, table.stringBytes, size);
}

/** What goes into a header's value must not end it. */
function checkText(name: u32, at: usize, length: u32): bool {
  for (let i: u32 = 0; i < length; i++) {
    const byte = load<u8>(at + i);
    if (byte < 0x20 || byte > 0x7e) return fail(name, "holds a byte that is not printable ASCII");
  }
  return true;
}

function checkLabels(): bool {
  const name = L.SECTION_LABELS;
  if (!need(name, L.LABELS_GROUPS)) return false;
  const groups = load<u32>(sectionStart(name));
  if (groups > L.MAX_STRING_BYTES + 1) return fail(name, "has too many groups");
  if (!need(name, L.LABELS_GROUPS + 4 * groups)) return false;
  table.labelGroups = groups;
  table.labels = sectionStart(name) + L.LABELS_GROUPS;
  let count: u64 = 0;
  let size: u64 = 0;
  for (let i: u32 = 0; i < groups; i++) {
    const group = load<u32>(table.labels + 4 * i);
    count += group >> L.LABELS_COUNT_SHIFT;
    size += <u64>(group & 0xff) * (group >> L.LABELS_COUNT_SHIFT);
  }
  if (count > L.MAX_LABELS) return fail(name, "has too many labels");
  if (size != sectionLength(name) - L.LABELS_GROUPS - 4 * groups)
    return fail(name, "is not as long as its labels");
  table.labelCount = <u32>count;
  return checkText(name, table.labels + 4 * groups, <u32>size);
}

// ---- Releases and path forms ----------------------------------------------------------------------------

function checkReleases(): bool {
  const name = L.SECTION_RELEASES;
  if (!need(name, L.RELEASES_BODY)) return false;
  const start = sectionStart(name);
  table.releaseCount = load<u16>(start);
  table.defaultRelease = load<u16>(start + L.RELEASES_DEFAULT);
  table.placementCount = load<u16>(start + L.RELEASES_PLACEMENTS);
  table.releases = start + L.RELEASES_BODY;
  table.placements = table.releases + table.releaseCount * L.RELEASE_ENTRY;
  if (table.releaseCount > L.MAX_RELEASES) return fail(name, "has too many releases");
  if (table.placementCount > L.MAX_PLACEMENTS) return fail(name, "has too many placements");
  const size =
    L.RELEASES_BODY + table.releaseCount * L.RELEASE_ENTRY + table.placementCount * L.PLACEMENT_ENTRY;
  if (!exactly(name, size)) return false;
  if (table.defaultRelease >= table.releaseCount) return fail(name, "has no such default release");
  for (let i: u32 = 0; i < 2 * table.releaseCount; i++) {
    if (!checkString(name, table.releases + 2 * i)) return false;
  }
  for (let i: u32 = 0; i < table.placementCount; i++) {
    const at = table.placements + i * L.PLACEMENT_ENTRY;
    if (load<u16>(at + L.PLACEMENT_RELEASE) >= table.releaseCount) {
      return failAt(name, "placement", i, "has no release");
    }
    if (!checkString(name, at + L.PLACEMENT_GROUP, true)) return false;
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
  set.valueShift = labelBits + suffixBits;
  let keys: u32 = 0;
  for (let slot: u32 = 0; slot < set.slots; slot++) {
    const found = entry(set, slot);
    const label = labelIn(set, found);
    if (label == set.labelMask) continue;
    keys++;
    if (label >= table.labelCount || suffixIn(set, found) >= set.suffixes || valueIn(set, found) >= values) {
      return failAt(name, "entry", slot, "is out of bounds");
    }
  }
  return keys == count || fail(name, "has not as many keys as it says");
}

/** A target is a slot that holds a wiki, a path form, or the number after the last: no wiki. */
function checkTarget(name: u32, target: u32): bool {
  const wikis = table.wikis;
  const ok =
    target < wikis.slots
      ? labelIn(wikis, entry(wikis, target)) != wikis.labelMask
      : target <= wikis.slots + table.pathCount;
  return ok || fail(name, "leads to a wiki that is not there");
}

function checkHostTargets(): bool {
  const hosts = table.hosts;
  for (let slot: u32 = 0; slot < hosts.slots; slot++) {
    const found = entry(hosts, slot);
    if (labelIn(hosts, found) == hosts.labelMask) continue;
    if (!checkTarget(L.SECTION_HOSTS, valueIn(hosts, found))) return false;
  }
  return true;
}

function checkReadAs(): bool {
  const name = L.SECTION_READ_AS;
  if (!checkList(name, L.READ_AS_BODY, L.READ_AS_ENTRY, L.MAX_READ_AS)) return false;
  table.readAsCount = load<u32>(sectionStart(name));
  table.readAs = sectionStart(name) + L.READ_AS_BODY;
  for (let i: u32 = 0; i < table.readAsCount; i++) {
    const at = table.readAs + i * L.READ_AS_ENTRY;
    if (load<u16>(at + L.READ_AS_LABELS) == 0) return failAt(name, "entry", i, "has no labels");
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

// ---- Deployments, rules, headers ------------------------------------------------------------------------

function checkDeployments(): bool {
  const name = L.SECTION_DEPLOYMENTS;
  if (!need(name, L.DEPLOYMENTS_BODY)) return false;
  const start = sectionStart(name);
  table.deploymentCount = load<u16>(start);
  table.defaultDeployment = load<u16>(start + L.DEPLOYMENTS_DEFAULT);
  table.deployments = start + L.DEPLOYMENTS_BODY;
  table.clusters = table.deployments + 2 * table.deploymentCount;
  if (table.deploymentCount > L.MAX_DEPLOYMENTS) return fail(name, "has too many deployments");
  if (table.defaultDeployment >= table.deploymentCount) return fail(name, "has no such default deployment");
  const strings = table.deploymentCount * (1 + table.releaseCount);
  if (!exactly(name, L.DEPLOYMENTS_BODY + 2 * strings)) return false;
  for (let i: u32 = 0; i < strings; i++) {
    if (!checkString(name, table.deployments + 2 * i)) return false;
  }
  return true;
}

function checkRules(): bool {
  const name = L.SECTION_RULES;
  if (!need(name, L.RULES_BODY)) return false;
  const start = sectionStart(name);
  const predicates = load<u32>(start + L.RULES_PREDICATES);
  table.ruleCount = load<u32>(start);
  if (table.ruleCount > L.MAX_RULES) return fail(name, "has too many rules");
  if (predicates > L.MAX_PREDICATES) return fail(name, "has too many predicates");
  table.rules = start + L.RULES_BODY;
  table.predicates = table.rules + table.ruleCount * L.RULE_ENTRY;
  if (!exactly(name, L.RULES_BODY + table.ruleCount * L.RULE_ENTRY + predicates * L.PREDICATE_ENTRY))
    return false;
  for (let i: u32 = 0; i < table.ruleCount; i++) {
    const at = table.rules + i * L.RULE_ENTRY;
    if (<u32>load<u16>(at + L.RULE_FIRST_PREDICATE) + <u32>load<u8>(at + L.RULE_PREDICATES) > predicates) {
      return failAt(name, "rule", i, "has predicates that are not there");
    }
    const outcome: u32 = load<u8>(at + L.RULE_OUTCOME);
    const known =
      outcome == L.OUTCOME_PASS ||
      (outcome == L.OUTCOME_DEPLOYMENT && <u32>load<u16>(at + L.RULE_VALUE) < table.deploymentCount);
    if (!known) return failAt(name, "rule", i, "has an unknown outcome");
  }
  for (let i: u32 = 0; i < predicates; i++) {
    const at = table.predicates + i * L.PREDICATE_ENTRY;
    const subject: u32 = load<u8>(at + L.PREDICATE_SUBJECT);
    const test: u32 = load<u8>(at + L.PREDICATE_TEST);
    const onHost = test == L.TEST_EXACT || test == L.TEST_SUFFIX || test == L.TEST_ADDRESS;
    const onPath = test == L.TEST_EXACT || test == L.TEST_PREFIX || test == L.TEST_UNDER;
    const known = (subject == L.SUBJECT_HOST && onHost) || (subject == L.SUBJECT_PATH && onPath);
    if (!known) return failAt(name, "predicate", i, "is unknown to this reader");
    if (!checkString(name, at + L.PREDICATE_VALUE, test == L.TEST_ADDRESS)) return false;
  }
  return true;
}

function checkEmit(): bool {
  const name = L.SECTION_EMIT;
  if (!checkList(name, L.EMIT_BODY, L.EMIT_ENTRY, L.EMIT_KINDS)) return false;
  table.emitCount = load<u32>(sectionStart(name));
  table.emit = sectionStart(name) + L.EMIT_BODY;
  let kinds: u32 = 0;
  for (let i: u32 = 0; i < table.emitCount; i++) {
    const at = table.emit + i * L.EMIT_ENTRY;
    const kind: u32 = load<u8>(at + L.EMIT_KIND);
    if (kind >= L.EMIT_KINDS || (kinds & (1 << kind)) != 0) {
      return failAt(name, "header", i, "is of an unknown or a second kind");
    }
    kinds |= 1 << kind;
    if (!checkString(name, at + L.EMIT_NAME)) return false;
    if (!isHeaderName(load<u16>(at + L.EMIT_NAME), i)) return failAt(name, "header", i, "has no proper name");
  }
  return (kinds & (1 << L.EMIT_CLUSTER)) != 0 || fail(name, "has no header for the cluster");
}

/** Lower case, no pseudo-header, and not the name of one of the headers before it. */
function isHeaderName(name: u32, before: u32): bool {
  const at = stringAt(table, name);
  const length = stringLength(table, name);
  for (let i: u32 = 0; i < length; i++) {
    const c = load<u8>(at + i);
    const ok = (c >= 0x61 && c <= 0x7a) || (c >= 0x30 && c <= 0x39) || c == 0x2d;
    if (!ok) return false;
  }
  for (let i: u32 = 0; i < before; i++) {
    const other = load<u16>(table.emit + i * L.EMIT_ENTRY + L.EMIT_NAME);
    if (stringLength(table, other) == length && memory.compare(stringAt(table, other), at, length) == 0)
      return false;
  }
  return length > 0;
}

function checkList(name: u32, body: u32, entrySize: u32, most: u32): bool {
  if (!need(name, body)) return false;
  const count = load<u32>(sectionStart(name));
  if (count > most) return fail(name, "has too many entries");
  return exactly(name, body + count * entrySize);
}
