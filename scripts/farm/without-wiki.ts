/** What becomes of a request that no wiki of the farm decides. */
import type { Plan, Reply, WikilessOutcome } from "../plan.ts";
import { Problems } from "../sources/problem.ts";
import type { Farm, Path } from "./farm.ts";
import { evaluateDblist } from "./groups.ts";
import { type Releases, unknownRelease } from "./releases.ts";
import type { Replies } from "./replies.ts";

type Says = "default" | { release: string } | Reply | { dblist: string };

/** What becomes of requests for no wiki, for a missing one, and for one that is not installed. */
export function withoutWiki(farm: Farm, releases: Releases, replies: Replies): Plan["wikiless"] {
  const problems = new Problems();
  const says = farm.says["without-wiki"];
  const outcome = (one: Says | undefined, path: Path): WikilessOutcome => {
    if (one === undefined || one === "default") return { release: releases.default };
    if ("status" in one) return { reply: replies.number(one) };
    if (!("release" in one)) return { release: releases.default };
    const names = releases.list.map(({ name }) => name);
    const release = names.indexOf(one.release);
    if (release === -1) {
      problems.add(farm.place(["without-wiki", ...path, "release"]), unknownRelease(one.release, names));
    }
    return { release };
  };
  const wikiless = {
    unknownHost: outcome(says?.["unknown-host"], ["unknown-host"]),
    missing: outcome(says?.missing, ["missing"]),
    notInstalled: outcome(says?.["not-installed"], ["not-installed"]),
  };
  problems.throwIfAny();
  return wikiless;
}

/** Wikis that the farm says are not installed; those that it does not have at all may be among them. */
export function notInstalled(farm: Farm): Set<string> {
  const says = farm.says["without-wiki"]?.["not-installed"];
  if (!says) return new Set();
  return new Set(evaluateDblist(farm, says.dblist, ["without-wiki", "not-installed", "dblist"]));
}
