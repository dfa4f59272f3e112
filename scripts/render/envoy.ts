/** A table's Envoy: the same configuration that the tests run, for a machine of one's own. */
import { createHash } from "node:crypto";
import { posix } from "node:path";
import type { Table, TableListener } from "../table/table.ts";
import {
  bootstrap,
  type ClusterOptions,
  FILTER_NAME,
  type FilterOptions,
  filterResource,
  type ListenerOptions,
  pluginConfiguration,
} from "./bootstrap.ts";

export interface RenderOptions {
  /** Listeners of the table, and where each listens; none: its first, on 127.0.0.1:8080. */
  listeners: Pick<ListenerOptions, "name" | "address" | "port">[];
  datacentre?: string;
  primary?: string;
  /** On the proxy's machine: the folder of its configuration, and the .wasm. */
  root: string;
  wasm: string;
  /** Where clusters are, by their name. */
  clusters: ReadonlyMap<string, Address>;
  /** Where the others are: of `{cluster}`, `{deployment}` and `{release}`; null: they are left out. */
  pattern: Address | null;
  /** Where a request goes that gets no cluster. */
  fallback: Address;
  adminPort: number;
  bufferLimit?: number;
}

export type Address = Omit<ClusterOptions, "name">;

export interface Rendered {
  /** What Envoy is started with. */
  bootstrap: object;
  /** The filter of each listener, and where Envoy looks for it. */
  filters: { path: string; resource: object }[];
  /** Clusters of the table that have no address. */
  missing: string[];
}

/** The name of the fallback's cluster. */
const FALLBACK = "pass-through";
/** What the only listener of a table is called where the farm gives it no name. */
const ONLY = "main";

/** Throws RangeError where the options do not fit the table. */
export function renderEnvoy(table: Table, options: RenderOptions): Rendered {
  const { root, wasm, datacentre, primary, fallback, adminPort, bufferLimit } = options;
  const known = new Map(table.listeners.map((one) => [one.name ?? ONLY, one]));
  const given =
    options.listeners.length > 0 ? options.listeners : [{ name: [...known.keys()][0]!, port: 8080 }];
  const { clusters, missing } = clustersOf(table, options);
  const emitted = table.emit;
  const directory = (listener: string) => posix.join(root, FILTER_NAME, listener);
  const path = (listener: string) => posix.join(directory(listener), `${FILTER_NAME}.json`);
  return {
    bootstrap: bootstrap({
      listeners: given.map((one) => ({ ...one, trust: trustOf(one.name, known) })),
      clusters: [...clusters, { name: FALLBACK, ...fallback }],
      fallbackCluster: FALLBACK,
      clusterHeader: emitted.find(({ kind }) => kind === "cluster")!.name,
      emittedHeaders: emitted.map(({ name }) => name),
      filterFile: (listener) => ({ path: path(listener), directory: directory(listener) }),
      jobLimit: table.jobs?.limit ?? 0,
      adminPort,
      reusePort: true,
      ...(bufferLimit !== undefined && { bufferLimit }),
    }),
    filters: given.map(({ name }) => {
      const filter: FilterOptions = {
        wasm,
        table: table.bytes,
        listener: name,
        ...(datacentre !== undefined && { datacentre }),
        ...(primary !== undefined && { primary }),
      };
      return { path: path(name), resource: filterResource(filter, versionOf(filter)) };
    }),
    missing,
  };
}

function trustOf(name: string, known: ReadonlyMap<string, TableListener>): "edge" | "internal" {
  const listener = known.get(name) ?? (known.size === 1 ? known.get(ONLY) : undefined);
  if (listener) return listener.trust;
  throw new RangeError(`the table has no listener "${name}": it has ${[...known.keys()].join(", ")}`);
}

/** The same text for the same configuration: what Envoy's `version_text` then says. */
function versionOf(filter: FilterOptions): string {
  return createHash("sha256").update(pluginConfiguration(filter)).digest("hex").slice(0, 16);
}

function clustersOf(
  table: Table,
  { clusters, pattern }: RenderOptions,
): { clusters: ClusterOptions[]; missing: string[] } {
  const found = new Map<string, ClusterOptions>();
  const missing = new Set<string>();
  for (let d = 0; d < table.deploymentCount; d++) {
    for (let r = 0; r < table.releaseCount; r++) {
      const name = table.cluster(d, r);
      const names = { cluster: name, deployment: table.deployment(d).name, release: table.release(r).name };
      const address = clusters.get(name) ?? (pattern && filledIn(pattern, names));
      if (address) found.set(name, { name, ...address });
      else missing.add(name);
    }
  }
  for (const name of clusters.keys()) {
    if (!found.has(name)) throw new RangeError(`the table has no cluster "${name}"`);
  }
  return { clusters: [...found.values()], missing: [...missing] };
}

function filledIn({ host, port }: Address, names: Record<string, string>): Address {
  return { host: host!.replace(/\{(\w+)\}/g, (all, key: string) => names[key] ?? all), port };
}
