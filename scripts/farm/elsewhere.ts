/** Wikis that are not on their group's release, since that does not run their version: in sums, as they come in hundreds. */
import { quoteFirst, SourceError } from "../sources/problem.ts";
import type { Farm } from "./farm.ts";
import type { Groups } from "./groups.ts";
import type { Releases } from "./releases.ts";

interface Elsewhere {
  group: string;
  /** Where they are. */
  release: string;
  version: string;
  /** Where their group would have them, and what that runs. */
  groupRelease: string;
  groupVersion: string;
  wikis: string[];
  /** How many wikis the group has. */
  of: number;
}

/** One for each group and release; where no release has a wiki's version, that is told by other means. */
function elsewhere({ ofWiki }: Groups, { list, placements, answered }: Releases): Elsewhere[] {
  const sizes = new Map<string, number>();
  for (const group of ofWiki.values()) sizes.set(group, (sizes.get(group) ?? 0) + 1);
  const sums = new Map<string, Elsewhere>();
  for (const { wiki, group, release, preferred, why } of placements) {
    if (group === null || why !== "version" || release === -1 || answered.has(wiki)) continue;
    const key = `${group} ${release}`;
    const known = sums.get(key);
    if (known) {
      known.wikis.push(wiki);
      continue;
    }
    const [at, own] = [list[release]!, list[preferred!]!];
    sums.set(key, {
      group,
      release: at.name,
      version: at.version,
      groupRelease: own.name,
      groupVersion: own.version,
      wikis: [wiki],
      of: sizes.get(group)!,
    });
  }
  return [...sums.values()];
}

function showElsewhere(one: Elsewhere): string {
  const { group, release, version, groupRelease, groupVersion, wikis, of } = one;
  const are = wikis.length === 1 ? "is" : "are";
  const says = `${groupRelease} says ${groupVersion}, and ${wikis.length === 1 ? "it runs" : "they run"} ${version}`;
  return `${wikis.length} of ${of} ${of === 1 ? "wiki" : "wikis"} of ${group} ${are} on ${release}: ${says} (${quoteFirst(wikis)})`;
}

/** Warnings, each at the release that does not run what its group runs. */
export function warnOfElsewhere(farm: Farm, groups: Groups, releases: Releases): SourceError[] {
  return elsewhere(groups, releases).map(
    (one) => new SourceError(farm.place(["releases", one.groupRelease], "key"), showElsewhere(one)),
  );
}
