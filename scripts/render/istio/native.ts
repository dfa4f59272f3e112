/** A gateway of Istio's that routes as a table says without the filter: by the native routes, as an EnvoyFilter. */
import type { Table } from "../../table/table.ts";
import { nativeConfigurations } from "../native/configurations.ts";
import { tableLabels } from "../table-labels.ts";
import { envoyFilter, GUARD_PRIORITY, routesPatch, TABLE_PRIORITY } from "./envoy-filter.ts";
import { managerGuard } from "./guard.ts";
import { FALLBACK, type GatewayListener, type GatewayOptions, partsOf, type RenderedIstio } from "./istio.ts";
import { checkSize, type Manifest, NETWORKING, type Place } from "./manifest.ts";
import { profileOf } from "./profile.ts";
import { clusterPatches, gateway } from "./routes.ts";

/** @param except what may be left out, by name. Throws RangeError with all that cannot be said. */
export function renderNativeIstio(
  table: Table,
  options: GatewayOptions & { except: readonly string[] },
): RenderedIstio {
  const { place } = options;
  const { listeners, found, missing, fallback, emitted, clusterHeader } = partsOf(table, options);
  const configurations = nativeConfigurations(
    table,
    new Map(listeners.map(({ name, declared }) => [name, declared])),
    {
      datacentre: options.datacentre,
      primary: options.primary,
      timeouts: options.timeouts,
      except: options.except,
      fallbackCluster: FALLBACK,
      clusterHeader,
      emittedHeaders: emitted,
    },
  );
  const guard = { strip_trailing_host_dot: true };
  return {
    routes: [
      envoyFilter(place, `${place.name}-clusters`, GUARD_PRIORITY, clusterPatches([...found, fallback])),
      ...listeners.flatMap((listener) => [
        envoyFilter(place, `${place.name}-${listener.name}-guard`, GUARD_PRIORITY, [
          managerGuard(listener, emitted, profileOf(options.istio), guard),
        ]),
        gateway(place, listener),
        placeholder(place, listener),
      ]),
    ],
    filters: listeners.map((listener) => {
      const {
        name: _,
        validate_clusters: __,
        ...routes
      } = configurations.get(listener.name) as Record<string, object>;
      const manifest = envoyFilter(
        place,
        `${place.name}-${listener.name}`,
        TABLE_PRIORITY,
        [routesPatch(listener.port, routes)],
        tableLabels(table),
      );
      checkSize(manifest);
      return { listener: listener.name, manifest };
    }),
    missing,
    notes: [],
  };
}

/**
 * A gateway without a route of Istio's own answers 404 to every host: it has one, for a host that nobody asks for, and
 * ours beside it. Throws RangeError where the Gateway has no room for such a host.
 */
function placeholder(place: Place, { name, hosts }: GatewayListener): Manifest {
  const wildcard = hosts.find((host) => host.startsWith("*"));
  if (wildcard === undefined)
    throw new RangeError(
      "native routes have all hosts of their port: give the Gateway a host with * (--host '*.example.org')",
    );
  const suffix = wildcard === "*" ? ".internal" : wildcard.slice(1);
  return {
    apiVersion: NETWORKING,
    kind: "VirtualService",
    metadata: { name: `${place.name}-${name}`, namespace: place.namespace },
    spec: {
      hosts: [`pointsman-has-the-others${suffix}`],
      gateways: [`${place.name}-${name}`],
      http: [{ name: "nobody", directResponse: { status: 404 } }],
    },
  };
}
