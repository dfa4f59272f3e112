/** Clusters come before tables that name them: which of them a proxy has, and which a table names. */
import { quoteFirst } from "../sources/problem.ts";
import type { Table } from "../table/table.ts";

/** What to ask Envoy's admin for. */
export const CLUSTERS_QUERY = "/clusters?format=json";

/** Out of Envoy's answer, or a sentence with what is wrong with it. */
export function readClusters(text: string): Set<string> | string {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return `its answer is no JSON: ${(error as Error).message}`;
  }
  const { cluster_statuses: all } = Object(value) as { cluster_statuses?: unknown };
  // Envoy leaves out what is empty.
  if (!Array.isArray(all)) return new Set();
  return new Set(all.map((one) => String((Object(one) as { name?: unknown }).name)));
}

export function clustersOf(table: Table): Set<string> {
  const names = new Set<string>();
  for (let deployment = 0; deployment < table.deploymentCount; deployment++) {
    for (let release = 0; release < table.releaseCount; release++) {
      names.add(table.cluster(deployment, release));
    }
  }
  return names;
}

/** Which clusters a table brings. A proxy may do without one that its table names already: nobody asks for it there. */
export function newClusters(table: Table, before: Table | null): string[] {
  const known = before === null ? new Set<string>() : clustersOf(before);
  return [...clustersOf(table)].filter((name) => !known.has(name)).sort();
}

export function showMissing(missing: readonly string[]): string {
  return `it does not have ${missing.length === 1 ? "the cluster" : `${missing.length} clusters:`} ${quoteFirst(missing)}`;
}
