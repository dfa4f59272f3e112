/** Which release each wiki is on. */
import { Problems, quote, quoteFirst } from "../sources/problem.ts";
import type { Farm } from "./farm.ts";
import type { Groups } from "./groups.ts";
import { readPins } from "./pins.ts";
import { type Placement, type Releases, readReleases, unknownRelease } from "./releases.ts";
import { helpStranded } from "./stranded.ts";

/**
 * Always a release of the wiki's own version: its pin's; else its group's, or that of a group around it; else, of
 * those that run the version, the one with most wikis; else what the farm has decided for such wikis. An older table
 * has no say, so that the same inputs give the same bytes.
 *
 * With problems, what is given back is for people to look at, and no table can be made of it.
 * @param today as `2026-12-31`, for the expiry of pins alone
 */
export function assignReleases(farm: Farm, groups: Groups, today: string, problems: Problems): Releases {
  const found = new Problems();
  const { list, inferred } = readReleases(farm, groups, found);
  const byName = new Map(list.map(({ name }, number) => [name, number]));
  const ownOf = new Map<string, number[]>();
  for (const name of groups.byName.keys()) ownOf.set(name, releasesAround(groups, name, byName));
  const defaultSaid = byName.get(farm.says["default-release"]) ?? -1;
  const versionsAreKnown = list.every(({ version }) => version !== "");

  const pins = readPins(farm, list, today, found);
  const { wikis } = farm;
  const ofWiki = wikis.ids.map((wiki, i) => {
    if ((pins.get(wiki) ?? -1) !== -1) return PINNED;
    const version = wikis.versions[i]!;
    const group = groups.ofWiki.get(wiki);
    return (group === undefined ? [] : ownOf.get(group)!).find((one) => list[one]!.version === version) ?? -1;
  });
  const largest = largestOfVersion(list, ofWiki, defaultSaid);
  for (const [i, release] of ofWiki.entries()) {
    if (release === PINNED) ofWiki[i] = pins.get(wikis.ids[i]!)!;
    else if (release === -1) ofWiki[i] = largest.get(wikis.versions[i]!) ?? -1;
  }
  const helped = versionsAreKnown ? helpStranded(farm, list, inferred, ofWiki, found) : NOT_HELPED;
  if (farm.says["in-no-group"] === "warn" && groups.byName.size > 0)
    warnOfGroupless(farm, groups, list, ofWiki);
  const names = list.map(({ name }) => name);
  const defaultRelease = names.indexOf(farm.says["default-release"]);
  if (defaultRelease === -1) {
    const lasts = " A release that `spill` adds exists only while a wiki runs its version";
    const what = unknownRelease(farm.says["default-release"], names);
    found.add(farm.place(["default-release"]), what + (farm.says.spill === "error" ? "" : lasts));
  }
  problems.keepAll(found);
  return {
    list,
    default: defaultRelease,
    ofWiki,
    get placements() {
      return wikis.ids.map((wiki, i): Placement => {
        const group = groups.ofWiki.get(wiki) ?? null;
        const preferred = (group === null ? undefined : ownOf.get(group)![0]) ?? null;
        const release = ofWiki[i]!;
        const why = pins.has(wiki) ? "pin" : preferred === null || release === preferred ? null : "version";
        return { wiki, group, release, why, preferred };
      });
    },
    inferred,
    ...helped,
  };
}

/** A pin is one wiki's exception: it does not count for where others go. */
const PINNED = -2;
const NOT_HELPED = { spilled: new Set<string>(), answered: new Set<string>() };

/** The releases named like the group and like the groups around it, from the inside out. */
function releasesAround(groups: Groups, group: string, byName: Map<string, number>): number[] {
  const releases: number[] = [];
  for (let name: string | null = group; name !== null; name = groups.byName.get(name)!.within) {
    const release = byName.get(name);
    if (release !== undefined) releases.push(release);
  }
  return releases;
}

/** Version → the release of it that has most wikis; of those that have as many, the default one, else the first. */
function largestOfVersion(
  list: Releases["list"],
  ofWiki: readonly number[],
  defaultRelease: number,
): Map<string, number> {
  const counts = list.map(() => 0);
  for (const release of ofWiki) if (release >= 0) counts[release]!++;
  const largest = new Map<string, number>();
  for (const [number, { version }] of list.entries()) {
    const best = largest.get(version);
    const more = best === undefined ? 1 : counts[number]! - counts[best]!;
    if (more > 0 || (more === 0 && number === defaultRelease)) largest.set(version, number);
  }
  return largest;
}

function warnOfGroupless(
  farm: Farm,
  groups: Groups,
  list: Releases["list"],
  ofWiki: readonly number[],
): void {
  const byRelease = new Map<number, string[]>();
  for (const wiki of groups.inNoGroup) {
    const release = ofWiki[farm.wikis.number(wiki)]!;
    const known = byRelease.get(release);
    if (known) known.push(wiki);
    else byRelease.set(release, [wiki]);
  }
  for (const [release, wikis] of byRelease) {
    const place = farm.placeOfWiki(wikis[0]!);
    const who = wikis.length === 1 ? `${quote(wikis[0]!)} is` : `${wikis.length} wikis are`;
    const what = `${who} in no group${wikis.length === 1 ? "" : ` (${quoteFirst(wikis)})`}`;
    if (release === -1) farm.warn(place, what);
    else {
      const { name, version } = list[release]!;
      const they = wikis.length === 1 ? "it goes" : "they go";
      farm.warn(place, `${what}: ${they} to ${name}, where most wikis of ${version} are`);
    }
  }
}
