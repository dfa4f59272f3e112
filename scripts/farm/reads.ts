/** Reads that may go to a read-only deployment, in a secondary data centre. */
import { type ReadOutcome, SHARE_WHOLE } from "../plan.ts";
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
    const readOnly = Math.round((says.share ?? 0) * SHARE_WHOLE);
    return rulesFrom(says, ["reads", "rules", i], { outcome: { readOnly } });
  });
}

/** Gives the deployments of `reads` their read-only ones. Throws SourceError. */
export function addReadOnly(farm: Farm, deployments: Deployments): void {
  const { reads } = farm.says;
  if (!reads) return;
  const problems = new Problems();
  const known = deployments.list.filter((_, i) => !deployments.isAnyVersion(i)).map(({ name }) => name);
  for (const [i, name] of reads.deployments.entries()) {
    const where = farm.place(["reads", "deployments", i]);
    const readOnly = name + reads.suffix;
    if (!known.includes(name)) {
      problems.add(where, `no rule sends requests to ${quote(name)}; ${hint(name, known)}`);
    } else if (deployments.has(readOnly)) {
      problems.add(
        where,
        `${quote(readOnly)} is a deployment already: a read-only deployment needs a name of its own`,
      );
    } else deployments.list[deployments.number(name)]!.readOnly = deployments.number(readOnly);
  }
  problems.throwIfAny();
}
