/** A table's Envoy: the same configuration that the tests run, for a machine of one's own. */
import type { Table, TableListener } from "../table/table.ts";
import { type Address, type Addresses, clustersOf, upstream } from "./addresses.ts";
import { type BootstrapOptions, bootstrap, type ListenerOptions } from "./bootstrap.ts";
import type { FilterFile } from "./discovered-filter.ts";
import { featuresOf } from "./envoy-version.ts";
import { versionOf } from "./filter-file.ts";
import {
  checkTimeouts,
  clusterTimeouts,
  jobDeployments,
  listenerOf,
  listenersOf,
  type SaidTimeouts,
} from "./listeners.ts";
import { nativeConfigurations } from "./native/configurations.ts";
import { routesResource } from "./native/envoy.ts";
import type { ProxyNode } from "./node.ts";
import { FILTER_NAME, type FilterOptions, filterResource, pluginConfiguration } from "./plugin.ts";
import type { Protection } from "./protection.ts";
import { listening, type Role } from "./role.ts";

/** What is handed on as it is. */
type Passed = Pick<
  BootstrapOptions,
  | "version"
  | "adminPort"
  | "bufferLimit"
  | "websockets"
  | "http10Host"
  | "healthPath"
  | "trustedHops"
  | "accessLog"
  | "shadow"
>;

export interface RenderOptions extends Passed, Addresses {
  /** Listeners of the table, and where each listens; none: the first that suits the role. */
  listeners: Pick<ListenerOptions, "name" | "address" | "port">[];
  role?: Role;
  datacentre?: string;
  primary?: string;
  /** Of the filter's files: another one than in those that are there. */
  attempt: number;
  /** An xDS server that has the filters, instead of files; null: files. */
  server: Address | null;
  /** Who the proxy is, to that server. */
  node: ProxyNode;
  /** On the proxy's machine: where Envoy discovers a listener's filter or routes, and the .wasm. */
  fileOf: (listener: string, what: string) => FilterFile;
  wasm: string;
  /** Without a filter, by Envoy's own routes, and what may be left out of them; null: with the filter. */
  native: { except: readonly string[] } | null;
  /** Where a request goes that gets no cluster. */
  fallback: Address;
  /** Of a deployment by its name, of all others by null. */
  timeouts: SaidTimeouts;
  /** Where strangers come in. */
  protection: Protection;
}

export interface Rendered {
  /** What Envoy is started with. */
  bootstrap: object;
  /** The filter of each listener, and where Envoy looks for it; none where a server has them. */
  filters: { listener: string; path: string; resource: object }[];
  /** In their place, the routes of each listener. */
  routes: { path: string; resource: object }[];
  /** Clusters of the table that have no address. */
  missing: string[];
}

/** The name of the fallback's cluster. */
const FALLBACK = "pass-through";
/** The name of the xDS server's. */
const SERVER = "pointsman-xds";
/** What a listener's file of routes is called. */
const ROUTES = "routes";

/** Throws RangeError where the options do not fit the table. */
export function renderEnvoy(table: Table, options: RenderOptions): Rendered {
  const {
    listeners,
    role,
    datacentre,
    primary,
    attempt,
    server,
    node,
    fileOf,
    wasm,
    clusters,
    pattern,
    fallback,
    ca,
    serverName,
    timeouts,
    protection,
    native,
    ...rest
  } = options;
  const addresses = { clusters, pattern, ca, serverName };
  checkTimeouts(table, timeouts);
  const known = listenersOf(table);
  const given = listening(listeners, known, role);
  const isEdge = given.some(({ name }) => listenerOf(name, known).trust === "edge");
  const { found, missing } = clustersOf(table, addresses);
  const envoy = featuresOf(rest.version);
  if (!native && !envoy.readsBodies) refuseOld(`Envoy ${rest.version}`, table, given, known, server);
  const emitted = table.emit;
  const clusterHeader = emitted.find(({ kind }) => kind === "cluster")!.name;
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
  const headers = { clusterHeader, emittedHeaders: emitted.map(({ name }) => name) };
  const filesOf = native || server ? [] : given;
  const routes = native
    ? nativeConfigurations(table, new Map(given.map(({ name }) => [name, listenerOf(name, known)])), {
        ...rest,
        ...headers,
        ...native,
        ...{ datacentre, primary, timeouts },
        fallbackCluster: FALLBACK,
      })
    : new Map<string, object>();
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
      ...headers,
      ...(native
        ? { discovery: null, native: (listener: string) => fileOf(listener, ROUTES) }
        : {
            discovery: server ? { cluster: SERVER } : (listener: string) => fileOf(listener, FILTER_NAME),
            atStart: filterOf,
            jobLimit: table.jobs?.limit ?? 0,
          }),
      reusePort: true,
    }),
    filters: filesOf.map(({ name }) => {
      const filter = filterOf(name);
      const resource = filterResource(filter, versionOf(pluginConfiguration(filter)), envoy);
      return { listener: name, path: fileOf(name, FILTER_NAME).path, resource };
    }),
    routes: [...routes].map(([listener, configuration]) => ({
      path: fileOf(listener, ROUTES).path,
      resource: routesResource(configuration, versionOf(JSON.stringify(configuration))),
    })),
    // In shadow no request goes to any.
    missing: rest.shadow ? [] : missing,
  };
}

/** Of an Envoy that cannot hold a request until its body is read. Throws RangeError. */
function refuseOld(
  envoy: string,
  table: Table,
  listeners: RenderOptions["listeners"],
  known: ReadonlyMap<string, TableListener>,
  server: Address | null,
): void {
  const withJobs = listeners.find(({ name }) => jobDeployments(table, listenerOf(name, known)).size > 0);
  if (withJobs)
    throw new RangeError(
      `the jobs of listener "${withJobs.name}" name their wiki in the body, and ${envoy} cannot hold a request until its body is read (Envoy 1.35 can): leave the listener out`,
    );
  if (server)
    throw new RangeError(
      `an xDS server sends filters for Envoy 1.35 and later, and ${envoy} would refuse each: leave --xds out, and bring tables by files`,
    );
}
