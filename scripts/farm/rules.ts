/** A rule of farm.yaml as rules of the table, with the place that it comes from. */
import { type Predicate, type Rule, SHARE_WHOLE } from "../plan.ts";
import { digitsOfNetwork } from "../table/networks.ts";
import type { Conditions, PathTest, ShareSays, Tests, ValueTest } from "./conditions.ts";
import type { Farm, Path } from "./farm.ts";

/** A rule of the table, and the rule of the farm that it comes from; null where every farm has it. */
export interface Placed<Outcome> {
  rule: Rule<Outcome>;
  path: Path | null;
}

/** The rule of the farm as rules of the table: one, or one for each kind of test where it lists several kinds. */
export function rulesFrom<Outcome>(
  says: Conditions,
  path: Path,
  then: { outcome: Outcome; wiki?: Rule["wiki"]; share?: Predicate[] },
): Placed<Outcome>[] {
  const { outcome, wiki = "host", share = [] } = then;
  return alternatives(says).map((when) => ({
    rule: { when: [...when, ...share], outcome, wiki, debug: false },
    path,
  }));
}

/**
 * The last predicate of a rule that has a share: the address is asked for where all others hold. The deployment's name
 * is the salt: who is among the first tenth for one deployment is not so for another, and rules that stand elsewhere
 * in the file, or on another listener, take the same ones.
 */
export function shareOf(says: ShareSays & { deployment: string }): Predicate[] {
  const by = says["share-by"] ?? "client-address";
  if (says.share === undefined || says.share === 1) return [];
  const cut = { test: "share", salt: says.deployment, share: Math.round(says.share * SHARE_WHOLE) } as const;
  if (by === "client-address") return [{ not: false, subject: "client", ...cut }];
  const named = "cookie" in by ? (["cookie", by.cookie] as const) : (["header", by.header] as const);
  return [{ not: false, subject: named[0], name: named[1], ...cut }];
}

/** Every rule of the farm that has conditions, and where it stands. */
export function conditionsIn(farm: Farm): { says: Conditions; path: Path }[] {
  const { deployments, jobs, previews = [], assets, reads, listeners = {} } = farm.says;
  const lists: [Path, readonly Conditions[]][] = [
    [["deployments", "rules"], deployments.rules],
    [["jobs", "rules"], jobs?.rules ?? []],
    [["previews"], previews],
    [["assets"], assets],
    [["reads", "rules"], reads?.rules ?? []],
    ...Object.entries(listeners).map(([name, { rules = [] }]): [Path, readonly Conditions[]] => [
      ["listeners", name, "rules"],
      rules,
    ]),
  ];
  return lists.flatMap(([path, rules]) => rules.map((says, i) => ({ says, path: [...path, i] })));
}

/** Every host that the farm's rules test, `*.suffix` among them, and where. */
export function hostsTested(farm: Farm): { host: string; path: Path }[] {
  const ofRules = conditionsIn(farm).flatMap(({ says, path }) => [
    ...placed(says.host, [...path, "host"]),
    ...placed(says.not?.host, [...path, "not", "host"]),
  ]);
  return [...placed(farm.says["pass-through"], ["pass-through"]), ...ofRules];
}

function placed(hosts: string | string[] | undefined, path: Path): { host: string; path: Path }[] {
  if (!Array.isArray(hosts)) return hosts === undefined ? [] : [{ host: hosts, path }];
  return hosts.map((host, i) => ({ host, path: [...path, i] }));
}

export function hostPredicates(hosts: string | string[]): Predicate[] {
  const all = listed(hosts);
  const exact = all.filter((host) => !host.startsWith("*."));
  const suffixes = all.filter((host) => host.startsWith("*.")).map((host) => host.slice(1));
  const found: Predicate[] = [];
  if (exact.length > 0) found.push({ not: false, subject: "host", test: "exact", values: exact });
  if (suffixes.length > 0) found.push({ not: false, subject: "host", test: "suffix", values: suffixes });
  return found;
}

/** All predicates of one of these must hold. */
function alternatives({ not, ...says }: Conditions): Predicate[][] {
  const never = predicatesOf(not ?? {}).flat();
  const negated = never.map((predicate): Predicate => ({ ...predicate, not: true }));
  // A part of the request may be one of several kinds of test, and each such choice is a rule.
  const ways = predicatesOf(says).reduce<Predicate[][]>(
    (before, choices) => before.flatMap((when) => choices.map((choice) => [...when, choice])),
    [[]],
  );
  return ways.map((when) => [...when, ...negated]);
}

/** For each part of the request that is tested, the predicates of which one must hold. */
function predicatesOf(tests: Tests): Predicate[][] {
  const { host, path, method, header = {}, cookie = {}, query = {}, client } = tests;
  const parts: Predicate[][] = [];
  if (host !== undefined) parts.push(hostPredicates(host));
  if (path !== undefined) parts.push(byTest(path, (test) => ({ subject: "path", ...test }) as Predicate));
  if (method !== undefined) {
    parts.push([{ not: false, subject: "method", test: "exact", values: listed(method) }]);
  }
  for (const [subject, tests] of Object.entries({ header, cookie, query })) {
    for (const [name, test] of Object.entries(tests)) {
      parts.push(byTest(test, (one) => ({ subject, name, ...one }) as Predicate));
    }
  }
  if (client !== undefined) {
    // The schema has seen to it that all are networks.
    const values = listed(client).flatMap((network) => digitsOfNetwork(network) as string[]);
    parts.push([{ not: false, subject: "client", test: "prefix", values }]);
  }
  return parts;
}

interface Test {
  not: false;
  test: string;
  values?: string[];
}

/** One test for each kind, with all values of that kind. */
function byTest(tests: PathTest | ValueTest | (PathTest | ValueTest)[], make: (test: Test) => Predicate) {
  const values = new Map<string, string[]>();
  for (const one of Array.isArray(tests) ? tests : [tests]) {
    const [kind, given] = typeof one === "string" ? ["exact", one] : Object.entries(one)[0]!;
    values.set(kind, [...(values.get(kind) ?? []), ...(kind === "present" ? [] : listed(given as string))]);
  }
  return [...values].map(([test, found]) =>
    make(test === "present" ? { not: false, test } : { not: false, test, values: found }),
  );
}

function listed(value: string | string[]): string[] {
  return Array.isArray(value) ? value : [value];
}
