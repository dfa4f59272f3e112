/** Which hosts lead elsewhere when one plan takes another's place, and which wikis have another host of their own. */
import { describeDestination, describePattern, describeRewrite, type Referred } from "../describe.ts";
import type { Pattern, Plan, PlanHost } from "../plan.ts";
import { hostByRule } from "../table/canonical.ts";
import { type Changed, compareLists, isReordered, walk } from "./lists.ts";

export interface HostChanges {
  /** How many exact hosts there are. */
  before: number;
  after: number;
  added: string[];
  removed: string[];
  /** Exact hosts that lead elsewhere. */
  changed: { host: string; before: string; after: string }[];
  /** Of wikis that both plans have, where it changes: their own (canonical) host, null where there is none. */
  own: { wiki: string; before: string | null; after: string | null }[];
  patterns: Changed & { reordered: boolean };
  rewrites: Changed & { reordered: boolean };
}

export function compareHosts(
  before: Plan,
  after: Plan,
  of: { before: Referred; after: Referred },
): HostChanges {
  const added: string[] = [];
  const removed: string[] = [];
  const changed: HostChanges["changed"] = [];
  walk(before.hosts, after.hosts, hostOf, (old, now) => {
    if (!old) added.push(now!.host);
    else if (!now) removed.push(old.host);
    else {
      const was = describeDestination(of.before, old.destination);
      const is = describeDestination(of.after, now.destination);
      if (was !== is) changed.push({ host: now.host, before: was, after: is });
    }
  });
  return {
    before: before.hosts.length,
    after: after.hosts.length,
    added,
    removed,
    changed,
    own: compareOwn(before, after),
    patterns: inOrder(
      before.patterns.map((one) => patternOf(of.before, one)),
      after.patterns.map((one) => patternOf(of.after, one)),
    ),
    rewrites: inOrder(before.rewrites.map(describeRewrite), after.rewrites.map(describeRewrite)),
  };
}

function patternOf(of: Referred, pattern: Pattern): string {
  const dashes = pattern.kind !== "fixed" && pattern.dashes;
  return describePattern(of, pattern) + (dashes ? " with - as _" : "");
}

function inOrder(before: readonly string[], after: readonly string[]): Changed & { reordered: boolean } {
  return { ...compareLists(before, after), reordered: isReordered(before, after) };
}

const hostOf = ({ host }: PlanHost): string => host;

function compareOwn(before: Plan, after: Plan): HostChanges["own"] {
  const [old, now] = [ownHost(before), ownHost(after)];
  const changed: HostChanges["own"] = [];
  walk(
    before.wikis,
    after.wikis,
    ({ id }) => id,
    (was, is) => {
      if (!was || !is) return;
      const own = { wiki: is.id, before: old(is.id), after: now(is.id) };
      if (own.before !== own.after) changed.push(own);
    },
  );
  return changed;
}

function ownHost({ canonical: { rules, exceptions } }: Plan): (wiki: string) => string | null {
  const said = new Map(exceptions.map(({ wiki, host }) => [wiki, host]));
  return (wiki) => {
    const host = said.get(wiki);
    if (typeof host === "number") return hostByRule(rules[host]!, wiki);
    if (host !== undefined) return host;
    for (const rule of rules) {
      const found = hostByRule(rule, wiki);
      if (found !== null) return found;
    }
    return null;
  };
}
