/** Native routes as Envoy's route configuration has them, and as a file that Envoy reads again when it changes. */
import { type Timeouts, timed } from "../bootstrap.ts";
import { headerMatcher } from "./match.ts";
import type { ClusterAction, NativeRoute } from "./routes.ts";
import { Unsaid } from "./unsaid.ts";
import type { NativeHost } from "./virtual-hosts.ts";

export interface EnvoyRoutesOptions {
  /** The cluster of what passes through. */
  fallbackCluster: string;
  /** Of a deployment by its number, of what passes through by null. */
  timeouts(deployment: number | null): Partial<Timeouts>;
}

/** What goes into a route configuration, `virtual_hosts` and what they need there. */
export function nativeConfiguration(hosts: readonly NativeHost[], options: EnvoyRoutesOptions): object {
  return {
    ignore_port_in_host_matching: true,
    // A cluster that is not there is a 503 of its own requests, as it is with the filter.
    validate_clusters: false,
    virtual_hosts: hosts.map(({ name, domains, routes }) => ({
      name,
      domains,
      routes: routes.map((one) => envoyRoute(one, options)),
    })),
  };
}

/** A file for `path_config_source`. @param configuration a route configuration */
export function routesResource(configuration: object, version: string): object {
  const type = "type.googleapis.com/envoy.config.route.v3.RouteConfiguration";
  return { version_info: version, resources: [{ "@type": type, ...configuration }] };
}

function envoyRoute({ match, action }: NativeRoute, options: EnvoyRoutesOptions): object {
  const asked = { match: { prefix: "/", ...(match.length > 0 && { headers: match.map(headerMatcher) }) } };
  if (action === "pass")
    return { ...asked, route: { cluster: options.fallbackCluster, ...timed(options.timeouts(null)) } };
  if (action instanceof Unsaid) return { ...asked, ...direct(501, notSaid(action)) };
  if ("status" in action) return { ...asked, ...direct(action.status, action.body) };
  const { cluster, deployment } = action;
  return { ...asked, route: { cluster, ...timed(options.timeouts(deployment)) }, ...headersOf(action) };
}

const notSaid = ({ name, why }: Unsaid): string => `not without Pointsman's filter: ${name}: ${why}\n`;

function direct(status: number, body: string): object {
  return { direct_response: { status, body: { inline_string: body } } };
}

function headersOf({ headers, says }: ClusterAction): object {
  const absent = (says ?? []).flatMap(([name, value]) => (value === null ? [name] : []));
  const present = (says ?? []).flatMap(([name, value]) => (value === null ? [] : [set(name, value)]));
  return {
    request_headers_to_add: headers.map(([name, value]) => set(name, value)),
    ...(present.length > 0 && { response_headers_to_add: present }),
    ...(absent.length > 0 && { response_headers_to_remove: absent }),
  };
}

function set(key: string, value: string): object {
  const escaped = value.replaceAll("%", "%%");
  return { header: { key, value: escaped }, append_action: "OVERWRITE_IF_EXISTS_OR_ADD" };
}
