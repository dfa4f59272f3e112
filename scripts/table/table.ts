/**
 * A table, read in place: where each section lies, and the look-ups. Opening it checks it; look-ups trust that. What it
 * says is told in the plan's types; where these have a wiki's number, it is the wiki's slot in WIKI here.
 */
import * as L from "../../assembly/layout.ts";
import type { KeySetShape } from "../../assembly/section-reader.ts";
import type {
  CanonicalRule,
  Deployment,
  Destination,
  EmitKind,
  Jobs,
  Listener,
  PathForm,
  Pattern,
  Placement,
  Release,
  Reply,
  Rewrite,
  Rule,
  Wikiless,
  WikilessOutcome,
} from "../plan.ts";
import { TableChecker } from "./check.ts";
import { hashKey, partOf, slotOf } from "./hash.ts";
import { readRule } from "./read-rule.ts";
import { type Area, TableBytes } from "./table-bytes.ts";
import { EMIT_KINDS, HOST_MODES, nameOf, WIKILESS } from "./wire.ts";

export type KeySet = KeySetShape;

/** The last that a table has room for. */
export const MAX_GENERATION = 2 ** 32 - 1;

/** `count` rules of the table from number `first` on. */
export interface Range {
  first: number;
  count: number;
}

/** A listener, and which rules of the table it has. */
export interface TableListener extends Omit<Listener, "routes" | "assets" | "reads"> {
  routes: Range;
  assets: Range;
  reads: Range;
}

export class Table {
  readonly generation: number;
  /** Hexadecimal, 2 × DIGEST_BYTES characters. */
  readonly digest: string;
  /** In the directory's order. */
  readonly sections: readonly Area[];
  readonly stringCount: number;
  readonly stemCount: number;
  readonly wikis: KeySet;
  readonly hosts: KeySet;
  readonly rewriteCount: number;
  readonly patternCount: number;
  readonly pathCount: number;
  readonly elseCount: number;
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
  readonly emit: readonly { kind: EmitKind; name: string }[];
  /** null where no rule reads bodies. */
  readonly jobs: Jobs | null;
  readonly canonicalRuleCount: number;
  readonly exceptionCount: number;
  private readonly raw: TableBytes;
  /** Rules that were asked for. */
  private readonly known: Rule[] = [];

  /** Throws TableError. @param raw through which the bytes are read */
  constructor(
    readonly bytes: Uint8Array,
    raw: TableBytes = new TableBytes(bytes),
  ) {
    const checked = new TableChecker(raw);
    checked.check();
    this.raw = raw;
    this.generation = raw.u32(L.HEADER_GENERATION);
    this.digest = hexOf(bytes.subarray(L.HEADER_DIGEST, L.HEADER_DIGEST + L.DIGEST_BYTES));
    this.sections = raw.areas();
    this.stringCount = checked.strings;
    this.stemCount = checked.stems;
    this.wikis = checked.wikis;
    this.hosts = checked.hosts;
    this.rewriteCount = raw.u32(this.start(L.SECTION_REWRITES));
    this.patternCount = raw.u32(this.start(L.SECTION_PATTERNS));
    this.pathCount = checked.paths;
    this.elseCount = checked.elses;
    this.headers = Array.from({ length: checked.headers }, (_, i) =>
      this.text(this.start(L.SECTION_HEADERS) + L.HEADERS_BODY + 2 * i),
    );
    this.readsForwarded = checked.forwardedHeader !== L.NONE;
    this.ruleCount = checked.rules;
    const listeners = this.start(L.SECTION_LISTENERS);
    this.listeners = Array.from({ length: raw.u16(listeners) }, (_, i) => this.listener(i));
    this.shareCookie = this.textOrNull(listeners + L.LISTENERS_SHARE_COOKIE);
    this.replyCount = checked.replies;
    this.deploymentCount = checked.deployments;
    this.releaseCount = checked.releases;
    this.defaultRelease = raw.u16(this.start(L.SECTION_RELEASES) + L.RELEASES_DEFAULT);
    this.placementCount = raw.u16(this.start(L.SECTION_RELEASES) + L.RELEASES_PLACEMENTS);
    this.emit = Array.from({ length: raw.u32(this.start(L.SECTION_EMIT)) }, (_, i) => this.emitted(i));
    this.jobs = this.readJobs();
    const canonical = this.start(L.SECTION_CANONICAL);
    this.canonicalRuleCount = raw.u16(canonical);
    this.exceptionCount = raw.u32(canonical + L.CANONICAL_EXCEPTIONS);
  }

  private start(section: number): number {
    return this.raw.area(section).start;
  }

  /** The text of the string whose number stands at `at`. */
  private text(at: number): string {
    return this.raw.string(this.raw.u16(at))!;
  }

  private textOrNull(at: number): string | null {
    return this.raw.string(this.raw.u16(at));
  }

  /** The names section (JSON for people); null for a stripped table. */
  get names(): Uint8Array | null {
    return this.section(L.SECTION_NAMES);
  }

  /** Bytes of a section, null where the table has none of that name. */
  section(name: number): Uint8Array | null {
    const area = this.sections.find((section) => section.name === name);
    return area ? this.bytes.subarray(area.start, area.start + area.length) : null;
  }

  // ---- Keys -------------------------------------------------------------------------------------------------

  /** Key in a slot, null for an empty one. */
  key(set: KeySet, slot: number): string | null {
    return this.raw.key(set, slot);
  }

  value(set: KeySet, slot: number): number {
    return this.raw.value(set, slot);
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

  /** What a wiki's entry says. @param slot in WIKI */
  placement(slot: number): Placement {
    return this.placementOf(this.value(this.wikis, slot));
  }

  /** Of the placements, which wikis share. @param number the value of a wiki's entry */
  placementOf(number: number): Placement {
    const at = this.placementAt(number);
    const flags = this.raw.u8(at + L.PLACEMENT_FLAGS);
    return {
      release: this.raw.u16(at + L.PLACEMENT_RELEASE),
      group: this.textOrNull(at + L.PLACEMENT_GROUP),
      installed: (flags & L.PLACEMENT_FLAG_NOT_INSTALLED) === 0,
    };
  }

  /** Number of a wiki's release. @param slot in WIKI */
  releaseOf(slot: number): number {
    return this.raw.u16(this.placementAt(this.value(this.wikis, slot)) + L.PLACEMENT_RELEASE);
  }

  private placementAt(number: number): number {
    const releases = this.start(L.SECTION_RELEASES) + L.RELEASES_BODY + this.releaseCount * L.RELEASE_ENTRY;
    return releases + number * L.PLACEMENT_ENTRY;
  }

  /** Where an exact host leads. @param slot in HOST */
  destinationOf(slot: number): Destination {
    return this.destination(this.value(this.hosts, slot));
  }

  private destination(number: number): Destination {
    if (number < this.wikis.slots) return { wiki: number };
    const path = number - this.wikis.slots;
    if (path < this.pathCount) return { path };
    return path - this.pathCount < this.elseCount ? this.either(path - this.pathCount) : null;
  }

  /** A path form, or else a wiki. */
  private either(number: number): { path: number; else: number } {
    const { start, length } = this.raw.area(L.SECTION_PATHS);
    const at = start + length - (this.elseCount - number) * L.ELSE_ENTRY;
    return { path: this.raw.u16(at + L.ELSE_FORM), else: this.raw.u32(at + L.ELSE_WIKI) };
  }

  /** ID of the wiki in a slot of WIKI. */
  wiki(slot: number): string {
    return this.key(this.wikis, slot)!;
  }

  // ---- Lists ------------------------------------------------------------------------------------------------

  rewrite(number: number): Rewrite {
    const at = this.start(L.SECTION_REWRITES) + L.REWRITES_BODY + number * L.REWRITE_ENTRY;
    const from = this.text(at + L.REWRITE_FROM);
    const to = this.text(at + L.REWRITE_TO);
    if (this.raw.u8(at + L.REWRITE_KIND) === L.REWRITE_PATH) return { kind: "path", from, under: to };
    const prefix = this.textOrNull(at + L.REWRITE_PREFIX) ?? "";
    return { kind: "suffix", prefix, labels: this.raw.u16(at + L.REWRITE_LABELS), from, to };
  }

  pattern(number: number): Pattern {
    const at = this.start(L.SECTION_PATTERNS) + L.PATTERNS_BODY + number * L.PATTERN_ENTRY;
    const kind = this.raw.u8(at + L.PATTERN_KIND);
    const suffix = this.text(at + L.PATTERN_SUFFIX);
    const destination = this.raw.u32(at + L.PATTERN_DESTINATION);
    if (kind === L.PATTERN_FIXED)
      return { kind: "fixed", suffix, destination: this.destination(destination) };
    const stem = {
      prefix: this.textOrNull(at + L.PATTERN_PREFIX) ?? "",
      suffix,
      dashes: (this.raw.u8(at + L.PATTERN_FLAGS) & L.KEY_FLAG_DASHES) !== 0,
      path: destination === L.NO_DESTINATION ? null : destination - this.wikis.slots,
    };
    return kind === L.PATTERN_JOIN
      ? { kind: "join", ...stem, tail: this.text(at + L.PATTERN_TAIL) }
      : { kind: "family", ...stem };
  }

  path(number: number): PathForm {
    const section = this.start(L.SECTION_PATHS);
    const at = section + L.PATHS_BODY + number * L.PATH_ENTRY;
    const flags = this.raw.u8(at + L.PATH_FLAGS);
    const first = this.raw.u16(at + L.PATH_FIRST_REPLACEMENT);
    const count = this.raw.u16(at + L.PATH_REPLACEMENTS);
    const replacements = section + L.PATHS_BODY + this.pathCount * L.PATH_ENTRY + first * L.REPLACEMENT_ENTRY;
    return {
      target: (flags & L.PATH_FLAG_TARGET) !== 0,
      segments: Array.from({ length: this.raw.u8(at + L.PATH_SEGMENTS) }, (_, i) =>
        this.textOrNull(at + L.PATH_LITERAL + 2 * i),
      ),
      closed: (flags & L.PATH_FLAG_CLOSED) !== 0,
      parts: Array.from({ length: this.raw.u8(at + L.PATH_PARTS) }, (_, i) =>
        this.raw.u8(at + L.PATH_PART + i),
      ),
      dashes: (flags & L.KEY_FLAG_DASHES) !== 0,
      lower: (flags & L.PATH_FLAG_LOWER) !== 0,
      replacements: Array.from({ length: count }, (_, i) => {
        const entry = replacements + i * L.REPLACEMENT_ENTRY;
        return {
          segment: this.raw.u8(entry + L.REPLACEMENT_SEGMENT),
          from: this.text(entry + L.REPLACEMENT_FROM),
          to: this.text(entry + L.REPLACEMENT_TO),
        };
      }),
    };
  }

  rule(number: number): Rule {
    this.known[number] ??= readRule(this.raw, this.headers, number);
    return this.known[number];
  }

  /** Of the outcomes that a list may hold, the checker has seen to it. */
  rules<Outcome extends Rule["outcome"]>({ first, count }: Range): Rule<Outcome>[] {
    return Array.from({ length: count }, (_, i) => this.rule(first + i) as Rule<Outcome>);
  }

  private listener(number: number): TableListener {
    const at = this.start(L.SECTION_LISTENERS) + L.LISTENERS_BODY + number * L.LISTENER_ENTRY;
    const range = (from: number): Range => ({
      first: this.raw.u16(at + from),
      count: this.raw.u16(at + from + L.RANGE_COUNT),
    });
    return {
      name: this.textOrNull(at + L.LISTENER_NAME),
      trust: this.raw.u8(at + L.LISTENER_FLAGS) & L.LISTENER_FLAG_INTERNAL ? "internal" : "edge",
      datacentre: this.textOrNull(at + L.LISTENER_DATACENTRE),
      deployment: this.raw.u16(at + L.LISTENER_DEPLOYMENT),
      routes: range(L.LISTENER_ROUTES),
      assets: range(L.LISTENER_ASSETS),
      reads: range(L.LISTENER_READS),
      trustedHops: this.raw.u8(at + L.LISTENER_TRUSTED_HOPS),
    };
  }

  reply(number: number): Reply {
    const at = this.start(L.SECTION_REPLIES) + L.REPLIES_BODY + number * L.REPLY_ENTRY;
    return { status: this.raw.u16(at + L.REPLY_STATUS), body: this.text(at + L.REPLY_TEXT) };
  }

  deployment(number: number): Deployment {
    const at = this.start(L.SECTION_DEPLOYMENTS) + L.DEPLOYMENTS_BODY + number * L.DEPLOYMENT_ENTRY;
    const readOnly = this.raw.u16(at + L.DEPLOYMENT_READ_ONLY);
    return { name: this.text(at + L.DEPLOYMENT_NAME), readOnly: readOnly === L.NONE ? null : readOnly };
  }

  cluster(deployment: number, release: number): string {
    const body = this.start(L.SECTION_DEPLOYMENTS) + L.DEPLOYMENTS_BODY;
    const clusters = body + this.deploymentCount * L.DEPLOYMENT_ENTRY;
    return this.text(clusters + 2 * (deployment * this.releaseCount + release));
  }

  release(number: number): Release {
    const at = this.start(L.SECTION_RELEASES) + L.RELEASES_BODY + number * L.RELEASE_ENTRY;
    return { name: this.text(at + L.RELEASE_NAME), version: this.text(at + L.RELEASE_VERSION) };
  }

  /** What becomes of a request without a wiki. */
  wikiless(what: Wikiless): WikilessOutcome {
    const at = this.start(L.SECTION_RELEASES) + WIKILESS[what];
    const value = this.raw.u16(at + L.OUTCOME_VALUE);
    return this.raw.u8(at) === L.OUTCOME_REPLY ? { reply: value } : { release: value };
  }

  private emitted(number: number): { kind: EmitKind; name: string } {
    const at = this.start(L.SECTION_EMIT) + L.EMIT_BODY + number * L.EMIT_ENTRY;
    return {
      kind: nameOf(EMIT_KINDS, this.raw.u8(at + L.EMIT_KIND)),
      name: this.headers[this.raw.u8(at + L.EMIT_HEADER)]!,
    };
  }

  private readJobs(): Jobs | null {
    const at = this.start(L.SECTION_JOBS);
    const field = this.textOrNull(at + L.JOBS_FIELD);
    if (field === null) return null;
    const host = nameOf(HOST_MODES, this.raw.u8(at + L.JOBS_HOST));
    return {
      field,
      limit: this.raw.u32(at + L.JOBS_LIMIT),
      host,
      heldBytes: this.raw.u32(at + L.JOBS_HELD_BYTES),
      heldStreams: this.raw.u16(at + L.JOBS_HELD_STREAMS),
      heldSeconds: this.raw.u16(at + L.JOBS_HELD_SECONDS),
    };
  }

  canonicalRule(number: number): CanonicalRule {
    const at = this.start(L.SECTION_CANONICAL) + L.CANONICAL_BODY + number * L.CANONICAL_RULE;
    return {
      tail: this.text(at + L.CANONICAL_TAIL),
      suffix: this.text(at + L.CANONICAL_SUFFIX),
      dashes: (this.raw.u8(at + L.CANONICAL_FLAGS) & L.CANONICAL_FLAG_DASHES) !== 0,
    };
  }

  /** The slot of a wiki, and which host is its canonical one: a rule's number, a host, or (null) none. */
  exception(number: number): { slot: number; host: number | string | null } {
    const rules = this.start(L.SECTION_CANONICAL) + L.CANONICAL_BODY;
    const at = rules + this.canonicalRuleCount * L.CANONICAL_RULE + number * L.EXCEPTION_ENTRY;
    const slot = this.raw.u32(at + L.EXCEPTION_SLOT);
    const value = this.raw.u32(at + L.EXCEPTION_VALUE);
    if (value === L.NO_CANONICAL_HOST) return { slot, host: null };
    if (value < this.canonicalRuleCount) return { slot, host: value };
    return { slot, host: this.key(this.hosts, value - this.canonicalRuleCount) };
  }
}

export function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
