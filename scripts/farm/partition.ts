/** Wikis parted by what they have in common: their image, release, version or group. */
import { Problems } from "../sources/problem.ts";
import { survey } from "./compile.ts";
import type { Farm } from "./farm.ts";
import { readGroups } from "./groups.ts";
import { imagesOf } from "./images.ts";

export const PARTITIONS = ["image", "release", "version", "group"] as const;
export type Partition = (typeof PARTITIONS)[number];

export interface Part {
  /** null: those that have none. */
  key: string | null;
  /** In the order in which they were given. */
  wikis: string[];
}

/**
 * Versions come from the oldest to the newest, all else in the order of the farm, and last the wikis that have none:
 * those that are not in wikiversions, or are in no group. Throws SourceError.
 * @param files of images, as `imagesOf` takes it
 */
export function partition(
  farm: Farm,
  wikis: readonly string[],
  by: Partition,
  { today, files }: { today: string; files: string | null },
): Part[] {
  const { order, of } = keysOf(farm, by, today, files);
  const parts = new Map<string | null, string[]>();
  for (const wiki of wikis) {
    const key = of(wiki);
    const part = parts.get(key);
    if (part) part.push(wiki);
    else parts.set(key, [wiki]);
  }
  return [...new Set([...order(), null])].flatMap((key) => {
    const part = parts.get(key);
    return part ? [{ key, wikis: part }] : [];
  });
}

interface Keys {
  /** Asked once each wiki has been. */
  order(): string[];
  of(wiki: string): string | null;
}

function keysOf(farm: Farm, by: Partition, today: string, files: string | null): Keys {
  if (by === "version") {
    return {
      order: () => [...new Set(farm.wikis.versions)].sort((a, b) => farm.versionOrder.compare(a, b)),
      of: (wiki) => farm.wikis.get(wiki)?.version ?? null,
    };
  }
  if (by === "group") {
    const problems = new Problems();
    const { byName, ofWiki } = readGroups(farm, problems);
    problems.throwIfAny();
    return { order: () => [...byName.keys()], of: (wiki) => ofWiki.get(wiki) ?? null };
  }
  const { releases, problems } = survey(farm, today);
  problems.throwIfAny();
  const { list, ofWiki } = releases;
  /** By a release's number; only of those that a wiki is on is the values file read. */
  const known = new Map<number, string>();
  return {
    order: () => [...known].sort(([a], [b]) => a - b).map(([, key]) => key),
    of: (wiki) => {
      const number = farm.wikis.number(wiki);
      if (number === -1) return null;
      const release = ofWiki[number]!;
      const key =
        known.get(release) ??
        (by === "release" ? list[release]!.name : imagesOf(farm, list[release]!, files).image);
      known.set(release, key);
      return key;
    },
  };
}
