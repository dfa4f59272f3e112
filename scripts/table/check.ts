import * as L from "../../assembly/layout.ts";
import { isOptional, sectionName } from "../encode/container.ts";
import { COOKIE, FORWARDED } from "../encode/header-names.ts";
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
  L.SECTION_HEADERS,
  L.SECTION_RULES,
  L.SECTION_LISTENERS,
  L.SECTION_REPLIES,
  L.SECTION_DEPLOYMENTS,
  L.SECTION_RELEASES,
  L.SECTION_EMIT,
  L.SECTION_JOBS,
  L.SECTION_CANONICAL,
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
  readonly headers: string[];
  readonly cookies: boolean;
  readonly forwarded: boolean;
  readonly jobs: boolean;
  readonly rules: number;
  readonly listeners: number;
  readonly replies: number;
  readonly deployments: number;
  readonly releases: number;
  readonly defaultRelease: number;
  readonly placements: number;
  readonly emit: number;
  readonly canonicalRules: number;
  readonly exceptions: number;

  constructor(private readonly raw: TableBytes) {
    this.strings = this.checkStrings();
    this.labels = this.checkLabels();
    this.replies = this.checkReplies();

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
    this.deployments = this.checkDeployments();
    this.headers = this.checkHeaders();
    this.cookies = this.headers.includes(COOKIE);
    this.forwarded = this.headers.includes(FORWARDED);
    this.jobs = this.checkJobs();
    this.rules = this.checkRules();
    this.listeners = this.checkListeners();
    this.emit = this.checkEmit();

    const canonical = raw.area(L.SECTION_CANONICAL);
    this.need(L.SECTION_CANONICAL, L.CANONICAL_BODY);
    this.canonicalRules = raw.u16(canonical.start);
    this.exceptions = raw.u32(canonical.start + L.CANONICAL_EXCEPTIONS);
    this.checkCanonical();
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
    let least = 0;
    for (let i = 0; i < groups; i++) {
      const length = this.raw.u8(area.start + L.LABELS_GROUPS + 4 * i);
      if (length < least) fail(name, "has groups that are not in order");
      least = length + 1;
    }
    this.checkText(name, area.start + L.LABELS_GROUPS + 4 * groups, size);
    return count;
  }

  private checkReplies(): number {
    const name = L.SECTION_REPLIES;
    this.need(name, L.REPLIES_BODY);
    const { start } = this.raw.area(name);
    const count = this.raw.u16(start);
    if (count > L.MAX_REPLIES) fail(name, "has too many replies");
    this.exactly(name, L.REPLIES_BODY + count * L.REPLY_ENTRY);
    for (let i = 0; i < count; i++) {
      const at = start + L.REPLIES_BODY + i * L.REPLY_ENTRY;
      const status = this.raw.u16(at + L.REPLY_STATUS);
      if (status < L.MIN_STATUS || status > L.MAX_STATUS) fail(name, `reply ${i} has no proper status`);
      this.checkString(name, at + L.REPLY_TEXT);
    }
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
    for (const outcome of [L.RELEASES_NO_HOST, L.RELEASES_MISSING, L.RELEASES_NOT_INSTALLED]) {
      const kind = this.raw.u8(start + outcome);
      const value = this.raw.u16(start + outcome + L.OUTCOME_VALUE);
      const there =
        (kind === L.OUTCOME_RELEASE && value < this.releases) ||
        (kind === L.OUTCOME_REPLY && value < this.replies);
      if (!there) fail(name, "has no outcome for a request without a wiki");
    }
    for (let i = 0; i < 2 * this.releases; i++) this.checkString(name, start + L.RELEASES_BODY + 2 * i);
    for (let i = 0; i < this.placements; i++) {
      const at = start + placements + i * L.PLACEMENT_ENTRY;
      if (this.raw.u16(at + L.PLACEMENT_RELEASE) >= this.releases)
        fail(name, `placement ${i} has no release`);
      this.checkString(name, at + L.PLACEMENT_GROUP, true);
      if (this.raw.u8(at + L.PLACEMENT_FLAGS) & ~L.FLAG_NOT_INSTALLED)
        fail(name, `placement ${i} has an unknown flag`);
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
      if (!this.isFilled(this.hosts, slot)) continue;
      this.checkTarget(L.SECTION_HOSTS, this.raw.value(this.hosts, slot));
    }
  }

  private checkTarget(name: number, target: number): void {
    const ok = target < this.wikis.slots ? this.isFilled(this.wikis, target) : target < this.hosts.values;
    if (!ok) fail(name, "leads to a wiki that is not there");
  }

  private checkReadAs(): number {
    const name = L.SECTION_READ_AS;
    const count = this.checkList(name, L.READ_AS_BODY, L.READ_AS_ENTRY, L.MAX_READ_AS);
    let suffixes = false;
    for (let i = 0; i < count; i++) {
      const at = this.raw.area(name).start + L.READ_AS_BODY + i * L.READ_AS_ENTRY;
      const kind = this.raw.u8(at + L.READ_AS_KIND);
      if (kind > L.READ_AS_PATH) fail(name, `entry ${i} is of an unknown kind`);
      if (kind === L.READ_AS_PATH && suffixes) fail(name, `entry ${i} stands after one of a suffix`);
      if (kind === L.READ_AS_SUFFIX) {
        suffixes = true;
        if (this.raw.u16(at + L.READ_AS_LABELS) === 0) fail(name, `entry ${i} has no labels`);
      }
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

  private checkDeployments(): number {
    const name = L.SECTION_DEPLOYMENTS;
    this.need(name, L.DEPLOYMENTS_BODY);
    const { start } = this.raw.area(name);
    const count = this.raw.u16(start);
    if (count > L.MAX_DEPLOYMENTS) fail(name, "has too many deployments");
    const body = start + L.DEPLOYMENTS_BODY;
    const clusters = count * L.DEPLOYMENT_ENTRY;
    this.exactly(name, L.DEPLOYMENTS_BODY + clusters + 2 * count * this.releases);
    const near = (i: number) => this.raw.u16(body + i * L.DEPLOYMENT_ENTRY + L.DEPLOYMENT_NEAR);
    for (let i = 0; i < count; i++) {
      this.checkString(name, body + i * L.DEPLOYMENT_ENTRY + L.DEPLOYMENT_NAME);
      // A twin of a twin would read in a third place.
      if (near(i) !== L.NONE && (near(i) >= count || near(near(i)) !== L.NONE))
        fail(name, `deployment ${i} has no proper twin`);
    }
    for (let i = 0; i < count * this.releases; i++) this.checkString(name, body + clusters + 2 * i);
    return count;
  }

  private checkHeaders(): string[] {
    const name = L.SECTION_HEADERS;
    const count = this.checkList(name, L.HEADERS_BODY, 2, L.MAX_HEADERS);
    const headers: string[] = [];
    for (let i = 0; i < count; i++) {
      const at = this.raw.area(name).start + L.HEADERS_BODY + 2 * i;
      this.checkString(name, at);
      const header = this.raw.string(this.raw.u16(at))!;
      if (!/^[a-z0-9-]+$/.test(header) || headers.includes(header))
        fail(name, `header ${i} has no proper name`);
      headers.push(header);
    }
    return headers;
  }

  /** @returns whether rules may read bodies */
  private checkJobs(): boolean {
    const name = L.SECTION_JOBS;
    this.exactly(name, L.JOBS_BYTES);
    const { start } = this.raw.area(name);
    this.checkString(name, start + L.JOBS_FIELD, true);
    if (this.raw.u8(start + L.JOBS_HOST) > L.HOST_ALWAYS) fail(name, "has an unknown mode for Host");
    if (this.raw.u32(start + L.JOBS_LIMIT) > L.MAX_JOB_LIMIT) fail(name, "has too large a limit");
    return this.raw.u16(start + L.JOBS_FIELD) !== L.NONE;
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
      if (!this.isOutcome(outcome, this.raw.u16(at + L.RULE_VALUE)))
        fail(name, `rule ${i} has an unknown outcome`);
      const flags = this.raw.u8(at + L.RULE_FLAGS);
      const wiki = flags & ~L.FLAG_DEBUG;
      const known = wiki === 0 || wiki === L.FLAG_NO_WIKI || wiki === L.FLAG_BODY;
      if (!known || (wiki !== 0 && outcome !== L.OUTCOME_DEPLOYMENT))
        fail(name, `rule ${i} has flags that make no sense`);
      if (wiki === L.FLAG_BODY && !this.jobs) fail(name, `rule ${i} reads bodies, and JOBS says no field`);
    }
    for (let i = 0; i < predicates; i++) this.checkPredicate(i, start + body + i * L.PREDICATE_ENTRY);
    return rules;
  }

  private isOutcome(outcome: number, value: number): boolean {
    switch (outcome) {
      case L.OUTCOME_DEPLOYMENT:
        return value < this.deployments;
      case L.OUTCOME_PASS:
        return true;
      case L.OUTCOME_RELEASE:
        return value < this.releases;
      case L.OUTCOME_REPLY:
        return value < this.replies;
      case L.OUTCOME_NEAR:
        return value <= L.SHARE_WHOLE;
      default:
        return false;
    }
  }

  private checkPredicate(i: number, at: number): void {
    const name = L.SECTION_RULES;
    const subject = this.raw.u8(at + L.PREDICATE_SUBJECT);
    const test = this.raw.u8(at + L.PREDICATE_TEST) & ~L.TEST_NOT;
    if (!goTogether(subject, test)) fail(name, `predicate ${i} is unknown to this reader`);
    const called = this.raw.u16(at + L.PREDICATE_NAME);
    let named = called === L.NONE;
    if (subject === L.SUBJECT_HEADER) named = called < this.headers.length;
    if (subject === L.SUBJECT_COOKIE || subject === L.SUBJECT_QUERY) named = this.isName(called);
    if (!named) fail(name, `predicate ${i} has no proper name`);
    if (subject === L.SUBJECT_COOKIE && !this.cookies)
      fail(name, `predicate ${i} is about a cookie, and HDRS has no cookie`);
    const values = this.raw.u16(at + L.PREDICATE_VALUES);
    const none = test === L.TEST_ADDRESS || test === L.TEST_PRESENT;
    const least = test === L.TEST_OPTION ? 2 : 1;
    if (none ? values !== 0 : values < least) fail(name, `predicate ${i} has too few values, or too many`);
    if (values > 0 && this.raw.u16(at + L.PREDICATE_FIRST_VALUE) + values > this.strings)
      fail(name, "refers to a string that is not there");
  }

  /** A string, and not an empty one. */
  private isName(number: number): boolean {
    return number < this.strings && this.raw.string(number) !== "";
  }

  private checkListeners(): number {
    const name = L.SECTION_LISTENERS;
    this.need(name, L.LISTENERS_BODY);
    const { start } = this.raw.area(name);
    const count = this.raw.u16(start);
    if (count > L.MAX_LISTENERS) fail(name, "has too many listeners");
    if (count === 0) fail(name, "has no listener");
    this.exactly(name, L.LISTENERS_BODY + count * L.LISTENER_ENTRY);
    const cookie = this.raw.u16(start + L.LISTENERS_SHARE_COOKIE);
    if (cookie !== L.NONE) {
      if (!this.isName(cookie)) fail(name, "has no proper name of the share's cookie");
      if (!this.cookies) fail(name, "cuts shares by a cookie, and HDRS has no cookie");
    }
    const names = new Set<string>();
    for (let i = 0; i < count; i++) {
      const at = start + L.LISTENERS_BODY + i * L.LISTENER_ENTRY;
      const called = this.raw.u16(at + L.LISTENER_NAME);
      const own =
        called === L.NONE ? count === 1 : this.isName(called) && !names.has(this.raw.string(called)!);
      if (!own) fail(name, `listener ${i} has no name of its own`);
      if (called !== L.NONE) names.add(this.raw.string(called)!);
      if (this.raw.u8(at + L.LISTENER_FLAGS) & ~L.FLAG_INTERNAL)
        fail(name, `listener ${i} has an unknown flag`);
      this.checkString(name, at + L.LISTENER_DATACENTRE, true);
      if (this.raw.u16(at + L.LISTENER_DEPLOYMENT) >= this.deployments)
        fail(name, `listener ${i} has no such deployment`);
      const { OUTCOME_DEPLOYMENT, OUTCOME_PASS, OUTCOME_REPLY, OUTCOME_RELEASE, OUTCOME_NEAR } = L;
      this.checkRange(i, at + L.LISTENER_ROUTES, [OUTCOME_DEPLOYMENT, OUTCOME_PASS, OUTCOME_REPLY]);
      this.checkRange(i, at + L.LISTENER_ASSETS, [OUTCOME_RELEASE]);
      this.checkRange(i, at + L.LISTENER_READS, [OUTCOME_NEAR]);
    }
    return count;
  }

  /** The rules of one of a listener's lists are there, and have such an outcome. */
  private checkRange(listener: number, at: number, outcomes: readonly number[]): void {
    const name = L.SECTION_LISTENERS;
    const first = this.raw.u16(at);
    const count = this.raw.u16(at + L.RANGE_COUNT);
    if (first + count > this.rules) fail(name, `listener ${listener} has rules that are not there`);
    const rules = this.raw.area(L.SECTION_RULES).start + L.RULES_BODY;
    for (let i = first; i < first + count; i++) {
      if (!outcomes.includes(this.raw.u8(rules + i * L.RULE_ENTRY + L.RULE_OUTCOME)))
        fail(name, `listener ${listener} has rules of a kind that does not go there`);
    }
  }

  private checkEmit(): number {
    const name = L.SECTION_EMIT;
    const count = this.checkList(name, L.EMIT_BODY, L.EMIT_ENTRY, L.EMIT_KINDS);
    let kinds = 0;
    const headers = new Set<number>();
    for (let i = 0; i < count; i++) {
      const at = this.raw.area(name).start + L.EMIT_BODY + i * L.EMIT_ENTRY;
      const kind = this.raw.u8(at + L.EMIT_KIND);
      if (kind >= L.EMIT_KINDS || kinds & (1 << kind))
        fail(name, `header ${i} is of an unknown or a second kind`);
      kinds |= 1 << kind;
      const header = this.raw.u8(at + L.EMIT_HEADER);
      if (header >= this.headers.length || headers.has(header))
        fail(name, `header ${i} is none of HDRS, or a second time the same`);
      headers.add(header);
    }
    if (!(kinds & (1 << L.EMIT_CLUSTER))) fail(name, "has no header for the cluster");
    return count;
  }

  private checkCanonical(): void {
    const name = L.SECTION_CANONICAL;
    const { start } = this.raw.area(name);
    if (this.canonicalRules > L.MAX_CANONICAL_RULES) fail(name, "has too many rules");
    const rules = L.CANONICAL_BODY + this.canonicalRules * L.CANONICAL_RULE;
    this.exactly(name, rules + this.exceptions * L.EXCEPTION_ENTRY);
    for (let i = 0; i < this.canonicalRules; i++) {
      const at = start + L.CANONICAL_BODY + i * L.CANONICAL_RULE;
      this.checkString(name, at + L.CANONICAL_TAIL);
      this.checkString(name, at + L.CANONICAL_SUFFIX);
      if (this.raw.u8(at + L.CANONICAL_FLAGS) & ~L.FLAG_DASHES) fail(name, `rule ${i} has an unknown flag`);
    }
    for (let i = 0; i < this.exceptions; i++) {
      const at = start + rules + i * L.EXCEPTION_ENTRY;
      const slot = this.raw.u32(at + L.EXCEPTION_SLOT);
      if (i > 0 && slot <= this.raw.u32(at - L.EXCEPTION_ENTRY + L.EXCEPTION_SLOT))
        fail(name, `exception ${i} is out of order`);
      const value = this.raw.u32(at + L.EXCEPTION_VALUE);
      const host = value - this.canonicalRules;
      const there = value === L.NO_HOST || host < 0 || this.isFilled(this.hosts, host);
      if (!there || !this.isFilled(this.wikis, slot)) fail(name, `exception ${i} is out of bounds`);
    }
  }

  private isFilled(set: KeySet, slot: number): boolean {
    return slot < set.slots && this.raw.entryField(set, slot, 0, set.labelBits) !== emptyLabel(set);
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

/** Whether such a test may be put to that part of a request. */
function goTogether(subject: number, test: number): boolean {
  switch (subject) {
    case L.SUBJECT_HOST:
      return test === L.TEST_EXACT || test === L.TEST_SUFFIX || test === L.TEST_ADDRESS;
    case L.SUBJECT_PATH:
      return test === L.TEST_EXACT || test === L.TEST_PREFIX || test === L.TEST_UNDER;
    case L.SUBJECT_METHOD:
      return test === L.TEST_EXACT || test === L.TEST_PREFIX;
    case L.SUBJECT_COOKIE:
    case L.SUBJECT_QUERY:
      return test === L.TEST_EXACT || test === L.TEST_PREFIX || test === L.TEST_PRESENT;
    case L.SUBJECT_HEADER:
      if (test === L.TEST_CONTAINS || test === L.TEST_OPTION) return true;
      return test === L.TEST_EXACT || test === L.TEST_PREFIX || test === L.TEST_PRESENT;
    default:
      return false;
  }
}
