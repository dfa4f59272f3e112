import { SHARE_WHOLE } from "../../assembly/layout.ts";
import type { ReadOutcome } from "../plan.ts";
import { Problems, quote } from "../sources/problem.ts";
import { MUST_SAY_WHICH, saysWhich } from "./conditions.ts";
import { type Deployments, hint } from "./deployments.ts";
import type { Farm } from "./farm.ts";
import { type Placed, rulesFrom } from "./rules.ts";

/** Throws SourceError. */
export function readRules(farm: Farm): Placed<ReadOutcome>[] {
  const problems = new Problems();
  const rules = farm.says.reads?.rules ?? [];
  for (const [i, says] of rules.entries()) {
    if (saysWhich(says) || i === rules.length - 1) continue;
    problems.add(farm.place(["reads", "rules", i]), `${MUST_SAY_WHICH}; only the last rule may be for all`);
  }
  problems.throwIfAny();
  return rules.flatMap((says, i) => {
    const near = Math.round((says.share ?? 0) * SHARE_WHOLE);
    return rulesFrom(says, ["reads", "rules", i], { outcome: { near } });
  });
}

/** Gives the deployments that may read near their twins. Throws SourceError. */
export function addTwins(farm: Farm, deployments: Deployments): void {
  const { reads } = farm.says;
  if (!reads) return;
  const problems = new Problems();
  const known = deployments.list.filter((_, i) => !deployments.isAnyVersion(i)).map(({ name }) => name);
  for (const [i, name] of reads.deployments.entries()) {
    const where = farm.place(["reads", "deployments", i]);
    const twin = name + reads.suffix;
    if (!known.includes(name)) {
      problems.add(where, `no rule sends requests to ${quote(name)}; ${hint(name, known)}`);
    } else if (deployments.has(twin)) {
      problems.add(where, `${quote(twin)} is a deployment already: a twin needs a name of its own`);
    } else deployments.list[deployments.number(name)]!.near = deployments.number(twin);
  }
  problems.throwIfAny();
}
