/** Compiles the farm's `rewrite`, `hosts` and `hosts-file`. */
import { basename } from "node:path";
import { sortTexts } from "../collections/sort-texts.ts";
import type { Destination, PathForm, Pattern, PlanHost, Rewrite } from "../plan.ts";
import { readHostsFile } from "../sources/hosts-file.ts";
import { isWikiId, WIKI_ID_SHAPE } from "../sources/names.ts";
import { type Place, Problems, quote, quoteAll } from "../sources/problem.ts";
import type { Wikis } from "../sources/wikis.ts";
import { hostTest } from "./conditions.ts";
import type { Farm, Path } from "./farm.ts";
import { PathForms } from "./path-forms.ts";
import { hostsTested } from "./rules.ts";
import { type HostRule, LABEL_AND_TAIL } from "./schema.ts";

export interface Hosts {
  hosts: PlanHost[];
  rewrites: Rewrite[];
  patterns: Pattern[];
  paths: PathForm[];
  /** Of each of `hosts`, its number in the order of the farm, and by that number where it comes from. */
  order: Uint32Array;
  origins: readonly Origin[];
  /** For each of these, which rule of the farm it comes from. */
  places: { rewrites: string[]; patterns: string[]; paths: string[] };
}

/** A line of the file of hosts; or a rule's place, and whether the host is written out there, an alias, or of a list. */
type Origin = number | { path: Path; as: "whole" | "alias" | "label" };

/** Throws SourceError with everything that is wrong. */
export function compileHosts(farm: Farm): Hosts {
  return new Compiler(farm).compile();
}

const PROGRESS_EVERY = 10_000;

/** `www.{label}.{family}.org`: what stands before the label, and the suffix. */
const STEM = /^((?:[a-z0-9_-]+\.)*)\{label\}(\.\{family\})?(\..*)$/;

class Compiler {
  private readonly problems = new Problems();
  /** The exact hosts in the order of the farm: those of `hosts-file` come first. */
  private readonly exact: string[] = [];
  private readonly destinations: Destination[] = [];
  private readonly origins: Origin[] = [];
  private readonly forms: PathForms;
  private readonly out: Hosts;

  constructor(private readonly farm: Farm) {
    this.forms = new PathForms(farm, this.problems);
    this.out = {
      hosts: [],
      rewrites: [],
      patterns: [],
      paths: this.forms.list,
      places: { rewrites: [], patterns: [], paths: this.forms.places },
      order: new Uint32Array(0),
      origins: this.origins,
    };
  }

  compile(): Hosts {
    const froms = this.farm.keys(["rewrite"]);
    for (const from of froms.filter((one) => one.includes("/"))) this.rewritePath(from);
    for (const from of froms.filter((one) => !one.includes("/"))) this.rewriteSuffix(from);
    this.hostsFile();
    for (const [i, rule] of this.farm.says.hosts.entries()) this.rule(rule, ["hosts", i]);
    // Of `*.suffix`, hosts of more labels are left.
    for (const { host, path } of hostsTested(this.farm)) {
      if (!host.startsWith("*.")) this.checkNotRewritten(host, () => this.farm.place(path));
    }
    const { texts, order } = sortTexts(this.exact);
    this.checkOnce(texts, order);
    this.problems.throwIfAny();
    this.out.hosts = texts.map((host, i) => ({ host, destination: this.destinations[order[i]!]! }));
    this.out.order = order;
    return this.out;
  }

  /** @param hosts all exact ones, sorted @param order the number of each */
  private checkOnce(hosts: readonly string[], order: Uint32Array): void {
    const again: { host: string; number: number; first: number }[] = [];
    for (let i = 1, first = 0; i < hosts.length; i++) {
      const host = hosts[i]!;
      if (host !== hosts[first]) first = i;
      else again.push({ host, number: order[i]!, first: order[first]! });
    }
    for (const { host, number, first } of again.sort((a, b) => a.number - b.number)) {
      const what = `${quote(host)} stands twice, first at ${placeOf(this.farm, this.origins[first]!)}`;
      this.problems.add(this.whereExactIs(number), what);
    }
  }

  private whereExactIs(number: number): Place {
    const origin = this.origins[number]!;
    if (typeof origin !== "number") return this.farm.place([...origin.path, "host"]);
    return { file: this.hostsFilePath(), line: origin };
  }

  /** The exact hosts of `hosts-file`. */
  private hostsFile(): void {
    if (this.farm.says["hosts-file"] === undefined) return;
    const file = this.hostsFilePath();
    const { hosts, wikis, lines } = readHostsFile(file, this.farm.place(["hosts-file"]));
    const unknown = new Map<string, number>();
    for (const [i, host] of hosts.entries()) {
      if (i % PROGRESS_EVERY === 0) this.farm.progress("reading hosts", i, hosts.length);
      const wiki = wikis[i]!;
      const line = lines[i]!;
      this.checkNotRewritten(host, () => ({ file, line }));
      const number = this.farm.wikis.number(wiki);
      if (number === -1 && !unknown.has(wiki)) unknown.set(wiki, line);
      this.addExact(host, number === -1 ? null : { wiki: number }, line);
    }
    const [first] = unknown;
    if (first) this.warnOfUnknown([...unknown.keys()], { file, line: first[1] });
  }

  private hostsFilePath(): string {
    return this.farm.path(this.farm.says["hosts-file"]!, ["hosts-file"]);
  }

  /** `{a}.{b}.beta.example: {a}.{b}.example`, `m.{a}.{b}.org: {a}.{b}.org` */
  private rewriteSuffix(from: string): void {
    const path = ["rewrite", from];
    const to = this.farm.says.rewrite[from]!;
    const form = /^((?:[a-z0-9_-]+\.)*)((?:\{[a-z]+\}\.)+)([a-z0-9_-]+(?:\.[a-z0-9_-]+)*)$/;
    const [, prefix, fromHead, fromTail] = form.exec(from) ?? [];
    const [, toPrefix, toHead, toTail] = form.exec(to) ?? [];
    if (fromHead === undefined || fromHead !== toHead || toPrefix !== "") {
      const example = quote("{a}.{b}.beta.example: {a}.{b}.example");
      const other = quote("m.{a}.{b}.org: {a}.{b}.org");
      this.problems.add(
        this.farm.place(path, "key"),
        `the right side must begin with the captures of the left, as ${example} or ${other}`,
      );
      return;
    }
    const labels = fromHead.split(".").length - 1;
    this.out.rewrites.push({
      kind: "suffix",
      prefix: prefix!,
      labels,
      from: `.${fromTail}`,
      to: `.${toTail}`,
    });
    this.out.places.rewrites.push(this.farm.shortPlace(path));
  }

  /** `gateway.example/{host}/v1: "{host}/v1"` */
  private rewritePath(from: string): void {
    const path = ["rewrite", from];
    const [, host, under] = /^([^/]+)\/\{host\}((?:\/[^/]+)*)$/.exec(from) ?? [];
    if (host === undefined || !hostTest.safeParse(host).success) {
      const example = quote("gateway.example/{host}/v1: {host}/v1");
      this.problems.add(
        this.farm.place(path, "key"),
        `must be a host or \`*.suffix\`, and \`{host}\` in the path's first segment, as ${example}`,
      );
      return;
    }
    if (this.farm.says.rewrite[from] !== `{host}${under}`) {
      this.problems.add(
        this.farm.place(path),
        `must repeat what follows the first slash, ${quote(`{host}${under}`)}`,
      );
    }
    this.out.rewrites.push({ kind: "path", from: host.replace(/^\*/, ""), under: under! });
    this.out.places.rewrites.push(this.farm.shortPlace(path));
  }

  private rule(rule: HostRule, path: Path): void {
    this.checkNotRewritten(rule.host, () => this.farm.place([...path, "host"]));
    const [, prefix, family, suffix] = STEM.exec(rule.host) ?? [];
    const isCarried = rule.path !== undefined || rule.target !== undefined;
    if (!isCarried) this.refuse(rule, ["replace", "else", "case"], "a `path` or `target`: add one", path);
    if (suffix || rule.host.startsWith("*.") || (isCarried && rule.else === undefined)) {
      this.refuse(rule, ["alias"], "a whole host and a wiki: write such a host", path);
    }
    /** The wiki that the host itself stands for. */
    const key = isCarried ? "else" : "wiki";
    const own = rule[key];
    if (rule.labels && (!suffix || family)) {
      this.problems.add(
        this.farm.place([...path, "labels"]),
        "`labels` need a host of the form `{label}.suffix`",
      );
    } else if (rule.labels) {
      for (const label of rule.labels)
        this.exactRule(prefix! + label + suffix, rule, own?.replace("{label}", label), path);
    } else if (suffix) {
      this.stemRule({ prefix: prefix!, suffix, isFamily: family !== undefined }, rule, key, path);
    } else if (rule.host.startsWith("*.")) {
      const destination = this.destination(rule, own, path);
      this.pattern({ kind: "fixed", suffix: rule.host.slice(1), destination }, rule, path);
    } else {
      this.exactRule(rule.host, rule, own, path);
    }
  }

  /** `{label}.wikipedia.org`, `www.{label}.{family}.org` */
  private stemRule(
    { prefix, suffix, isFamily }: { prefix: string; suffix: string; isFamily: boolean },
    rule: HostRule,
    key: "wiki" | "else",
    path: Path,
  ): void {
    const own = rule[key];
    if (own === undefined) {
      const way = `say by \`else\` which wiki the host is where the path carries none, or write ${quote(`*${suffix}`)}`;
      this.problems.add(this.farm.place([...path, "host"]), `${quote(rule.host)} with a path: ${way}`);
      return;
    }
    const form = key === "else" ? this.forms.number(rule, path) : null;
    const stem = { prefix, suffix, dashes: isDashed(rule), path: form };
    const [, tail] = LABEL_AND_TAIL.exec(own) ?? [];
    if (isFamily) {
      if (own !== "{label}{family}") this.refuseWiki(rule, key, "`{label}{family}`", path);
      this.pattern({ kind: "family", ...stem }, rule, path);
    } else if (tail === undefined) {
      this.refuseWiki(rule, key, "`{label}` and a suffix, as `{label}wiki`", path);
    } else if (isDashed(rule) && tail.includes("-")) {
      const what = `the \`-\` in ${quote(own)} becomes a \`_\` by \`dashes: underscores\`: write it so`;
      this.problems.add(this.farm.place([...path, key]), what);
    } else this.pattern({ kind: "join", tail, ...stem }, rule, path);
  }

  /** Rules see the host that a rewrite puts in place: one for the other would never be reached. */
  private checkNotRewritten(host: string, where: () => Place): void {
    const rewrite = this.out.rewrites.find((one) => isRewritten(host, one));
    if (rewrite?.kind !== "suffix") return;
    const without = rewrite.prefix === "" ? "" : `without ${quote(rewrite.prefix)} and `;
    const wayOut = `write the host ${without}ending in ${quote(rewrite.to)}`;
    this.problems.add(where(), `${quote(host)} is rewritten before rules see it: ${wayOut}`);
  }

  /** Keys that would have no effect in this rule. */
  private refuse(rule: HostRule, keys: readonly (keyof HostRule)[], what: string, path: Path): void {
    for (const key of keys) {
      if (rule[key] === undefined) continue;
      this.problems.add(
        this.farm.place([...path, key], "key"),
        `${quote(key)} needs ${what}, or remove ${quote(key)}`,
      );
    }
  }

  private refuseWiki(rule: HostRule, key: "wiki" | "else", form: string, path: Path): void {
    const what = `with the host ${quote(rule.host)} the wiki must be ${form}, not ${quote(rule[key]!)}`;
    this.problems.add(this.farm.place([...path, key]), what);
  }

  private pattern(pattern: Pattern, rule: HostRule, path: Path): void {
    // No family: what matches it, of another pattern's hosts, matches all of them.
    const stem =
      pattern.kind === "fixed" ? "0" : `${pattern.prefix}0${pattern.kind === "family" ? ".b" : ""}`;
    this.checkReached(stem + pattern.suffix, rule.host, path);
    this.out.patterns.push(pattern);
    this.out.places.patterns.push(this.farm.shortPlace(path));
  }

  private exactRule(host: string, rule: HostRule, own: string | undefined, path: Path): void {
    this.checkReached(host, host, path);
    const dashed = isDashed(rule) ? own?.replaceAll("-", "_") : own;
    const destination = this.destination(rule, dashed, path);
    const as = rule.labels ? "label" : rule.alias ? "alias" : "whole";
    this.addExact(host, destination, { path, as });
  }

  private addExact(host: string, destination: Destination, origin: Origin): void {
    this.exact.push(host);
    this.destinations.push(destination);
    this.origins.push(origin);
  }

  /** A pattern before it that matches `example`, and with it all hosts of the rule, would leave it none. */
  private checkReached(example: string, host: string, path: Path): void {
    const shadow = this.out.patterns.findIndex((pattern) => matches(pattern, example));
    if (shadow === -1) return;
    const first = this.out.places.patterns[shadow];
    const what = `${quote(host)} is never reached: the host at ${first} takes it before; put this one first`;
    this.problems.add(this.farm.place([...path, "host"]), what);
  }

  /** @param own the wiki that the host itself stands for */
  private destination(rule: HostRule, own: string | undefined, path: Path): Destination {
    if (rule.path === undefined && rule.target === undefined) return this.wiki(rule, own!, [...path, "wiki"]);
    const form = this.forms.number(rule, path);
    const wiki = own === undefined ? null : this.wiki(rule, own, [...path, "else"]);
    if (form === null) return null;
    return wiki === null ? { path: form } : { path: form, else: wiki.wiki };
  }

  private wiki(rule: HostRule, wiki: string, path: Path): { wiki: number } | null {
    const number = this.farm.wikis.number(wiki);
    if (number !== -1) return { wiki: number };
    const where = this.farm.place(path);
    if (!isWikiId(wiki)) {
      this.problems.add(where, `${quote(wiki)} is not a wiki ID: use ${WIKI_ID_SHAPE}`);
    } else if (!rule.labels) {
      // Of a list of labels, some may well have no wiki any more; a host with a wiki of its own should have it.
      this.warnOfUnknown([wiki], where);
    }
    return null;
  }

  private warnOfUnknown(wikis: readonly string[], where: Place): void {
    if (this.farm.says["not-in-wikiversions"] === "ignore") return;
    // No "did you mean": wiki IDs are so alike that a removed wiki would be taken for another one.
    const what =
      wikis.length === 1
        ? "is not in wikiversions, so its host has no wiki: remove the host, or correct the wiki's name"
        : "are not in wikiversions, so their hosts have no wiki: remove the hosts, or correct the wikis' names";
    this.farm.warn(where, `${quoteAll(wikis)} ${what}`);
  }
}

function isDashed(rule: HostRule): boolean {
  return rule.dashes === "underscores";
}

/** Whether rules see another host in this one's place. */
function isRewritten(host: string, rewrite: Rewrite): boolean {
  if (rewrite.kind !== "suffix") return false;
  const { prefix, from, labels } = rewrite;
  if (!host.startsWith(prefix) || !host.endsWith(from) || host.length < prefix.length + from.length)
    return false;
  return host.slice(prefix.length, -from.length).split(".").length === labels;
}

function matches(pattern: Pattern, host: string): boolean {
  if (!host.endsWith(pattern.suffix)) return false;
  const end = host.length - pattern.suffix.length;
  if (pattern.kind === "fixed") return end > 0;
  if (!host.startsWith(pattern.prefix) || end < pattern.prefix.length) return false;
  return pattern.kind === "join" || /\.[a-z]+$/.test(host.slice(pattern.prefix.length, end));
}

/** Tells which wiki a host leads to by itself: not by a path, nor as another host. It need not be in the table. */
export function hostReader(
  { ids }: Wikis,
  { hosts, rewrites, patterns }: Hosts,
): (host: string) => string | null {
  const wikiOf = (destination: Destination) => {
    const number = wikiNumberOf(destination);
    return number === null ? null : ids[number]!;
  };
  const exact = new Map(hosts.map((one) => [one.host, one.destination]));
  return (name) => {
    const host = name.toLowerCase(); // as proxies do it
    if (rewrites.some((one) => isRewritten(host, one))) return null;
    const destination = exact.get(host);
    if (destination !== undefined) return wikiOf(destination);
    const pattern = patterns.find((one) => matches(one, host));
    if (!pattern) return null;
    if (pattern.kind === "fixed") return wikiOf(pattern.destination);
    const head = host.slice(pattern.prefix.length, host.length - pattern.suffix.length);
    const key = pattern.kind === "join" ? head + pattern.tail : head.replace(/\.([a-z]+)$/, "$1");
    return pattern.dashes ? key.replaceAll("-", "_") : key;
  };
}

/** For each exact host, which line or rule it comes from. */
export function placesOfHosts(farm: Farm, { hosts, order, origins }: Hosts): Record<string, string> {
  return Object.fromEntries(hosts.map(({ host }, i) => [host, placeOf(farm, origins[order[i]!]!)]));
}

/** By the wiki's number, its first exact host, in the order of the farm, that is said so; those of a file are whole. */
export function firstHosts({ hosts, order, origins }: Hosts, as: "whole" | "label"): Map<number, string> {
  const first = new Map<number, number>();
  for (const [i, { destination }] of hosts.entries()) {
    const wiki = wikiNumberOf(destination);
    const origin = origins[order[i]!]!;
    if (wiki === null || (typeof origin === "number" ? "whole" : origin.as) !== as) continue;
    const known = first.get(wiki);
    if (known === undefined || order[i]! < order[known]!) first.set(wiki, i);
  }
  return new Map([...first].map(([wiki, i]) => [wiki, hosts[i]!.host]));
}

/** Of a host with a path form, the wiki where the path carries none. */
function wikiNumberOf(destination: Destination): number | null {
  if (destination === null) return null;
  return "wiki" in destination ? destination.wiki : (destination.else ?? null);
}

/** For people, the same on every machine. */
function placeOf(farm: Farm, origin: Origin): string {
  return typeof origin === "number"
    ? `${basename(farm.says["hosts-file"]!)}:${origin}`
    : farm.shortPlace(origin.path);
}
