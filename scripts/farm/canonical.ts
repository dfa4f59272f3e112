/** `canonical` of farm.yaml: the host under which a wiki is asked by those who know its ID. */
import type { Canonical, CanonicalRule } from "../plan.ts";
import { Problems, quote, quoteAll } from "../sources/problem.ts";
import type { Farm } from "./farm.ts";
import { evaluateDblist } from "./groups.ts";
import { firstHosts, type Hosts, hostReader } from "./hosts.ts";
import type { CanonicalHost } from "./schema.ts";

/** A rule of the farm, and the wikis that it is for; null: all. */
interface Inverse extends CanonicalRule {
  wikis: Set<string> | null;
  number: number;
}

/**
 * From every wiki back to its own host: an exact host that is the wiki's own, else what the first rule says, else any
 * exact host; and each of them leads to the wiki. Throws SourceError.
 */
export function compileCanonical(farm: Farm, hosts: Hosts): { canonical: Canonical; places: string[] } {
  const problems = new Problems();
  const says = farm.says["canonical-hosts"];
  const { jobs } = farm.says;
  const isNeeded = jobs !== undefined && jobs.host !== "never";
  if (!isNeeded && says.length === 0) return NONE;
  const rules = says.map(
    (one, number): Inverse => ({
      tail: one.wiki.slice("{label}".length),
      suffix: one.host.slice("{label}".length),
      dashes: one.dashes === "underscores",
      wikis: problems.attempt(() => wikisOf(farm, one, number, problems)) ?? null,
      number,
    }),
  );
  problems.throwIfAny();

  // In the table the rules that are for any wiki come first, so that the others are reached by their number alone.
  const kept: Inverse[] = [];
  for (const rule of [...rules.filter((one) => !one.wikis), ...rules.filter((one) => one.wikis)]) {
    if (!kept.some((other) => isSame(rule, other))) kept.push(rule);
  }
  const wikiOfHost = hostReader(farm.wikis, hosts);
  const owns = firstHosts(hosts, "whole");
  const labelled = firstHosts(hosts, "label");
  const exceptions: Canonical["exceptions"] = [];
  const without: string[] = [];
  for (const [i, wiki] of farm.wikis.ids.entries()) {
    const own = owns.get(i);
    const rule = rules.find((one) => (one.wikis?.has(wiki) ?? true) && hostBy(one, wiki) !== null);
    const byRule = rule ? hostBy(rule, wiki) : null;
    let exact = own ?? null;
    if (own === undefined && byRule !== null && wikiOfHost(byRule) !== wiki) {
      exact = labelled.get(i) ?? null;
      if (exact === null) {
        const other = wikiOfHost(byRule);
        const leads = other === null ? "to no wiki" : `to ${quote(other)}`;
        const what = `${quote(byRule)} of ${quote(wiki)} leads ${leads} by the farm's hosts`;
        const place = farm.place(["canonical-hosts", rule!.number, "host"]);
        problems.add(place, `${what}: ${wayToHost(farm, byRule, wiki)}`);
      }
    }
    if (own === undefined && rule === undefined) exact = labelled.get(i) ?? null;
    const host = exact ?? byRule;
    if (host === null) without.push(wiki);
    const first = kept.find((one) => hostBy(one, wiki) !== null);
    if (host === (first ? hostBy(first, wiki) : null)) continue;
    const number = rule && host === byRule ? kept.findIndex((one) => isSame(rule, one)) : null;
    exceptions.push({ wiki, host: number ?? exact });
  }
  problems.throwIfAny();
  if (!isNeeded) return NONE;
  if (without.length > 0) {
    const what = `no host belongs to ${quoteAll(without)}: their jobs keep the host that they arrive with`;
    farm.warn(farm.place(["jobs", "host"]), what);
  }
  return {
    canonical: { rules: kept.map(({ tail, suffix, dashes }) => ({ tail, suffix, dashes })), exceptions },
    places: kept.map(({ number }) => farm.shortPlace(["canonical-hosts", number])),
  };
}

const NONE = { canonical: { rules: [], exceptions: [] }, places: [] };

function isSame(a: CanonicalRule, b: CanonicalRule): boolean {
  return a.tail === b.tail && a.suffix === b.suffix && a.dashes === b.dashes;
}

/** What to add to `hosts` so that the host leads to the wiki: a label where other wikis like it have theirs. */
function wayToHost(farm: Farm, host: string, wiki: string): string {
  for (const [i, { host: form, wiki: id, labels, dashes }] of farm.says.hosts.entries()) {
    const suffix = form.slice("{label}".length);
    if (!labels || !host.endsWith(suffix)) continue;
    const label = host.slice(0, -suffix.length);
    const made = id.replace("{label}", label);
    if ((dashes === "underscores" ? made.replaceAll("-", "_") : made) !== wiki) continue;
    return `add ${quote(label)} to the \`labels\` at ${farm.shortPlace(["hosts", i, "labels"])}`;
  }
  return `add ${quote(`{ host: ${host}, wiki: ${wiki} }`)} to \`hosts\`, before all patterns`;
}

/** null where the wiki is none of the rule's. */
function hostBy({ tail, suffix, dashes }: CanonicalRule, wiki: string): string | null {
  if (!wiki.endsWith(tail) || wiki === tail) return null;
  const label = wiki.slice(0, wiki.length - tail.length);
  return (dashes ? label.replaceAll("_", "-") : label) + suffix;
}

function wikisOf(farm: Farm, says: CanonicalHost, number: number, problems: Problems): Set<string> | null {
  const path = ["canonical-hosts", number, "in"];
  if (says.in === undefined) return null;
  if (typeof says.in === "string") {
    const listed = evaluateDblist(farm, says.in, path);
    if (listed.length === 0)
      farm.warn(farm.place(path), `${quote(says.in)} has no wikis, so the rule is for no wiki`);
    return new Set(listed);
  }
  for (const [i, wiki] of says.in.entries()) {
    if (farm.wikis.has(wiki) || farm.says["not-in-wikiversions"] === "ignore") continue;
    const what = `${quote(wiki)} is not in wikiversions: remove it here, or correct its name`;
    if (farm.says["not-in-wikiversions"] === "warn") farm.warn(farm.place([...path, i]), what);
    else problems.add(farm.place([...path, i]), what);
  }
  return new Set(says.in);
}
