/** What the demo needs from the rest of the project; its tests bring their own. */

import type { DemoRequest } from "./requests.ts";

export interface Farm {
  /** Path of the farm.yaml. */
  farm: string;
  /** Folders for the farm's sources, by name. */
  sources: Record<string, string>;
}

export interface Packed {
  /** The table, as the filter gets it. */
  bytes: Uint8Array;
  /** Every cluster that the table may name. */
  clusters: string[];
  /** Every header that the farm emits. */
  headers: string[];
  /** The one of them that names the cluster. */
  clusterHeader: string;
  /** What shows what the table does. */
  requests: DemoRequest[];
  /** The listener that the demo is, where the farm names any: its first. */
  listener?: string;
}

export type Pack = (options: Farm & { generation: number }) => Promise<Packed>;

export interface Route {
  wiki: string | null;
  /** null: the proxy answers itself. */
  release: string | null;
  /** Or, of the proxy's own answer, `status 404`. */
  cluster: string;
}

/** Where the table sends a request, read by other code than the filter's; null: passed through. */
export type Lookup = (table: Uint8Array, authority: string, target: string) => Route | null;

/** Writes one line for the person who watches. */
export type Write = (line: string) => void;
