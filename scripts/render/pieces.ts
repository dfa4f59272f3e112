/** What of a bootstrap goes into an Envoy's configuration that is there already, each piece with its place. */

/** In the order in which they are pasted. */
export interface Piece {
  /** Also its file's name: `edge-http-filters`. */
  name: string;
  /** Where it goes. */
  place: string;
  content: object;
}

/** As {@link bootstrap} makes it: what is read here. */
interface Whole {
  static_resources: { listeners: Listener[]; clusters: object[] };
}
interface Listener {
  name: string;
  per_connection_buffer_limit_bytes: number;
  filter_chains: { filters: { typed_config: Manager }[] }[];
}
type Manager = Record<string, unknown> & {
  http_filters: { name: string }[];
  route_config?: Record<string, unknown> & { virtual_hosts: { routes: { name: string }[] }[] };
};

/** Of the whole process: who Envoy is, which metrics have labels, how long an expression may be, a server of filters. */
const OF_THE_PROCESS = ["node", "layered_runtime", "stats_config", "dynamic_resources"];
/** Of a connection manager: what guards the farm's headers and paths, and how long requests may take. */
const OF_THE_MANAGER = [
  "use_remote_address",
  "xff_num_trusted_hops",
  "stream_idle_timeout",
  "normalize_path",
  "merge_slashes",
  "path_with_escaped_slashes_action",
  "strip_trailing_host_dot",
  "early_header_mutation_extensions",
  "upgrade_configs",
  "rds",
];

/** What the bootstrap calls the last route. */
const FALLBACK = "fallback";

export function piecesOf(bootstrap: object): Piece[] {
  const { listeners, clusters } = (bootstrap as Whole).static_resources;
  return [
    { name: "bootstrap", place: "beside static_resources", content: picked(bootstrap, OF_THE_PROCESS) },
    ...listeners.flatMap(ofListener),
    { name: "clusters", place: "static_resources.clusters", content: clusters },
  ];
}

function ofListener({ name, per_connection_buffer_limit_bytes, filter_chains }: Listener): Piece[] {
  const manager = filter_chains[0]!.filters[0]!.typed_config;
  const place = `the HttpConnectionManager of ${name}`;
  const { route_config: routes } = manager;
  // One filter alone is ours: a health check is whoever's it was, and the router comes last.
  const filters = manager.http_filters.filter((one) => "config_discovery" in one);
  return [
    {
      name: `${name}-listener`,
      place: `the listener ${name}`,
      content: { per_connection_buffer_limit_bytes },
    },
    { name: `${name}-connection-manager`, place, content: picked(manager, OF_THE_MANAGER) },
    ...(filters.length > 0
      ? [
          {
            name: `${name}-http-filters`,
            place: `${place}: http_filters, before the router`,
            content: filters,
          },
        ]
      : []),
    ...(routes
      ? [
          {
            name: `${name}-route-config`,
            place: `${place}: route_config`,
            content: picked(routes, ["internal_only_headers", "request_headers_to_add"]),
          },
          {
            name: `${name}-routes`,
            place: `${place}: the virtual host's first routes`,
            content: routes.virtual_hosts[0]!.routes.filter((one) => one.name !== FALLBACK),
          },
          {
            name: `${name}-fallback`,
            place: `${place}: its last route, where none of yours takes what passes through`,
            content: routes.virtual_hosts[0]!.routes.filter((one) => one.name === FALLBACK),
          },
        ]
      : []),
  ];
}

function picked(from: object, keys: readonly string[]): object {
  return Object.fromEntries(Object.entries(from).filter(([key]) => keys.includes(key)));
}
