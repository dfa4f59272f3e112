import type { ReleaseOutcome } from "../plan.ts";
import { Problems } from "../sources/problem.ts";
import type { Farm } from "./farm.ts";
import { type Releases, unknownRelease } from "./releases.ts";
import { type Placed, rulesFrom } from "./rules.ts";

/** Throws SourceError. */
export function assetRules(farm: Farm, { list }: Releases): Placed<ReleaseOutcome>[] {
  const problems = new Problems();
  const names = list.map(({ name }) => name);
  const rules = farm.says.assets.flatMap((says, i) => {
    const release = names.indexOf(says.release);
    const place = farm.place(["assets", i, "release"]);
    if (release === -1 && says.release !== NEWEST) problems.add(place, unknownRelease(says.release, names));
    else if (release === -1) {
      const versions = list.map(({ version }) => version);
      problems.attempt(() => farm.versionOrder.check(versions, place));
    }
    const outcome = { release: release === -1 ? newest(farm, list) : release };
    return rulesFrom(says, ["assets", i], { outcome });
  });
  problems.throwIfAny();
  return rules;
}

const NEWEST = "newest";

/** The release that `newest` stands for; null where no rule says so. */
export function newestNamed(farm: Farm, { list }: Releases): string | null {
  const said = farm.says.assets.some(({ release }) => release === NEWEST);
  return said && !list.some(({ name }) => name === NEWEST) ? list[newest(farm, list)]!.name : null;
}

/** Of two that run the same version, the first. */
function newest({ versionOrder }: Farm, list: Releases["list"]): number {
  return list.reduce(
    (best, { version }, i) => (versionOrder.compare(version, list[best]!.version) > 0 ? i : best),
    0,
  );
}
