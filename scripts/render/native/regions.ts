/**
 * Requests whose host is none of those that are written out: what is true of all that end so, or that look so. Of a list
 * of regions the first that a host belongs to counts.
 */
import type { Table } from "../../table/table.ts";
import {
  type PathRewrite,
  patternStanding,
  patternsOf,
  rewritesOf,
  type Standing,
  type SuffixRewrite,
} from "./hosts.ts";
import type { HostTest, Match } from "./match.ts";
import { ADDRESS, authorityRegex, labels, quoted } from "./regex.ts";
import { Unsaid } from "./unsaid.ts";

export interface Region {
  /** Of `:authority`; null: all hosts that are left. */
  authority: string | null;
  standing: Standing;
  hostTest: HostTest;
}

/** A suffix whose hosts are all of one wiki: Envoy knows them by a domain `*SUFFIX`, the longest first. */
export interface OwnSuffix {
  suffix: string;
  standing: Standing;
  hostTest: HostTest;
}

const areNested = (one: string, other: string): boolean => one.endsWith(other) || other.endsWith(one);

/** Fixed patterns that Envoy finds by their longest suffix as the table does by their order. */
export function ownSuffixes(table: Table): OwnSuffix[] {
  const patterns = patternsOf(table);
  const own = new Set<number>();
  return patterns.flatMap((pattern, number): OwnSuffix[] => {
    if (pattern.kind !== "fixed") return [];
    const { suffix } = pattern;
    const before = patterns.slice(0, number).flatMap((one, n) => (areNested(one.suffix, suffix) ? [n] : []));
    const isLongest = before.every((n) => own.has(n) && patterns[n]!.suffix.length > suffix.length);
    const isRewritten = rewritesOf(table).some(({ from }) => areNested(from, suffix));
    if (!isLongest || isRewritten) return [];
    own.add(number);
    const hostTest: HostTest = (predicate) => {
      if (predicate.test === "exact") return false;
      if (predicate.test === "address") return isLikeAddress;
      return suffixTest(predicate.values, (value) =>
        suffix.endsWith(value) ? true : isLonger(value, suffix),
      );
    };
    return [{ suffix, standing: patternStanding(table, number, -1), hostTest }];
  });
}

const isLonger = (value: string, suffix: string): string | false =>
  value.endsWith(suffix) && `.+${quoted(value)}`;

const isLikeAddress: Match = { header: ":authority", test: { regex: ADDRESS }, not: false };

/** Hosts that a rule names whole are written out: here are none of them. @param suffixes that rules ask for */
export function regionsOf(table: Table, suffixes: readonly string[]): Region[] {
  const own = new Set(ownSuffixes(table).map(({ suffix }) => suffix));
  const regions = [
    ...rewritesOf(table).flatMap((one) => rewrittenRegions(table, one)),
    ...plainRegions(table, own),
    { authority: null, standing: { wrong: "unknownHost" }, hostTest: plainTest } satisfies Region,
  ];
  // What is before the last and says the same need not be told apart.
  while (regions.length > 1 && isLikeLast(regions.at(-2)!, table, suffixes)) regions.splice(-2, 1);
  return regions;
}

function plainRegions(table: Table, own: ReadonlySet<string>): Region[] {
  return patternsOf(table).flatMap((pattern, number): Region[] => {
    const { suffix } = pattern;
    if (pattern.kind === "fixed" && own.has(suffix)) return [];
    const before = { fixed: ".+", join: `${prefixOf(pattern)}.*`, family: `${prefixOf(pattern)}.*\\.[a-z]+` };
    const authority = authorityRegex(before[pattern.kind] + quoted(suffix));
    return [{ authority, standing: patternStanding(table, number, "missing"), hostTest: plainTest }];
  });
}

const prefixOf = (pattern: object): string => ("prefix" in pattern ? quoted(String(pattern.prefix)) : "");

const plainTest: HostTest = (predicate) => {
  if (predicate.test === "exact") return false;
  if (predicate.test === "address") return isLikeAddress;
  return suffixTest(predicate.values, (value) => `.+${quoted(value)}`);
};

/** Of hosts that a rewrite reads as others. */
function rewrittenRegions(table: Table, one: SuffixRewrite): Region[] {
  const hostTest: HostTest = (predicate) =>
    predicate.test === "suffix" && suffixTest(predicate.values, (value) => endingSo(value, one));
  const form = quoted(one.prefix) + labels(one.labels) + quoted(one.from);
  const all = (standing: Standing): Region => ({ authority: authorityRegex(form), standing, hostTest });
  const regions: Region[] = [];
  const patterns = patternsOf(table);
  for (const [number, pattern] of patterns.entries()) {
    const ending = endingSo(pattern.suffix, one);
    if (ending === false) continue;
    const standing = patternStanding(table, number, "missing");
    if (pattern.kind !== "fixed") {
      const isLast = patterns
        .slice(number + 1)
        .every((later) => later.kind !== "fixed" || endingSo(later.suffix, one) === false);
      if (isLast && isSameStanding(table, standing, { wrong: "unknownHost" })) continue;
      return [...regions, all(new Unsaid(`host ${nameOf(one)}`, "a pattern makes its wiki of it"))];
    }
    if (ending === true) return [...regions, all(standing)];
    regions.push({ authority: authorityRegex(ending), standing, hostTest });
  }
  return [...regions, all({ wrong: "unknownHost" })];
}

const nameOf = ({ prefix, from }: SuffixRewrite): string => `${prefix}*${from}`;

/** Which hosts of a rewrite end so when they are read as others: all, none, or those of an expression. */
function endingSo(suffix: string, { prefix, labels: count, from, to }: SuffixRewrite): string | boolean {
  if (to.endsWith(suffix)) return true;
  if (!suffix.endsWith(to)) return false;
  const more = suffix.slice(0, suffix.length - to.length);
  const left = count - (more.split(".").length - 1);
  return left > 0 && quoted(prefix) + labels(left) + quoted(more + from);
}

/** @param ending of one value: all hosts, none, or those of an expression */
function suffixTest(values: readonly string[], ending: (value: string) => string | boolean): boolean | Match {
  const found = values.map(ending);
  if (found.includes(true)) return true;
  const hosts = found.filter((one) => typeof one === "string");
  if (hosts.length === 0) return false;
  return { header: ":authority", test: { regex: authorityRegex(`(?:${hosts.join("|")})`) }, not: false };
}

function isLikeLast({ standing, hostTest }: Region, table: Table, suffixes: readonly string[]): boolean {
  if (!isSameStanding(table, standing, { wrong: "unknownHost" })) return false;
  const isPlain = hostTest === plainTest;
  return isPlain || rewritesOf(table).every((one) => suffixes.every((suffix) => isAside(suffix, one)));
}

/** No rule that asks for the suffix sees what the rewrite does. */
const isAside = (suffix: string, { from, to }: SuffixRewrite): boolean =>
  !areNested(suffix, from) && !areNested(suffix, to);

function isSameStanding(table: Table, one: Standing, other: Standing): boolean {
  if (!("wrong" in one) || !("wrong" in other)) return false;
  const [a, b] = [table.wikiless(one.wrong), table.wikiless(other.wrong)];
  return JSON.stringify(a) === JSON.stringify(b);
}

/** Whether the path of a request to this host may have another host in its first segment. */
export function isReadByPath({ from }: PathRewrite, host: string): boolean {
  return from.startsWith(".") ? host.length > from.length && host.endsWith(from) : host === from;
}
