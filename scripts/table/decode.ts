/** From a table back to its plan: the mirror of `encode`. */
import type { Destination, Pattern, Plan, ReadOutcome, ReleaseOutcome, Route } from "../plan.ts";
import { type KeySet, Table } from "./table.ts";

/**
 * The plan that a table says: `encode(decode(bytes), {generation, names})` gives the bytes again, with the table's own
 * generation and names. Throws TableError.
 */
export function decode(bytes: Uint8Array | Table): Plan {
  const table = bytes instanceof Table ? bytes : new Table(bytes);
  const list = <T>(count: number, entry: (number: number) => T) =>
    Array.from({ length: count }, (_, i) => entry(i));
  const sorted = (set: KeySet) => [...table.keys(set)].sort((a, b) => (a.key < b.key ? -1 : 1));
  const wikis = sorted(table.wikis);
  const wikiOfSlot = new Map(wikis.map(({ slot }, wiki) => [slot, wiki]));
  /** By the wiki's number in the plan. */
  const destination = (found: Destination): Destination => {
    if (found === null) return null;
    if ("wiki" in found) return { wiki: wikiOfSlot.get(found.wiki)! };
    return found.else === undefined ? found : { ...found, else: wikiOfSlot.get(found.else)! };
  };
  const pattern = (found: Pattern): Pattern =>
    found.kind === "fixed" ? { ...found, destination: destination(found.destination) } : found;
  return {
    wikis: wikis.map(({ key, slot }) => ({ id: key, ...table.placement(slot) })),
    hosts: sorted(table.hosts).map(({ key, slot }) => ({
      host: key,
      destination: destination(table.destinationOf(slot)),
    })),
    rewrites: list(table.rewriteCount, (i) => table.rewrite(i)),
    patterns: list(table.patternCount, (i) => pattern(table.pattern(i))),
    paths: list(table.pathCount, (i) => table.path(i)),
    listeners: table.listeners.map(({ routes, assets, reads, ...rest }) => ({
      ...rest,
      routes: table.rules<Route>(routes),
      assets: table.rules<ReleaseOutcome>(assets),
      reads: table.rules<ReadOutcome>(reads),
    })),
    shareCookie: table.shareCookie,
    replies: list(table.replyCount, (i) => table.reply(i)),
    deployments: list(table.deploymentCount, (i) => table.deployment(i)),
    releases: list(table.releaseCount, (i) => table.release(i)),
    defaultRelease: table.defaultRelease,
    wikiless: {
      unknownHost: table.wikiless("unknownHost"),
      missing: table.wikiless("missing"),
      notInstalled: table.wikiless("notInstalled"),
    },
    clusters: list(table.deploymentCount, (d) => list(table.releaseCount, (r) => table.cluster(d, r))),
    emit: [...table.emit],
    jobs: table.jobs,
    canonical: {
      rules: list(table.canonicalRuleCount, (i) => table.canonicalRule(i)),
      exceptions: list(table.exceptionCount, (i) => table.exception(i))
        .map(({ slot, host }) => ({ wiki: table.key(table.wikis, slot)!, host }))
        .sort((a, b) => (a.wiki < b.wiki ? -1 : 1)),
    },
  };
}
