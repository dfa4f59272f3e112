import { type Place, Problems, quote, SourceError } from "../sources/problem.ts";
import { suggestionFor } from "../sources/suggestion.ts";
import type { Farm, Path } from "./farm.ts";

export interface Group {
  name: string;
  within: string | null;
  /** Its wikis that have a version, those of the groups within it included. */
  wikis: Set<string>;
}

export interface Groups {
  byName: Map<string, Group>;
  /** Innermost group of each wiki that is in one. */
  ofWiki: Map<string, string>;
  /** Sorted. */
  inNoGroup: string[];
}

/** The farm's groups and who is in them. Throws SourceError with everything that is wrong. */
export function readGroups(farm: Farm): Groups {
  const problems = new Problems();
  const byName = new Map<string, Group>();
  for (const name of farm.keys(["groups"])) {
    const { within = null } = farm.says.groups[name]!;
    byName.set(name, { name, within, wikis: new Set() });
  }
  checkNesting(farm, byName, problems);
  problems.throwIfAny();
  for (const group of byName.values()) {
    for (const { wiki, place } of problems.attempt(() => membersOf(farm, group.name)) ?? []) {
      if (farm.wikis.has(wiki)) group.wikis.add(wiki);
      else if (farm.says["not-in-wikiversions"] === "error") {
        problems.add(place, `${quote(wiki)} is in group ${quote(group.name)} but not in wikiversions`);
      }
    }
  }
  problems.throwIfAny();

  const ofWiki = new Map<string, string>();
  for (const wiki of byName.size === 0 ? [] : farm.wikis.ids) {
    const holders = [...byName.values()].filter((group) => group.wikis.has(wiki));
    const innermost = holders.filter(
      (group) => !holders.some((other) => isWithin(byName, other, group.name)),
    );
    const [first, second] = innermost;
    if (second) {
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
  if (byName.size > 0) reportInNoGroup(farm, inNoGroup, problems);
  problems.throwIfAny();
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
        const near = suggestionFor(outer, byName.keys());
        const hint = near === undefined ? "" : `; did you mean ${quote(near)}?`;
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

function membersOf(farm: Farm, name: string): { wiki: string; place: Place }[] {
  const { dblist, wikis = [] } = farm.says.groups[name]!;
  if (dblist === undefined) {
    return wikis.map((wiki, i) => ({ wiki, place: farm.place(["groups", name, "wikis", i]) }));
  }
  const path = ["groups", name, "dblist"];
  const place = farm.place(path);
  return evaluateDblist(farm, dblist, path).map((wiki) => ({ wiki, place }));
}

/** The wikis of an expression of dblists. Throws SourceError. */
export function evaluateDblist(farm: Farm, expression: string, path: Path): string[] {
  const place = farm.place(path);
  if (farm.dblists) return farm.dblists.evaluate(expression, place);
  throw new SourceError(place, `a dblist, but no folder of dblists: say \`dblists: FOLDER\``);
}

function reportInNoGroup(farm: Farm, wikis: string[], problems: Problems): void {
  for (const wiki of wikis) {
    const place = farm.placeOfWiki(wiki);
    const what = `${quote(wiki)} is in no group`;
    if (farm.says["in-no-group"] === "error") {
      problems.add(place, `${what}: add it to one, or say \`in-no-group: warn\``);
    } else {
      farm.warn(place, `${what}: it goes to the default release, or the first that runs its version`);
    }
  }
}
