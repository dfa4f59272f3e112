/**
 * The fewest bytes that route every wiki's own host, with the rules on host, method and path alone: less than what
 * `render envoy --native` writes, and a mark for the bytes of an update.
 */
import type { Listener, Plan, Predicate } from "../scripts/plan.ts";
import type { RouteConfig } from "./envoy-config.ts";

/**
 * One virtual host a release with the hosts that go there, and the
 * release that most of them go to is the one for all other hosts, where that is the default release.
 */
export function smallestRoutes(
  plan: Plan,
  hosts: ReadonlyMap<string, string>,
  listener: Listener,
): RouteConfig {
  const releaseOf = new Map(plan.wikis.map(({ id, release }) => [id, release]));
  const special = new Set(listener.routes.flatMap(({ when }) => when.flatMap(exactHosts)));
  const groups = new Map<string, { domains: string[]; routes: object[] }>();
  for (const [wiki, host] of hosts) {
    const release = releaseOf.get(wiki) ?? plan.defaultRelease;
    const key = special.has(host) ? host : String(release);
    if (key === String(plan.defaultRelease)) continue;
    const group = groups.get(key) ?? { domains: [], routes: routesOf(plan, listener, host, release) };
    group.domains.push(host);
    groups.set(key, group);
  }
  return {
    name: "main",
    virtual_hosts: [
      ...[...groups.values()].map((group, n) => ({ name: String(n), ...group })),
      { name: "*", domains: ["*"], routes: routesOf(plan, listener, null, plan.defaultRelease) },
    ],
  };
}

function routesOf(plan: Plan, listener: Listener, host: string | null, release: number): object[] {
  const routes: object[] = [];
  for (const { when, outcome, wiki } of listener.routes) {
    const match = matchOf(when, host);
    if (match === null || outcome === "pass" || "reply" in outcome) continue;
    const cluster = plan.clusters[outcome.deployment]![wiki === "none" ? plan.defaultRelease : release]!;
    for (const one of match) routes.push({ match: one, route: { cluster } });
    if (match.some((one) => Object.keys(one).length === 1 && one.prefix === "/")) return routes;
  }
  routes.push({ match: { prefix: "/" }, route: { cluster: plan.clusters[listener.deployment]![release]! } });
  return routes;
}

interface Match {
  prefix?: string;
  path?: string;
  path_separated_prefix?: string;
  headers?: object[];
}

/** null: never for this host, or not to be said in a route. */
function matchOf(when: readonly Predicate[], host: string | null): Match[] | null {
  let paths: Match[] = [{ prefix: "/" }];
  const headers: object[] = [];
  for (const one of when) {
    if (one.not) return null;
    if (one.subject === "host") {
      if (one.test === "address" || host === null) return null;
      const values = one.values;
      const fits = one.test === "exact" ? values.includes(host) : values.some((v) => host.endsWith(v));
      if (!fits) return null;
    } else if (one.subject === "path") {
      if (one.test === "suffix" || one.test === "contains") return null;
      const kind = { exact: "path", prefix: "prefix", under: "path_separated_prefix" }[one.test];
      paths = one.values.map((value) => ({ [kind]: value }));
    } else if (one.subject === "method" && one.test === "exact") {
      const exact = one.values.map((value) => ({ name: ":method", string_match: { exact: value } }));
      if (exact.length > 1) return null;
      headers.push(...exact);
    } else {
      return null;
    }
  }
  return paths.map((path) => (headers.length > 0 ? { ...path, headers } : path));
}

function exactHosts(one: Predicate): string[] {
  return one.subject === "host" && one.test === "exact" ? one.values : [];
}
