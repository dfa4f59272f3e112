import * as L from "../../assembly/layout.ts";
import { digestOf } from "../encode/container.ts";
import type { Placement } from "../encode/limits.ts";
import type { Range } from "../encode/rule-lists.ts";
import type { CanonicalRule, Jobs, Reply, Wikiless } from "../plan.ts";
import { CheckedSections, checkContainer } from "./check.ts";
import { hashKey, partOf, slotOf } from "./hash.ts";
import { type KeySet, TableBytes } from "./table-bytes.ts";

export type TableReadAs =
  | { kind: "suffix"; labels: number; from: string; to: string }
  | { kind: "path"; from: string; under: string };

export interface TablePredicate {
  /** SUBJECT_… and TEST_… of the layout. */
  subject: number;
  test: number;
  not: boolean;
  /** Of a header, a cookie, a parameter. */
  name: string | null;
  /** Of TEST_OPTION the option's name comes first. */
  values: string[];
}

export interface TableRule {
  when: TablePredicate[];
  /** OUTCOME_… of the layout. */
  outcome: number;
  value: number;
  wiki: "host" | "body" | "none";
  debug: boolean;
}

export interface TableListener {
  name: string | null;
  internal: boolean;
  datacentre: string | null;
  /** When no rule matches. */
  deployment: number;
  routes: Range;
  assets: Range;
  reads: Range;
}

/** Outcome of a request without a wiki: OUTCOME_RELEASE or OUTCOME_REPLY. */
export interface TableOutcome {
  outcome: number;
  value: number;
}

/** A table, read in place. What opening it has checked, look-ups trust. */
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
  /** Names in HDRS, by number. */
  readonly headers: readonly string[];
  /** An internal listener's X-Forwarded-For says who asked. */
  readonly readsForwarded: boolean;
  readonly ruleCount: number;
  readonly listeners: readonly TableListener[];
  /** Name of the cookie that a share is cut by; null: by the client's address. */
  readonly shareCookie: string | null;
  readonly replyCount: number;
  readonly deploymentCount: number;
  readonly releaseCount: number;
  readonly defaultRelease: number;
  readonly placementCount: number;
  readonly emitCount: number;
  /** null where no rule reads bodies. */
  readonly jobs: Jobs | null;
  readonly canonicalRuleCount: number;
  readonly exceptionCount: number;
  private readonly raw: TableBytes;
  /** Rules that were asked for. */
  private readonly known: TableRule[] = [];

  /** Throws TableError. */
  constructor(readonly bytes: Uint8Array) {
    const areas = checkContainer(bytes);
    this.sections = [...areas].map(([name, area]) => ({ name, ...area }));
    this.raw = new TableBytes(bytes, areas);
    this.generation = this.raw.u32(L.HEADER_GENERATION);
    this.digest = Buffer.from(bytes.subarray(L.HEADER_DIGEST, L.HEADER_DIGEST + L.DIGEST_BYTES)).toString(
      "hex",
    );
    const checked = new CheckedSections(this.raw);
    this.strings = checked.strings;
    this.labelCount = checked.labels;
    this.wikis = checked.wikis;
    this.hosts = checked.hosts;
    this.readAsCount = checked.readAs;
    this.patternCount = checked.patterns;
    this.pathCount = checked.paths;
    this.headers = checked.headers;
    this.readsForwarded = checked.forwarded;
    this.ruleCount = checked.rules;
    this.listeners = Array.from({ length: checked.listeners }, (_, i) => this.listener(i));
    const listeners = this.raw.area(L.SECTION_LISTENERS).start;
    this.shareCookie = this.string(this.raw.u16(listeners + L.LISTENERS_SHARE_COOKIE));
    this.replyCount = checked.replies;
    this.deploymentCount = checked.deployments;
    this.releaseCount = checked.releases;
    this.defaultRelease = checked.defaultRelease;
    this.placementCount = checked.placements;
    this.emitCount = checked.emit;
    this.jobs = this.readJobs();
    this.canonicalRuleCount = checked.canonicalRules;
    this.exceptionCount = checked.exceptions;
  }

  /** Text of string `number`; null for NONE. */
  string(number: number): string | null {
    return this.raw.string(number);
  }

  /** Key in a slot, null for an empty one. */
  key(set: KeySet, slot: number): string | null {
    return this.raw.key(set, slot);
  }

  value(set: KeySet, slot: number): number {
    return this.raw.value(set, slot);
  }

  /** Bytes of a section, null where the table has none of that name. */
  section(name: number): Uint8Array | null {
    const area = this.sections.find((section) => section.name === name);
    return area ? this.bytes.subarray(area.start, area.start + area.length) : null;
  }

  /** Slot of a key, -1 where the set has no such key. */
  find(set: KeySet, key: string): number {
    if (set.slots === 0) return -1;
    const { a, b } = hashKey(key, set.seed);
    const at = set.displacements + partOf(a, set.buckets) * set.displacementBytes;
    const slot = slotOf(a, b, this.raw.uint(at, set.displacementBytes), set.slots);
    return this.key(set, slot) === key ? slot : -1;
  }

  /** Every key of a set and its slot, in no order that means anything. */
  *keys(set: KeySet): Generator<{ key: string; slot: number }> {
    for (let slot = 0; slot < set.slots; slot++) {
      const key = this.key(set, slot);
      if (key !== null) yield { key, slot };
    }
  }

  readAs(number: number): TableReadAs {
    const at = this.raw.area(L.SECTION_READ_AS).start + L.READ_AS_BODY + number * L.READ_AS_ENTRY;
    const from = this.string(this.raw.u16(at + L.READ_AS_FROM))!;
    const to = this.string(this.raw.u16(at + L.READ_AS_TO))!;
    if (this.raw.u8(at + L.READ_AS_KIND) === L.READ_AS_PATH) return { kind: "path", from, under: to };
    return { kind: "suffix", labels: this.raw.u16(at + L.READ_AS_LABELS), from, to };
  }

  pattern(number: number): {
    kind: number;
    dashes: boolean;
    suffix: string;
    tail: string | null;
    target: number;
  } {
    const at = this.raw.area(L.SECTION_PATTERNS).start + L.PATTERNS_BODY + number * L.PATTERN_ENTRY;
    return {
      kind: this.raw.u8(at + L.PATTERN_KIND),
      dashes: (this.raw.u8(at + L.PATTERN_FLAGS) & L.FLAG_DASHES) !== 0,
      suffix: this.string(this.raw.u16(at + L.PATTERN_SUFFIX))!,
      tail: this.string(this.raw.u16(at + L.PATTERN_TAIL)),
      target: this.raw.u32(at + L.PATTERN_TARGET),
    };
  }

  path(number: number): {
    flags: number;
    segments: number;
    parts: number[];
    replacements: { segment: number; from: string; to: string }[];
  } {
    const section = this.raw.area(L.SECTION_PATHS).start;
    const at = section + L.PATHS_BODY + number * L.PATH_ENTRY;
    const first = this.raw.u16(at + L.PATH_FIRST_REPLACEMENT);
    const count = this.raw.u16(at + L.PATH_REPLACEMENTS);
    const replacements = section + L.PATHS_BODY + this.pathCount * L.PATH_ENTRY + first * L.REPLACEMENT_ENTRY;
    return {
      flags: this.raw.u8(at + L.PATH_FLAGS),
      segments: this.raw.u8(at + L.PATH_SEGMENTS),
      parts: Array.from({ length: this.raw.u8(at + L.PATH_PARTS) }, (_, i) =>
        this.raw.u8(at + L.PATH_PART + i),
      ),
      replacements: Array.from({ length: count }, (_, i) => {
        const entry = replacements + i * L.REPLACEMENT_ENTRY;
        const from = this.string(this.raw.u16(entry + L.REPLACEMENT_FROM))!;
        const to = this.string(this.raw.u16(entry + L.REPLACEMENT_TO))!;
        return { segment: this.raw.u8(entry + L.REPLACEMENT_SEGMENT), from, to };
      }),
    };
  }

  rule(number: number): TableRule {
    this.known[number] ??= this.readRule(number);
    return this.known[number];
  }

  private readRule(number: number): TableRule {
    const section = this.raw.area(L.SECTION_RULES).start;
    const at = section + L.RULES_BODY + number * L.RULE_ENTRY;
    const first = this.raw.u16(at + L.RULE_FIRST_PREDICATE);
    const predicates = section + L.RULES_BODY + this.ruleCount * L.RULE_ENTRY + first * L.PREDICATE_ENTRY;
    const flags = this.raw.u8(at + L.RULE_FLAGS);
    return {
      when: Array.from({ length: this.raw.u8(at + L.RULE_PREDICATES) }, (_, i) =>
        this.readPredicate(predicates + i * L.PREDICATE_ENTRY),
      ),
      outcome: this.raw.u8(at + L.RULE_OUTCOME),
      value: this.raw.u16(at + L.RULE_VALUE),
      wiki: flags & L.FLAG_BODY ? "body" : flags & L.FLAG_NO_WIKI ? "none" : "host",
      debug: (flags & L.FLAG_DEBUG) !== 0,
    };
  }

  private readPredicate(at: number): TablePredicate {
    const subject = this.raw.u8(at + L.PREDICATE_SUBJECT);
    const test = this.raw.u8(at + L.PREDICATE_TEST);
    const name = this.raw.u16(at + L.PREDICATE_NAME);
    const first = this.raw.u16(at + L.PREDICATE_FIRST_VALUE);
    return {
      subject,
      test: test & ~L.TEST_NOT,
      not: (test & L.TEST_NOT) !== 0,
      name: subject === L.SUBJECT_HEADER ? this.headers[name]! : this.string(name),
      values: Array.from(
        { length: this.raw.u16(at + L.PREDICATE_VALUES) },
        (_, i) => this.string(first + i)!,
      ),
    };
  }

  private listener(number: number): TableListener {
    const at = this.raw.area(L.SECTION_LISTENERS).start + L.LISTENERS_BODY + number * L.LISTENER_ENTRY;
    const range = (from: number): Range => ({
      first: this.raw.u16(at + from),
      count: this.raw.u16(at + from + L.RANGE_COUNT),
    });
    return {
      name: this.string(this.raw.u16(at + L.LISTENER_NAME)),
      internal: (this.raw.u8(at + L.LISTENER_FLAGS) & L.FLAG_INTERNAL) !== 0,
      datacentre: this.string(this.raw.u16(at + L.LISTENER_DATACENTRE)),
      deployment: this.raw.u16(at + L.LISTENER_DEPLOYMENT),
      routes: range(L.LISTENER_ROUTES),
      assets: range(L.LISTENER_ASSETS),
      reads: range(L.LISTENER_READS),
    };
  }

  reply(number: number): Reply {
    const at = this.raw.area(L.SECTION_REPLIES).start + L.REPLIES_BODY + number * L.REPLY_ENTRY;
    return {
      status: this.raw.u16(at + L.REPLY_STATUS),
      body: this.string(this.raw.u16(at + L.REPLY_TEXT))!,
    };
  }

  /** Name, and the number of the twin for reads outside the primary data centre. */
  deployment(number: number): { name: string; near: number | null } {
    const body = this.raw.area(L.SECTION_DEPLOYMENTS).start + L.DEPLOYMENTS_BODY;
    const at = body + number * L.DEPLOYMENT_ENTRY;
    const near = this.raw.u16(at + L.DEPLOYMENT_NEAR);
    return {
      name: this.string(this.raw.u16(at + L.DEPLOYMENT_NAME))!,
      near: near === L.NONE ? null : near,
    };
  }

  cluster(deployment: number, release: number): string {
    const body = this.raw.area(L.SECTION_DEPLOYMENTS).start + L.DEPLOYMENTS_BODY;
    const clusters = body + this.deploymentCount * L.DEPLOYMENT_ENTRY;
    return this.string(this.raw.u16(clusters + 2 * (deployment * this.releaseCount + release)))!;
  }

  release(number: number): { name: string; version: string } {
    const at = this.raw.area(L.SECTION_RELEASES).start + L.RELEASES_BODY + number * L.RELEASE_ENTRY;
    const name = this.string(this.raw.u16(at + L.RELEASE_NAME))!;
    return { name, version: this.string(this.raw.u16(at + L.RELEASE_VERSION))! };
  }

  /** What becomes of a request without a wiki. */
  wikiless(what: Wikiless): TableOutcome {
    const at = this.raw.area(L.SECTION_RELEASES).start + WIKILESS[what];
    return { outcome: this.raw.u8(at), value: this.raw.u16(at + L.OUTCOME_VALUE) };
  }

  placement(number: number): Placement {
    const releases = this.raw.area(L.SECTION_RELEASES).start + L.RELEASES_BODY;
    const at = releases + this.releaseCount * L.RELEASE_ENTRY + number * L.PLACEMENT_ENTRY;
    const group = this.string(this.raw.u16(at + L.PLACEMENT_GROUP));
    const installed = (this.raw.u8(at + L.PLACEMENT_FLAGS) & L.FLAG_NOT_INSTALLED) === 0;
    return { release: this.raw.u16(at + L.PLACEMENT_RELEASE), group, installed };
  }

  emit(number: number): { kind: number; name: string } {
    const at = this.raw.area(L.SECTION_EMIT).start + L.EMIT_BODY + number * L.EMIT_ENTRY;
    return {
      kind: this.raw.u8(at + L.EMIT_KIND),
      name: this.headers[this.raw.u8(at + L.EMIT_HEADER)]!,
    };
  }

  private readJobs(): Jobs | null {
    const at = this.raw.area(L.SECTION_JOBS).start;
    const field = this.string(this.raw.u16(at + L.JOBS_FIELD));
    if (field === null) return null;
    const host = HOST_MODES[this.raw.u8(at + L.JOBS_HOST)]!;
    return { field, limit: this.raw.u32(at + L.JOBS_LIMIT), host };
  }

  canonicalRule(number: number): CanonicalRule {
    const at = this.raw.area(L.SECTION_CANONICAL).start + L.CANONICAL_BODY + number * L.CANONICAL_RULE;
    return {
      tail: this.string(this.raw.u16(at + L.CANONICAL_TAIL))!,
      suffix: this.string(this.raw.u16(at + L.CANONICAL_SUFFIX))!,
      dashes: (this.raw.u8(at + L.CANONICAL_FLAGS) & L.FLAG_DASHES) !== 0,
    };
  }

  /** The slot of a wiki, and which host is its own: a rule's number, a host, or (null) none. */
  exception(number: number): { slot: number; host: number | string | null } {
    const rules = this.raw.area(L.SECTION_CANONICAL).start + L.CANONICAL_BODY;
    const at = rules + this.canonicalRuleCount * L.CANONICAL_RULE + number * L.EXCEPTION_ENTRY;
    const slot = this.raw.u32(at + L.EXCEPTION_SLOT);
    const value = this.raw.u32(at + L.EXCEPTION_VALUE);
    if (value === L.NO_HOST) return { slot, host: null };
    if (value < this.canonicalRuleCount) return { slot, host: value };
    return { slot, host: this.key(this.hosts, value - this.canonicalRuleCount) };
  }

  /** The digest is true: not checked on opening, since the checksum already guards against accidents. */
  digestHolds(): boolean {
    const sections = this.sections.map(({ name }) => ({ name, bytes: this.section(name)! }));
    return Buffer.from(digestOf(sections)).toString("hex") === this.digest;
  }
}

const WIKILESS: Record<Wikiless, number> = {
  noHost: L.RELEASES_NO_HOST,
  missing: L.RELEASES_MISSING,
  notInstalled: L.RELEASES_NOT_INSTALLED,
};

/** By HOST_… of the layout. */
const HOST_MODES: readonly Jobs["host"][] = ["never", "if-unknown", "always"];
