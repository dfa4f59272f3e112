/** Upstreams as Istio knows them: by hosts of its registry. */
import { isIP } from "node:net";
import type { ClusterOptions } from "../cluster.ts";
import { type Manifest, NETWORKING, type Place } from "./manifest.ts";

/** What Istio takes for a host; a Service's has small letters. */
const HOST = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/;

/** The host by which a route names an upstream. Throws RangeError. */
export function hostOf({ name, host = "" }: ClusterOptions): string {
  const said = isIP(host) === 0 ? host.toLowerCase() : `${inSmall(name)}.pointsman.internal`;
  if (HOST.test(said)) return said;
  throw new RangeError(
    `cluster "${name}": Istio takes no host "${said}", whose parts are to have at most 63 letters, digits and dashes: give a host by --cluster, or take --routes envoyfilter`,
  );
}

/** A Service of the cluster's own is in the registry already. */
function isService(host: string): boolean {
  return isIP(host) === 0 && (!host.includes(".") || /\.svc(\.|$)/.test(host));
}

/** For the gateway alone: another one's upstream of the same name is another upstream, and sidecars know none of them. */
const exportTo = ["."];

/** Upstreams that are no Services, a ServiceEntry for each host. Throws RangeError. */
export function serviceEntries(place: Place, clusters: readonly ClusterOptions[]): Manifest[] {
  return [...byHost(clusters.filter(({ host = "" }) => !isService(host)))].map(([name, ports]) => {
    const { host = "" } = ports[0]!;
    return {
      apiVersion: NETWORKING,
      kind: "ServiceEntry",
      metadata: { name: objectName(place, ports[0]!.name), namespace: place.namespace },
      spec: {
        hosts: [name],
        exportTo,
        location: "MESH_EXTERNAL",
        ports: ports.map(({ port, tls }, i) => ({
          number: port,
          name: `${tls ? "https" : "http"}${i > 0 ? `-${port}` : ""}`,
          protocol: tls ? "HTTPS" : "HTTP",
        })),
        ...(isIP(host) === 0
          ? { resolution: "DNS" }
          : { resolution: "STATIC", endpoints: [{ address: host }] }),
      },
    };
  });
}

/** TLS to upstreams, a DestinationRule for each host; its other ports go without. Throws RangeError. */
export function destinationRules(place: Place, clusters: readonly ClusterOptions[]): Manifest[] {
  return [...byHost(clusters)].flatMap(([host, ports]) => {
    const secured = ports.filter(({ tls }) => tls);
    if (secured.length === 0) return [];
    return {
      apiVersion: NETWORKING,
      kind: "DestinationRule",
      metadata: { name: objectName(place, secured[0]!.name), namespace: place.namespace },
      spec: {
        host,
        exportTo,
        trafficPolicy: {
          portLevelSettings: secured.map(({ port, tls }) => ({
            port: { number: port },
            tls: {
              mode: "SIMPLE",
              sni: tls!.serverName,
              subjectAltNames: [tls!.serverName],
              caCertificates: tls!.ca,
            },
          })),
        },
      },
    };
  });
}

/** One of each port. Throws RangeError where Istio, which knows upstreams by host and port, would take two for one. */
function byHost(clusters: readonly ClusterOptions[]): Map<string, ClusterOptions[]> {
  const hosts = new Map<string, ClusterOptions[]>();
  for (const one of clusters) {
    const host = hostOf(one);
    const others = hosts.get(host) ?? [];
    const twin = others.find(({ port }) => port === one.port);
    const other =
      twin && twin.tls?.serverName !== one.tls?.serverName
        ? twin
        : others.find((another) => isIP(one.host ?? "") !== 0 && another.host !== one.host);
    if (other)
      throw new RangeError(
        `clusters "${other.name}" and "${one.name}" would both be ${host}:${one.port} to Istio: give one another host by --cluster, or take --routes envoyfilter`,
      );
    if (!twin) hosts.set(host, [...others, one]);
  }
  return hosts;
}

function objectName({ name }: Place, cluster: string): string {
  return `${name}-${inSmall(cluster)}`;
}

/** Names of objects have small letters, digits, dots and dashes. */
function inSmall(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9.-]/g, "-");
}
