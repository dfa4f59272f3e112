/** Compiles the farm's `rewrite`, `hosts` and `hosts-file`. */
import { basename } from "node:path";
import { sortTexts } from "../collections/sort-texts.ts";
import type { Destination, PathForm, Pattern, PlanHost, Rewrite } from "../plan.ts";
import { readHostsFile } from "../sources/hosts-file.ts";
import { type Place, Problems, quote } from "../sources/problem.ts";
import { suggestionFor } from "../sources/suggestion.ts";
import type { Wikis } from "../sources/wikis.ts";
import { hostTest } from "./conditions.ts";
import type { Farm, Path } from "./farm.ts";
import { hostsTested } from "./rules.ts";
import type { HostRule } from "./schema.ts";

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

class Compiler {
  private readonly problems = new Problems();
  /** The exact hosts in the order of the farm: those of `hosts-file` come first. */
  private readonly exact: string[] = [];
  private readonly destinations: Destination[] = [];
  private readonly origins: Origin[] = [];
  private readonly out: Hosts = {
    hosts: [],
    rewrites: [],
    patterns: [],
    paths: [],
    places: { rewrites: [], patterns: [], paths: [] },
    order: new Uint32Array(0),
    origins: this.origins,
  };

  constructor(private readonly farm: Farm) {}

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
    for (const [i, host] of hosts.entries()) {
      if (i % PROGRESS_EVERY === 0) this.farm.progress("reading hosts", i, hosts.length);
      const wiki = wikis[i]!;
      const line = lines[i]!;
      this.checkNotRewritten(host, () => ({ file, line }));
      const number = this.farm.wikis.number(wiki);
      if (number === -1) this.warnOfUnknown(wiki, { file, line });
      this.addExact(host, number === -1 ? null : { wiki: number }, line);
    }
  }

  private hostsFilePath(): string {
    return this.farm.path(this.farm.says["hosts-file"]!, ["hosts-file"]);
  }

  /** `{a}.{b}.beta.example: {a}.{b}.example` */
  private rewriteSuffix(from: string): void {
    const path = ["rewrite", from];
    const to = this.farm.says.rewrite[from]!;
    const form = /^((?:\{[a-z]+\}\.)+)([a-z0-9_-]+(?:\.[a-z0-9_-]+)*)$/;
    const [, fromHead, fromTail] = form.exec(from) ?? [];
    const [, toHead, toTail] = form.exec(to) ?? [];
    if (fromHead === undefined || fromHead !== toHead) {
      const example = quote("{a}.{b}.beta.example: {a}.{b}.example");
      this.problems.add(
        this.farm.place(path, "key"),
        `both sides must begin with the same captures, as ${example}`,
      );
      return;
    }
    const labels = fromHead.split(".").length - 1;
    this.out.rewrites.push({ kind: "suffix", labels, from: `.${fromTail}`, to: `.${toTail}` });
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
        `must be what follows the first slash, ${quote(`{host}${under}`)}`,
      );
    }
    this.out.rewrites.push({ kind: "path", from: host.replace(/^\*/, ""), under: under! });
    this.out.places.rewrites.push(this.farm.shortPlace(path));
  }

  private rule(rule: HostRule, path: Path): void {
    this.checkNotRewritten(rule.host, () => this.farm.place([...path, "host"]));
    const [, suffix] = /^\{label\}(?:\.\{family\})?(\..*)$/.exec(rule.host) ?? [];
    if (suffix && !rule.labels) this.refuse(rule, ["path", "target"], "a whole host or `*.suffix`", path);
    if (rule.path === undefined && rule.target === undefined) {
      this.refuse(rule, ["replace"], "a `path` or `target`", path);
    } else this.refuse(rule, ["alias"], "a whole host and a wiki", path);
    if (suffix || rule.host.startsWith("*.")) this.refuse(rule, ["alias"], "a whole host and a wiki", path);
    if (rule.labels && (!suffix || rule.host.includes("{family}"))) {
      this.problems.add(this.farm.place([...path, "labels"]), "labels go with a host `{label}.suffix`");
    } else if (rule.labels) {
      for (const label of rule.labels)
        this.exactRule(label + suffix, rule, rule.wiki.replace("{label}", label), path);
    } else if (rule.host.startsWith("{label}.{family}.")) {
      if (rule.wiki !== "{label}{family}") this.refuseWiki(rule, "`{label}{family}`", path);
      this.pattern({ kind: "family", suffix: suffix!, dashes: isDashed(rule) }, rule, path);
    } else if (suffix) {
      const [, tail] = /^\{label\}([a-z0-9_]*)$/.exec(rule.wiki) ?? [];
      if (tail === undefined) this.refuseWiki(rule, "`{label}` and a suffix, as `{label}wiki`", path);
      else this.pattern({ kind: "join", suffix, tail, dashes: isDashed(rule) }, rule, path);
    } else if (rule.host.startsWith("*.")) {
      const destination = this.destination(rule, rule.wiki, path);
      this.pattern({ kind: "fixed", suffix: rule.host.slice(1), destination }, rule, path);
    } else {
      this.exactRule(rule.host, rule, rule.wiki, path);
    }
  }

  /** Rules see the host that a rewrite puts in place: one for the other would never be reached. */
  private checkNotRewritten(host: string, where: () => Place): void {
    const rewrite = this.out.rewrites.find((one) => isRewritten(host, one));
    if (rewrite?.kind !== "suffix") return;
    const wayOut = `write the host ending in ${quote(rewrite.to)}`;
    this.problems.add(where(), `${quote(host)} is rewritten first: ${wayOut}`);
  }

  /** Keys that would have no effect in this rule. */
  private refuse(rule: HostRule, keys: readonly (keyof HostRule)[], goesWith: string, path: Path): void {
    for (const key of keys) {
      if (rule[key] === undefined) continue;
      this.problems.add(this.farm.place([...path, key], "key"), `${quote(key)} goes with ${goesWith} alone`);
    }
  }

  private refuseWiki(rule: HostRule, form: string, path: Path): void {
    const what = `with the host ${quote(rule.host)} the wiki must be ${form}, not ${quote(rule.wiki)}`;
    this.problems.add(this.farm.place([...path, "wiki"]), what);
  }

  private pattern(pattern: Pattern, rule: HostRule, path: Path): void {
    this.checkReached((pattern.kind === "family" ? "a.b" : "a") + pattern.suffix, rule.host, path);
    this.out.patterns.push(pattern);
    this.out.places.patterns.push(this.farm.shortPlace(path));
  }

  private exactRule(host: string, rule: HostRule, wiki: string, path: Path): void {
    this.checkReached(host, host, path);
    const dashed = isDashed(rule) && !rule.path && !rule.target ? wiki.replaceAll("-", "_") : wiki;
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
    const what = `${quote(host)} is never reached: the host at ${first} has it already; put it before`;
    this.problems.add(this.farm.place([...path, "host"]), what);
  }

  private destination(rule: HostRule, wiki: string, path: Path): Destination {
    if (rule.path !== undefined || rule.target !== undefined) return this.pathForm(rule, path);
    const number = this.farm.wikis.number(wiki);
    if (number !== -1) return { wiki: number };
    const where = this.farm.place([...path, "wiki"]);
    if (!/^[a-z0-9_]+$/.test(wiki)) {
      this.problems.add(where, `${quote(wiki)} is not a wiki ID`);
    } else if (!rule.labels) {
      // Of a list of labels, some may well have no wiki any more; a host with a wiki of its own should have it.
      this.warnOfUnknown(wiki, where);
    }
    return null;
  }

  private warnOfUnknown(wiki: string, where: Place): void {
    if (this.farm.says["not-in-wikiversions"] === "ignore") return;
    const suggestion = suggestionFor(wiki, this.farm.wikis.keys());
    const hint = suggestion === undefined ? "" : `; did you mean ${quote(suggestion)}?`;
    this.farm.warn(where, `${quote(wiki)} is not in wikiversions, so its host has no wiki${hint}`);
  }

  /** `path: /{site}/{lang}`, `wiki: "{lang}{site}"`: the form's number, made where there is none like it yet. */
  private pathForm(rule: HostRule, path: Path): Destination {
    const key = rule.path !== undefined ? "path" : "target";
    const text = rule.path ?? rule.target!;
    const where = this.farm.place([...path, key]);
    if (rule.path !== undefined && rule.target !== undefined) {
      this.problems.add(where, "a wiki is carried in the `path` or in the raw `target`, not in both");
    }
    if (!/^(\/\{[a-z]+\})+\/?$/.test(text)) {
      this.problems.add(where, "must be captures between slashes, as `/{site}/{lang}`");
      return null;
    }
    const captures = [...text.matchAll(/\{([a-z]+)\}/g)].map((match) => match[1]!);
    if (new Set(captures).size < captures.length) {
      this.problems.add(where, `${quote(text)} has a capture twice`);
    }
    const parts = [...rule.wiki.matchAll(/\{([a-z]+)\}/g)].map((match) => captures.indexOf(match[1]!));
    if (!/^(\{[a-z]+\})+$/.test(rule.wiki) || parts.includes(-1)) {
      this.problems.add(
        this.farm.place([...path, "wiki"]),
        `must be made of the captures in ${quote(text)} alone`,
      );
      return null;
    }
    const replacements = Object.entries(rule.replace ?? {}).flatMap(([capture, texts]) => {
      const segment = captures.indexOf(capture);
      if (segment === -1) {
        const what = `${quote(text)} has no capture ${quote(capture)}`;
        this.problems.add(this.farm.place([...path, "replace", capture], "key"), what);
      }
      return Object.entries(texts).map(([from, to]) => ({ segment, from, to }));
    });
    const form: PathForm = {
      target: rule.target !== undefined,
      segments: captures.length,
      closed: text.endsWith("/"),
      parts,
      dashes: isDashed(rule),
      replacements,
    };
    const same = this.out.paths.findIndex((other) => JSON.stringify(other) === JSON.stringify(form));
    if (same !== -1) return { path: same };
    this.out.places.paths.push(this.farm.shortPlace([...path, key]));
    return { path: this.out.paths.push(form) - 1 };
  }
}

function isDashed(rule: HostRule): boolean {
  return rule.dashes === "underscores";
}

/** Whether rules see another host in this one's place. */
function isRewritten(host: string, rewrite: Rewrite): boolean {
  if (rewrite.kind !== "suffix" || !host.endsWith(rewrite.from)) return false;
  return host.slice(0, -rewrite.from.length).split(".").length === rewrite.labels;
}

function matches(pattern: Pattern, host: string): boolean {
  if (!host.endsWith(pattern.suffix)) return false;
  const head = host.slice(0, host.length - pattern.suffix.length);
  if (pattern.kind === "fixed") return head !== "";
  return pattern.kind === "join" || /\.[a-z]+$/.test(head);
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
  return (host) => {
    if (rewrites.some((one) => isRewritten(host, one))) return null;
    const destination = exact.get(host);
    if (destination !== undefined) return wikiOf(destination);
    const pattern = patterns.find((one) => matches(one, host));
    if (!pattern) return null;
    if (pattern.kind === "fixed") return wikiOf(pattern.destination);
    const head = host.slice(0, host.length - pattern.suffix.length);
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

function wikiNumberOf(destination: Destination): number | null {
  return destination !== null && "wiki" in destination ? destination.wiki : null;
}

/** For people, the same on every machine. */
function placeOf(farm: Farm, origin: Origin): string {
  return typeof origin === "number"
    ? `${basename(farm.says["hosts-file"]!)}:${origin}`
    : farm.shortPlace(origin.path);
}
