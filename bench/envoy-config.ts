/** What the benchmarks change in the project's own bootstrap, typed only as far as they do. */
import { bootstrap } from "../scripts/render/bootstrap.ts";
import { freePort } from "../test/support/free-port.ts";

export interface HttpFilter {
  name: string;
  typed_config?: object;
}

export interface ConnectionManager {
  stat_prefix: string;
  http_filters: HttpFilter[];
  early_header_mutation_extensions?: object[];
  strip_trailing_host_dot?: boolean;
  route_config?: RouteConfig;
  rds?: object;
}

export interface RouteConfig {
  name: string;
  internal_only_headers?: string[];
  virtual_hosts: VirtualHost[];
}

export interface VirtualHost {
  name: string;
  domains: string[];
  routes: object[];
}

interface Bootstrap {
  static_resources: {
    listeners: {
      name: string;
      address: { socket_address: { address: string; port_value: number } };
      filter_chains: { filters: { typed_config: ConnectionManager }[] }[];
    }[];
    clusters: object[];
  };
}

/** The connection manager of each listener. */
export function managers(config: object): ConnectionManager[] {
  return (config as Bootstrap).static_resources.listeners.map(
    (listener) => listener.filter_chains[0]!.filters[0]!.typed_config,
  );
}

/** Every listener decides by these routes. */
export function useNative(config: object, routes: RouteConfig): void {
  for (const manager of managers(config)) {
    manager.strip_trailing_host_dot = true;
    manager.route_config = routes;
  }
}

/** Puts a filter before the router of every listener. */
export function addFilter(config: object, filter: HttpFilter): void {
  for (const manager of managers(config)) manager.http_filters.unshift(filter);
}

/**
 * One more hop: a listener `front` that sends everything on to the first one. Both are of one Envoy, so that its
 * CPU time is that of both.
 */
export async function addHop(config: object): Promise<void> {
  const { listeners, clusters } = (config as Bootstrap).static_resources;
  const main = listeners[0]!;
  const front = structuredClone(main);
  main.address.socket_address.port_value = await freePort();
  front.name = "front";
  const manager = front.filter_chains[0]!.filters[0]!.typed_config;
  manager.stat_prefix = "front";
  manager.route_config = {
    name: "front",
    virtual_hosts: [
      { name: "all", domains: ["*"], routes: [{ match: { prefix: "/" }, route: { cluster: "next-hop" } }] },
    ],
  };
  listeners.push(front);
  clusters.push({
    name: "next-hop",
    type: "STATIC",
    connect_timeout: "5s",
    load_assignment: {
      cluster_name: "next-hop",
      endpoints: [{ lb_endpoints: [{ endpoint: { address: structuredClone(main.address) } }] }],
    },
  });
}

/** Answers every request itself, wherever a filter sends it: there is little else to count. */
export function answeringEnvoy(emittedHeaders: string[]): object {
  const config = bootstrap({
    listeners: [{ name: "main" }],
    clusters: [],
    fallbackCluster: "none",
    clusterHeader: emittedHeaders[0]!,
    emittedHeaders,
    discovery: null,
  });
  const response = { status: 200, body: { inline_string: "ok" } };
  const [host] = managers(config)[0]!.route_config!.virtual_hosts;
  host!.routes = [{ match: { prefix: "/" }, direct_response: response }];
  return config;
}

const TYPE = "type.googleapis.com/";

/** A Wasm filter as part of the bootstrap itself, as most would write it first. */
export function wasmFilter(wasm: string, configuration: Uint8Array, rootId: string): HttpFilter {
  return {
    name: "wasm",
    typed_config: {
      "@type": `${TYPE}envoy.extensions.filters.http.wasm.v3.Wasm`,
      config: {
        name: "bench",
        root_id: rootId,
        vm_config: { vm_id: "bench", runtime: "envoy.wasm.runtime.v8", code: { local: { filename: wasm } } },
        configuration: {
          "@type": `${TYPE}google.protobuf.BytesValue`,
          value: Buffer.from(configuration).toString("base64"),
        },
      },
    },
  };
}

export function luaFilter(file: string): HttpFilter {
  return {
    name: "envoy.filters.http.lua",
    typed_config: {
      "@type": `${TYPE}envoy.extensions.filters.http.lua.v3.Lua`,
      default_source_code: { filename: file },
    },
  };
}
