/** Where a table's clusters are: each by its name, or all by a pattern. */
import { isIP } from "node:net";
import type { Table } from "../table/table.ts";
import type { ClusterOptions } from "./cluster.ts";

export interface Address {
  host: string;
  port: number;
  tls: boolean;
}

export interface Addresses {
  /** By the clusters' names. */
  clusters: ReadonlyMap<string, Address>;
  /** Of the others: of `{cluster}`, `{deployment}` and `{release}`; null: they are left out. */
  pattern: Address | null;
  /** On the proxy's machine: whom TLS upstreams' certificates must come from. */
  ca: string;
  /** The name of TLS upstreams, with the placeholders of `pattern`; null: the address's own. */
  serverName: string | null;
}

/** Throws RangeError. @returns `missing`: clusters of the table that have no address */
export function clustersOf(
  table: Table,
  addresses: Addresses,
): { found: ClusterOptions[]; missing: string[] } {
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

/** Throws RangeError where the name in the certificate is not known. */
export function upstream(
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
