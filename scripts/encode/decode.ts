/** From a table back to its plan: the mirror of `encode`. */
import { sortTexts } from "../collections/sort-texts.ts";
import type { Destination, Pattern, Plan, ReadOutcome, ReleaseOutcome, Route } from "../plan.ts";
import { type KeySet, Table } from "../table/table.ts";

/**
 * The plan that a table says: `encode(decode(bytes), {generation, names})` gives the bytes again, with the table's own
 * generation and names. Throws TableError.
 */
export function decode(bytes: Uint8Array | Table): Plan {
  const table = bytes instanceof Table ? bytes : new Table(bytes);
  const list = <T>(count: number, entry: (number: number) => T) =>
    Array.from({ length: count }, (_, i) => entry(i));
  const wikis = sortedKeys(table, table.wikis);
  const wikiOfSlot = new Uint32Array(table.wikis.slots);
  for (const [wiki, slot] of wikis.slots.entries()) wikiOfSlot[slot] = wiki;
  const placements = list(table.placementCount, (number) => table.placementOf(number));
  const hosts = sortedKeys(table, table.hosts);
  /** By the wiki's number in the plan. */
  const destination = (found: Destination): Destination => {
    if (found === null) return null;
    if ("wiki" in found) return { wiki: wikiOfSlot[found.wiki]! };
    return found.else === undefined ? found : { ...found, else: wikiOfSlot[found.else]! };
  };
  const pattern = (found: Pattern): Pattern =>
    found.kind === "fixed" ? { ...found, destination: destination(found.destination) } : found;
  return {
    wikis: wikis.keys.map((id, wiki) => {
      const { release, group, installed } = placements[table.value(table.wikis, wikis.slots[wiki]!)]!;
      return { id, release, group, installed };
    }),
    hosts: hosts.keys.map((host, n) => ({
      host,
      destination: destination(table.destinationOf(hosts.slots[n]!)),
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

/** The keys of a set, sorted, each with its slot. */
function sortedKeys(table: Table, set: KeySet): { keys: string[]; slots: Uint32Array } {
  const keys: string[] = [];
  const slots = new Uint32Array(set.count);
  for (const { key, slot } of table.keys(set)) slots[keys.push(key) - 1] = slot;
  const { texts, order } = sortTexts(keys);
  return { keys: texts, slots: order.map((number) => slots[number]!) };
}
