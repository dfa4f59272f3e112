/** `node` of a bootstrap: who a proxy says it is, and what an xDS server must know to send it the filter. */
import { FILTER_NAME, type FilterOptions } from "./plugin.ts";

/** What is not said here, Envoy takes from `--service-node`, `--service-cluster` and `--service-zone`. */
export interface ProxyNode {
  id?: string;
  cluster?: string;
  /** `REGION/ZONE/SUB_ZONE`, or the beginning of that. */
  locality?: string;
}

/** Envoy takes no discovered configuration, from a file either, without an id and a cluster. */
export function nodeOf({ id, cluster, locality }: ProxyNode, filter: FilterOptions | null): object {
  const [region, zone, sub_zone] = locality?.split("/") ?? [];
  return {
    id,
    cluster,
    ...(locality !== undefined && { locality: { region, zone, sub_zone } }),
    ...(filter && { metadata: { [FILTER_NAME]: metadata(filter) } }),
  };
}

/** Read by scripts/serve/asked.ts. */
function metadata({ wasm, datacentre, primary, clusterHeader, shadow }: FilterOptions): object {
  // A server reads texts alone.
  return { wasm, datacentre, primary, "cluster-header": clusterHeader, ...(shadow && { shadow: "true" }) };
}
