/** `assets` and `previews` of farm.yaml: requests for another release than their wiki's. */
import type { ReleaseOutcome } from "../plan.ts";
import { Problems } from "../sources/problem.ts";
import type { Farm } from "./farm.ts";
import { type Releases, unknownRelease } from "./releases.ts";
import { type Placed, rulesFrom } from "./rules.ts";

/** Throws SourceError. */
export function releaseRules(
  farm: Farm,
  releases: Releases,
  key: "assets" | "previews",
): Placed<ReleaseOutcome>[] {
  const { list } = releases;
  const problems = new Problems();
  const names = list.map(({ name }) => name);
  const rules = (farm.says[key] ?? []).flatMap((says, i) => {
    const release = names.indexOf(says.release);
    const place = farm.place([key, i, "release"]);
    if (release === -1 && says.release !== NEWEST) problems.add(place, unknownRelease(says.release, names));
    else if (release === -1) {
      const versions = list.map(({ version }) => version);
      problems.attempt(() => farm.versionOrder.check(versions, place));
    }
    return rulesFrom(says, [key, i], {
      outcome: { release: release === -1 ? newest(farm, releases) : release },
    });
  });
  problems.throwIfAny();
  return rules;
}

const NEWEST = "newest";

/** The release that `newest` stands for; null where no rule says so. */
export function newestNamed(farm: Farm, releases: Releases): string | null {
  const { list } = releases;
  const { assets, previews = [] } = farm.says;
  const said = [...assets, ...previews].some(({ release }) => release === NEWEST);
  return said && !list.some(({ name }) => name === NEWEST) ? list[newest(farm, releases)]!.name : null;
}

/**
 * Of two that run the same version, the first. A release that was added for a few stranded wikis may not run at all,
 * and must not get the assets of all others.
 */
function newest({ versionOrder }: Farm, { list, spilled }: Releases): number {
  const own = list.filter(({ name }) => !spilled.has(name));
  const candidates = own.length > 0 ? own : list;
  const best = candidates.reduce((one, other) =>
    versionOrder.compare(other.version, one.version) > 0 ? other : one,
  );
  return list.indexOf(best);
}
