/** `groups` of farm.yaml: each wiki's group. */
import { Problems, quote, quoteFirst, SourceError } from "../sources/problem.ts";
import { suggestionFor } from "../sources/suggestion.ts";
import type { Farm, Path } from "./farm.ts";

export interface Group {
  name: string;
  within: string | null;
  /** Its wikis that have a version, those of the groups within it included. */
  wikis: Set<string>;
  /** Its list could not be read. */
  isBroken: boolean;
  /** Its own list names no wiki at all. */
  isEmpty: boolean;
}

export interface Groups {
  byName: Map<string, Group>;
  /** Innermost group of each wiki that is in one. */
  ofWiki: Map<string, string>;
  /** Sorted. */
  inNoGroup: string[];
}

/** The farm's groups and who is in them: with problems, as far as can be told. */
export function readGroups(farm: Farm, problems: Problems): Groups {
  const byName = new Map<string, Group>();
  for (const name of farm.keys(["groups"])) {
    const { within = null } = farm.says.groups[name]!;
    byName.set(name, { name, within, wikis: new Set(), isBroken: false, isEmpty: false });
  }
  const nesting = new Problems();
  checkNesting(farm, byName, nesting);
  if (nesting.any) for (const group of byName.values()) group.within = null;
  problems.keepAll(nesting);
  for (const group of byName.values()) {
    const members = problems.attempt(() => membersOf(farm, group.name));
    group.isBroken = members === undefined;
    group.isEmpty = members?.length === 0;
    const unknown: string[] = [];
    for (const wiki of members ?? []) {
      if (farm.wikis.has(wiki)) group.wikis.add(wiki);
      else unknown.push(wiki);
    }
    if (unknown.length > 0) reportUnknown(farm, group.name, unknown, problems);
  }
  const isWhole = !problems.any;

  const ofWiki = new Map<string, string>();
  for (const wiki of byName.size === 0 ? [] : farm.wikis.ids) {
    const holders = [...byName.values()].filter((group) => group.wikis.has(wiki));
    const innermost = holders.filter(
      (group) => !holders.some((other) => isWithin(byName, other, group.name)),
    );
    const [first, second] = innermost;
    if (second && isWhole) {
      const where = farm.place(["groups", second.name], "key");
      const wayOut = "take it out of one, or say `within`";
      problems.add(
        where,
        `${quote(wiki)} is in ${quote(first!.name)} and in ${quote(second.name)}: ${wayOut}`,
      );
    }
    if (first) ofWiki.set(wiki, first.name);
  }
  // A group's wikis are those of the groups within it as well, whether its own list repeats them or not.
  for (const [wiki, name] of ofWiki) {
    for (let outer = byName.get(name)!.within; outer !== null; outer = byName.get(outer)!.within) {
      byName.get(outer)!.wikis.add(wiki);
    }
  }
  const inNoGroup = farm.wikis.ids.filter((wiki) => !ofWiki.has(wiki));
  if (inNoGroup.length > 0 && byName.size > 0 && isWhole) reportInNoGroup(farm, inNoGroup, problems);
  return { byName, ofWiki, inNoGroup };
}

/** `group` is a part of `name`, at whatever depth. */
function isWithin(byName: Map<string, Group>, group: Group, name: string): boolean {
  for (let outer = group.within; outer !== null; outer = byName.get(outer)!.within) {
    if (outer === name) return true;
  }
  return false;
}

function checkNesting(farm: Farm, byName: Map<string, Group>, problems: Problems): void {
  for (const group of byName.values()) {
    const where = farm.place(["groups", group.name, "within"]);
    const seen = new Set([group.name]);
    for (let outer = group.within; outer !== null; outer = byName.get(outer)?.within ?? null) {
      if (!byName.has(outer)) {
        const suggestion = suggestionFor(outer, byName.keys());
        const hint = suggestion === undefined ? "" : `; did you mean ${quote(suggestion)}?`;
        problems.add(where, `unknown group ${quote(outer)}${hint}`);
        return;
      }
      if (seen.has(outer)) {
        problems.add(where, `the groups ${[...seen, outer].map(quote).join(" within ")}: break the circle`);
        return;
      }
      seen.add(outer);
    }
  }
}

function membersOf(farm: Farm, name: string): readonly string[] {
  const { dblist, wikis = [] } = farm.says.groups[name]!;
  return dblist === undefined ? wikis : evaluateDblist(farm, dblist, ["groups", name, "dblist"]);
}

/** Wikis of a group that wikiversions does not have, at the line that names the first of them. */
function reportUnknown(farm: Farm, group: string, unknown: readonly string[], problems: Problems): void {
  const severity = farm.says["not-in-wikiversions"];
  if (severity === "ignore") return;
  const { dblist, wikis = [] } = farm.says.groups[group]!;
  const [first] = unknown as [string];
  const place =
    dblist === undefined
      ? farm.place(["groups", group, "wikis", wikis.indexOf(first)])
      : (farm.dblists!.placeOf(dblist, first) ?? farm.place(["groups", group, "dblist"]));
  const one = unknown.length === 1;
  const who = one ? `${quote(first)} is` : `${unknown.length} wikis (${quoteFirst(unknown)}) are`;
  const what = `${who} in group ${quote(group)} but not in wikiversions`;
  const them = one ? "it" : "them";
  if (severity === "warn") farm.warn(place, `${what}: no release serves ${them}`);
  else {
    const wayOut = "add them there, take them out of the list, or say `not-in-wikiversions: warn`";
    problems.add(place, `${what}: ${wayOut.replaceAll("them", them)}`);
  }
}

/** The wikis of an expression of dblists. Throws SourceError. */
export function evaluateDblist(farm: Farm, expression: string, path: Path): string[] {
  const place = farm.place(path);
  if (farm.dblists) return farm.dblists.evaluate(expression, place);
  throw new SourceError(place, `the farm names a dblist, but no folder of dblists: add \`dblists: FOLDER\``);
}

/** With `warn`, what becomes of them is told once it is known. */
function reportInNoGroup(farm: Farm, wikis: string[], problems: Problems): void {
  if (farm.says["in-no-group"] !== "error") return;
  const one = wikis.length === 1;
  const who = one ? `${quote(wikis[0]!)} is` : `${wikis.length} wikis are`;
  const what = `${who} in no group${one ? "" : ` (${quoteFirst(wikis)})`}`;
  const wayOut = `add ${one ? "it" : "them"} to one, or say \`in-no-group: warn\``;
  problems.add(farm.placeOfWiki(wikis[0]!), `${what}: ${wayOut}`);
}
