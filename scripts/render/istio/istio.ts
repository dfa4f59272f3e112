/** What Istio needs to run the filter in a gateway: the objects, of a table. */
import type { Table } from "../../table/table.ts";
import { type Address, type Addresses, clustersOf, upstream } from "../addresses.ts";
import { bufferLimit, routesByHeader } from "../bootstrap.ts";
import {
  checkTimeouts,
  clusterTimeouts,
  jobDeployments,
  listenerOf,
  listenersOf,
  type SaidTimeouts,
} from "../listeners.ts";
import { envoyFilter, GUARD_PRIORITY } from "./envoy-filter.ts";
import { type FilterKind, type FilterSettings, filterManifest, type Module } from "./filter.ts";
import { bufferPatch, managerGuard, routesGuard } from "./guard.ts";
import { destinationRules, serviceEntries } from "./hosts.ts";
import { checkSize, type Manifest, type Place } from "./manifest.ts";
import { type IstioVersion, profileOf } from "./profile.ts";
import { clusterPatches, gateway, type RouteKind, routePatches, virtualService } from "./routes.ts";

/** A listener of the table as a server of a Gateway. */
export interface GatewayListener {
  name: string;
  /** Of the Gateway's server. */
  port: number;
  /** That the gateway's pods listen at, where the Service in front of them maps `port`. */
  bound: number;
  /** Default: all addresses. */
  address?: string;
  /** A Secret with a certificate; null: HTTP. */
  secret: string | null;
  /** Hosts of the Gateway, and of the routes. */
  hosts: readonly string[];
  trust: "edge" | "internal";
}

/** With the filter or without. */
export interface GatewayOptions extends Addresses {
  istio: IstioVersion;
  place: Place;
  listeners: Omit<GatewayListener, "trust">[];
  datacentre?: string;
  primary?: string;
  fallback: Address;
  timeouts: SaidTimeouts;
}

export interface IstioOptions extends GatewayOptions {
  as: FilterKind;
  routes: RouteKind;
  module: Module;
}

/** In the order in which they are applied: what a later one names, an earlier one has brought. */
export interface RenderedIstio {
  /** Gateways, upstreams, routes and the guard: they change with the farm's deployments and releases. */
  routes: Manifest[];
  /** What each listener has of the table, the filter or the native routes: they change with every table. */
  filters: { listener: string; manifest: Manifest }[];
  /** Clusters of the table that have no address. */
  missing: string[];
  /** What is not as somebody might expect, a sentence each. */
  notes: string[];
}

export const FALLBACK = "pass-through";

/** Throws RangeError where the options do not fit the table, or Istio cannot do what the table says. */
export function renderIstio(table: Table, options: IstioOptions): RenderedIstio {
  const { place, as, routes, module, timeouts } = options;
  const profile = profileOf(options.istio);
  if (as === "trafficextension" && !profile.hasTrafficExtension)
    throw new RangeError(
      `Istio ${options.istio} has no TrafficExtension: take a WasmPlugin or an EnvoyFilter instead`,
    );
  const { listeners, found, missing, fallback, emitted, clusterHeader } = partsOf(table, options);
  const notes: string[] = [];
  const settings: FilterSettings = {
    ...(options.datacentre !== undefined && { datacentre: options.datacentre }),
    ...(options.primary !== undefined && { primary: options.primary }),
    clusterHeader,
    attempt: table.generation,
  };
  const manifests: Manifest[] = [];
  const filters: RenderedIstio["filters"] = [];
  for (const { declared, ...listener } of listeners) {
    const jobs = jobDeployments(table, declared);
    if (jobs.size > 0) checkReadsBodies(listener.name, as, options.istio, profile.readsBodies);
    const own = clusterTimeouts(table, declared, timeouts);
    const byVirtualService = routes === "virtualservice";
    if (byVirtualService) refuseIdle(timeouts);
    if (byVirtualService && jobs.size > 0)
      notes.push(
        `a job of listener "${listener.name}" that is silent for 5 minutes ends with a 504, as a VirtualService has no idle timeout: --routes envoyfilter gives jobs 24 hours`,
      );
    const { idle: _, ...ofAll } = timeouts.get(null) ?? {};
    const ofCluster = new Map(
      own.flatMap((one) => one.clusters.map((name) => [name, one.timeouts] as const)),
    );
    const buffer = jobs.size > 0 ? bufferLimit({ jobLimit: table.jobs!.limit }) : null;
    manifests.push(
      // The guard first: until it is there, a match of the header is a client's to use.
      envoyFilter(place, `${place.name}-${listener.name}-guard`, GUARD_PRIORITY, [
        managerGuard(listener, emitted, profile),
        routesGuard(listener, emitted),
        ...(buffer === null ? [] : [bufferPatch(listener, buffer)]),
        ...(byVirtualService ? [] : routePatches(listener, routesByHeader(clusterHeader, own, ofAll))),
      ]),
      gateway(place, listener),
      virtualService(place, listener, clusterHeader, byVirtualService ? found : [], fallback, (name) => ({
        ...ofAll,
        ...ofCluster.get(name),
      })),
    );
    const manifest = filterManifest(as, place, listener, table, module, settings, profile);
    checkSize(manifest);
    filters.push({ listener: listener.name, manifest });
  }
  const byEnvoyFilter = routes === "envoyfilter";
  const upstreams = byEnvoyFilter ? [fallback] : [...found, fallback];
  return {
    routes: [
      ...serviceEntries(place, upstreams),
      ...destinationRules(place, upstreams),
      ...(byEnvoyFilter
        ? [envoyFilter(place, `${place.name}-clusters`, GUARD_PRIORITY, clusterPatches(found))]
        : []),
      ...manifests,
    ],
    filters,
    missing,
    notes: [deadVm(profile.reloads), ...notes],
  };
}

/** What is asked of a table with the filter and without. Throws RangeError. */
export function partsOf(table: Table, options: GatewayOptions) {
  checkTimeouts(table, options.timeouts);
  checkServers(options.place, options.listeners);
  const known = listenersOf(table);
  return {
    listeners: options.listeners.map((one) => {
      const declared = listenerOf(one.name, known);
      return { ...one, trust: declared.trust, declared };
    }),
    ...clustersOf(table, options),
    fallback: { name: FALLBACK, ...upstream(options.fallback, { cluster: FALLBACK }, options) },
    emitted: table.emit.map(({ name }) => name),
    clusterHeader: table.emit.find(({ kind }) => kind === "cluster")!.name,
  };
}

/** Istio's patches know a server by its port, and a Gateway's name is a label. Throws RangeError. */
function checkServers({ name }: Place, listeners: GatewayOptions["listeners"]): void {
  for (const [i, one] of listeners.entries()) {
    const gateway = `${name}-${one.name}`;
    if (!/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(gateway))
      throw new RangeError(
        `"${gateway}" is no name for a Gateway, which has at most 63 small letters, digits and dashes`,
      );
    const other = listeners.slice(0, i).find(({ port, bound }) => port === one.port || bound === one.bound);
    if (other)
      throw new RangeError(
        `listeners "${other.name}" and "${one.name}" have the same port: each would get the filters of both`,
      );
  }
}

function checkReadsBodies(
  listener: string,
  as: FilterKind,
  version: IstioVersion,
  readsBodies: boolean,
): void {
  const what = `the jobs of listener "${listener}" name their wiki in the body, and`;
  if (!readsBodies)
    throw new RangeError(
      `${what} the Envoy of Istio ${version} cannot hold a request until its body is read (Envoy 1.35 can): leave the listener out, or run it in an Envoy of your own (pointsman render envoy)`,
    );
  if (as !== "envoyfilter")
    throw new RangeError(
      `${what} Istio gives ${as === "wasmplugin" ? "a WasmPlugin" : "a TrafficExtension"} no allow_on_headers_stop_iteration: each job would hang until its client gives up; take an EnvoyFilter (--as envoyfilter), or leave the listener out`,
    );
}

function refuseIdle(timeouts: SaidTimeouts): void {
  for (const [, { idle }] of timeouts) {
    if (idle !== undefined)
      throw new RangeError(
        "a VirtualService has no idle timeout: take --routes envoyfilter, or leave it out",
      );
  }
}

function deadVm(reloads: boolean): string {
  return reloads
    ? "while the filter's VM is dead, its worker answers 503; Envoy loads it anew within a second or so"
    : "while the filter's VM is dead, its worker answers 503, until the next table or a restart";
}
