/**
 * The Envoy bootstrap, as a typed builder: listeners → Pointsman's filter → the cluster that a header names.
 *
 * Everything that protects the farm's headers from clients stands here, not in the filter alone: the filter may be
 * absent (before its first table), refused, or dead, and a client must choose no cluster then either.
 */
import { isIP } from "node:net";

/** What `failure_policy` of a Wasm plugin may be: what a request gets while the VM is dead. */
export type FailurePolicy = "FAIL_CLOSED" | "FAIL_OPEN" | "FAIL_RELOAD";

export interface ListenerOptions {
  /** Also the plugin's `root_id`: the filter knows by it which listener it serves. */
  name: string;
  /** Default: 127.0.0.1. */
  address?: string;
  /** 0, the default, lets the kernel choose; the admin interface tells which. */
  port?: number;
  /** As the farm says: whose word is `X-Forwarded-For`, nobody's (`edge`) or that of our own proxies (the default). */
  trust?: "edge" | "internal";
}

export interface ClusterOptions {
  name: string;
  /** Default: 127.0.0.1. A name is looked up in DNS. */
  host?: string;
  port: number;
}

export interface BootstrapOptions {
  listeners: ListenerOptions[];
  clusters: ClusterOptions[];
  /** The cluster of a request to which the filter gives no header: pass-through, and no filter at all. */
  fallbackCluster: string;
  /** The header that names the cluster. */
  clusterHeader: string;
  /** Every header the farm emits; the cluster header counts as one whether it is listed or not. */
  emittedHeaders: string[];
  /** Where a listener's filter lies; null builds an Envoy without the filter. */
  filterFile: ((listener: string) => FilterFile) | null;
  /** Bytes of a body that the filter may hold, as the table says. */
  jobLimit?: number;
  /** `per_connection_buffer_limit_bytes`; default {@link DEFAULT_BUFFER_LIMIT}, or what `jobLimit` needs. */
  bufferLimit?: number;
  /** A socket a worker, as Envoy has it by default. */
  reusePort?: boolean;
  /** Of the admin interface; 0, the default, lets the kernel choose: `--admin-address-path` tells which. */
  adminPort?: number;
  /** HCM `internal_address_config`: CIDR ranges whose requests Envoy takes as internal. */
  internalRanges?: string[];
}

export interface FilterFile {
  /** `path_config_source.path`: holds a {@link filterResource}. */
  path: string;
  /** `watched_directory`: a rename within it makes Envoy read the file again. */
  directory: string;
}

export interface FilterOptions {
  /** Path of the .wasm. */
  wasm: string;
  /** Handed to the filter byte for byte. */
  table: Uint8Array;
  listener: string;
  /** The data centre of this proxy; where it is not told, the table may say it. */
  datacentre?: string;
  /** The data centre that is the primary one: a switchover changes this, and no table. */
  primary?: string;
  failurePolicy?: FailurePolicy;
  /** The filter may pause a request on its headers and still see the body; default: true. Off, jobs wait for ever. */
  allowOnHeadersStopIteration?: boolean;
}

/** What Envoy takes where nothing is said. */
export const DEFAULT_BUFFER_LIMIT = 1024 * 1024;
/** Above the bytes that the filter may hold: what comes with the last of them. */
const BUFFER_MARGIN = 64 * 1024;

/** The name of the HTTP filter and so of its ECDS resource and stats. */
export const FILTER_NAME = "pointsman";

const TYPE = "type.googleapis.com/";
const WASM_TYPE = `${TYPE}envoy.extensions.filters.http.wasm.v3.Wasm`;
const HEADER_FILTER_TYPE = `${TYPE}envoy.extensions.filters.http.header_mutation.v3.HeaderMutation`;
const EARLY_HEADER_TYPE = `${TYPE}envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation`;
const HCM_TYPE = `${TYPE}envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager`;
const ROUTER_TYPE = `${TYPE}envoy.extensions.filters.http.router.v3.Router`;

/** The whole bootstrap, for `envoy --config-path FILE.json`. */
export function bootstrap(options: BootstrapOptions): object {
  return {
    // Envoy takes no discovered configuration, from a file either, without an identity.
    node: { id: FILTER_NAME, cluster: FILTER_NAME },
    admin: { address: socket(LOCALHOST, options.adminPort ?? 0) },
    stats_config: { stats_tags: STATS_TAGS },
    static_resources: {
      listeners: options.listeners.map((one) => listener(one, options)),
      clusters: options.clusters.map(cluster),
    },
  };
}

/** One ECDS resource file: the filter with its table, for `path_config_source`. */
export function filterResource(options: FilterOptions, version: string): object {
  return {
    version_info: version,
    resources: [
      {
        "@type": `${TYPE}envoy.config.core.v3.TypedExtensionConfig`,
        name: FILTER_NAME,
        typed_config: { "@type": WASM_TYPE, config: plugin(options) },
      },
    ],
  };
}

/**
 * The plugin's configuration: the table alone, where the plugin's root_id says the listener and nothing else is to be
 * said; else a JSON object, and the table right behind it.
 */
export function pluginConfiguration({
  table,
  listener,
  datacentre,
  primary,
}: Omit<FilterOptions, "wasm">): Buffer {
  if (datacentre === undefined && primary === undefined) return Buffer.from(table);
  return Buffer.concat([Buffer.from(JSON.stringify({ listener, datacentre, primary })), table]);
}

/**
 * Of `pointsman.requests.deployment.D.release.R`: one metric with two labels. Both names may have dots; where
 * `.release.` occurs twice, the deployment's name ends at the first.
 */
const STATS_TAGS = [
  {
    tag_name: "deployment",
    regex: "^wasmcustom\\.pointsman\\.requests(\\.deployment\\.(.+?))\\.release\\..+$",
  },
  { tag_name: "release", regex: "^wasmcustom\\.pointsman\\.requests\\.deployment\\..+?(\\.release\\.(.+))$" },
];

function plugin(options: FilterOptions): object {
  return {
    name: FILTER_NAME,
    root_id: options.listener,
    failure_policy: options.failurePolicy ?? "FAIL_RELOAD",
    // Without it a request that waits for its body to say the wiki never sees it: the client times out.
    allow_on_headers_stop_iteration: options.allowOnHeadersStopIteration ?? true,
    vm_config: {
      // The same vm_id and code: all listeners of a worker share one VM, as in production.
      vm_id: FILTER_NAME,
      runtime: "envoy.wasm.runtime.v8",
      code: { local: { filename: options.wasm } },
    },
    // BytesValue reaches the filter as it is; in JSON its bytes are base64.
    configuration: {
      "@type": `${TYPE}google.protobuf.BytesValue`,
      value: pluginConfiguration(options).toString("base64"),
    },
  };
}

function listener(one: ListenerOptions, options: BootstrapOptions): object {
  return {
    name: one.name,
    address: socket(one.address ?? LOCALHOST, one.port ?? 0),
    per_connection_buffer_limit_bytes: bufferLimit(options),
    // Where the port is ours alone: two Envoys that were given one would share it, and each get half of the requests.
    ...(!options.reusePort && { enable_reuse_port: false }),
    filter_chains: [
      {
        filters: [
          {
            name: "envoy.filters.network.http_connection_manager",
            typed_config: { "@type": HCM_TYPE, ...connectionManager(one, options) },
          },
        ],
      },
    ],
  };
}

function connectionManager(one: ListenerOptions, options: BootstrapOptions): object {
  const emitted = emittedHeaders(options);
  const file = options.filterFile?.(one.name);
  return {
    stat_prefix: one.name,
    // At the edge the connection's address is the client's, whatever X-Forwarded-For says. Inside, that came from our
    // own proxies and stays.
    use_remote_address: one.trust === "edge",
    ...(options.internalRanges && {
      internal_address_config: { cidr_ranges: options.internalRanges.map(cidr) },
    }),
    http_protocol_options: { accept_http_10: true },
    common_http_protocol_options: {
      // A CGI-like upstream (PHP) reads `x_mw_cluster` and `x-mw-cluster` as one variable: a client's copy under the
      // other spelling would stand beside, or over, the filter's.
      headers_with_underscores_action: "REJECT_REQUEST",
    },
    // Dot segments are resolved before the filter and the upstream see the path, so both see the same one. What reads
    // the raw target (auth.wikimedia.org: its first segment is the wiki) therefore reads the resolved one: `/x/../enwiki/`
    // says enwiki here, and x without an Envoy before it. Upstream gets the resolved path too, so the two agree.
    normalize_path: true,
    // Not merged, not decoded: `//` and `%2F` occur in page titles (`/wiki/AC%2FDC`), and upstream must get them. The
    // filter's rules read a path that is merged and decoded, whatever upstream gets.
    merge_slashes: false,
    path_with_escaped_slashes_action: "KEEP_UNCHANGED",
    // The guard: removes a client's copies from every request, before the first route is looked up and before the
    // filter. What the filter sets comes later and stays.
    early_header_mutation_extensions: [
      {
        name: "envoy.http.early_header_mutation.header_mutation",
        typed_config: { "@type": EARLY_HEADER_TYPE, mutations: emitted.map((name) => ({ remove: name })) },
      },
    ],
    http_filters: [
      ...(file ? [discoveredFilter(file, options)] : []),
      { name: "envoy.filters.http.router", typed_config: { "@type": ROUTER_TYPE } },
    ],
    route_config: {
      name: one.name,
      // A second guard, for whoever takes only the routes from here. It is not enough by itself: Envoy skips it for a
      // request that it takes as internal (`internal_address_config`).
      internal_only_headers: emitted,
      virtual_hosts: [{ name: "farm", domains: ["*"], routes: routes(options) }],
    },
  };
}

/** `cluster_header` answers 503 to a request without the header: such a request needs a route of its own. */
function routes(options: BootstrapOptions): object[] {
  // Envoy would end every answer after 15 s; how long a job or an upload may take, upstream knows.
  const timeout = "0s";
  return [
    {
      name: "by-header",
      match: { prefix: "/", headers: [{ name: options.clusterHeader, present_match: true }] },
      route: { cluster_header: options.clusterHeader, timeout },
    },
    { name: "fallback", match: { prefix: "/" }, route: { cluster: options.fallbackCluster, timeout } },
  ];
}

function discoveredFilter(file: FilterFile, options: BootstrapOptions): object {
  return {
    name: FILTER_NAME,
    config_discovery: {
      config_source: {
        path_config_source: { path: file.path, watched_directory: { path: file.directory } },
        resource_api_version: "V3",
      },
      type_urls: [WASM_TYPE, HEADER_FILTER_TYPE],
      // Without a default, a refused table at a cold start is 500 for every request. This one only removes the farm's
      // headers: each request takes the fallback route until the first good table comes.
      default_config: {
        "@type": HEADER_FILTER_TYPE,
        mutations: { request_mutations: emittedHeaders(options).map((name) => ({ remove: name })) },
      },
      apply_default_config_without_warming: true,
    },
  };
}

function emittedHeaders(options: BootstrapOptions): string[] {
  return [...new Set([options.clusterHeader, ...options.emittedHeaders])];
}

function cluster({ name, host = LOCALHOST, port }: ClusterOptions): object {
  return {
    name,
    type: isIP(host) === 0 ? "STRICT_DNS" : "STATIC",
    connect_timeout: "5s",
    load_assignment: {
      cluster_name: name,
      endpoints: [{ lb_endpoints: [{ endpoint: { address: socket(host, port) } }] }],
    },
  };
}

function bufferLimit({ jobLimit = 0, bufferLimit }: BootstrapOptions): number {
  const least = jobLimit === 0 ? 0 : jobLimit + BUFFER_MARGIN;
  if (bufferLimit === undefined) return Math.max(least, DEFAULT_BUFFER_LIMIT);
  if (bufferLimit >= least) return bufferLimit;
  throw new RangeError(
    `a buffer of ${bufferLimit} bytes is too small for bodies of which ${jobLimit} may be held: at least ${least}`,
  );
}

const LOCALHOST = "127.0.0.1";

function socket(address: string, port: number): object {
  return { socket_address: { address, port_value: port } };
}

function cidr(range: string): object {
  const [address, length] = range.split("/");
  return { address_prefix: address, prefix_len: Number(length) };
}
