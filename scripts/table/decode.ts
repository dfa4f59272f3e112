import * as L from "../../assembly/layout.ts";
import { digestOf, isOptional, sectionName } from "./container.ts";
import { crc32 } from "./crc32.ts";
import { hashKey, slotOf } from "./hash.ts";

/** Why a table is refused: one sentence that says what is wrong and where, the same as the filter logs. */
export class TableError extends Error {}

/** A stretch of the table: where it starts and how long it is, in bytes. */
interface Area {
  start: number;
  length: number;
}

/** WIKI or HOST: a perfect hash over label + suffix. */
export interface KeySet {
  count: number;
  slots: number;
  seed: number;
  buckets: number;
  displacementBytes: number;
  displacements: number;
  entryBytes: number;
  entries: number;
  labelBits: number;
  suffixBits: number;
  firstSuffix: number;
  suffixes: number;
  /** Values are below this. */
  values: number;
}

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

/**
 * A table, read in place: opening it checks every number that a look-up will follow, so that look-ups check
 * none. `assembly/table.ts` does the same, check for check.
 */
export class Table {
  readonly generation: number;
  /** Hexadecimal, 2 × DIGEST_BYTES characters. */
  readonly digest: string;
  readonly sections: { name: number; start: number; length: number }[];
  readonly strings: number;
  readonly labelCount: number;
  readonly wikis: KeySet;
  readonly hosts: KeySet;
  readonly readAsCount: number;
  readonly patternCount: number;
  readonly pathCount: number;
  readonly ruleCount: number;
  readonly deploymentCount: number;
  readonly defaultDeployment: number;
  readonly releaseCount: number;
  readonly defaultRelease: number;
  readonly placementCount: number;
  readonly emitCount: number;
  private readonly view: DataView;
  private readonly areas = new Map<number, Area>();
  private stringEnds = 0;
  private stringBytes = 0;

  /** Throws TableError. */
  constructor(readonly bytes: Uint8Array) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.sections = this.checkContainer();
    this.generation = this.view.getUint32(L.HEADER_GENERATION, true);
    this.digest = Buffer.from(bytes.subarray(L.HEADER_DIGEST, L.HEADER_DIGEST + L.DIGEST_BYTES)).toString(
      "hex",
    );
    this.strings = this.checkStrings();
    this.labelCount = this.checkLabels();

    const releases = this.area(L.SECTION_RELEASES);
    this.need(L.SECTION_RELEASES, L.RELEASES_BODY);
    this.releaseCount = this.u16(releases.start);
    this.defaultRelease = this.u16(releases.start + L.RELEASES_DEFAULT);
    this.placementCount = this.u16(releases.start + L.RELEASES_PLACEMENTS);
    this.checkReleases();

    const paths = this.area(L.SECTION_PATHS);
    this.need(L.SECTION_PATHS, L.PATHS_BODY);
    this.pathCount = this.u32(paths.start);
    this.checkPaths();

    this.wikis = this.checkKeySet(L.SECTION_WIKIS, this.placementCount);
    this.hosts = this.checkKeySet(L.SECTION_HOSTS, this.wikis.slots + this.pathCount + 1);
    this.checkHostTargets();
    this.readAsCount = this.checkReadAs();
    this.patternCount = this.checkPatterns();

    const deployments = this.area(L.SECTION_DEPLOYMENTS);
    this.need(L.SECTION_DEPLOYMENTS, L.DEPLOYMENTS_BODY);
    this.deploymentCount = this.u16(deployments.start);
    this.defaultDeployment = this.u16(deployments.start + L.DEPLOYMENTS_DEFAULT);
    this.checkDeployments();
    this.ruleCount = this.checkRules();
    this.emitCount = this.checkEmit();
  }

  // ---- What is in it --------------------------------------------------------------------------------

  /** Text of string `number`; null for NONE. */
  string(number: number): string | null {
    if (number === L.NONE) return null;
    const start = number === 0 ? 0 : this.u32(this.stringEnds + 4 * (number - 1));
    const end = this.u32(this.stringEnds + 4 * number);
    return this.text(this.stringBytes + start, end - start);
  }

  /** Bytes of a section, null where the table has none of that name. */
  section(name: number): Uint8Array | null {
    const area = this.areas.get(name);
    return area ? this.bytes.subarray(area.start, area.start + area.length) : null;
  }

  /** Slot of a key, -1 where the set has no such key. */
  find(set: KeySet, key: string): number {
    if (set.slots === 0) return -1;
    const { a, b } = hashKey(key, set.seed);
    const at = set.displacements + (a % set.buckets) * set.displacementBytes;
    const slot = slotOf(a, b, this.uint(at, set.displacementBytes), set.slots);
    return this.key(set, slot) === key ? slot : -1;
  }

  /** Key in a slot, null for an empty one. */
  key(set: KeySet, slot: number): string | null {
    const label = this.entryField(set, slot, 0, set.labelBits);
    if (label === emptyLabel(set)) return null;
    const suffix = this.entryField(set, slot, set.labelBits, set.suffixBits);
    return this.label(label) + this.string(set.firstSuffix + suffix)!;
  }

  value(set: KeySet, slot: number): number {
    const shift = set.labelBits + set.suffixBits;
    return this.entryField(set, slot, shift, 8 * set.entryBytes - shift);
  }

  /** Every key of a set and its slot, in no order that means anything. */
  *keys(set: KeySet): Generator<{ key: string; slot: number }> {
    for (let slot = 0; slot < set.slots; slot++) {
      const key = this.key(set, slot);
      if (key !== null) yield { key, slot };
    }
  }

  readAs(number: number): { labels: number; from: string; to: string } {
    const at = this.area(L.SECTION_READ_AS).start + L.READ_AS_BODY + number * L.READ_AS_ENTRY;
    const from = this.string(this.u16(at + L.READ_AS_FROM))!;
    return { labels: this.u16(at + L.READ_AS_LABELS), from, to: this.string(this.u16(at + L.READ_AS_TO))! };
  }

  pattern(number: number): {
    kind: number;
    dashes: boolean;
    suffix: string;
    tail: string | null;
    target: number;
  } {
    const at = this.area(L.SECTION_PATTERNS).start + L.PATTERNS_BODY + number * L.PATTERN_ENTRY;
    return {
      kind: this.u8(at + L.PATTERN_KIND),
      dashes: (this.u8(at + L.PATTERN_FLAGS) & L.FLAG_DASHES) !== 0,
      suffix: this.string(this.u16(at + L.PATTERN_SUFFIX))!,
      tail: this.string(this.u16(at + L.PATTERN_TAIL)),
      target: this.u32(at + L.PATTERN_TARGET),
    };
  }

  path(number: number): {
    flags: number;
    segments: number;
    parts: number[];
    replacements: { segment: number; from: string; to: string }[];
  } {
    const section = this.area(L.SECTION_PATHS).start;
    const at = section + L.PATHS_BODY + number * L.PATH_ENTRY;
    const first = this.u16(at + L.PATH_FIRST_REPLACEMENT);
    const count = this.u16(at + L.PATH_REPLACEMENTS);
    const replacements = section + L.PATHS_BODY + this.pathCount * L.PATH_ENTRY + first * L.REPLACEMENT_ENTRY;
    return {
      flags: this.u8(at + L.PATH_FLAGS),
      segments: this.u8(at + L.PATH_SEGMENTS),
      parts: Array.from({ length: this.u8(at + L.PATH_PARTS) }, (_, i) => this.u8(at + L.PATH_PART + i)),
      replacements: Array.from({ length: count }, (_, i) => {
        const entry = replacements + i * L.REPLACEMENT_ENTRY;
        const from = this.string(this.u16(entry + L.REPLACEMENT_FROM))!;
        const to = this.string(this.u16(entry + L.REPLACEMENT_TO))!;
        return { segment: this.u8(entry + L.REPLACEMENT_SEGMENT), from, to };
      }),
    };
  }

  rule(number: number): {
    when: { subject: number; test: number; value: string | null }[];
    outcome: number;
    value: number;
  } {
    const section = this.area(L.SECTION_RULES).start;
    const at = section + L.RULES_BODY + number * L.RULE_ENTRY;
    const first = this.u16(at + L.RULE_FIRST_PREDICATE);
    const predicates = section + L.RULES_BODY + this.ruleCount * L.RULE_ENTRY + first * L.PREDICATE_ENTRY;
    return {
      when: Array.from({ length: this.u8(at + L.RULE_PREDICATES) }, (_, i) => {
        const entry = predicates + i * L.PREDICATE_ENTRY;
        return {
          subject: this.u8(entry + L.PREDICATE_SUBJECT),
          test: this.u8(entry + L.PREDICATE_TEST),
          value: this.string(this.u16(entry + L.PREDICATE_VALUE)),
        };
      }),
      outcome: this.u8(at + L.RULE_OUTCOME),
      value: this.u16(at + L.RULE_VALUE),
    };
  }

  deployment(number: number): string {
    return this.string(this.u16(this.area(L.SECTION_DEPLOYMENTS).start + L.DEPLOYMENTS_BODY + 2 * number))!;
  }

  cluster(deployment: number, release: number): string {
    const clusters = this.area(L.SECTION_DEPLOYMENTS).start + L.DEPLOYMENTS_BODY + 2 * this.deploymentCount;
    return this.string(this.u16(clusters + 2 * (deployment * this.releaseCount + release)))!;
  }

  release(number: number): { name: string; version: string } {
    const at = this.area(L.SECTION_RELEASES).start + L.RELEASES_BODY + number * L.RELEASE_ENTRY;
    const name = this.string(this.u16(at + L.RELEASE_NAME))!;
    return { name, version: this.string(this.u16(at + L.RELEASE_VERSION))! };
  }

  placement(number: number): { release: number; group: string | null } {
    const releases = this.area(L.SECTION_RELEASES).start + L.RELEASES_BODY;
    const at = releases + this.releaseCount * L.RELEASE_ENTRY + number * L.PLACEMENT_ENTRY;
    const group = this.string(this.u16(at + L.PLACEMENT_GROUP));
    return { release: this.u16(at + L.PLACEMENT_RELEASE), group };
  }

  emit(number: number): { kind: number; name: string } {
    const at = this.area(L.SECTION_EMIT).start + L.EMIT_BODY + number * L.EMIT_ENTRY;
    return { kind: this.u8(at + L.EMIT_KIND), name: this.string(this.u16(at + L.EMIT_NAME))! };
  }

  /** The digest is true: not checked on opening, since the checksum already guards against accidents. */
  digestHolds(): boolean {
    const sections = this.sections.map(({ name }) => ({ name, bytes: this.section(name)! }));
    return Buffer.from(digestOf(sections)).toString("hex") === this.digest;
  }

  // ---- Checks ---------------------------------------------------------------------------------------

  private checkContainer() {
    const { bytes } = this;
    if (bytes.length < L.HEADER_BYTES) throw new TableError(`${bytes.length} bytes: too short for a table`);
    if (this.u32(L.HEADER_MAGIC) !== L.MAGIC) throw new TableError('does not begin with "PNTS": not a table');
    const version = this.u16(L.HEADER_VERSION);
    if (version !== L.LAYOUT_VERSION) {
      throw new TableError(`layout version ${version}: this reader knows ${L.LAYOUT_VERSION}`);
    }
    if (bytes.length > L.MAX_TABLE_BYTES)
      throw new TableError(`${bytes.length} bytes: too large for a table`);
    const length = this.u32(L.HEADER_LENGTH);
    if (length !== bytes.length) {
      throw new TableError(`${bytes.length} bytes, but its header says ${length}: cut short or padded`);
    }
    if (this.u32(L.HEADER_CHECKSUM) !== crc32(bytes.subarray(L.CHECKSUM_FROM))) {
      throw new TableError("the checksum is wrong: the table is damaged");
    }
    const count = this.u16(L.HEADER_SECTIONS);
    const bodyStart = L.HEADER_BYTES + count * L.DIRECTORY_ENTRY;
    if (count > L.MAX_SECTIONS || bodyStart > length) throw new TableError(`${count} sections: too many`);
    const sections = [];
    for (let i = 0; i < count; i++) {
      const entry = L.HEADER_BYTES + i * L.DIRECTORY_ENTRY;
      const name = this.u32(entry);
      const start = this.u32(entry + L.DIRECTORY_OFFSET);
      const size = this.u32(entry + L.DIRECTORY_LENGTH);
      if (start < bodyStart || start > length || size > length - start)
        this.fail(name, "lies outside the table");
      if (this.areas.has(name)) this.fail(name, "occurs twice");
      if (!REQUIRED.includes(name) && !isOptional(name)) this.fail(name, "is unknown to this reader");
      this.areas.set(name, { start, length: size });
      sections.push({ name, start, length: size });
    }
    for (const name of REQUIRED) if (!this.areas.has(name)) this.fail(name, "is missing");
    return sections;
  }

  private checkStrings(): number {
    const name = L.SECTION_STRINGS;
    this.need(name, L.STRINGS_ENDS);
    const area = this.area(name);
    const count = this.u32(area.start);
    if (count > L.MAX_STRINGS) this.fail(name, "has too many strings");
    this.need(name, L.STRINGS_ENDS + 4 * count);
    this.stringEnds = area.start + L.STRINGS_ENDS;
    this.stringBytes = this.stringEnds + 4 * count;
    const size = area.length - L.STRINGS_ENDS - 4 * count;
    let last = 0;
    for (let i = 0; i < count; i++) {
      const end = this.u32(this.stringEnds + 4 * i);
      if (end < last || end > size || end - last > L.MAX_STRING_BYTES)
        this.fail(name, `string ${i} is out of bounds`);
      last = end;
    }
    if (last !== size) this.fail(name, "has bytes to spare");
    this.checkText(name, this.stringBytes, size);
    return count;
  }

  /** What goes into a header's value must not end it. */
  private checkText(name: number, start: number, length: number): void {
    for (let i = 0; i < length; i++) {
      const byte = this.u8(start + i);
      if (byte < 0x20 || byte > 0x7e) this.fail(name, "holds a byte that is not printable ASCII");
    }
  }

  private checkLabels(): number {
    const name = L.SECTION_LABELS;
    this.need(name, L.LABELS_GROUPS);
    const area = this.area(name);
    const groups = this.u32(area.start);
    if (groups > L.MAX_STRING_BYTES + 1) this.fail(name, "has too many groups");
    this.need(name, L.LABELS_GROUPS + 4 * groups);
    let count = 0;
    let size = 0;
    for (let i = 0; i < groups; i++) {
      const group = this.u32(area.start + L.LABELS_GROUPS + 4 * i);
      count += group >>> L.LABELS_COUNT_SHIFT;
      size += (group & 0xff) * (group >>> L.LABELS_COUNT_SHIFT);
    }
    if (count > L.MAX_LABELS) this.fail(name, "has too many labels");
    if (size !== area.length - L.LABELS_GROUPS - 4 * groups) this.fail(name, "is not as long as its labels");
    this.checkText(name, area.start + L.LABELS_GROUPS + 4 * groups, size);
    return count;
  }

  private checkReleases(): void {
    const name = L.SECTION_RELEASES;
    const { start } = this.area(name);
    const placements = L.RELEASES_BODY + this.releaseCount * L.RELEASE_ENTRY;
    if (this.releaseCount > L.MAX_RELEASES) this.fail(name, "has too many releases");
    if (this.placementCount > L.MAX_PLACEMENTS) this.fail(name, "has too many placements");
    this.exactly(name, placements + this.placementCount * L.PLACEMENT_ENTRY);
    if (this.defaultRelease >= this.releaseCount) this.fail(name, "has no such default release");
    for (let i = 0; i < 2 * this.releaseCount; i++) this.checkString(name, start + L.RELEASES_BODY + 2 * i);
    for (let i = 0; i < this.placementCount; i++) {
      const at = start + placements + i * L.PLACEMENT_ENTRY;
      if (this.u16(at + L.PLACEMENT_RELEASE) >= this.releaseCount)
        this.fail(name, `placement ${i} has no release`);
      this.checkString(name, at + L.PLACEMENT_GROUP, true);
    }
  }

  private checkPaths(): void {
    const name = L.SECTION_PATHS;
    const { start } = this.area(name);
    const replacements = this.u32(start + L.PATHS_REPLACEMENTS);
    if (this.pathCount > L.MAX_PATH_FORMS) this.fail(name, "has too many forms");
    if (replacements > L.MAX_REPLACEMENTS) this.fail(name, "has too many replacements");
    const forms = L.PATHS_BODY + this.pathCount * L.PATH_ENTRY;
    this.exactly(name, forms + replacements * L.REPLACEMENT_ENTRY);
    for (let i = 0; i < this.pathCount; i++) {
      const at = start + L.PATHS_BODY + i * L.PATH_ENTRY;
      const segments = this.u8(at + L.PATH_SEGMENTS);
      const parts = this.u8(at + L.PATH_PARTS);
      const last = this.u16(at + L.PATH_FIRST_REPLACEMENT) + this.u16(at + L.PATH_REPLACEMENTS);
      const known = L.FLAG_DASHES | L.FLAG_TARGET | L.FLAG_CLOSED;
      let ok = (this.u8(at + L.PATH_FLAGS) & ~known) === 0 && last <= replacements;
      ok &&= segments >= 1 && segments <= L.MAX_PATH_SEGMENTS && parts >= 1 && parts <= L.MAX_PATH_PARTS;
      for (let part = 0; ok && part < parts; part++) ok = this.u8(at + L.PATH_PART + part) < segments;
      if (!ok) this.fail(name, `form ${i} makes no sense`);
    }
    for (let i = 0; i < replacements; i++) {
      const at = start + forms + i * L.REPLACEMENT_ENTRY;
      this.checkString(name, at + L.REPLACEMENT_FROM);
      this.checkString(name, at + L.REPLACEMENT_TO);
    }
  }

  private checkKeySet(name: number, values: number): KeySet {
    this.need(name, L.KEYS_BODY);
    const { start, length } = this.area(name);
    const set: KeySet = {
      count: this.u32(start + L.KEYS_COUNT),
      slots: this.u32(start + L.KEYS_SLOTS),
      seed: this.u32(start + L.KEYS_SEED),
      buckets: this.u32(start + L.KEYS_BUCKETS),
      displacementBytes: this.u8(start + L.KEYS_DISPLACEMENT_BYTES),
      displacements: start + L.KEYS_BODY,
      entryBytes: this.u8(start + L.KEYS_ENTRY_BYTES),
      entries: 0,
      labelBits: this.u8(start + L.KEYS_LABEL_BITS),
      suffixBits: this.u8(start + L.KEYS_SUFFIX_BITS),
      firstSuffix: this.u16(start + L.KEYS_FIRST_SUFFIX),
      suffixes: this.u16(start + L.KEYS_SUFFIXES),
      values,
    };
    // Slots exceed keys by a thirty-second; twice the keys is far beyond what a packer makes.
    const sized = set.count <= L.MAX_KEYS && set.slots <= 2 * set.count && set.buckets <= set.slots;
    if (!sized || set.count > set.slots || (set.slots > 0 && set.buckets === 0))
      this.fail(name, "has impossible sizes");
    if (![1, 2, 4].includes(set.displacementBytes)) this.fail(name, "has impossible displacements");
    const valueBits = 8 * set.entryBytes - set.labelBits - set.suffixBits;
    const fits = set.entryBytes >= 1 && set.entryBytes <= 8 && valueBits >= 1 && valueBits <= 32;
    if (!fits || set.labelBits < 1 || set.labelBits > 24 || set.suffixBits < 1 || set.suffixBits > 16) {
      this.fail(name, "has impossible entries");
    }
    if (set.firstSuffix + set.suffixes > this.strings) this.fail(name, "has suffixes that are no strings");
    set.entries = set.displacements + set.buckets * set.displacementBytes;
    const size = L.KEYS_BODY + set.buckets * set.displacementBytes + set.slots * set.entryBytes;
    if (size !== length) this.fail(name, "is not as long as its entries");
    let keys = 0;
    for (let slot = 0; slot < set.slots; slot++) {
      const label = this.entryField(set, slot, 0, set.labelBits);
      if (label === emptyLabel(set)) continue;
      keys++;
      const suffix = this.entryField(set, slot, set.labelBits, set.suffixBits);
      if (label >= this.labelCount || suffix >= set.suffixes || this.value(set, slot) >= set.values) {
        this.fail(name, `entry ${slot} is out of bounds`);
      }
    }
    if (keys !== set.count) this.fail(name, "has not as many keys as it says");
    return set;
  }

  private checkHostTargets(): void {
    for (let slot = 0; slot < this.hosts.slots; slot++) {
      if (this.key(this.hosts, slot) === null) continue;
      this.checkTarget(L.SECTION_HOSTS, this.value(this.hosts, slot));
    }
  }

  private checkTarget(name: number, target: number): void {
    const ok = target < this.wikis.slots ? this.key(this.wikis, target) !== null : target < this.hosts.values;
    if (!ok) this.fail(name, "leads to a wiki that is not there");
  }

  private checkReadAs(): number {
    const name = L.SECTION_READ_AS;
    const count = this.checkList(name, L.READ_AS_BODY, L.READ_AS_ENTRY, L.MAX_READ_AS);
    for (let i = 0; i < count; i++) {
      const at = this.area(name).start + L.READ_AS_BODY + i * L.READ_AS_ENTRY;
      if (this.u16(at + L.READ_AS_LABELS) === 0) this.fail(name, `entry ${i} has no labels`);
      this.checkString(name, at + L.READ_AS_FROM);
      this.checkString(name, at + L.READ_AS_TO);
    }
    return count;
  }

  private checkPatterns(): number {
    const name = L.SECTION_PATTERNS;
    const count = this.checkList(name, L.PATTERNS_BODY, L.PATTERN_ENTRY, L.MAX_PATTERNS);
    for (let i = 0; i < count; i++) {
      const at = this.area(name).start + L.PATTERNS_BODY + i * L.PATTERN_ENTRY;
      const kind = this.u8(at + L.PATTERN_KIND);
      const flags = this.u8(at + L.PATTERN_FLAGS);
      if (kind > L.PATTERN_FAMILY || flags & ~L.FLAG_DASHES)
        this.fail(name, `pattern ${i} is of an unknown kind`);
      this.checkString(name, at + L.PATTERN_SUFFIX);
      this.checkString(name, at + L.PATTERN_TAIL, kind !== L.PATTERN_JOIN);
      if (kind === L.PATTERN_FIXED) this.checkTarget(name, this.u32(at + L.PATTERN_TARGET));
    }
    return count;
  }

  private checkDeployments(): void {
    const name = L.SECTION_DEPLOYMENTS;
    const { start } = this.area(name);
    if (this.deploymentCount > L.MAX_DEPLOYMENTS) this.fail(name, "has too many deployments");
    if (this.defaultDeployment >= this.deploymentCount) this.fail(name, "has no such default deployment");
    const strings = this.deploymentCount * (1 + this.releaseCount);
    this.exactly(name, L.DEPLOYMENTS_BODY + 2 * strings);
    for (let i = 0; i < strings; i++) this.checkString(name, start + L.DEPLOYMENTS_BODY + 2 * i);
  }

  private checkRules(): number {
    const name = L.SECTION_RULES;
    this.need(name, L.RULES_BODY);
    const { start } = this.area(name);
    const rules = this.u32(start);
    const predicates = this.u32(start + L.RULES_PREDICATES);
    if (rules > L.MAX_RULES) this.fail(name, "has too many rules");
    if (predicates > L.MAX_PREDICATES) this.fail(name, "has too many predicates");
    const body = L.RULES_BODY + rules * L.RULE_ENTRY;
    this.exactly(name, body + predicates * L.PREDICATE_ENTRY);
    for (let i = 0; i < rules; i++) {
      const at = start + L.RULES_BODY + i * L.RULE_ENTRY;
      if (this.u16(at + L.RULE_FIRST_PREDICATE) + this.u8(at + L.RULE_PREDICATES) > predicates) {
        this.fail(name, `rule ${i} has predicates that are not there`);
      }
      const outcome = this.u8(at + L.RULE_OUTCOME);
      const known = outcome === L.OUTCOME_PASS || outcome === L.OUTCOME_DEPLOYMENT;
      const there = outcome === L.OUTCOME_PASS || this.u16(at + L.RULE_VALUE) < this.deploymentCount;
      if (!known || !there) this.fail(name, `rule ${i} has an unknown outcome`);
    }
    for (let i = 0; i < predicates; i++) {
      const at = start + body + i * L.PREDICATE_ENTRY;
      const subject = this.u8(at + L.PREDICATE_SUBJECT);
      const test = this.u8(at + L.PREDICATE_TEST);
      const onHost = test === L.TEST_EXACT || test === L.TEST_SUFFIX || test === L.TEST_ADDRESS;
      const onPath = test === L.TEST_EXACT || test === L.TEST_PREFIX || test === L.TEST_UNDER;
      const known = (subject === L.SUBJECT_HOST && onHost) || (subject === L.SUBJECT_PATH && onPath);
      if (!known) this.fail(name, `predicate ${i} is unknown to this reader`);
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
      const at = this.area(name).start + L.EMIT_BODY + i * L.EMIT_ENTRY;
      const kind = this.u8(at + L.EMIT_KIND);
      if (kind >= L.EMIT_KINDS || kinds & (1 << kind))
        this.fail(name, `header ${i} is of an unknown or a second kind`);
      kinds |= 1 << kind;
      this.checkString(name, at + L.EMIT_NAME);
      const header = this.string(this.u16(at + L.EMIT_NAME))!;
      if (!/^[a-z0-9-]+$/.test(header) || names.has(header))
        this.fail(name, `header ${i} has no proper name`);
      names.add(header);
    }
    if (!(kinds & (1 << L.EMIT_CLUSTER))) this.fail(name, "has no header for the cluster");
    return count;
  }

  private checkList(name: number, body: number, entry: number, most: number): number {
    this.need(name, body);
    const count = this.u32(this.area(name).start);
    if (count > most) this.fail(name, "has too many entries");
    this.exactly(name, body + count * entry);
    return count;
  }

  private checkString(name: number, at: number, orNone = false): void {
    const number = this.u16(at);
    if (number >= this.strings && !(orNone && number === L.NONE))
      this.fail(name, "refers to a string that is not there");
  }

  /** The section has at least so many bytes. */
  private need(name: number, length: number): void {
    if (this.area(name).length < length) this.fail(name, "is cut short");
  }

  private exactly(name: number, length: number): void {
    if (this.area(name).length !== length) this.fail(name, "is not as long as its entries");
  }

  private fail(name: number, what: string): never {
    throw new TableError(`section ${sectionName(name)} ${what}`);
  }

  // ---- Bytes ----------------------------------------------------------------------------------------

  private area(name: number): Area {
    return this.areas.get(name)!;
  }

  /** Labels are sorted by length: whole groups are stepped over until the one that holds the number. */
  private label(number: number): string {
    const { start } = this.area(L.SECTION_LABELS);
    const groups = this.u32(start);
    let at = start + L.LABELS_GROUPS + 4 * groups;
    for (let i = 0; i < groups; i++) {
      const group = this.u32(start + L.LABELS_GROUPS + 4 * i);
      const length = group & 0xff;
      const count = group >>> L.LABELS_COUNT_SHIFT;
      if (number < count) return this.text(at + number * length, length);
      number -= count;
      at += length * count;
    }
    throw new Error("a label that was checked is not there");
  }

  /** `width` (1…32) bits of an entry, from bit `shift` on. */
  private entryField(set: KeySet, slot: number, shift: number, width: number): number {
    const at = set.entries + slot * set.entryBytes;
    const low = this.uint(at, Math.min(4, set.entryBytes));
    const high = set.entryBytes > 4 ? this.uint(at + 4, set.entryBytes - 4) : 0;
    const shifted =
      shift >= 32 ? high >>> (shift - 32) : shift === 0 ? low : (low >>> shift) | (high << (32 - shift));
    return width === 32 ? shifted >>> 0 : (shifted & (2 ** width - 1)) >>> 0;
  }

  private u8(at: number): number {
    return this.view.getUint8(at);
  }

  private u16(at: number): number {
    return this.view.getUint16(at, true);
  }

  private u32(at: number): number {
    return this.view.getUint32(at, true);
  }

  private uint(at: number, bytes: number): number {
    let value = 0;
    for (let i = bytes - 1; i >= 0; i--) value = value * 256 + this.view.getUint8(at + i);
    return value;
  }

  private text(start: number, length: number): string {
    return Buffer.from(this.bytes.buffer, this.bytes.byteOffset + start, length).toString("latin1");
  }
}

function emptyLabel(set: KeySet): number {
  return 2 ** set.labelBits - 1;
}
