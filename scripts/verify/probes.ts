/** Requests that show whether a proxy routes as a table says: one for each wiki and deployment, or a sample of these. */
import { type ReadOutcome, type Route, type Rule, SHARE_WHOLE } from "../plan.ts";
import { decide, findListener, type Trail } from "../table/decide.ts";
import { hashText } from "../table/hash.ts";
import type { Request, Where } from "../table/request.ts";
import type { Table, TableListener } from "../table/table.ts";
import { HostsOfWikis } from "./hosts.ts";

/** One request, and what the table says of it. */
export interface Probe {
  host: string;
  path: string;
  wiki: string;
  group: string | null;
  deployment: string;
  release: string;
  /** Without `php-`. */
  version: string;
  cluster: string;
  /** A share of the requests goes to another deployment, or this one is a share: so the cluster may be another. */
  isOfShare: boolean;
}

export interface ProbeOptions {
  where: Where;
  /** Of a deployment: the path to ask it by. For the others it is one that the table's rules name, or `/`. */
  paths: ReadonlyMap<string, string>;
  /** What each request has beside its host and path. */
  headers: NonNullable<Request["headers"]>;
}

/** What is not asked, counted up while the probes are made. */
export class Unasked {
  /** Wikis to which no host leads that is known. */
  withoutHost = 0;
  notInstalled = 0;
  /** Deployments to which no path led. */
  readonly deployments: Set<string>;

  constructor(table: Table) {
    this.deployments = new Set(deploymentsOf(table));
  }
}

/** Made one after the other: there may be millions. Throws UnknownListener. */
export function* probesOf(table: Table, options: ProbeOptions, unasked: Unasked): Generator<Probe> {
  const listener = findListener(table, options.where.listener);
  const paths = deploymentsOf(table).map((name, number) => {
    const said = options.paths.get(name);
    return { name, paths: said === undefined ? candidatesOf(table, listener, number) : [said] };
  });
  const hosts = new HostsOfWikis(table);
  for (const { key: wiki, slot } of table.keys(table.wikis)) {
    if (!table.placement(slot).installed) {
      unasked.notInstalled++;
      continue;
    }
    let isAsked = false;
    for (const host of hosts.of(slot)) {
      for (const deployment of paths) {
        const probe = probeOf(table, options, wiki, host, deployment);
        if (probe === null) continue;
        isAsked = true;
        unasked.deployments.delete(deployment.name);
        yield probe;
      }
      if (isAsked) break;
    }
    if (!isAsked) unasked.withoutHost++;
  }
}

/** By the first path that leads there with the wiki; null: none does. */
function probeOf(
  table: Table,
  { where, headers }: ProbeOptions,
  wiki: string,
  host: string,
  deployment: { name: string; paths: readonly string[] },
): Probe | null {
  for (const path of deployment.paths) {
    const { answer, trail } = decide(table, { authority: host, target: path, headers }, where);
    if (answer.kind !== "route" || answer.wiki !== wiki || answer.deployment !== deployment.name) continue;
    const { group, release, version, cluster } = answer;
    const placed = { wiki, group, deployment: deployment.name, release, version, cluster };
    return { host, path, ...placed, isOfShare: isOfShare(table, trail) };
  }
  return null;
}

function isOfShare(table: Table, { outside, rule, read }: Trail): boolean {
  if (outside.length > 0) return true;
  if (rule !== null && table.rule(rule).when.some(({ test }) => test === "share")) return true;
  const { readOnly } = read === null ? { readOnly: 0 } : (table.rule(read).outcome as ReadOutcome);
  return readOnly > 0 && readOnly < SHARE_WHOLE;
}

function deploymentsOf(table: Table): string[] {
  return Array.from({ length: table.deploymentCount }, (_, number) => table.deployment(number).name);
}

/** Paths that may lead to a deployment: those that rules for it name, and the root. The reader says which do. */
function candidatesOf(table: Table, listener: TableListener, number: number): string[] {
  // To a read-only deployment lead rules of reads, among those that lead to its primary.
  const primaries = Array.from({ length: table.deploymentCount }, (_, one) => one).filter(
    (one) => table.deployment(one).readOnly === number,
  );
  const routes = table
    .rules<Route>(listener.routes)
    .filter(({ outcome }) => typeof outcome === "object" && "deployment" in outcome)
    .filter(({ outcome }) => [number, ...primaries].includes((outcome as { deployment: number }).deployment));
  const reads = primaries.length > 0 ? table.rules<ReadOutcome>(listener.reads) : [];
  return [...new Set([...[...reads, ...routes].flatMap(pathsIn), "/"])];
}

function pathsIn({ when }: Pick<Rule, "when">): string[] {
  return when.flatMap((test) => (test.subject === "path" && !test.not ? test.values.map(pathWith) : []));
}

/** A path that has the text in it, at its beginning where it can be. */
function pathWith(text: string): string {
  const written = text.replace(
    /[^A-Za-z0-9/._~-]/g,
    (c) => `%${c.charCodeAt(0).toString(16).padStart(2, "0")}`,
  );
  return written.startsWith("/") ? written : `/${written}`;
}

/**
 * So many of the probes, by chance, the same for the same seed; among them one of each release in each deployment and one
 * of each group in each deployment, even where those are more.
 */
export function sampleOf(probes: Iterable<Probe>, size: number, seed: number): Probe[] {
  const covering = new Map<string, Drawn>();
  let drawn: Drawn[] = [];
  for (const probe of probes) {
    const one = { probe, lot: hashText(`${seed}\n${probe.deployment}\n${probe.wiki}`) };
    for (const kind of [`release\n${probe.release}`, `group\n${probe.group}`]) {
      const place = `${kind}\n${probe.deployment}`;
      const known = covering.get(place);
      if (known === undefined || comesBefore(one, known)) covering.set(place, one);
    }
    drawn.push(one);
    if (drawn.length > 2 * size + 1000) drawn = first(drawn, size);
  }
  const kept = new Set([...covering.values()].map(({ probe }) => probe));
  for (const { probe } of first(drawn, size)) {
    if (kept.size >= size) break;
    kept.add(probe);
  }
  return [...kept];
}

interface Drawn {
  probe: Probe;
  lot: number;
}

function comesBefore(a: Drawn, b: Drawn): boolean {
  return a.lot < b.lot || (a.lot === b.lot && a.probe.wiki < b.probe.wiki);
}

function first(drawn: readonly Drawn[], size: number): Drawn[] {
  return drawn.toSorted((a, b) => (comesBefore(a, b) ? -1 : 1)).slice(0, size);
}
