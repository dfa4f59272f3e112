/** strategies.yaml: a strategy for each cluster, of its one host. */
import type { Origin } from "./destinations.ts";

/** The document. */
export function strategies(clusters: readonly Origin[]): object {
  return {
    strategies: clusters.map(({ name, host, port, tls }) => {
      const scheme = tls ? "https" : "http";
      return {
        strategy: name,
        policy: "first_live",
        scheme,
        // An origin, not a cache of ours: else requests that cannot be cached go past it, to the remap rule's target.
        parent_is_proxy: false,
        // Nor may any other request.
        go_direct: false,
        // ATS takes a host that is this machine for itself, and for down.
        ignore_self_detect: true,
        groups: [[{ host, protocol: [{ scheme, port }], weight: 1 }]],
        failover: { ring_mode: "exhaust_ring", health_check: ["passive"] },
      };
    }),
  };
}
