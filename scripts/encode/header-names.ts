import { SHARE_WHOLE } from "../../assembly/layout.ts";
import type { Plan } from "../plan.ts";
import { ruleListsOf } from "./rule-lists.ts";

/** Where cookies are. */
export const COOKIE = "cookie";
/** Where a proxy of ours says who asked. */
export const FORWARDED = "x-forwarded-for";

/** The headers that the table's readers look at or set: those that are emitted come first, each once. */
export function headerNamesOf(plan: Plan): string[] {
  const names = new Set(plan.emit.map(({ name }) => name));
  const { rules, predicates } = ruleListsOf(plan);
  for (const predicate of predicates) if (predicate.subject === "header") names.add(predicate.name);
  const cookies = predicates.some(({ subject }) => subject === "cookie");
  if (cookies || plan.shareCookie !== null) names.add(COOKIE);
  // Only a part of the requests: then it matters whose they are.
  const isPart = (near: number) => near > 0 && near < SHARE_WHOLE;
  const shares = rules.some(
    ({ rule: { outcome } }) => typeof outcome === "object" && "near" in outcome && isPart(outcome.near),
  );
  if (shares) names.add(FORWARDED);
  return [...names];
}
