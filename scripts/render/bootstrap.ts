/**
 * The Envoy bootstrap, as a typed builder: listeners → Pointsman's filter → the cluster that a header names.
 *
 * Everything that protects the farm's headers from clients stands here, not in the filter alone: the filter may be
 * absent (before its first table), refused, or dead, and a client must choose no cluster then either.
 */

import { SHADOW_HEADER } from "../table/shadow.ts";
import { type AccessLog, accessLogs } from "./access-log.ts";
import { type ClusterOptions, cluster, LOCALHOST, socket } from "./cluster.ts";
import {
  adsConfig,
  discoveredFilter,
  type FilterFile,
  type FilterServer,
  fileSource,
} from "./discovered-filter.ts";
import { type EnvoyVersion, featuresOf } from "./envoy-version.ts";
import { CLIENT_ADDRESS, earlyRemoval } from "./guard.ts";
import { nodeOf, type ProxyNode } from "./node.ts";
import { FILTER_NAME, type FilterOptions } from "./plugin.ts";
import { EDGE_HTTP2, overloadManager, type Protection } from "./protection.ts";

export type { ClusterOptions } from "./cluster.ts";

export interface ListenerOptions {
  /** Also the plugin's `root_id`: the filter knows by it which listener it serves. */
  name: string;
  /** Default: 127.0.0.1. */
  address?: string;
  /** 0, the default, lets the kernel choose; the admin interface tells which. */
  port?: number;
  /** As the farm says: whose word is `X-Forwarded-For`, nobody's (`edge`) or that of our own proxies (the default). */
  trust?: "edge" | "internal";
  /** Of an internal one: proxies of our own at the end of X-Forwarded-For, after the client's address. */
  trustedHops?: number;
  /** Instead of the timeouts of all, for requests that go to these clusters. */
  clusterTimeouts?: { name: string; clusters: string[]; timeouts: Timeouts }[];
}

/** In Envoy's notation, as `300s`; `0s` is none. */
export interface Timeouts {
  /** Of a stream on which nothing comes and nothing goes. */
  idle?: string;
  /** From the end of a request to the end of its answer. */
  total?: string;
  /** How often a request that upstream has not got is sent again; default: never. */
  retries?: number;
}

export interface BootstrapOptions {
  /** The Envoy that will read it, or an older one; default: the newest that is told apart. */
  version?: EnvoyVersion;
  /** Default: `pointsman`, for an Envoy that nobody tells from another. */
  node?: ProxyNode;
  listeners: ListenerOptions[];
  clusters: ClusterOptions[];
  /** The cluster of a request to which the filter gives no header: pass-through, and no filter at all. */
  fallbackCluster: string;
  /** The header that names the cluster. */
  clusterHeader: string;
  /** Every header the farm emits; the cluster header counts as one whether it is listed or not. */
  emittedHeaders: string[];
  /** Where a listener's filter comes from; null builds an Envoy without the filter. */
  discovery: ((listener: string) => FilterFile) | FilterServer | null;
  /** What serves at the start, until something is discovered; none: the fallback route alone. */
  atStart?: (listener: string) => FilterOptions;
  /** Bytes of a body that the filter may hold, as the table says. */
  jobLimit?: number;
  /** `per_connection_buffer_limit_bytes`; default {@link DEFAULT_BUFFER_LIMIT}, or what `jobLimit` needs. */
  bufferLimit?: number;
  /** A socket a worker, as Envoy has it by default. */
  reusePort?: boolean;
  /** Of the admin interface; 0, the default, lets the kernel choose: `--admin-address-path` tells which. */
  adminPort?: number;
  /** Default: 5 minutes of silence, and no end to an answer. */
  timeouts?: Timeouts;
  /** Connections may become WebSockets. */
  websockets?: boolean;
  /** The host of an HTTP/1.0 request that has none; default: 127.0.0.1, an address, which a table takes as no host. */
  http10Host?: string;
  /** A path that Envoy itself answers: 200, and 503 once it was told to drain. */
  healthPath?: string;
  /** Of `edge`: proxies of our own before it; each has put its client's address at the end of X-Forwarded-For. */
  trustedHops?: number;
  /** Of the whole process; its connections count on `edge` alone. */
  protection?: Protection;
  accessLog?: AccessLog;
  /** Where a listener's routes are that decide without a filter: `discovery` is null then. */
  native?: (listener: string) => FilterFile;
  /** The filters only tell: every request goes to `fallbackCluster`, with the headers that the client sent. */
  shadow?: boolean;
  /** HCM `internal_address_config`: CIDR ranges whose requests Envoy takes as internal. */
  internalRanges?: string[];
}

/** What Envoy takes where nothing is said. */
const DEFAULT_IDLE = "300s";
/** What Envoy takes where nothing is said. */
export const DEFAULT_BUFFER_LIMIT = 1024 * 1024;
/** Above the bytes that the filter may hold: what comes with the last of them. */
const BUFFER_MARGIN = 64 * 1024;

const TYPE = "type.googleapis.com/";
const HCM_TYPE = `${TYPE}envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager`;
const HEALTH_TYPE = `${TYPE}envoy.extensions.filters.http.health_check.v3.HealthCheck`;
const ROUTER_TYPE = `${TYPE}envoy.extensions.filters.http.router.v3.Router`;

/** The whole bootstrap, for `envoy --config-path FILE.json`. */
export function bootstrap(options: BootstrapOptions): object {
  const { protection, discovery } = options;
  return {
    node: nodeOf(options.node ?? { id: FILTER_NAME, cluster: FILTER_NAME }, filterOfServer(options)),
    admin: {
      address: socket(LOCALHOST, options.adminPort ?? 0),
      // Who wants to look at a full Envoy must get in.
      ...(protection && { ignore_global_conn_limit: true }),
    },
    ...(protection && { overload_manager: overloadManager(protection) }),
    layered_runtime: { layers: [{ name: FILTER_NAME, static_layer: RUNTIME }] },
    stats_config: { stats_tags: STATS_TAGS },
    ...(discovery && "cluster" in discovery && { dynamic_resources: adsConfig(discovery) }),
    static_resources: {
      listeners: options.listeners.map((one) => listener(one, options)),
      clusters: options.clusters.map(cluster),
    },
  };
}

/** What a server must know to send the filter; the same for all listeners. */
function filterOfServer({ discovery, atStart, listeners }: BootstrapOptions): FilterOptions | null {
  const isServer = discovery !== null && "cluster" in discovery;
  return isServer ? (atStart?.(listeners[0]!.name) ?? null) : null;
}

/**
 * Envoy refuses a regular expression of more than 100 steps, and a byte is one: ours name every header that the farm
 * emits, and every cluster of a deployment. RE2 needs no more time for a longer one. As much as Istio sets.
 */
const RUNTIME = { "re2.max_program_size.error_level": 32768 };

/**
 * Of `pointsman.requests.deployment.D.release.R`: one metric with two labels. Both names may have dots; where
 * `.release.` occurs twice, the deployment's name ends at the first. `pointsman.digest.listener.L` has one label.
 */
const STATS_TAGS = [
  {
    tag_name: "deployment",
    regex: "^wasmcustom\\.pointsman\\.requests(\\.deployment\\.(.+?))\\.release\\..+$",
  },
  { tag_name: "listener", regex: "^wasmcustom\\.pointsman\\.[a-z_]+(\\.listener\\.(.+))$" },
  { tag_name: "release", regex: "^wasmcustom\\.pointsman\\.requests\\.deployment\\..+?(\\.release\\.(.+))$" },
];

function listener(one: ListenerOptions, options: BootstrapOptions): object {
  return {
    name: one.name,
    address: socket(one.address ?? LOCALHOST, one.port ?? 0),
    per_connection_buffer_limit_bytes: bufferLimit(options),
    // Strangers may use up the connections of the edge, and not those of our own services beside it.
    ...(options.protection && one.trust !== "edge" && { ignore_global_conn_limit: true }),
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
  const { discovery } = options;
  const from = typeof discovery === "function" ? discovery(one.name) : null;
  const atStart = options.atStart?.(one.name) ?? null;
  const envoy = featuresOf(options.version);
  const { healthPath, accessLog, websockets = false } = options;
  const isEdge = one.trust === "edge";
  const { trustedHops = 0 } = isEdge ? options : one;
  const decided = { clusterHeader: options.clusterHeader, shadow: options.shadow === true };
  const http2 = { ...(isEdge && EDGE_HTTP2), ...(websockets && { allow_connect: true }) };
  return {
    stat_prefix: one.name,
    ...(accessLog && { access_log: accessLogs(accessLog, one.name, decided) }),
    // At the edge the connection's address is the client's, whatever X-Forwarded-For says, or what our own proxies
    // before it have put at its end. Inside, that came from our own proxies and stays.
    use_remote_address: isEdge,
    ...(trustedHops > 0 && { xff_num_trusted_hops: trustedHops }),
    ...(options.internalRanges && {
      internal_address_config: { cidr_ranges: options.internalRanges.map(cidr) },
    }),
    stream_idle_timeout: options.timeouts?.idle ?? DEFAULT_IDLE,
    ...(isEdge && { request_headers_timeout: "60s" }),
    http_protocol_options: {
      accept_http_10: true,
      // An offer that clients make unasked (Apache HttpClient 5.4), and that a server may pass over.
      ...(envoy.ignoresUpgrades && { ignore_http_11_upgrade: [{ prefix: "TLS/", ignore_case: true }] }),
      default_host_for_http_10: options.http10Host ?? LOCALHOST,
    },
    ...(Object.keys(http2).length > 0 && { http2_protocol_options: http2 }),
    ...(websockets && { upgrade_configs: [{ upgrade_type: "websocket" }] }),
    // Dot segments are resolved before the filter and the upstream see the path, so both see the same one. What reads
    // the raw target (auth.wikimedia.org: its first segment is the wiki) therefore reads the resolved one: `/x/../enwiki/`
    // says enwiki here, and x without an Envoy before it. Upstream gets the resolved path too, so the two agree.
    normalize_path: true,
    // Not merged, not decoded: `//` and `%2F` occur in page titles (`/wiki/AC%2FDC`), and upstream must get them. The
    // filter's rules read a path that is merged and decoded, whatever upstream gets.
    merge_slashes: false,
    path_with_escaped_slashes_action: "KEEP_UNCHANGED",
    // Where the route table itself looks hosts up.
    ...(options.native && { strip_trailing_host_dot: true }),
    // The guard: removes a client's copies from every request, before the first route is looked up and before the
    // filter. What the filter sets comes later and stays.
    early_header_mutation_extensions: [earlyRemoval(emitted, envoy)],
    http_filters: [
      ...(healthPath === undefined ? [] : [healthFilter(healthPath)]),
      ...(discovery ? [discoveredFilter(from, one.name, atStart, emitted, envoy)] : []),
      { name: "envoy.filters.http.router", typed_config: { "@type": ROUTER_TYPE } },
    ],
    ...(options.native
      ? { rds: { route_config_name: one.name, config_source: fileSource(options.native(one.name)) } }
      : { route_config: routeConfiguration(one, options, { virtual_hosts: [farm(one, options)] }) }),
  };
}

/** @param own `virtual_hosts`, and what is not true of all listeners' routes */
export function routeConfiguration(
  { name, trust }: Pick<ListenerOptions, "name" | "trust">,
  options: Pick<BootstrapOptions, "clusterHeader" | "emittedHeaders" | "shadow" | "websockets">,
  own: object,
): object {
  const added = [
    ...(trust === "edge" ? [CLIENT_ADDRESS] : []),
    ...(options.websockets ? [ONLY_UPGRADE] : []),
  ];
  return {
    name,
    // A second guard, for whoever takes only the routes from here. It is not enough by itself: Envoy skips it for a
    // request that it takes as internal (`internal_address_config`).
    internal_only_headers: emittedHeaders(options),
    ...(added.length > 0 && { request_headers_to_add: added }),
    ...own,
  };
}

/**
 * `Connection` goes with a hand-shake as the client wrote it. A proxy behind us takes out what it names, and that may be
 * a header of ours.
 */
const ONLY_UPGRADE = {
  header: { key: "connection", value: "upgrade" },
  append_action: "OVERWRITE_IF_EXISTS",
};

function farm(one: ListenerOptions, options: BootstrapOptions): object {
  return { name: "farm", domains: ["*"], routes: routes(one, options) };
}

/** `cluster_header` answers 503 to a request without the header: such a request needs a route of its own. */
function routes({ clusterTimeouts = [] }: ListenerOptions, options: BootstrapOptions): object[] {
  const { clusterHeader, fallbackCluster, timeouts } = options;
  // Silence is the listener's to bound where a deployment says nothing of it.
  const ofAll = { total: timeouts?.total, retries: timeouts?.retries };
  const fallback = {
    name: "fallback",
    match: { prefix: "/" },
    route: { cluster: fallbackCluster, ...timed(ofAll) },
  };
  return options.shadow ? [fallback] : [...routesByHeader(clusterHeader, clusterTimeouts, ofAll), fallback];
}

/** What holds for requests to any deployment that says nothing of it. */
export type OfAll = { [K in "total" | "retries"]?: Timeouts[K] | undefined };

/** Routes of requests that have the header. */
export function routesByHeader(
  clusterHeader: string,
  clusterTimeouts: NonNullable<ListenerOptions["clusterTimeouts"]>,
  ofAll: OfAll,
): object[] {
  return [
    ...clusterTimeouts.map(({ name, clusters, timeouts }) => ({
      name: `by-header ${name}`,
      match: {
        prefix: "/",
        headers: [{ name: clusterHeader, string_match: { safe_regex: { regex: oneOf(clusters) } } }],
      },
      route: { cluster_header: clusterHeader, ...timed({ ...ofAll, ...timeouts }) },
    })),
    {
      name: "by-header",
      match: { prefix: "/", headers: [{ name: clusterHeader, present_match: true }] },
      route: { cluster_header: clusterHeader, ...timed(ofAll) },
    },
  ];
}

/** Whatever a request does, it has not been done: it may be an edit. */
export const NOT_GOT = "connect-failure,refused-stream,reset-before-request";

/**
 * Envoy would end every answer after 15 s; how long a job or an upload may take, upstream knows. Silence is the
 * listener's to bound where nothing is said of it.
 */
export function timed({
  idle,
  total = "0s",
  retries = 0,
}: {
  [K in keyof Timeouts]?: Timeouts[K] | undefined;
}): object {
  return {
    timeout: total,
    ...(idle !== undefined && { idle_timeout: idle }),
    ...(retries > 0 && { retry_policy: { retry_on: NOT_GOT, num_retries: retries } }),
  };
}

function oneOf(texts: readonly string[]): string {
  return texts.map((text) => text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&")).join("|");
}

function healthFilter(path: string): object {
  return {
    name: "envoy.filters.http.health_check",
    typed_config: {
      "@type": HEALTH_TYPE,
      pass_through_mode: false,
      headers: [{ name: ":path", string_match: { exact: path } }],
    },
  };
}

/** In shadow the farm's headers are whoever's they are today. */
function emittedHeaders(
  options: Pick<BootstrapOptions, "clusterHeader" | "emittedHeaders" | "shadow">,
): string[] {
  if (options.shadow) return [SHADOW_HEADER];
  return [...new Set([options.clusterHeader, ...options.emittedHeaders])];
}

/** Throws RangeError where what is given is too small. */
export function bufferLimit({
  jobLimit = 0,
  bufferLimit,
}: Pick<BootstrapOptions, "jobLimit" | "bufferLimit">): number {
  const least = jobLimit === 0 ? 0 : jobLimit + BUFFER_MARGIN;
  if (bufferLimit === undefined) return Math.max(least, DEFAULT_BUFFER_LIMIT);
  if (bufferLimit >= least) return bufferLimit;
  throw new RangeError(
    `a buffer of ${bufferLimit} bytes is too small, as jobs may hold ${jobLimit} bytes of a body: give at least ${least}`,
  );
}

function cidr(range: string): object {
  const [address, length] = range.split("/");
  return { address_prefix: address, prefix_len: Number(length) };
}
