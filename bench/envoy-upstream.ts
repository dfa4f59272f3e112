/**
 * The farm's clusters: one Envoy that answers at once, on a port a cluster, with the cluster's name. A server in Node, as
 * `scripts/envoy/upstream.ts` starts it, would be slower than what is measured.
 */
import { bootstrap, type ClusterOptions } from "../scripts/render/bootstrap.ts";
import { managers } from "./envoy-config.ts";
import { Server } from "./server.ts";

export interface EnvoyUpstream {
  clusters: ClusterOptions[];
  stop(): Promise<void>;
}

export async function startEnvoyUpstream(
  envoy: string,
  names: readonly string[],
  cpu?: number,
): Promise<EnvoyUpstream> {
  const listeners = names.map((name) => ({ name }));
  const config = bootstrap({
    listeners,
    clusters: [],
    fallbackCluster: "none",
    clusterHeader: "x-none",
    emittedHeaders: [],
    discovery: null,
  });
  for (const manager of managers(config)) {
    const name = manager.stat_prefix;
    delete manager.early_header_mutation_extensions;
    const response = { status: 200, body: { inline_string: name } };
    manager.route_config = {
      name,
      virtual_hosts: [
        { name: "all", domains: ["*"], routes: [{ match: { prefix: "/" }, direct_response: response }] },
      ],
    };
  }
  const server = await Server.start({ envoy, config, ...(cpu !== undefined && { cpu }) });
  return {
    clusters: names.map((name) => ({ name, port: server.ports[name]! })),
    stop: () => server.stop(),
  };
}
