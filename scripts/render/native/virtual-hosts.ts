/**
 * A listener of a table in Envoy's own route table, without the filter: a virtual host for all hosts that are alike. What
 * cannot be said so answers 501, and is told by name.
 */
import { holds } from "../../table/rules.ts";
import type { Table, TableListener } from "../../table/table.ts";
import { hostParts, type KnownHost, pathRewritesOf, type Standing } from "./hosts.ts";
import type { HostTest, Match } from "./match.ts";
import { authorityRegex, hostInPathRegex, quoted } from "./regex.ts";
import { isReadByPath, ownSuffixes, regionsOf } from "./regions.ts";
import { type NativeRoute, Routes } from "./routes.ts";
import { Unsaid } from "./unsaid.ts";

export interface NativeHost {
  name: string;
  /** As Envoy has them: hosts, `*SUFFIX`, or `*`. */
  domains: string[];
  routes: NativeRoute[];
}

export interface Native {
  hosts: NativeHost[];
  /** Each once, in the order in which they were met. */
  unsaid: Unsaid[];
}

/**
 * @param known of the table
 * @param secondary the proxy is in a secondary data centre
 */
export function nativeHosts(
  table: Table,
  known: readonly KnownHost[],
  listener: TableListener,
  secondary: boolean,
): Native {
  const routes = new Routes(table, listener, secondary);
  const hosts = [
    ...sameHosts(table, known, routes),
    ...suffixHosts(table, routes),
    restOfHosts(table, routes),
  ];
  const unsaid = new Map<string, Unsaid>();
  for (const { action } of hosts.flatMap((host) => host.routes))
    if (action instanceof Unsaid && !unsaid.has(action.name)) unsaid.set(action.name, action);
  return { hosts: withNames(hosts), unsaid: [...unsaid.values()] };
}

/** Hosts that are written out, together where no rule and no header tells them apart. */
function sameHosts(table: Table, hosts: readonly KnownHost[], routes: Routes): NativeHost[] {
  const asked = routes.predicates.filter(({ subject }) => subject === "host");
  const rewrites = pathRewritesOf(table);
  const groups = new Map<string, { first: KnownHost; domains: string[] }>();
  const heldBy = (host: string) => {
    const parts = hostParts(table, host);
    return asked.map((one) => holds(one, parts));
  };
  for (const known of hosts) {
    const key = JSON.stringify([
      whatIsTold(table, routes, known.standing),
      asked.length > 0 && heldBy(known.host),
      rewrites.map((one) => isReadByPath(one, known.host)),
    ]);
    const group = groups.get(key);
    if (group) group.domains.push(known.host);
    else groups.set(key, { first: known, domains: [known.host] });
  }
  return [...groups.values()].map(({ first, domains }) => {
    const { host, standing } = first;
    const parts = hostParts(table, host);
    const hostTest: HostTest = (predicate) => holds({ ...predicate, not: false }, parts);
    const byPath = rewrites
      .filter((one) => isReadByPath(one, host))
      .map(({ from, under }) => hostInPath([], from, under));
    return {
      name: nameOf(table, routes, standing),
      domains,
      routes: [...byPath, ...routes.of({ standing, hostTest })],
    };
  });
}

/** What of a host's standing its routes show. */
function whatIsTold(table: Table, routes: Routes, standing: Standing): unknown {
  if (standing instanceof Unsaid) return standing.name;
  if ("wrong" in standing) return table.wikiless(standing.wrong);
  if (routes.tellsWiki) return table.wiki(standing.slot);
  const { release, group } = table.placement(standing.slot);
  return [release, routes.tellsGroup && group];
}

function nameOf(table: Table, routes: Routes, standing: Standing): string {
  if (standing instanceof Unsaid) return standing.name;
  if ("wrong" in standing) return standing.wrong;
  return routes.tellsWiki ? table.wiki(standing.slot) : table.release(table.releaseOf(standing.slot)).name;
}

function suffixHosts(table: Table, routes: Routes): NativeHost[] {
  return ownSuffixes(table).map(({ suffix, standing, hostTest }) => ({
    name: `*${suffix}`,
    domains: [`*${suffix}`],
    routes: [...anyHostInPath(table), ...routes.of({ standing, hostTest })],
  }));
}

function restOfHosts(table: Table, routes: Routes): NativeHost {
  const suffixes = routes.predicates.flatMap((one) =>
    one.subject === "host" && one.test === "suffix" ? one.values : [],
  );
  const regions = regionsOf(table, suffixes).flatMap(({ authority, standing, hostTest }) =>
    routes.of({ standing, hostTest }, authority === null ? [] : [hasAuthority(authority)]),
  );
  return { name: "*", domains: ["*"], routes: [...anyHostInPath(table), ...regions] };
}

/** Where a rewrite is for all hosts that end so. */
function anyHostInPath(table: Table): NativeRoute[] {
  return pathRewritesOf(table)
    .filter(({ from }) => from.startsWith("."))
    .map(({ from, under }) =>
      hostInPath([hasAuthority(authorityRegex(`.+${quoted(from)}`))], `*${from}`, under),
    );
}

function hostInPath(before: Match[], from: string, under: string): NativeRoute {
  const path: Match = { header: ":path", test: { regex: hostInPathRegex(under) }, not: false };
  return {
    match: [...before, path],
    action: new Unsaid(`host ${from}`, "its path has another host in the first segment"),
  };
}

const hasAuthority = (regex: string): Match => ({ header: ":authority", test: { regex }, not: false });

/** Envoy wants another name for each. */
function withNames(hosts: NativeHost[]): NativeHost[] {
  const seen = new Map<string, number>();
  return hosts.map((host) => {
    const count = (seen.get(host.name) ?? 0) + 1;
    seen.set(host.name, count);
    return count === 1 ? host : { ...host, name: `${host.name}~${count}` };
  });
}
