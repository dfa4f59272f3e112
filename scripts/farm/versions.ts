/** Which versions a farm's wikis run, on which releases, and which releases are left over. */
import { count } from "../count.ts";
import type { Plan } from "../plan.ts";
import type { VersionOrder } from "./version-order.ts";

export interface Count {
  version: string;
  /** null: they are in none. */
  group: string | null;
  release: string;
  wikis: number;
}

export interface ReleaseUse {
  release: string;
  version: string;
  wikis: number;
  /** It gets the requests that no wiki decides, or some of them. */
  default: boolean;
  /** How many rules send requests to it: those of assets and previews. */
  rules: number;
  /** Some wiki has its version, on whatever release. */
  versionHasWikis: boolean;
}

export interface Versions {
  /** From the oldest version to the newest, then by release as the farm has them, then by group; in none is last. */
  counts: Count[];
  /** As the farm has them. */
  releases: ReleaseUse[];
}

export function versionsOf(plan: Plan, order: VersionOrder): Versions {
  const sums = new Map<string, { group: string | null; release: number; wikis: number }>();
  for (const { group, release } of plan.wikis) {
    const key = `${release} ${group ?? ""}`;
    const sum = sums.get(key);
    if (sum) sum.wikis++;
    else sums.set(key, { group, release, wikis: 1 });
  }
  const counts = [...sums.values()]
    .map((sum) => ({ ...sum, version: plan.releases[sum.release]!.version }))
    .sort(
      (a, b) =>
        order.compare(a.version, b.version) || a.release - b.release || compareGroups(a.group, b.group),
    )
    .map(({ version, group, release, wikis }) => ({
      version,
      group,
      release: plan.releases[release]!.name,
      wikis,
    }));
  return { counts, releases: usesOf(plan, counts) };
}

function compareGroups(a: string | null, b: string | null): number {
  if (a === null || b === null) return a === b ? 0 : a === null ? 1 : -1;
  return a < b ? -1 : 1;
}

function usesOf(plan: Plan, counts: readonly Count[]): ReleaseUse[] {
  const wikiless = Object.values(plan.wikiless).flatMap((outcome) =>
    "release" in outcome ? [outcome.release] : [],
  );
  const named = plan.listeners.flatMap(({ assets }) => assets.map(({ outcome }) => outcome.release));
  const alive = new Set(counts.map(({ version }) => version));
  return plan.releases.map(({ name, version }, number) => ({
    release: name,
    version,
    wikis: counts.filter(({ release }) => release === name).reduce((sum, { wikis }) => sum + wikis, 0),
    default: plan.defaultRelease === number || wikiless.includes(number),
    rules: named.filter((release) => release === number).length,
    versionHasWikis: alive.has(version),
  }));
}

/** No request can go to it. */
export function isUnused({ wikis, default: isDefault, rules }: ReleaseUse): boolean {
  return wikis === 0 && !isDefault && rules === 0;
}

/** Releases that may be forgotten, each with what is so, by why; a reason without a release is left out. */
export function leftOver(releases: readonly ReleaseUse[]): { title: string; lines: string[] }[] {
  const told = (some: readonly ReleaseUse[], note: (use: ReleaseUse) => string = () => "") =>
    some.map((use) => `${use.release}: ${use.version}${note(use)}`);
  return [
    { title: "nothing points to", lines: told(releases.filter(isUnused)) },
    {
      title: "no wiki is on",
      lines: told(
        releases.filter((use) => use.wikis === 0 && !isUnused(use)),
        ({ default: isDefault, rules }) => {
          const isFor = isDefault ? ", the default release" : "";
          return `${isFor}${rules > 0 ? `, ${count(rules, "rule")} of assets or previews` : ""}`;
        },
      ),
    },
    {
      title: "no wiki has the version of",
      lines: told(releases.filter(({ versionHasWikis }) => !versionHasWikis)),
    },
  ].filter(({ lines }) => lines.length > 0);
}
