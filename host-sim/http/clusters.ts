/** Where the simulated proxy sends requests: its route table and its clusters in one. */
export interface Clusters {
  /** The request header that names the cluster, Envoy's `cluster_header`. */
  header: string;
  /** Cluster of a request without that header, null where it is refused. */
  fallback: string | null;
  byName: ReadonlyMap<string, Upstream>;
}

export interface Upstream {
  host: string;
  port: number;
}
