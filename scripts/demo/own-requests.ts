/** The demo's requests, out of the table itself: hosts of its wikis, paths of its rules, and the cases around them. */
import { canonicalHost } from "../table/canonical.ts";
import { decide } from "../table/decide.ts";
import type { Table } from "../table/table.ts";
import type { DemoRequest } from "./requests.ts";

const MOST_WIKIS = 5;
const MOST_PATHS = 2;
/** Of a large table these are enough to find a few that differ. */
const WIKIS_LOOKED_AT = 20_000;

export function requestsOf(table: Table): DemoRequest[] {
  const ask = (host: string, path: string) => decide(table, { authority: host, target: path }).answer;
  const clusterOf = ({ host, path }: DemoRequest) => {
    const answer = ask(host, path);
    return answer.kind === "route" ? answer.cluster : null;
  };
  const wikis = hostsOfWikis(table).map((host) => ({ host, path: "/wiki/Main_Page" }));
  const first = wikis[0]?.host ?? "no-such-wiki.example";
  const paths = pathsOfRules(table, first).map((path) => ({ host: first, path }));
  const unknown = { host: "no-such-wiki.example", path: "/" };
  const passing = passingHosts(table)
    .filter((host) => ask(host, "/").kind === "pass")
    .slice(0, 1)
    .map((host) => ({ host, path: "/" }));
  const spoofed = [...wikis.slice(-1), ...passing].flatMap((request) => {
    const spoof = someCluster(table, clusterOf(request));
    return spoof === null ? [] : [{ ...request, spoof }];
  });
  return [...wikis, ...paths, unknown, ...passing, ...spoofed];
}

/** Of a wiki of each release in turn, one host. */
function hostsOfWikis(table: Table): string[] {
  const byRelease = new Map<number, string[]>();
  const exact = exactHosts(table);
  let looked = 0;
  for (const { key, slot } of table.keys(table.wikis)) {
    if (looked++ === WIKIS_LOOKED_AT) break;
    const release = table.releaseOf(slot);
    const known = byRelease.get(release) ?? [];
    byRelease.set(release, known);
    if (known.length >= MOST_WIKIS) continue;
    const host = candidates(table, key, slot, exact).find((one) => {
      const { answer } = decide(table, { authority: one, target: "/" });
      return answer.kind === "route" && answer.wiki === key;
    });
    if (host !== undefined) known.push(host);
  }
  const releases = [...byRelease].sort(([a], [b]) => a - b).map(([, hosts]) => hosts.sort());
  const turns = Array.from({ length: MOST_WIKIS }, (_, turn) =>
    releases.flatMap((hosts) => hosts.slice(turn, turn + 1)),
  );
  return turns.flat().slice(0, MOST_WIKIS);
}

function exactHosts(table: Table): Map<number, string> {
  const hosts = new Map<number, string>();
  let looked = 0;
  for (const { key, slot } of table.keys(table.hosts)) {
    if (looked++ === WIKIS_LOOKED_AT) break;
    const destination = table.destinationOf(slot);
    if (destination === null || !("wiki" in destination) || hosts.has(destination.wiki)) continue;
    hosts.set(destination.wiki, key);
  }
  return hosts;
}

function candidates(table: Table, wiki: string, slot: number, exact: Map<number, string>): string[] {
  const hosts = [canonicalHost(table, slot), exact.get(slot) ?? null];
  for (let number = 0; number < table.patternCount; number++) {
    const pattern = table.pattern(number);
    if (pattern.kind !== "join" || !wiki.endsWith(pattern.tail)) continue;
    const { prefix, suffix, tail, dashes } = pattern;
    const label = wiki.slice(0, wiki.length - tail.length);
    hosts.push(prefix + (dashes ? label.replaceAll("_", "-") : label) + suffix);
  }
  return hosts.filter((host) => host !== null);
}

/** Paths for which a rule of the first listener decides, each for another one. */
function pathsOfRules(table: Table, host: string): string[] {
  const { first, count } = table.listeners[0]!.routes;
  const paths: string[] = [];
  for (let number = first; number < first + count && paths.length < MOST_PATHS; number++) {
    const value = table
      .rule(number)
      .when.flatMap((one) => (one.subject === "path" && !one.not ? one.values : []))[0];
    if (value === undefined) continue;
    const path = value.startsWith("/") ? value : `/${value}`; // an end or a part of one
    if (decide(table, { authority: host, target: path }).trail.rule === number) paths.push(path);
  }
  return paths;
}

/** Hosts that rules name which pass a request through, and what has no name. */
function passingHosts(table: Table): string[] {
  const rules = table.rules(table.listeners[0]!.routes).filter(({ outcome }) => outcome === "pass");
  const named = rules.flatMap(({ when }) =>
    when.flatMap((one) => {
      if (one.subject !== "host" || one.test === "address") return [];
      return one.values.map((value) => (one.test === "suffix" ? `x${value}` : value));
    }),
  );
  return [...named, "192.0.2.1"];
}

/** A cluster that a request does not go to. */
function someCluster(table: Table, own: string | null): string | null {
  for (let deployment = 0; deployment < table.deploymentCount; deployment++) {
    for (let release = 0; release < table.releaseCount; release++) {
      const cluster = table.cluster(deployment, release);
      if (cluster !== own) return cluster;
    }
  }
  return null;
}
