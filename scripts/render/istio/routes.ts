/** How a gateway's requests reach the cluster that the filter names, in both forms that Istio has for it. */
import { NOT_GOT, type Timeouts } from "../bootstrap.ts";
import { type ClusterOptions, cluster } from "../cluster.ts";
import { added, firstRoute, type Patch } from "./envoy-filter.ts";
import { hostOf } from "./hosts.ts";
import type { GatewayListener } from "./istio.ts";
import { type Manifest, NETWORKING, type Place } from "./manifest.ts";

/** `virtualservice`: a match for each cluster. `envoyfilter`: one route that goes by the header. */
export const ROUTE_KINDS = ["virtualservice", "envoyfilter"] as const;
export type RouteKind = (typeof ROUTE_KINDS)[number];

export function gateway(place: Place, listener: GatewayListener): Manifest {
  const { name, address, port, hosts, secret } = listener;
  const protocol = secret === null ? "http" : "https";
  return {
    apiVersion: NETWORKING,
    kind: "Gateway",
    metadata: { name: `${place.name}-${name}`, namespace: place.namespace },
    spec: {
      selector: place.selector,
      servers: [
        {
          port: { number: port, name: `${protocol}-${name}`, protocol: protocol.toUpperCase() },
          ...(address !== undefined && { bind: address }),
          hosts,
          ...(secret !== null && { tls: { mode: "SIMPLE", credentialName: secret } }),
        },
      ],
    },
  };
}

/**
 * @param clusters that are matched by the header; none: only the fallback's route, before which an EnvoyFilter puts
 *   another.
 */
export function virtualService(
  place: Place,
  listener: GatewayListener,
  clusterHeader: string,
  clusters: readonly ClusterOptions[],
  fallback: ClusterOptions,
  timesOf: (cluster: string) => Timeouts,
): Manifest {
  const name = `${place.name}-${listener.name}`;
  const to = (upstream: ClusterOptions) => {
    const { total: timeout, retries } = timesOf(upstream.name);
    return {
      route: [{ destination: { host: hostOf(upstream), port: { number: upstream.port } } }],
      ...(timeout !== undefined && timeout !== "0s" && { timeout }),
      ...(retries !== undefined && {
        retries: { attempts: retries, ...(retries > 0 && { retryOn: NOT_GOT }) },
      }),
    };
  };
  return {
    apiVersion: NETWORKING,
    kind: "VirtualService",
    metadata: { name, namespace: place.namespace },
    spec: {
      hosts: listener.hosts,
      gateways: [name],
      http: [
        ...clusters.map((upstream) => ({
          name: upstream.name,
          match: [{ headers: { [clusterHeader]: { exact: upstream.name } } }],
          ...to(upstream),
        })),
        ...(clusters.length > 0 ? [unknown(clusterHeader)] : []),
        { name: "fallback", ...to(fallback) },
      ],
    },
  };
}

/** The fallback is not for wikis: as with `cluster_header`, a cluster that is not there is a 503. */
function unknown(clusterHeader: string): object {
  return {
    name: "unknown",
    match: [{ headers: { [clusterHeader]: {} } }],
    directResponse: { status: 503 },
  };
}

/** The upstreams as clusters of Envoy's own. */
export function clusterPatches(clusters: readonly ClusterOptions[]): Patch[] {
  return clusters.map((one) => added("CLUSTER", cluster(one)));
}

/** Each is put before those that are there: the last comes to stand first. */
export function routePatches({ port }: GatewayListener, routes: readonly object[]): Patch[] {
  return [...routes].reverse().map((route) => firstRoute(port, route));
}
