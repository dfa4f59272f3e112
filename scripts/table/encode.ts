import * as L from "../../assembly/layout.ts";
import { assemble, type Section } from "./container.ts";
import { chooseSuffixes, placeKeys, splitKey } from "./keyset.ts";
import { limitsOf, placementsOf } from "./limits.ts";
import { EMIT_KIND_NAMES, type EmitKind, type Plan, type Predicate, type Target } from "./plan.ts";
import { Writer } from "./writer.ts";

/** The plan holds something that no table may: nothing was written. */
export class EncodeError extends Error {}

export interface EncodeOptions {
  /** 1…2^32−1 */
  generation: number;
  /** JSON text for the optional last section, null to leave it out. */
  names: string | null;
}

/** The table's bytes. The same plan and options give the same bytes. Throws EncodeError past a limit. */
export function encode(plan: Plan, { generation, names }: EncodeOptions): Uint8Array {
  for (const { what, used, most } of limitsOf(plan)) {
    if (used > most) throw new EncodeError(`${used} ${what}: a table holds at most ${most}`);
  }
  const sections = new Encoder(plan).sections();
  if (names !== null) sections.push({ name: L.SECTION_NAMES, bytes: new TextEncoder().encode(names) });
  const table = assemble(sections, generation);
  if (table.length > L.MAX_TABLE_BYTES) {
    throw new EncodeError(`the table has ${table.length} bytes: at most ${L.MAX_TABLE_BYTES} are read`);
  }
  return table;
}

class Encoder {
  private readonly strings: string[] = [];
  private readonly stringNumber = new Map<string, number>();
  private readonly placements: { release: number; group: string | null }[];
  private readonly wikiSuffixes: string[];
  private readonly hostSuffixes: string[];
  private labelNumber = new Map<string, number>();
  private wikiSlot = new Map<string, number>();
  private wikiSlots = 0;

  constructor(private readonly plan: Plan) {
    this.placements = placementsOf(plan);
    this.wikiSuffixes = chooseSuffixes(plan.wikis.map((wiki) => wiki.id));
    this.hostSuffixes = chooseSuffixes(plan.hosts.map((host) => host.host));
  }

  /** In the order of the directory; STRS is filled by the others and so made last. */
  sections(): Section[] {
    const wikiSuffixes = this.consecutiveStrings(this.wikiSuffixes);
    const hostSuffixes = this.consecutiveStrings(this.hostSuffixes);
    const labels = this.labels();
    const wikis = this.wikis(wikiSuffixes);
    const sections = [
      { name: L.SECTION_LABELS, bytes: labels },
      { name: L.SECTION_WIKIS, bytes: wikis },
      { name: L.SECTION_HOSTS, bytes: this.hosts(hostSuffixes) },
      { name: L.SECTION_READ_AS, bytes: this.readAs() },
      { name: L.SECTION_PATTERNS, bytes: this.patterns() },
      { name: L.SECTION_PATHS, bytes: this.paths() },
      { name: L.SECTION_RULES, bytes: this.rules() },
      { name: L.SECTION_DEPLOYMENTS, bytes: this.deployments() },
      { name: L.SECTION_RELEASES, bytes: this.releases() },
      { name: L.SECTION_EMIT, bytes: this.emit() },
    ];
    return [{ name: L.SECTION_STRINGS, bytes: encodeStrings(this.strings) }, ...sections];
  }

  private string(text: string): number {
    const known = this.stringNumber.get(text);
    if (known !== undefined) return known;
    this.stringNumber.set(text, this.strings.length);
    return this.appendString(text);
  }

  private appendString(text: string): number {
    checkText(text);
    if (this.strings.length >= L.MAX_STRINGS) {
      throw new EncodeError(`more than ${L.MAX_STRINGS} different strings`);
    }
    return this.strings.push(text) - 1;
  }

  private consecutiveStrings(texts: readonly string[]): number {
    const first = this.strings.length;
    for (const text of texts) {
      const number = this.appendString(text);
      if (!this.stringNumber.has(text)) this.stringNumber.set(text, number);
    }
    return first;
  }

  /** Labels of wikis and exact hosts alike, by length, then by bytes. */
  private labels(): Uint8Array {
    const labels = new Set<string>();
    for (const { id } of this.plan.wikis) labels.add(splitKey(id, this.wikiSuffixes).label);
    for (const { host } of this.plan.hosts) labels.add(splitKey(host, this.hostSuffixes).label);
    if (labels.size > L.MAX_LABELS) throw new EncodeError(`${labels.size} labels: at most ${L.MAX_LABELS}`);
    const sorted = [...labels].sort((a, b) => a.length - b.length || (a < b ? -1 : 1));
    const lengths = new Map<number, number>();
    for (const [number, label] of sorted.entries()) {
      checkText(label);
      this.labelNumber.set(label, number);
      lengths.set(label.length, (lengths.get(label.length) ?? 0) + 1);
    }
    const writer = new Writer().u32(lengths.size);
    for (const [length, count] of lengths) writer.u32(((count << L.LABELS_COUNT_SHIFT) | length) >>> 0);
    for (const label of sorted) writer.text(label);
    return writer.bytes();
  }

  private wikis(firstSuffix: number): Uint8Array {
    const placement = new Map(this.placements.map((p, number) => [`${p.release} ${p.group ?? ""}`, number]));
    const values = this.plan.wikis.map((wiki) => placement.get(`${wiki.release} ${wiki.group ?? ""}`)!);
    const ids = this.plan.wikis.map((wiki) => wiki.id);
    const set = this.keySet(ids, values, this.placements.length, this.wikiSuffixes, firstSuffix);
    this.wikiSlots = set.slots;
    this.wikiSlot = new Map([...set.slotOfKey].map((slot, number) => [ids[number]!, slot]));
    return set.bytes;
  }

  private hosts(firstSuffix: number): Uint8Array {
    const hosts = this.plan.hosts.map((host) => host.host);
    const values = this.plan.hosts.map((host) => this.target(host.target));
    return this.keySet(hosts, values, this.noWiki() + 1, this.hostSuffixes, firstSuffix).bytes;
  }

  private keySet(
    keys: string[],
    values: number[],
    valueCount: number,
    suffixes: string[],
    firstSuffix: number,
  ) {
    const placed = placeKeys(keys);
    const labelBits = bitsFor(this.labelNumber.size + 1); // one more: all ones means an empty slot
    const suffixBits = bitsFor(suffixes.length);
    const entryBytes = Math.ceil((labelBits + suffixBits + bitsFor(valueCount)) / 8);
    const writer = new Writer()
      .u32(keys.length)
      .u32(placed.slots)
      .u32(placed.displacements.length)
      .u32(placed.seed)
      .u8(placed.displacementBytes)
      .u8(entryBytes)
      .u8(labelBits)
      .u8(suffixBits)
      .u16(firstSuffix)
      .u16(suffixes.length);
    for (const displacement of placed.displacements) writer.uint(displacement, placed.displacementBytes);
    const slotOfKey = new Uint32Array(keys.length);
    for (const [slot, key] of placed.keyOfSlot.entries()) {
      if (key === -1) {
        writer.uint(2 ** labelBits - 1, entryBytes);
        continue;
      }
      slotOfKey[key] = slot;
      const { label, suffix } = splitKey(keys[key]!, suffixes);
      const high = values[key]! * 2 ** suffixBits + suffix;
      writer.uint(high * 2 ** labelBits + this.labelNumber.get(label)!, entryBytes);
    }
    return { bytes: writer.bytes(), slots: placed.slots, slotOfKey };
  }

  /** The number of the target that is known to have no wiki. */
  private noWiki(): number {
    return this.wikiSlots + this.plan.paths.length;
  }

  private target(target: Target): number {
    if (target === null) return this.noWiki();
    if ("path" in target) return this.wikiSlots + target.path;
    return this.wikiSlot.get(target.wiki) ?? this.noWiki();
  }

  private readAs(): Uint8Array {
    const writer = new Writer().u32(this.plan.readAs.length);
    for (const { labels, from, to } of this.plan.readAs) {
      writer.u16(labels).u16(this.string(from)).u16(this.string(to));
    }
    return writer.bytes();
  }

  private patterns(): Uint8Array {
    const writer = new Writer().u32(this.plan.patterns.length);
    for (const pattern of this.plan.patterns) {
      writer
        .u8({ fixed: L.PATTERN_FIXED, join: L.PATTERN_JOIN, family: L.PATTERN_FAMILY }[pattern.kind])
        .u8(pattern.kind !== "fixed" && pattern.dashes ? L.FLAG_DASHES : 0)
        .u16(this.string(pattern.suffix))
        .u16(pattern.kind === "join" ? this.string(pattern.tail) : L.NONE)
        .u32(pattern.kind === "fixed" ? this.target(pattern.target) : 0);
    }
    return writer.bytes();
  }

  private paths(): Uint8Array {
    const replacements = this.plan.paths.flatMap((form) => form.replacements);
    const writer = new Writer().u32(this.plan.paths.length).u32(replacements.length);
    let firstReplacement = 0;
    for (const form of this.plan.paths) {
      const target = form.target ? L.FLAG_TARGET : 0;
      const closed = form.closed ? L.FLAG_CLOSED : 0;
      writer.u8((form.dashes ? L.FLAG_DASHES : 0) | target | closed);
      writer.u8(form.segments).u8(form.parts.length);
      for (let part = 0; part < L.MAX_PATH_PARTS; part++) writer.u8(form.parts[part] ?? 0);
      writer.u16(firstReplacement).u16(form.replacements.length);
      firstReplacement += form.replacements.length;
    }
    for (const { segment, from, to } of replacements) {
      writer.u8(segment).u16(this.string(from)).u16(this.string(to));
    }
    return writer.bytes();
  }

  private rules(): Uint8Array {
    const predicates = this.plan.rules.flatMap((rule) => rule.when);
    const writer = new Writer().u32(this.plan.rules.length).u32(predicates.length);
    let firstPredicate = 0;
    for (const { when, outcome } of this.plan.rules) {
      writer.u16(firstPredicate).u8(when.length);
      if (outcome === "pass") writer.u8(L.OUTCOME_PASS).u16(0);
      else writer.u8(L.OUTCOME_DEPLOYMENT).u16(outcome.deployment);
      firstPredicate += when.length;
    }
    for (const predicate of predicates) {
      writer.u8(SUBJECTS[predicate.subject]).u8(TESTS[predicate.test]);
      writer.u16(predicate.test === "address" ? L.NONE : this.string(predicate.value));
    }
    return writer.bytes();
  }

  private deployments(): Uint8Array {
    const { deployments, defaultDeployment, clusters, releases } = this.plan;
    const writer = new Writer().u16(deployments.length).u16(defaultDeployment);
    for (const name of deployments) writer.u16(this.string(name));
    for (const deployment of deployments.keys()) {
      for (const release of releases.keys()) writer.u16(this.string(clusters[deployment]![release]!));
    }
    return writer.bytes();
  }

  private releases(): Uint8Array {
    const { releases, defaultRelease } = this.plan;
    const writer = new Writer().u16(releases.length).u16(defaultRelease).u16(this.placements.length);
    for (const { name, version } of releases) writer.u16(this.string(name)).u16(this.string(version));
    for (const { release, group } of this.placements) {
      writer.u16(release).u16(group === null ? L.NONE : this.string(group));
    }
    return writer.bytes();
  }

  private emit(): Uint8Array {
    return encodeEmit(this.plan.emit.map(({ kind, name }) => ({ kind, name: this.string(name) })));
  }
}

function checkText(text: string): void {
  if (text.length > L.MAX_STRING_BYTES) {
    throw new EncodeError(`"${text}" has ${text.length} bytes: at most ${L.MAX_STRING_BYTES}`);
  }
  if (!/^[\x20-\x7e]*$/.test(text)) {
    throw new EncodeError(`${JSON.stringify(text)}: only printable ASCII may stand in a table`);
  }
}

/** STRS's bytes. */
export function encodeStrings(strings: readonly string[]): Uint8Array {
  const writer = new Writer().u32(strings.length);
  let end = 0;
  for (const text of strings) {
    end += text.length;
    writer.u32(end);
  }
  for (const text of strings) writer.text(text);
  return writer.bytes();
}

/** EMIT's bytes; `name` is a number in STRS. */
export function encodeEmit(emit: readonly { kind: EmitKind; name: number }[]): Uint8Array {
  const writer = new Writer().u32(emit.length);
  for (const { kind, name } of emit) writer.u8(EMIT_KIND_NAMES.indexOf(kind)).u16(name);
  return writer.bytes();
}

const SUBJECTS: Record<Predicate["subject"], number> = { host: L.SUBJECT_HOST, path: L.SUBJECT_PATH };

const TESTS: Record<Predicate["test"], number> = {
  exact: L.TEST_EXACT,
  prefix: L.TEST_PREFIX,
  suffix: L.TEST_SUFFIX,
  under: L.TEST_UNDER,
  address: L.TEST_ADDRESS,
};

/** Bits that tell `count` values apart, at least one. */
function bitsFor(count: number): number {
  return Math.max(1, 32 - Math.clz32(Math.max(0, count - 1)));
}
