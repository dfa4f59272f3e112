/** Wikis that the farm puts on a release by hand, each with a reason and a last day. */
import { type Problems, quote } from "../sources/problem.ts";
import type { Farm } from "./farm.ts";
import { type Releases, unknownRelease } from "./releases.ts";

/**
 * Wiki → number of the release that it is pinned to.
 * @param today as `2026-12-31`
 */
export function readPins(
  farm: Farm,
  list: Releases["list"],
  today: string,
  problems: Problems,
): Map<string, number> {
  const pins = new Map<string, number>();
  for (const [i, { wiki, release, expires }] of farm.says.pins.entries()) {
    const number = list.findIndex((one) => one.name === release);
    const known = farm.wikis.get(wiki);
    if (pins.has(wiki))
      problems.add(farm.place(["pins", i, "wiki"]), `${quote(wiki)} is pinned twice: keep one pin`);
    if (expires < today) {
      const wayOut = "remove it, or give it a later day";
      problems.add(
        farm.place(["pins", i, "expires"]),
        `the pin of ${quote(wiki)} expired on ${expires}: ${wayOut}`,
      );
    }
    if (number === -1) {
      const names = list.map((one) => one.name);
      problems.add(farm.place(["pins", i, "release"]), unknownRelease(release, names));
    } else if (!known) {
      const wayOut = "remove the pin, or correct the wiki's name";
      problems.add(farm.place(["pins", i, "wiki"]), `${quote(wiki)} is not in wikiversions: ${wayOut}`);
    } else if (list[number]!.version !== "" && known.version !== list[number]!.version) {
      const runs = `${quote(wiki)} runs ${known.version}, release ${quote(release)} runs ${list[number]!.version}`;
      problems.add(
        farm.place(["pins", i, "release"]),
        `${runs}: pin the wiki to a release of its own version`,
      );
    }
    pins.set(wiki, number);
  }
  return pins;
}
