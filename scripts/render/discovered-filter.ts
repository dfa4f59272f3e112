/** Where a listener's filter comes from: from a file or a server, and at the start out of the bootstrap itself. */
import type { EnvoyFeatures } from "./envoy-version.ts";
import { FILTER_NAME, type FilterOptions, plugin, WASM_TYPE } from "./plugin.ts";

export interface FilterFile {
  /** `path_config_source.path`: holds a `filterResource`. */
  path: string;
  /** `watched_directory`: a rename within it makes Envoy read the file again. */
  directory: string;
}

/** An xDS server, by ADS. */
export interface FilterServer {
  /** Its cluster; gRPC. */
  cluster: string;
}

const HEADER_FILTER_TYPE =
  "type.googleapis.com/envoy.extensions.filters.http.header_mutation.v3.HeaderMutation";

/**
 * What a server knows a listener's filter by, and the filter's name in Envoy then: two listeners that ask for one name
 * share what comes, the other's listener in it.
 */
export function resourceName(listener: string): string {
  return `${FILTER_NAME}-${listener}`;
}

/**
 * @param from null: the server
 * @param atStart what serves until something is discovered, and where what is discovered first is refused. null: nothing
 *   does, and every request takes the fallback route; not for a server: Envoy 1.36 and 1.37 may die of its first filter.
 * @param emitted headers that are removed where nothing serves
 */
export function discoveredFilter(
  from: FilterFile | null,
  listener: string,
  atStart: FilterOptions | null,
  emitted: string[],
  envoy: EnvoyFeatures,
): object {
  return {
    name: from ? FILTER_NAME : resourceName(listener),
    config_discovery: {
      config_source: from ? fileSource(from) : { ads: {}, resource_api_version: "V3" },
      type_urls: atStart ? [WASM_TYPE] : [WASM_TYPE, HEADER_FILTER_TYPE],
      // Without a default, a refused table at a cold start is 500 for every request, and a silent server no start at all.
      default_config: atStart
        ? { "@type": WASM_TYPE, config: plugin(atStart, envoy) }
        : {
            "@type": HEADER_FILTER_TYPE,
            mutations: { request_mutations: emitted.map((name) => ({ remove: name })) },
          },
      apply_default_config_without_warming: true,
    },
  };
}

/** What Envoy reads again when it changes. */
export function fileSource({ path, directory }: FilterFile): object {
  return {
    path_config_source: { path, watched_directory: { path: directory } },
    resource_api_version: "V3",
  };
}

/** One stream for all listeners' filters. */
export function adsConfig({ cluster }: FilterServer): object {
  return {
    ads_config: {
      api_type: "GRPC",
      transport_api_version: "V3",
      grpc_services: [{ envoy_grpc: { cluster_name: cluster } }],
    },
  };
}
