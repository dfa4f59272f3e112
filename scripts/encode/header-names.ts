/** Which headers a table's readers look at or set. */
import { type Plan, SHARE_WHOLE } from "../plan.ts";
import { FORWARDED } from "../table/forwarded.ts";
import { COOKIE } from "../table/headers.ts";
import { ruleListsOf } from "./rule-lists.ts";

/** The headers that the table's readers look at or set: those that are emitted come first, each once. */
export function headerNamesOf(plan: Plan): string[] {
  const names = new Set(plan.emit.map(({ name }) => name));
  const { rules, predicates } = ruleListsOf(plan);
  for (const predicate of predicates) if (predicate.subject === "header") names.add(predicate.name);
  const cookies = predicates.some(({ subject }) => subject === "cookie");
  if (cookies || plan.shareCookie !== null) names.add(COOKIE);
  // Only a part of the requests: then it matters whose they are.
  const isPart = (share: number) => share > 0 && share < SHARE_WHOLE;
  const shares = rules.some(
    ({ rule: { outcome } }) =>
      typeof outcome === "object" && "readOnly" in outcome && isPart(outcome.readOnly),
  );
  const asksWho = predicates.some(
    (one) => one.subject === "client" || (one.test === "share" && isPart(one.share)),
  );
  if (shares || asksWho) names.add(FORWARDED);
  return [...names];
}
