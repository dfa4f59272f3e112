import * as L from "../../assembly/layout.ts";
import { CheckedSections, checkContainer } from "./check.ts";
import { digestOf } from "./container.ts";
import { hashKey, slotOf } from "./hash.ts";
import { type KeySet, TableBytes } from "./table-bytes.ts";

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
  readonly ruleCount: number;
  readonly deploymentCount: number;
  readonly defaultDeployment: number;
  readonly releaseCount: number;
  readonly defaultRelease: number;
  readonly placementCount: number;
  readonly emitCount: number;
  private readonly raw: TableBytes;

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
    this.ruleCount = checked.rules;
    this.deploymentCount = checked.deployments;
    this.defaultDeployment = checked.defaultDeployment;
    this.releaseCount = checked.releases;
    this.defaultRelease = checked.defaultRelease;
    this.placementCount = checked.placements;
    this.emitCount = checked.emit;
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
    const at = set.displacements + (a % set.buckets) * set.displacementBytes;
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

  readAs(number: number): { labels: number; from: string; to: string } {
    const at = this.raw.area(L.SECTION_READ_AS).start + L.READ_AS_BODY + number * L.READ_AS_ENTRY;
    const from = this.string(this.raw.u16(at + L.READ_AS_FROM))!;
    return {
      labels: this.raw.u16(at + L.READ_AS_LABELS),
      from,
      to: this.string(this.raw.u16(at + L.READ_AS_TO))!,
    };
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

  rule(number: number): {
    when: { subject: number; test: number; value: string | null }[];
    outcome: number;
    value: number;
  } {
    const section = this.raw.area(L.SECTION_RULES).start;
    const at = section + L.RULES_BODY + number * L.RULE_ENTRY;
    const first = this.raw.u16(at + L.RULE_FIRST_PREDICATE);
    const predicates = section + L.RULES_BODY + this.ruleCount * L.RULE_ENTRY + first * L.PREDICATE_ENTRY;
    return {
      when: Array.from({ length: this.raw.u8(at + L.RULE_PREDICATES) }, (_, i) => {
        const entry = predicates + i * L.PREDICATE_ENTRY;
        return {
          subject: this.raw.u8(entry + L.PREDICATE_SUBJECT),
          test: this.raw.u8(entry + L.PREDICATE_TEST),
          value: this.string(this.raw.u16(entry + L.PREDICATE_VALUE)),
        };
      }),
      outcome: this.raw.u8(at + L.RULE_OUTCOME),
      value: this.raw.u16(at + L.RULE_VALUE),
    };
  }

  deployment(number: number): string {
    return this.string(
      this.raw.u16(this.raw.area(L.SECTION_DEPLOYMENTS).start + L.DEPLOYMENTS_BODY + 2 * number),
    )!;
  }

  cluster(deployment: number, release: number): string {
    const clusters =
      this.raw.area(L.SECTION_DEPLOYMENTS).start + L.DEPLOYMENTS_BODY + 2 * this.deploymentCount;
    return this.string(this.raw.u16(clusters + 2 * (deployment * this.releaseCount + release)))!;
  }

  release(number: number): { name: string; version: string } {
    const at = this.raw.area(L.SECTION_RELEASES).start + L.RELEASES_BODY + number * L.RELEASE_ENTRY;
    const name = this.string(this.raw.u16(at + L.RELEASE_NAME))!;
    return { name, version: this.string(this.raw.u16(at + L.RELEASE_VERSION))! };
  }

  placement(number: number): { release: number; group: string | null } {
    const releases = this.raw.area(L.SECTION_RELEASES).start + L.RELEASES_BODY;
    const at = releases + this.releaseCount * L.RELEASE_ENTRY + number * L.PLACEMENT_ENTRY;
    const group = this.string(this.raw.u16(at + L.PLACEMENT_GROUP));
    return { release: this.raw.u16(at + L.PLACEMENT_RELEASE), group };
  }

  emit(number: number): { kind: number; name: string } {
    const at = this.raw.area(L.SECTION_EMIT).start + L.EMIT_BODY + number * L.EMIT_ENTRY;
    return { kind: this.raw.u8(at + L.EMIT_KIND), name: this.string(this.raw.u16(at + L.EMIT_NAME))! };
  }

  /** The digest is true: not checked on opening, since the checksum already guards against accidents. */
  digestHolds(): boolean {
    const sections = this.sections.map(({ name }) => ({ name, bytes: this.section(name)! }));
    return Buffer.from(digestOf(sections)).toString("hex") === this.digest;
  }
}
