/** EnvoyFilter: patches of the configuration that Istio makes for a gateway's Envoy. */
import { type Manifest, NETWORKING_ALPHA, type Place } from "./manifest.ts";

export interface Patch {
  applyTo: string;
  match: object;
  patch: { operation: string; value: object };
}

/** Of what changes with the farm alone. */
export const GUARD_PRIORITY = 10;
/** Of what a table brings: behind the guard. */
export const TABLE_PRIORITY = 20;

const MANAGER = "envoy.filters.network.http_connection_manager";

/**
 * @param priority later patches have the higher one. Without one, an insertion before another filter depends on when
 *   its object was made (istioctl's IST0151).
 */
export function envoyFilter(
  { namespace, selector }: Place,
  name: string,
  priority: number,
  configPatches: readonly Patch[],
  labels?: Record<string, string>,
): Manifest {
  return {
    apiVersion: NETWORKING_ALPHA,
    kind: "EnvoyFilter",
    metadata: { name, namespace, ...(labels && { labels }) },
    spec: { workloadSelector: { labels: selector }, priority, configPatches },
  };
}

/** @param port that the gateway's pods listen at */
export function managerPatch(port: number, typed_config: object): Patch {
  return {
    applyTo: "NETWORK_FILTER",
    match: inListener(port, { name: MANAGER }),
    patch: { operation: "MERGE", value: { name: MANAGER, typed_config } },
  };
}

/** @param port that the gateway's pods listen at */
export function beforeRouter(port: number, value: object): Patch {
  return {
    applyTo: "HTTP_FILTER",
    match: inListener(port, { name: MANAGER, subFilter: { name: "envoy.filters.http.router" } }),
    patch: { operation: "INSERT_BEFORE", value },
  };
}

/** @param port that the gateway's pods listen at */
export function listenerPatch(port: number, value: object): Patch {
  return {
    applyTo: "LISTENER",
    match: { context: "GATEWAY", listener: { portNumber: port } },
    patch: { operation: "MERGE", value },
  };
}

/** @param port of the Gateway's server */
export function routesPatch(port: number, value: object): Patch {
  return {
    applyTo: "ROUTE_CONFIGURATION",
    match: inRoutes(port),
    patch: { operation: "MERGE", value },
  };
}

/** @param port of the Gateway's server */
export function firstRoute(port: number, value: object): Patch {
  return { applyTo: "HTTP_ROUTE", match: inRoutes(port), patch: { operation: "INSERT_FIRST", value } };
}

/** A cluster, or the configuration of a filter that is discovered by its name. */
export function added(applyTo: "CLUSTER" | "EXTENSION_CONFIG", value: object): Patch {
  return { applyTo, match: { context: "GATEWAY" }, patch: { operation: "ADD", value } };
}

function inListener(portNumber: number, filter: object): object {
  return { context: "GATEWAY", listener: { portNumber, filterChain: { filter } } };
}

function inRoutes(portNumber: number): object {
  return { context: "GATEWAY", routeConfiguration: { portNumber } };
}
