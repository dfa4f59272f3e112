/** From a plan to a table. */
import * as L from "../../assembly/layout.ts";
import { Runs } from "../collections/runs.ts";
import type { Destination, Pattern, Plan, Predicate, Rule, WikilessOutcome } from "../plan.ts";
import { type Progress, silent } from "../progress.ts";
import { TableChecker, TableError } from "../table/check.ts";
import type { Section } from "../table/digest.ts";
import { TableBytes } from "../table/table-bytes.ts";
import { EMIT_KINDS, HOST_MODES, SUBJECTS, TESTS } from "../table/wire.ts";
import { assemble } from "./container.ts";
import { type Elses, elsesOf } from "./elses.ts";
import { EncodeError } from "./encode-error.ts";
import { headerNamesOf } from "./header-names.ts";
import { encodeKeys, type PlacedKeys } from "./key-section.ts";
import { placeKeys, slotOfKey, slotsOf } from "./keyset.ts";
import { limitsOf, type Placements, placementsOf } from "./limits.ts";
import { type RuleLists, ruleListsOf, valuesOf } from "./rule-lists.ts";
import { numberStems, type Stems, splitKeys } from "./stems.ts";
import { Writer } from "./writer.ts";

/** No rule reads bodies. */
const NO_JOBS = {
  field: null,
  host: "never",
  limit: 0,
  heldBytes: 0,
  heldStreams: 0,
  heldSeconds: 0,
} as const;

export interface EncodeOptions {
  /** 1…2^32−1 */
  generation: number;
  /** JSON text for the optional last section, null to leave it out. */
  names: string | null;
  progress?: Progress;
}

export { EncodeError };

/** The table's bytes. The same plan and options give the same bytes. Throws EncodeError for what no reader takes. */
export function encode(plan: Plan, options: EncodeOptions): Uint8Array {
  const table = encodeUnchecked(plan, options);
  try {
    new TableChecker(new TableBytes(table)).check();
  } catch (error) {
    if (!(error instanceof TableError)) throw error;
    throw new EncodeError(`the plan makes a table that no reader takes: ${error.message}`);
  }
  return table;
}

/** The same without a reader's check: for tests of readers. Throws EncodeError for what no table can say. */
export function encodeUnchecked(
  plan: Plan,
  { generation, names, progress = silent }: EncodeOptions,
): Uint8Array {
  for (const { what, used, most } of limitsOf(plan)) {
    if (used > most) throw new EncodeError(`${used} ${what}: a table holds at most ${most}`);
  }
  const sections = new Encoder(plan, progress).sections();
  if (names !== null) sections.push({ name: L.SECTION_NAMES, bytes: new TextEncoder().encode(names) });
  const table = assemble(sections, generation);
  if (table.length > L.MAX_TABLE_BYTES) {
    throw new EncodeError(`the table has ${table.length} bytes: at most ${L.MAX_TABLE_BYTES} are read`);
  }
  return table;
}

class Encoder {
  private readonly strings = new Runs<string>((text) => text);
  private readonly placements: Placements;
  private readonly headers: string[];
  private readonly lists: RuleLists;
  private readonly stems: Stems;
  private readonly wikiKeys: PlacedKeys;
  private readonly hostKeys: PlacedKeys;
  /** Of each wiki. */
  private readonly wikiSlots: Uint32Array;
  /** Pairs of a form and a wiki, in the order in which hosts and patterns have them. */
  private readonly elses: Elses;

  constructor(
    private readonly plan: Plan,
    progress: Progress,
  ) {
    this.placements = placementsOf(plan);
    this.headers = headerNamesOf(plan);
    this.lists = ruleListsOf(plan);
    progress("choosing suffixes");
    const wikis = splitKeys(plan.wikis.map(({ id }) => id));
    const hosts = splitKeys(plan.hosts.map(({ host }) => host));
    progress("sorting stems");
    this.stems = numberStems([wikis, hosts], checkText);
    const { count, numbers } = this.stems;
    if (count > L.MAX_STEMS) throw new EncodeError(`${count} stems: at most ${L.MAX_STEMS}`);
    const place = (keys: readonly string[], what: string) =>
      placeKeys(keys, (done, of) => progress(what, done, of));
    this.wikiKeys = { ...wikis, stems: numbers[0]!, placed: place(wikis.keys, "placing wikis") };
    this.hostKeys = { ...hosts, stems: numbers[1]!, placed: place(hosts.keys, "placing hosts") };
    this.wikiSlots = slotsOf(this.wikiKeys.placed, plan.wikis.length);
    this.elses = elsesOf(plan);
  }

  /** In the order of the directory; STRS is filled by the others and so made last. */
  sections(): Section[] {
    // What must stand in a row comes first: single strings are then found in it.
    const wikiSuffixes = this.consecutiveStrings(this.wikiKeys.suffixes);
    const hostSuffixes = this.consecutiveStrings(this.hostKeys.suffixes);
    for (const predicate of this.lists.predicates) this.consecutiveStrings(valuesOf(predicate));
    const contents: Record<number, () => Uint8Array> = {
      [L.SECTION_STEMS]: () => this.stems.bytes,
      [L.SECTION_WIKIS]: () => this.wikis(wikiSuffixes),
      [L.SECTION_HOSTS]: () => this.hosts(hostSuffixes),
      [L.SECTION_REWRITES]: () => this.rewrites(),
      [L.SECTION_PATTERNS]: () => this.patterns(),
      [L.SECTION_PATHS]: () => this.paths(),
      [L.SECTION_HEADERS]: () => this.headerNames(),
      [L.SECTION_RULES]: () => this.rules(),
      [L.SECTION_LISTENERS]: () => this.listeners(),
      [L.SECTION_REPLIES]: () => this.replies(),
      [L.SECTION_DEPLOYMENTS]: () => this.deployments(),
      [L.SECTION_RELEASES]: () => this.releases(),
      [L.SECTION_EMIT]: () => this.emit(),
      [L.SECTION_JOBS]: () => this.jobs(),
      [L.SECTION_CANONICAL]: () => this.canonical(),
    };
    const [strings, ...others] = L.SECTIONS;
    const sections = others.map((name) => ({ name, bytes: contents[name]!() }));
    return [{ name: strings!, bytes: encodeStrings(this.strings.items) }, ...sections];
  }

  private string(text: string): number {
    return this.consecutiveStrings([text]);
  }

  private stringOrNone(text: string | null): number {
    return text === null ? L.NONE : this.string(text);
  }

  /** Number of the first; 0 where there are none. */
  private consecutiveStrings(texts: readonly string[]): number {
    for (const text of texts) checkText(text);
    const first = this.strings.place(texts);
    if (this.strings.items.length > L.MAX_STRINGS) {
      throw new EncodeError(`more than ${L.MAX_STRINGS} different strings`);
    }
    return first;
  }

  private wikis(firstSuffix: number): Uint8Array {
    return encodeKeys(
      this.wikiKeys,
      this.stems.count,
      this.placements.ofWiki,
      this.placements.list.length,
      firstSuffix,
    );
  }

  private hosts(firstSuffix: number): Uint8Array {
    const destinations = new Uint32Array(this.plan.hosts.length);
    for (const [i, { destination }] of this.plan.hosts.entries()) {
      destinations[i] = this.destination(destination);
    }
    return encodeKeys(this.hostKeys, this.stems.count, destinations, this.noWiki() + 1, firstSuffix);
  }

  /** The number of the destination that is known to have no wiki. */
  private noWiki(): number {
    return this.wikiKeys.placed.slots + this.plan.paths.length + this.elses.list.length;
  }

  private destination(destination: Destination): number {
    if (destination === null) return this.noWiki();
    if ("wiki" in destination) return this.slot(destination.wiki);
    if (this.plan.paths[destination.path] === undefined)
      throw new EncodeError(`a host of path form ${destination.path}: there is none of that number`);
    if (destination.else === undefined) return this.wikiKeys.placed.slots + destination.path;
    return this.wikiKeys.placed.slots + this.plan.paths.length + this.elses.number(destination);
  }

  private slot(wiki: number): number {
    const slot = this.wikiSlots[wiki];
    if (slot === undefined) throw new EncodeError(`a host of wiki ${wiki}: there is none of that number`);
    return slot;
  }

  private rewrites(): Uint8Array {
    const writer = new Writer().u32(this.plan.rewrites.length);
    for (const one of this.plan.rewrites) {
      if (one.kind === "suffix") {
        writer.u8(L.REWRITE_SUFFIX).u16(one.labels).u16(this.string(one.from)).u16(this.string(one.to));
        writer.u16(this.prefix(one.prefix));
      } else {
        writer.u8(L.REWRITE_PATH).u16(0).u16(this.string(one.from)).u16(this.string(one.under)).u16(L.NONE);
      }
    }
    return writer.bytes();
  }

  private patterns(): Uint8Array {
    const writer = new Writer().u32(this.plan.patterns.length);
    for (const pattern of this.plan.patterns) {
      writer
        .u8({ fixed: L.PATTERN_FIXED, join: L.PATTERN_JOIN, family: L.PATTERN_FAMILY }[pattern.kind])
        .u8(pattern.kind !== "fixed" && pattern.dashes ? L.KEY_FLAG_DASHES : 0)
        .u16(this.string(pattern.suffix))
        .u16(pattern.kind === "join" ? this.string(pattern.tail) : L.NONE)
        .u32(this.destinationOf(pattern))
        .u16(pattern.kind === "fixed" ? L.NONE : this.prefix(pattern.prefix));
    }
    return writer.bytes();
  }

  private destinationOf(pattern: Pattern): number {
    if (pattern.kind === "fixed") return this.destination(pattern.destination);
    return pattern.path === null ? L.NO_DESTINATION : this.destination({ path: pattern.path });
  }

  private prefix(text: string): number {
    return text === "" ? L.NONE : this.string(text);
  }

  private paths(): Uint8Array {
    const replacements = this.plan.paths.flatMap((form) => form.replacements);
    const writer = new Writer().u32(this.plan.paths.length).u32(replacements.length);
    writer.u32(this.elses.list.length);
    let firstReplacement = 0;
    for (const form of this.plan.paths) {
      const target = form.target ? L.PATH_FLAG_TARGET : 0;
      const closed = form.closed ? L.PATH_FLAG_CLOSED : 0;
      const lower = form.lower ? L.PATH_FLAG_LOWER : 0;
      writer.u8((form.dashes ? L.KEY_FLAG_DASHES : 0) | target | closed | lower);
      writer.u8(form.segments.length).u8(form.parts.length);
      for (let part = 0; part < L.MAX_PATH_PARTS; part++) writer.u8(form.parts[part] ?? 0);
      writer.u16(firstReplacement).u16(form.replacements.length);
      for (let segment = 0; segment < L.MAX_PATH_SEGMENTS; segment++) {
        writer.u16(this.stringOrNone(form.segments[segment] ?? null));
      }
      firstReplacement += form.replacements.length;
    }
    for (const { segment, from, to } of replacements) {
      writer.u8(segment).u16(this.string(from)).u16(this.string(to));
    }
    for (const { path, wiki } of this.elses.list) writer.u16(path).u32(this.slot(wiki));
    return writer.bytes();
  }

  private headerNames(): Uint8Array {
    const writer = new Writer().u32(this.headers.length);
    for (const name of this.headers) writer.u16(this.string(name));
    return writer.bytes();
  }

  private rules(): Uint8Array {
    const { rules, predicates } = this.lists;
    const writer = new Writer().u32(rules.length).u32(predicates.length);
    for (const { rule, firstPredicate } of rules) {
      const [outcome, value] = outcomeOf(rule.outcome);
      const wiki = { host: 0, body: L.RULE_FLAG_BODY, none: L.RULE_FLAG_NO_WIKI }[rule.wiki];
      writer.u16(firstPredicate).u8(rule.when.length);
      writer
        .u8(wiki | (rule.debug ? L.RULE_FLAG_DEBUG : 0))
        .u8(outcome)
        .u16(value);
    }
    for (const predicate of predicates) {
      const values = valuesOf(predicate);
      writer
        .u8(SUBJECTS[predicate.subject])
        .u8(TESTS[predicate.test] | (predicate.not ? L.TEST_NOT : 0))
        .u16(this.predicateName(predicate))
        .u16(this.consecutiveStrings(values))
        .u16(predicate.test === "share" ? predicate.share : values.length);
    }
    return writer.bytes();
  }

  private predicateName(predicate: Predicate): number {
    if (predicate.subject === "header") return this.headers.indexOf(predicate.name);
    return "name" in predicate ? this.string(predicate.name) : L.NONE;
  }

  private listeners(): Uint8Array {
    const { listeners, shareCookie } = this.plan;
    const writer = new Writer().u16(listeners.length).u16(this.stringOrNone(shareCookie));
    for (const [i, { name, trust, datacentre, deployment, trustedHops }] of listeners.entries()) {
      writer
        .u16(this.stringOrNone(name))
        .u8(trust === "internal" ? L.LISTENER_FLAG_INTERNAL : 0)
        .u16(this.stringOrNone(datacentre))
        .u16(deployment);
      const { routes, assets, reads } = this.lists.ranges[i]!;
      for (const { first, count } of [routes, assets, reads]) writer.u16(first).u16(count);
      writer.u8(trustedHops);
    }
    return writer.bytes();
  }

  private replies(): Uint8Array {
    const writer = new Writer().u16(this.plan.replies.length);
    for (const { status, body } of this.plan.replies) writer.u16(status).u16(this.string(body));
    return writer.bytes();
  }

  private deployments(): Uint8Array {
    const { deployments, clusters, releases } = this.plan;
    const writer = new Writer().u16(deployments.length);
    for (const { name, readOnly } of deployments) writer.u16(this.string(name)).u16(readOnly ?? L.NONE);
    for (const deployment of deployments.keys()) {
      for (const release of releases.keys()) writer.u16(this.string(clusters[deployment]![release]!));
    }
    return writer.bytes();
  }

  private releases(): Uint8Array {
    const { releases, defaultRelease, wikiless } = this.plan;
    const writer = new Writer().u16(releases.length).u16(defaultRelease).u16(this.placements.list.length);
    for (const outcome of [wikiless.unknownHost, wikiless.missing, wikiless.notInstalled]) {
      const [kind, value] = outcomeOf(outcome);
      writer.u8(kind).u16(value);
    }
    for (const { name, version } of releases) writer.u16(this.string(name)).u16(this.string(version));
    for (const { release, group, installed } of this.placements.list) {
      writer.u16(release).u16(this.stringOrNone(group));
      writer.u8(installed ? 0 : L.PLACEMENT_FLAG_NOT_INSTALLED);
    }
    return writer.bytes();
  }

  private emit(): Uint8Array {
    const { emit } = this.plan;
    const writer = new Writer().u32(emit.length);
    for (const { kind, name } of emit) writer.u8(EMIT_KINDS[kind]).u8(this.headers.indexOf(name));
    return writer.bytes();
  }

  private jobs(): Uint8Array {
    const { field, host, limit, heldBytes, heldStreams, heldSeconds } = this.plan.jobs ?? NO_JOBS;
    const writer = new Writer().u16(this.stringOrNone(field)).u8(HOST_MODES[host]).u32(limit);
    return writer.u32(heldBytes).u16(heldStreams).u16(heldSeconds).bytes();
  }

  private canonical(): Uint8Array {
    const { rules, exceptions } = this.plan.canonical;
    const writer = new Writer().u16(rules.length).u32(exceptions.length);
    for (const { tail, suffix, dashes } of rules) {
      writer
        .u16(this.string(tail))
        .u16(this.string(suffix))
        .u8(dashes ? L.CANONICAL_FLAG_DASHES : 0);
    }
    const bySlot = exceptions.map(({ wiki, host }) => ({ slot: slotIn(this.wikiKeys, wiki), host }));
    for (const { slot, host } of bySlot.sort((a, b) => a.slot - b.slot)) {
      writer.u32(slot);
      if (host === null) writer.u32(L.NO_CANONICAL_HOST);
      else writer.u32(typeof host === "number" ? host : rules.length + slotIn(this.hostKeys, host));
    }
    return writer.bytes();
  }
}

/** An outcome's number and its value. */
function outcomeOf(outcome: Rule["outcome"] | WikilessOutcome): [outcome: number, value: number] {
  if (outcome === "pass") return [L.OUTCOME_PASS, 0];
  if ("deployment" in outcome) return [L.OUTCOME_DEPLOYMENT, outcome.deployment];
  if ("release" in outcome) return [L.OUTCOME_RELEASE, outcome.release];
  if ("reply" in outcome) return [L.OUTCOME_REPLY, outcome.reply];
  return [L.OUTCOME_READ_ONLY, outcome.readOnly];
}

function slotIn({ placed, keys }: PlacedKeys, key: string): number {
  const slot = slotOfKey(placed, keys, key);
  if (slot === -1)
    throw new EncodeError(`"${key}" stands in an exception from a wiki to its host, and nowhere else`);
  return slot;
}

function checkText(text: string): void {
  if (text.length > L.MAX_STRING_BYTES) {
    throw new EncodeError(`"${text}" has ${text.length} bytes: at most ${L.MAX_STRING_BYTES}`);
  }
  if (!/^[\x20-\x7e]*$/.test(text)) {
    throw new EncodeError(`${JSON.stringify(text)}: only printable ASCII may stand in a table`);
  }
}

/** STRS's bytes; what may stand there is checked as it is taken up. */
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
