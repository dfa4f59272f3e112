/** What becomes of rules, headers and the rest of what a plan says of requests. */

import { count } from "../count.ts";
import { describeOutcome, describeRule, describeWikiless, type Referred } from "../describe.ts";
import type { Listener, Plan, Rule, WikilessOutcome } from "../plan.ts";
import { type Changed, compareLists, isReordered } from "./lists.ts";

export const RULE_LISTS = ["routes", "assets", "reads"] as const;

export interface RuleChange {
  /** null: the only one, which has no name. */
  listener: string | null;
  list: (typeof RULE_LISTS)[number];
  /** `path at or under /w/api.php → mw-api-ext` */
  rule: string;
}

export interface RuleChanges {
  /** Of listeners that both plans have. */
  added: RuleChange[];
  removed: RuleChange[];
  /** Lists of rules in which those that stay stand in another order. */
  reordered: Omit<RuleChange, "rule">[];
  /** `x-mw-cluster: the cluster` */
  headers: Changed;
  /** null: not said. */
  settings: { what: string; before: string | null; after: string | null }[];
}

export function compareRules(
  before: Plan,
  after: Plan,
  of: { before: Referred; after: Referred },
): RuleChanges {
  const changes: RuleChanges = {
    added: [],
    removed: [],
    reordered: [],
    headers: compareLists(headersOf(before), headersOf(after)),
    settings: compareSettings(settingsOf(before, of.before), settingsOf(after, of.after)),
  };
  const now = new Map(after.listeners.map((listener) => [listener.name, listener]));
  for (const old of before.listeners) {
    const next = now.get(old.name);
    if (next) compareListeners(old, next, of, changes);
  }
  return changes;
}

function compareListeners(
  before: Listener,
  after: Listener,
  of: { before: Referred; after: Referred },
  changes: RuleChanges,
): void {
  for (const list of RULE_LISTS) {
    const where = { listener: before.name, list };
    const [old, now] = [rulesOf(of.before, before[list]), rulesOf(of.after, after[list])];
    const { added, removed } = compareLists(old, now);
    changes.added.push(...added.map((rule) => ({ ...where, rule })));
    changes.removed.push(...removed.map((rule) => ({ ...where, rule })));
    if (isReordered(old, now)) changes.reordered.push(where);
  }
}

function rulesOf(of: Referred, rules: readonly Rule[]): string[] {
  return rules.map((rule) => {
    const { outcome } = rule;
    const isReply = typeof outcome === "object" && "reply" in outcome;
    return `${describeRule(rule)} → ${isReply ? outcomeOf(of, outcome) : describeOutcome(of, rule)}`;
  });
}

/** With what the reply says. */
function outcomeOf(of: Referred, outcome: WikilessOutcome): string {
  const what = describeWikiless(of, outcome);
  return "reply" in outcome ? `${what} (${of.reply(outcome.reply).body})` : what;
}

const headersOf = ({ emit }: Plan): string[] => emit.map(({ kind, name }) => `${name}: the ${kind}`);

function settingsOf(plan: Plan, of: Referred): Map<string, string> {
  const { jobs, wikiless, shareCookie } = plan;
  const settings = new Map<string, string>([
    ["default release", plan.releases[plan.defaultRelease]!.name],
    ["unknown hosts", outcomeOf(of, wikiless.unknownHost)],
    ["missing wikis", outcomeOf(of, wikiless.missing)],
    ["wikis that are not installed", outcomeOf(of, wikiless.notInstalled)],
  ]);
  if (shareCookie !== null) settings.set("cookie of shares", shareCookie);
  if (jobs) {
    const says = Object.entries(jobs).map(([key, value]) => `${key} ${value}`);
    settings.set("jobs", says.join(", "));
  }
  for (const { name, readOnly } of plan.deployments) {
    settings.set(`deployment ${name}`, readOnly === null ? "no read-only one" : of.deployment(readOnly).name);
  }
  for (const { name, trust, trustedHops, datacentre, deployment } of plan.listeners) {
    const where = datacentre === null ? "" : `, in ${datacentre}`;
    const what = name === null ? "every listener" : `listener ${name}`;
    const hops = trustedHops === 0 ? "" : `, ${count(trustedHops, "trusted hop")}`;
    settings.set(what, `${trust}${hops}${where}, else ${of.deployment(deployment).name}`);
  }
  return settings;
}

function compareSettings(before: Map<string, string>, after: Map<string, string>): RuleChanges["settings"] {
  return [...new Set([...before.keys(), ...after.keys()])]
    .map((what) => ({ what, before: before.get(what) ?? null, after: after.get(what) ?? null }))
    .filter(({ before, after }) => before !== after);
}
