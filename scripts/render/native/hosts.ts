/**
 * Which wiki each host is, without a pattern to compute it by: every host that any pattern makes a wiki of is written
 * out, and what is true of it is asked of the table itself.
 */
import type { Destination, Pattern, Rewrite, Wikiless } from "../../plan.ts";
import { partsOf, type RequestParts } from "../../table/headers.ts";
import { rewrite } from "../../table/host.ts";
import type { Table } from "../../table/table.ts";
import { wikiOfHost } from "../../table/wiki.ts";
import { Unsaid } from "./unsaid.ts";

/** What is known of a request by its host: its wiki, or why it has none; or what of it cannot be said. */
export type Standing = { slot: number } | { wrong: Wikiless } | Unsaid;

export interface KnownHost {
  /** As a request has it, in lower case and without a port. */
  host: string;
  standing: Standing;
}

/** A wiki ID may have so many `_`, each of which its hosts may have as `-`. */
const MOST_DASHES = 6;

/** Each once, sorted; also those that only a rule names. Throws RangeError. */
export function knownHosts(table: Table): KnownHost[] {
  const candidates = new Set<string>(namedHosts(table));
  for (const { key } of table.keys(table.hosts)) candidates.add(key);
  const patterns = patternsOf(table).filter((one) => one.kind !== "fixed");
  if (patterns.length > 0) {
    for (const { key } of table.keys(table.wikis))
      for (const pattern of patterns) for (const host of hostsOf(pattern, key)) candidates.add(host);
  }
  for (const host of [...candidates])
    for (const one of rewritesOf(table)) addRewritten(candidates, one, host);
  return [...candidates].sort().map((host) => ({ host, standing: standingOf(table, host) }));
}

function namedHosts(table: Table): string[] {
  const rules = Array.from({ length: table.ruleCount }, (_, i) => table.rule(i));
  return [
    ...rules
      .flatMap(({ when }) => when)
      .flatMap((one) => (one.subject === "host" && one.test === "exact" ? one.values : [])),
    ...pathRewritesOf(table).flatMap(({ from }) => (from.startsWith(".") ? [] : [from])),
  ];
}

function* hostsOf(pattern: Exclude<Pattern, { kind: "fixed" }>, wiki: string): Generator<string> {
  const whole = function* (label: string, rest: string) {
    for (const spelt of pattern.dashes ? withDashes(label) : [label])
      yield pattern.prefix + spelt + rest + pattern.suffix;
  };
  if (pattern.kind === "join") {
    if (wiki.endsWith(pattern.tail)) yield* whole(wiki.slice(0, wiki.length - pattern.tail.length), "");
    return;
  }
  // Wherever the ID may be cut in two.
  for (let at = wiki.length - 1; at >= 0 && /[a-z]/.test(wiki[at]!); at--)
    yield* whole(wiki.slice(0, at), `.${wiki.slice(at)}`);
}

/** Each spelling of a label whose `-` became `_`. */
function withDashes(label: string): string[] {
  const [first = "", ...rest] = label.split("_");
  if (rest.length > MOST_DASHES)
    throw new RangeError(`"${label}" has too many underscores for native routes`);
  return rest.reduce((all, part) => all.flatMap((one) => [`${one}-${part}`, `${one}_${part}`]), [first]);
}

/** The host that a rewrite makes this one of. */
function addRewritten(
  candidates: Set<string>,
  { prefix, labels, from, to }: SuffixRewrite,
  host: string,
): void {
  const head = host.slice(0, host.length - to.length);
  if (host.endsWith(to) && head.split(".").length === labels) candidates.add(prefix + head + from);
}

/** What rules see of a request to that host. */
export function hostParts(table: Table, host: string): RequestParts {
  return partsOf({ authority: host, target: "/" }, rewrite(table, host, "/"), null);
}

function standingOf(table: Table, asked: string): Standing {
  const parts = hostParts(table, asked);
  const { slot, source } = wikiOfHost(table, parts);
  if (source.kind === "pattern") return patternStanding(table, source.pattern, slot);
  if (source.kind === "nothing") return { wrong: "unknownHost" };
  const { host } = parts;
  return destinationStanding(table, table.destinationOf(table.find(table.hosts, host)), host);
}

/** Of a host for which the pattern is the first. @param slot the wiki that it makes, where it makes one */
export function patternStanding(table: Table, number: number, slot: number | string): Standing {
  const pattern = table.pattern(number);
  if (pattern.kind === "fixed") return destinationStanding(table, pattern.destination, `*${pattern.suffix}`);
  if (pattern.path !== null) return new Unsaid(`host ${hostsAs(pattern)}`, "its path may name the wiki");
  return typeof slot === "number" ? wikiStanding(table, slot) : { wrong: "missing" };
}

function destinationStanding(table: Table, destination: Destination, host: string): Standing {
  if (destination === null) return { wrong: "missing" };
  if ("path" in destination) return new Unsaid(`host ${host}`, "its path names the wiki");
  return wikiStanding(table, destination.wiki);
}

function wikiStanding(table: Table, slot: number): Standing {
  return table.placement(slot).installed ? { slot } : { wrong: "notInstalled" };
}

function hostsAs({ kind, prefix, suffix }: Exclude<Pattern, { kind: "fixed" }>): string {
  return `${prefix}{label}${kind === "family" ? ".{family}" : ""}${suffix}`;
}

export function patternsOf(table: Table): Pattern[] {
  return Array.from({ length: table.patternCount }, (_, i) => table.pattern(i));
}

export type SuffixRewrite = Extract<Rewrite, { kind: "suffix" }>;
export type PathRewrite = Extract<Rewrite, { kind: "path" }>;

export function rewritesOf(table: Table): SuffixRewrite[] {
  return allRewrites(table).filter((one) => one.kind === "suffix");
}

export function pathRewritesOf(table: Table): PathRewrite[] {
  return allRewrites(table).filter((one) => one.kind === "path");
}

function allRewrites(table: Table): Rewrite[] {
  return Array.from({ length: table.rewriteCount }, (_, i) => table.rewrite(i));
}
