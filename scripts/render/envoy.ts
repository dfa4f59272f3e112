/** A table's Envoy: the same configuration that the tests run, for a machine of one's own. */
import { isIP } from "node:net";
import { posix } from "node:path";
import type { Route } from "../plan.ts";
import type { Table, TableListener } from "../table/table.ts";
import {
  type BootstrapOptions,
  bootstrap,
  type ClusterOptions,
  type ListenerOptions,
  type Timeouts,
} from "./bootstrap.ts";
import { versionOf } from "./filter-file.ts";
import type { ProxyNode } from "./node.ts";
import { FILTER_NAME, type FilterOptions, filterResource, pluginConfiguration } from "./plugin.ts";
import type { Protection } from "./protection.ts";

/** What is handed on as it is. */
type Passed = Pick<
  BootstrapOptions,
  | "adminPort"
  | "bufferLimit"
  | "websockets"
  | "http10Host"
  | "healthPath"
  | "trustedHops"
  | "accessLog"
  | "shadow"
>;

export interface RenderOptions extends Passed {
  /** Listeners of the table, and where each listens; none: its first, on 127.0.0.1:8080. */
  listeners: Pick<ListenerOptions, "name" | "address" | "port">[];
  datacentre?: string;
  primary?: string;
  /** Of the filter's files: another one than in those that are there. */
  attempt: number;
  /** An xDS server that has the filters, instead of files; null: files. */
  server: Address | null;
  /** Who the proxy is, to that server. */
  node: ProxyNode;
  /** On the proxy's machine: the folder of its configuration, and the .wasm. */
  root: string;
  wasm: string;
  /** Where clusters are, by their name. */
  clusters: ReadonlyMap<string, Address>;
  /** Where the others are: of `{cluster}`, `{deployment}` and `{release}`; null: they are left out. */
  pattern: Address | null;
  /** Where a request goes that gets no cluster. */
  fallback: Address;
  /** On the proxy's machine: whom TLS upstreams' certificates must come from. */
  ca: string;
  /** The name of TLS upstreams, with the placeholders of `pattern`; null: the address's own. */
  serverName: string | null;
  /** Of a deployment by its name, of all others by null. */
  timeouts: ReadonlyMap<string | null, Timeouts>;
  /** Where strangers come in. */
  protection: Protection;
}

export interface Address {
  host: string;
  port: number;
  tls: boolean;
}

export interface Rendered {
  /** What Envoy is started with. */
  bootstrap: object;
  /** The filter of each listener, and where Envoy looks for it; none where a server has them. */
  filters: { path: string; resource: object }[];
  /** Clusters of the table that have no address. */
  missing: string[];
}

/** The name of the fallback's cluster. */
const FALLBACK = "pass-through";
/** The name of the xDS server's. */
const SERVER = "pointsman-xds";
/** What the only listener of a table is called where the farm gives it no name. */
const ONLY = "main";

/** Where our own services send jobs: nobody knows how long one is silent. */
const JOB_TIMEOUTS: Timeouts = { idle: "86400s" };

/** Throws RangeError where the options do not fit the table. */
export function renderEnvoy(table: Table, options: RenderOptions): Rendered {
  const {
    listeners,
    datacentre,
    primary,
    attempt,
    server,
    node,
    root,
    wasm,
    clusters,
    pattern,
    fallback,
    ca,
    serverName,
    timeouts,
    protection,
    ...rest
  } = options;
  const addresses = { clusters, pattern, ca, serverName };
  for (const name of timeouts.keys()) {
    if (name !== null && !deployments(table).includes(name))
      throw new RangeError(`the table has no deployment "${name}": it has ${deployments(table).join(", ")}`);
  }
  const known = new Map(table.listeners.map((one) => [one.name ?? ONLY, one]));
  const given = listeners.length > 0 ? listeners : [{ name: [...known.keys()][0]!, port: 8080 }];
  const isEdge = given.some(({ name }) => listenerOf(name, known).trust === "edge");
  const { found, missing } = clustersOf(table, addresses);
  const emitted = table.emit;
  const clusterHeader = emitted.find(({ kind }) => kind === "cluster")!.name;
  const directory = (listener: string) => posix.join(root, FILTER_NAME, listener);
  const path = (listener: string) => posix.join(directory(listener), `${FILTER_NAME}.json`);
  const filterOf = (listener: string): FilterOptions => ({
    wasm,
    table: table.bytes,
    listener,
    ...(datacentre !== undefined && { datacentre }),
    ...(primary !== undefined && { primary }),
    clusterHeader,
    attempt,
    ...(rest.shadow && { shadow: true }),
  });
  return {
    bootstrap: bootstrap({
      ...rest,
      ...(server && { node }),
      ...(isEdge && { protection }),
      listeners: given.map((one) => {
        const listener = listenerOf(one.name, known);
        const { trust, trustedHops } = listener;
        return { ...one, trust, trustedHops, clusterTimeouts: clusterTimeouts(table, listener, timeouts) };
      }),
      timeouts: timeouts.get(null) ?? {},
      clusters: [
        ...found,
        { name: FALLBACK, ...upstream(fallback, { cluster: FALLBACK }, addresses) },
        ...(server
          ? [{ name: SERVER, grpc: true, ...upstream(server, { cluster: SERVER }, addresses) }]
          : []),
      ],
      fallbackCluster: FALLBACK,
      clusterHeader,
      emittedHeaders: emitted.map(({ name }) => name),
      discovery: server
        ? { cluster: SERVER }
        : (listener) => ({ path: path(listener), directory: directory(listener) }),
      atStart: filterOf,
      jobLimit: table.jobs?.limit ?? 0,
      reusePort: true,
    }),
    filters: (server ? [] : given).map(({ name }) => {
      const filter = filterOf(name);
      return { path: path(name), resource: filterResource(filter, versionOf(pluginConfiguration(filter))) };
    }),
    // In shadow no request goes to any.
    missing: rest.shadow ? [] : missing,
  };
}

function listenerOf(name: string, known: ReadonlyMap<string, TableListener>): TableListener {
  const listener = known.get(name) ?? (known.size === 1 ? known.get(ONLY) : undefined);
  if (listener) return listener;
  throw new RangeError(`the table has no listener "${name}": it has ${[...known.keys()].join(", ")}`);
}

function deployments(table: Table): string[] {
  return Array.from({ length: table.deploymentCount }, (_, i) => table.deployment(i).name);
}

/** Deployments with timeouts of their own: as the options say, and those to which our own services send jobs. */
function clusterTimeouts(
  table: Table,
  listener: TableListener,
  timeouts: RenderOptions["timeouts"],
): NonNullable<ListenerOptions["clusterTimeouts"]> {
  const jobs = listener.trust === "internal" ? jobDeployments(table, listener) : new Set();
  return deployments(table).flatMap((name, d) => {
    const said = timeouts.get(name);
    if (!said && !jobs.has(d)) return [];
    const clusters = Array.from({ length: table.releaseCount }, (_, r) => table.cluster(d, r));
    // What somebody says of all holds for jobs as well.
    const idle = jobs.has(d) && timeouts.get(null)?.idle === undefined ? JOB_TIMEOUTS : {};
    return [{ name, clusters: [...new Set(clusters)], timeouts: { ...idle, ...said } }];
  });
}

function jobDeployments(table: Table, listener: TableListener): Set<number> {
  return new Set(
    table
      .rules<Route>(listener.routes)
      .flatMap(({ wiki, outcome }) =>
        wiki === "body" && outcome !== "pass" && "deployment" in outcome ? [outcome.deployment] : [],
      ),
  );
}

type Addresses = Pick<RenderOptions, "clusters" | "pattern" | "ca" | "serverName">;

function clustersOf(table: Table, addresses: Addresses): { found: ClusterOptions[]; missing: string[] } {
  const { clusters, pattern } = addresses;
  const found = new Map<string, ClusterOptions>();
  const missing = new Set<string>();
  for (let d = 0; d < table.deploymentCount; d++) {
    for (let r = 0; r < table.releaseCount; r++) {
      const name = table.cluster(d, r);
      const names = { cluster: name, deployment: table.deployment(d).name, release: table.release(r).name };
      const address = clusters.get(name) ?? (pattern && filledIn(pattern, names));
      if (address) found.set(name, { name, ...upstream(address, names, addresses) });
      else missing.add(name);
    }
  }
  for (const name of clusters.keys()) {
    if (!found.has(name)) throw new RangeError(`the table has no cluster "${name}"`);
  }
  return { found: [...found.values()], missing: [...missing] };
}

/** What stands between braces in the address, or the server name, of many clusters. */
export const PLACEHOLDERS = ["cluster", "deployment", "release"];

function filledIn(address: Address, names: Record<string, string>): Address {
  return { ...address, host: fill(address.host, names) };
}

function fill(text: string, names: Record<string, string>): string {
  return text.replace(/\{(\w+)\}/g, (all, key: string) => names[key] ?? all);
}

function upstream(
  { host, port, tls }: Address,
  names: Record<string, string>,
  { ca, serverName }: Addresses,
): Omit<ClusterOptions, "name"> {
  if (!tls) return { host, port };
  const expected = serverName === null ? host : fill(serverName, names);
  if (isIP(expected) !== 0)
    throw new RangeError(
      `https://${expected} is an address: give the host name in its certificate by --server-name`,
    );
  return { host, port, tls: { ca, serverName: expected } };
}
