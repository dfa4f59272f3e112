/**
 * What keeps a client from choosing a cluster, whatever becomes of the filter: an EnvoyFilter beside it. Neither a
 * WasmPlugin nor a VirtualService can remove a header before the first route is looked up.
 */

import { CLIENT_ADDRESS, earlyRemoval } from "../guard.ts";
import { listenerPatch, managerPatch, type Patch, routesPatch } from "./envoy-filter.ts";
import type { GatewayListener } from "./istio.ts";
import type { Profile } from "./profile.ts";

const MANAGER_TYPE =
  "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";

/** @param more of the connection manager's */
export function managerGuard(
  { bound }: GatewayListener,
  emitted: readonly string[],
  profile: Profile,
  more: object = {},
): Patch {
  return managerPatch(bound, {
    "@type": MANAGER_TYPE,
    // Who decides and upstream must see the same path.
    normalize_path: true,
    ...more,
    early_header_mutation_extensions: [earlyRemoval(emitted, profile)],
  });
}

export function routesGuard({ port, trust }: GatewayListener, emitted: readonly string[]): Patch {
  return routesPatch(port, {
    internal_only_headers: emitted,
    ...(trust === "edge" && { request_headers_to_add: [CLIENT_ADDRESS] }),
  });
}

/** A gateway of Istio's holds 32 KiB of a body, and answers 413 to what is more. */
export function bufferPatch({ bound }: GatewayListener, bytes: number): Patch {
  return listenerPatch(bound, { per_connection_buffer_limit_bytes: bytes });
}
