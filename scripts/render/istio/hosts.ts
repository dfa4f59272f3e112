/** Upstreams as Istio knows them: by hosts of its registry. */
import { isIP } from "node:net";
import type { ClusterOptions } from "../cluster.ts";
import { type Manifest, NETWORKING, type Place } from "./manifest.ts";

/** The host by which a route names an upstream. */
export function hostOf({ name, host = "" }: ClusterOptions): string {
  return isIP(host) === 0 ? host : `${name.toLowerCase()}.pointsman.internal`;
}

/** A Service of the cluster's own is in the registry already. */
function isService(host: string): boolean {
  return isIP(host) === 0 && (!host.includes(".") || /\.svc(\.|$)/.test(host));
}

/** For the gateway alone: another one's upstream of the same name is another upstream, and sidecars know none of them. */
const exportTo = ["."];

/** Upstreams that are no Services, a ServiceEntry each. */
export function serviceEntries(place: Place, clusters: readonly ClusterOptions[]): Manifest[] {
  const outside = clusters.filter(({ host = "" }) => !isService(host));
  return [...new Map(outside.map((one) => [`${hostOf(one)}:${one.port}`, one])).values()].map((one) => ({
    apiVersion: NETWORKING,
    kind: "ServiceEntry",
    metadata: { name: objectName(place, one.name), namespace: place.namespace },
    spec: {
      hosts: [hostOf(one)],
      exportTo,
      location: "MESH_EXTERNAL",
      ports: [{ number: one.port, name: one.tls ? "https" : "http", protocol: one.tls ? "HTTPS" : "HTTP" }],
      ...(isIP(one.host ?? "") === 0
        ? { resolution: "DNS" }
        : { resolution: "STATIC", endpoints: [{ address: one.host }] }),
    },
  }));
}

/** TLS to upstreams, a DestinationRule each. */
export function destinationRules(place: Place, clusters: readonly ClusterOptions[]): Manifest[] {
  const secured = new Map(clusters.filter(({ tls }) => tls).map((one) => [hostOf(one), one]));
  return [...secured].map(([host, { name, tls }]) => ({
    apiVersion: NETWORKING,
    kind: "DestinationRule",
    metadata: { name: objectName(place, name), namespace: place.namespace },
    spec: {
      host,
      exportTo,
      trafficPolicy: {
        tls: {
          mode: "SIMPLE",
          sni: tls!.serverName,
          subjectAltNames: [tls!.serverName],
          caCertificates: tls!.ca,
        },
      },
    },
  }));
}

/** Names of objects have small letters, digits, dots and dashes. */
function objectName({ name }: Place, cluster: string): string {
  return `${name}-${cluster.toLowerCase().replace(/[^a-z0-9.-]/g, "-")}`;
}
