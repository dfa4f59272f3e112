/** The listeners' rules as the one list that a table has. */
import { Runs } from "../collections/runs.ts";
import type { Plan, Predicate, Rule } from "../plan.ts";
import type { Range } from "../table/table.ts";

export interface RuleLists {
  /** Every rule of the table by its number; of equal ones, the first that the plan has. */
  rules: { rule: Rule; firstPredicate: number }[];
  predicates: Predicate[];
  /** Of each listener. */
  ranges: { routes: Range; assets: Range; reads: Range }[];
}

/**
 * The listeners' lists as one: listeners that decide alike have the same rules, and rules that ask alike the same
 * predicates, so that each is in the table once.
 */
export function ruleListsOf(plan: Plan): RuleLists {
  const predicates = new Runs<Predicate>(keyOfPredicate);
  const rules = new Runs<{ rule: Rule; firstPredicate: number }>(({ rule, firstPredicate }) =>
    JSON.stringify([firstPredicate, rule.when.length, rule.wiki, rule.debug, rule.outcome]),
  );
  const place = (list: readonly Rule[]): Range => {
    const run = list.map((rule) => ({ rule, firstPredicate: predicates.place(rule.when) }));
    return { first: rules.place(run), count: run.length };
  };
  const ranges = plan.listeners.map(({ routes, assets, reads }) => ({
    routes: place(routes),
    assets: place(assets),
    reads: place(reads),
  }));
  return { rules: rules.items, predicates: predicates.items, ranges };
}

/** An own order of the fields: that of an object's keys is its writer's. */
function keyOfPredicate(predicate: Predicate): string {
  const { subject, test, not } = predicate;
  const name = "name" in predicate ? predicate.name : null;
  const share = test === "share" ? predicate.share : null;
  return JSON.stringify([subject, test, not, name, valuesOf(predicate), share]);
}

/** The strings that a predicate's test compares with, or what goes before its text, as they stand in the table. */
export function valuesOf(predicate: Predicate): readonly string[] {
  if (predicate.test === "share") return [predicate.salt];
  if (predicate.test === "option") return [predicate.option, ...predicate.values];
  return "values" in predicate ? predicate.values : [];
}
