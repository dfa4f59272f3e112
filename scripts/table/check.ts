import * as L from "../../assembly/layout.ts";
import { isOptional, sectionName } from "./container.ts";
import { crc32 } from "./crc32.ts";
import { type Area, emptyLabel, type KeySet, TableBytes } from "./table-bytes.ts";

/** Why a table is refused: one sentence that says what is wrong and where, the same as the filter logs. */
export class TableError extends Error {}

const REQUIRED = [
  L.SECTION_STRINGS,
  L.SECTION_LABELS,
  L.SECTION_WIKIS,
  L.SECTION_HOSTS,
  L.SECTION_READ_AS,
  L.SECTION_PATTERNS,
  L.SECTION_PATHS,
  L.SECTION_RULES,
  L.SECTION_DEPLOYMENTS,
  L.SECTION_RELEASES,
  L.SECTION_EMIT,
];

/** Header and directory: where the sections lie. Throws TableError. */
export function checkContainer(bytes: Uint8Array): Map<number, Area> {
  const head = new TableBytes(bytes, new Map());
  if (bytes.length < L.HEADER_BYTES) throw new TableError(`${bytes.length} bytes: too short for a table`);
  if (head.u32(L.HEADER_MAGIC) !== L.MAGIC) throw new TableError('does not begin with "PNTS": not a table');
  const version = head.u16(L.HEADER_VERSION);
  if (version !== L.LAYOUT_VERSION) {
    throw new TableError(`layout version ${version}: this reader knows ${L.LAYOUT_VERSION}`);
  }
  if (bytes.length > L.MAX_TABLE_BYTES) throw new TableError(`${bytes.length} bytes: too large for a table`);
  const length = head.u32(L.HEADER_LENGTH);
  if (length !== bytes.length) {
    throw new TableError(`${bytes.length} bytes, but its header says ${length}: cut short or padded`);
  }
  if (head.u32(L.HEADER_CHECKSUM) !== crc32(bytes.subarray(L.CHECKSUM_FROM))) {
    throw new TableError("the checksum is wrong: the table is damaged");
  }
  const count = head.u16(L.HEADER_SECTIONS);
  const bodyStart = L.HEADER_BYTES + count * L.DIRECTORY_ENTRY;
  if (count > L.MAX_SECTIONS || bodyStart > length) throw new TableError(`${count} sections: too many`);
  const areas = new Map<number, Area>();
  for (let i = 0; i < count; i++) {
    const entry = L.HEADER_BYTES + i * L.DIRECTORY_ENTRY;
    const name = head.u32(entry);
    const start = head.u32(entry + L.DIRECTORY_OFFSET);
    const size = head.u32(entry + L.DIRECTORY_LENGTH);
    if (start < bodyStart || start > length || size > length - start) fail(name, "lies outside the table");
    if (areas.has(name)) fail(name, "occurs twice");
    if (!REQUIRED.includes(name) && !isOptional(name)) fail(name, "is unknown to this reader");
    areas.set(name, { start, length: size });
  }
  for (const name of REQUIRED) if (!areas.has(name)) fail(name, "is missing");
  return areas;
}

function fail(name: number, what: string): never {
  throw new TableError(`section ${sectionName(name)} ${what}`);
}

/**
 * Every number that a look-up will follow is checked here, once, so that look-ups check none; throws TableError.
 * `assembly/check.ts` does the same, check for check.
 */
export class CheckedSections {
  readonly strings: number;
  readonly labels: number;
  readonly wikis: KeySet;
  readonly hosts: KeySet;
  readonly readAs: number;
  readonly patterns: number;
  readonly paths: number;
  readonly rules: number;
  readonly deployments: number;
  readonly defaultDeployment: number;
  readonly releases: number;
  readonly defaultRelease: number;
  readonly placements: number;
  readonly emit: number;

  constructor(private readonly raw: TableBytes) {
    this.strings = this.checkStrings();
    this.labels = this.checkLabels();

    const releases = raw.area(L.SECTION_RELEASES);
    this.need(L.SECTION_RELEASES, L.RELEASES_BODY);
    this.releases = raw.u16(releases.start);
    this.defaultRelease = raw.u16(releases.start + L.RELEASES_DEFAULT);
    this.placements = raw.u16(releases.start + L.RELEASES_PLACEMENTS);
    this.checkReleases();

    const paths = raw.area(L.SECTION_PATHS);
    this.need(L.SECTION_PATHS, L.PATHS_BODY);
    this.paths = raw.u32(paths.start);
    this.checkPaths();

    this.wikis = this.checkKeySet(L.SECTION_WIKIS, this.placements);
    this.hosts = this.checkKeySet(L.SECTION_HOSTS, this.wikis.slots + this.paths + 1);
    this.checkHostTargets();
    this.readAs = this.checkReadAs();
    this.patterns = this.checkPatterns();

    const deployments = raw.area(L.SECTION_DEPLOYMENTS);
    this.need(L.SECTION_DEPLOYMENTS, L.DEPLOYMENTS_BODY);
    this.deployments = raw.u16(deployments.start);
    this.defaultDeployment = raw.u16(deployments.start + L.DEPLOYMENTS_DEFAULT);
    this.checkDeployments();
    this.rules = this.checkRules();
    this.emit = this.checkEmit();
  }

  private checkStrings(): number {
    const name = L.SECTION_STRINGS;
    this.need(name, L.STRINGS_ENDS);
    const area = this.raw.area(name);
    const count = this.raw.u32(area.start);
    if (count > L.MAX_STRINGS) fail(name, "has too many strings");
    this.need(name, L.STRINGS_ENDS + 4 * count);
    const ends = area.start + L.STRINGS_ENDS;
    const text = ends + 4 * count;
    const size = area.length - L.STRINGS_ENDS - 4 * count;
    let last = 0;
    for (let i = 0; i < count; i++) {
      const end = this.raw.u32(ends + 4 * i);
      if (end < last || end > size || end - last > L.MAX_STRING_BYTES)
        fail(name, `string ${i} is out of bounds`);
      last = end;
    }
    if (last !== size) fail(name, "has bytes to spare");
    this.checkText(name, text, size);
    return count;
  }

  /** What goes into a header's value must not end it. */
  private checkText(name: number, start: number, length: number): void {
    for (let i = 0; i < length; i++) {
      const byte = this.raw.u8(start + i);
      if (byte < 0x20 || byte > 0x7e) fail(name, "holds a byte that is not printable ASCII");
    }
  }

  private checkLabels(): number {
    const name = L.SECTION_LABELS;
    this.need(name, L.LABELS_GROUPS);
    const area = this.raw.area(name);
    const groups = this.raw.u32(area.start);
    if (groups > L.MAX_STRING_BYTES + 1) fail(name, "has too many groups");
    this.need(name, L.LABELS_GROUPS + 4 * groups);
    let count = 0;
    let size = 0;
    for (let i = 0; i < groups; i++) {
      const group = this.raw.u32(area.start + L.LABELS_GROUPS + 4 * i);
      count += group >>> L.LABELS_COUNT_SHIFT;
      size += (group & 0xff) * (group >>> L.LABELS_COUNT_SHIFT);
    }
    if (count > L.MAX_LABELS) fail(name, "has too many labels");
    if (size !== area.length - L.LABELS_GROUPS - 4 * groups) fail(name, "is not as long as its labels");
    this.checkText(name, area.start + L.LABELS_GROUPS + 4 * groups, size);
    return count;
  }

  private checkReleases(): void {
    const name = L.SECTION_RELEASES;
    const { start } = this.raw.area(name);
    const placements = L.RELEASES_BODY + this.releases * L.RELEASE_ENTRY;
    if (this.releases > L.MAX_RELEASES) fail(name, "has too many releases");
    if (this.placements > L.MAX_PLACEMENTS) fail(name, "has too many placements");
    this.exactly(name, placements + this.placements * L.PLACEMENT_ENTRY);
    if (this.defaultRelease >= this.releases) fail(name, "has no such default release");
    for (let i = 0; i < 2 * this.releases; i++) this.checkString(name, start + L.RELEASES_BODY + 2 * i);
    for (let i = 0; i < this.placements; i++) {
      const at = start + placements + i * L.PLACEMENT_ENTRY;
      if (this.raw.u16(at + L.PLACEMENT_RELEASE) >= this.releases)
        fail(name, `placement ${i} has no release`);
      this.checkString(name, at + L.PLACEMENT_GROUP, true);
    }
  }

  private checkPaths(): void {
    const name = L.SECTION_PATHS;
    const { start } = this.raw.area(name);
    const replacements = this.raw.u32(start + L.PATHS_REPLACEMENTS);
    if (this.paths > L.MAX_PATH_FORMS) fail(name, "has too many forms");
    if (replacements > L.MAX_REPLACEMENTS) fail(name, "has too many replacements");
    const forms = L.PATHS_BODY + this.paths * L.PATH_ENTRY;
    this.exactly(name, forms + replacements * L.REPLACEMENT_ENTRY);
    for (let i = 0; i < this.paths; i++) {
      const at = start + L.PATHS_BODY + i * L.PATH_ENTRY;
      const segments = this.raw.u8(at + L.PATH_SEGMENTS);
      const parts = this.raw.u8(at + L.PATH_PARTS);
      const last = this.raw.u16(at + L.PATH_FIRST_REPLACEMENT) + this.raw.u16(at + L.PATH_REPLACEMENTS);
      const known = L.FLAG_DASHES | L.FLAG_TARGET | L.FLAG_CLOSED;
      let ok = (this.raw.u8(at + L.PATH_FLAGS) & ~known) === 0 && last <= replacements;
      ok &&= segments >= 1 && segments <= L.MAX_PATH_SEGMENTS && parts >= 1 && parts <= L.MAX_PATH_PARTS;
      for (let part = 0; ok && part < parts; part++) ok = this.raw.u8(at + L.PATH_PART + part) < segments;
      if (!ok) fail(name, `form ${i} makes no sense`);
    }
    for (let i = 0; i < replacements; i++) {
      const at = start + forms + i * L.REPLACEMENT_ENTRY;
      this.checkString(name, at + L.REPLACEMENT_FROM);
      this.checkString(name, at + L.REPLACEMENT_TO);
    }
  }

  private checkKeySet(name: number, values: number): KeySet {
    this.need(name, L.KEYS_BODY);
    const { start, length } = this.raw.area(name);
    const set: KeySet = {
      count: this.raw.u32(start + L.KEYS_COUNT),
      slots: this.raw.u32(start + L.KEYS_SLOTS),
      seed: this.raw.u32(start + L.KEYS_SEED),
      buckets: this.raw.u32(start + L.KEYS_BUCKETS),
      displacementBytes: this.raw.u8(start + L.KEYS_DISPLACEMENT_BYTES),
      displacements: start + L.KEYS_BODY,
      entryBytes: this.raw.u8(start + L.KEYS_ENTRY_BYTES),
      entries: 0,
      labelBits: this.raw.u8(start + L.KEYS_LABEL_BITS),
      suffixBits: this.raw.u8(start + L.KEYS_SUFFIX_BITS),
      firstSuffix: this.raw.u16(start + L.KEYS_FIRST_SUFFIX),
      suffixes: this.raw.u16(start + L.KEYS_SUFFIXES),
      values,
    };
    // Slots exceed keys by a thirty-second; twice the keys is far beyond what a packer makes.
    const sized = set.count <= L.MAX_KEYS && set.slots <= 2 * set.count && set.buckets <= set.slots;
    if (!sized || set.count > set.slots || (set.slots > 0 && set.buckets === 0))
      fail(name, "has impossible sizes");
    if (![1, 2, 4].includes(set.displacementBytes)) fail(name, "has impossible displacements");
    const valueBits = 8 * set.entryBytes - set.labelBits - set.suffixBits;
    const fits = set.entryBytes >= 1 && set.entryBytes <= 8 && valueBits >= 1 && valueBits <= 32;
    if (!fits || set.labelBits < 1 || set.labelBits > 24 || set.suffixBits < 1 || set.suffixBits > 16) {
      fail(name, "has impossible entries");
    }
    if (set.firstSuffix + set.suffixes > this.strings) fail(name, "has suffixes that are no strings");
    set.entries = set.displacements + set.buckets * set.displacementBytes;
    const size = L.KEYS_BODY + set.buckets * set.displacementBytes + set.slots * set.entryBytes;
    if (size !== length) fail(name, "is not as long as its entries");
    let keys = 0;
    for (let slot = 0; slot < set.slots; slot++) {
      const label = this.raw.entryField(set, slot, 0, set.labelBits);
      if (label === emptyLabel(set)) continue;
      keys++;
      const suffix = this.raw.entryField(set, slot, set.labelBits, set.suffixBits);
      if (label >= this.labels || suffix >= set.suffixes || this.raw.value(set, slot) >= set.values) {
        fail(name, `entry ${slot} is out of bounds`);
      }
    }
    if (keys !== set.count) fail(name, "has not as many keys as it says");
    return set;
  }

  private checkHostTargets(): void {
    for (let slot = 0; slot < this.hosts.slots; slot++) {
      if (this.raw.key(this.hosts, slot) === null) continue;
      this.checkTarget(L.SECTION_HOSTS, this.raw.value(this.hosts, slot));
    }
  }

  private checkTarget(name: number, target: number): void {
    const ok =
      target < this.wikis.slots ? this.raw.key(this.wikis, target) !== null : target < this.hosts.values;
    if (!ok) fail(name, "leads to a wiki that is not there");
  }

  private checkReadAs(): number {
    const name = L.SECTION_READ_AS;
    const count = this.checkList(name, L.READ_AS_BODY, L.READ_AS_ENTRY, L.MAX_READ_AS);
    for (let i = 0; i < count; i++) {
      const at = this.raw.area(name).start + L.READ_AS_BODY + i * L.READ_AS_ENTRY;
      if (this.raw.u16(at + L.READ_AS_LABELS) === 0) fail(name, `entry ${i} has no labels`);
      this.checkString(name, at + L.READ_AS_FROM);
      this.checkString(name, at + L.READ_AS_TO);
    }
    return count;
  }

  private checkPatterns(): number {
    const name = L.SECTION_PATTERNS;
    const count = this.checkList(name, L.PATTERNS_BODY, L.PATTERN_ENTRY, L.MAX_PATTERNS);
    for (let i = 0; i < count; i++) {
      const at = this.raw.area(name).start + L.PATTERNS_BODY + i * L.PATTERN_ENTRY;
      const kind = this.raw.u8(at + L.PATTERN_KIND);
      const flags = this.raw.u8(at + L.PATTERN_FLAGS);
      if (kind > L.PATTERN_FAMILY || flags & ~L.FLAG_DASHES) fail(name, `pattern ${i} is of an unknown kind`);
      this.checkString(name, at + L.PATTERN_SUFFIX);
      this.checkString(name, at + L.PATTERN_TAIL, kind !== L.PATTERN_JOIN);
      if (kind === L.PATTERN_FIXED) this.checkTarget(name, this.raw.u32(at + L.PATTERN_TARGET));
    }
    return count;
  }

  private checkDeployments(): void {
    const name = L.SECTION_DEPLOYMENTS;
    const { start } = this.raw.area(name);
    if (this.deployments > L.MAX_DEPLOYMENTS) fail(name, "has too many deployments");
    if (this.defaultDeployment >= this.deployments) fail(name, "has no such default deployment");
    const strings = this.deployments * (1 + this.releases);
    this.exactly(name, L.DEPLOYMENTS_BODY + 2 * strings);
    for (let i = 0; i < strings; i++) this.checkString(name, start + L.DEPLOYMENTS_BODY + 2 * i);
  }

  private checkRules(): number {
    const name = L.SECTION_RULES;
    this.need(name, L.RULES_BODY);
    const { start } = this.raw.area(name);
    const rules = this.raw.u32(start);
    const predicates = this.raw.u32(start + L.RULES_PREDICATES);
    if (rules > L.MAX_RULES) fail(name, "has too many rules");
    if (predicates > L.MAX_PREDICATES) fail(name, "has too many predicates");
    const body = L.RULES_BODY + rules * L.RULE_ENTRY;
    this.exactly(name, body + predicates * L.PREDICATE_ENTRY);
    for (let i = 0; i < rules; i++) {
      const at = start + L.RULES_BODY + i * L.RULE_ENTRY;
      if (this.raw.u16(at + L.RULE_FIRST_PREDICATE) + this.raw.u8(at + L.RULE_PREDICATES) > predicates) {
        fail(name, `rule ${i} has predicates that are not there`);
      }
      const outcome = this.raw.u8(at + L.RULE_OUTCOME);
      const known = outcome === L.OUTCOME_PASS || outcome === L.OUTCOME_DEPLOYMENT;
      const there = outcome === L.OUTCOME_PASS || this.raw.u16(at + L.RULE_VALUE) < this.deployments;
      if (!known || !there) fail(name, `rule ${i} has an unknown outcome`);
    }
    for (let i = 0; i < predicates; i++) {
      const at = start + body + i * L.PREDICATE_ENTRY;
      const subject = this.raw.u8(at + L.PREDICATE_SUBJECT);
      const test = this.raw.u8(at + L.PREDICATE_TEST);
      const onHost = test === L.TEST_EXACT || test === L.TEST_SUFFIX || test === L.TEST_ADDRESS;
      const onPath = test === L.TEST_EXACT || test === L.TEST_PREFIX || test === L.TEST_UNDER;
      const known = (subject === L.SUBJECT_HOST && onHost) || (subject === L.SUBJECT_PATH && onPath);
      if (!known) fail(name, `predicate ${i} is unknown to this reader`);
      this.checkString(name, at + L.PREDICATE_VALUE, test === L.TEST_ADDRESS);
    }
    return rules;
  }

  private checkEmit(): number {
    const name = L.SECTION_EMIT;
    const count = this.checkList(name, L.EMIT_BODY, L.EMIT_ENTRY, L.EMIT_KINDS);
    let kinds = 0;
    const names = new Set<string>();
    for (let i = 0; i < count; i++) {
      const at = this.raw.area(name).start + L.EMIT_BODY + i * L.EMIT_ENTRY;
      const kind = this.raw.u8(at + L.EMIT_KIND);
      if (kind >= L.EMIT_KINDS || kinds & (1 << kind))
        fail(name, `header ${i} is of an unknown or a second kind`);
      kinds |= 1 << kind;
      this.checkString(name, at + L.EMIT_NAME);
      const header = this.raw.string(this.raw.u16(at + L.EMIT_NAME))!;
      if (!/^[a-z0-9-]+$/.test(header) || names.has(header)) fail(name, `header ${i} has no proper name`);
      names.add(header);
    }
    if (!(kinds & (1 << L.EMIT_CLUSTER))) fail(name, "has no header for the cluster");
    return count;
  }

  private checkList(name: number, body: number, entry: number, most: number): number {
    this.need(name, body);
    const count = this.raw.u32(this.raw.area(name).start);
    if (count > most) fail(name, "has too many entries");
    this.exactly(name, body + count * entry);
    return count;
  }

  private checkString(name: number, at: number, orNone = false): void {
    const number = this.raw.u16(at);
    if (number >= this.strings && !(orNone && number === L.NONE))
      fail(name, "refers to a string that is not there");
  }

  /** The section has at least so many bytes. */
  private need(name: number, length: number): void {
    if (this.raw.area(name).length < length) fail(name, "is cut short");
  }

  private exactly(name: number, length: number): void {
    if (this.raw.area(name).length !== length) fail(name, "is not as long as its entries");
  }
}
