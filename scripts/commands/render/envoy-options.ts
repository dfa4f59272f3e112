/** Options of what runs Envoy with the filter, wherever that is. */
import { type Command, Option } from "commander";
import type { UpstreamsSays } from "../../farm/upstreams-says.ts";
import type { AccessLog } from "../../render/access-log.ts";
import type { Address } from "../../render/addresses.ts";
import { type Rendered, type RenderOptions, renderEnvoy } from "../../render/envoy.ts";
import { ENVOY_VERSIONS, type EnvoyVersion, NEWEST_ENVOY } from "../../render/envoy-version.ts";
import { ROLES, type Role } from "../../render/role.ts";
import type { Table } from "../../table/table.ts";
import {
  collectListener,
  parseAddress,
  parseBuffer,
  parseCount,
  parseHeap,
  parseHost,
  parsePath,
  parsePort,
} from "./options.ts";
import { refusing } from "./refusing.ts";
import { addTableOptions, type TableOptions } from "./table-options.ts";
import { addressesOf, addUpstreamOptions, timeoutsOf, type UpstreamOptions } from "./upstream-options.ts";

export interface EnvoyOptions extends TableOptions, UpstreamOptions {
  envoy: EnvoyVersion;
  listener: RenderOptions["listeners"];
  role?: Role;
  datacentre?: string;
  primary?: string;
  xds?: Address;
  nodeId?: string;
  nodeCluster?: string;
  nodeLocality?: string;
  websockets?: boolean;
  shadow?: boolean;
  http10Host?: string;
  healthPath?: string;
  trustedHops?: number;
  maxConnections: number;
  maxHeap: number;
  accessLog?: AccessLog["of"] | "none";
  accessLogFile?: string;
  adminPort: number;
  bufferLimit?: number;
}

export function addEnvoyOptions(command: Command): Command {
  return addUpstreamOptions(addTableOptions(command))
    .addOption(
      new Option("--envoy <version>", "the oldest Envoy that is to read it; later ones can as well")
        .choices(ENVOY_VERSIONS)
        .default(NEWEST_ENVOY),
    )
    .option(
      "--listener <name=[address:]port>",
      "a listener of the farm, and the address that it listens at (repeatable; default: the first that --role has, at port 8080)",
      collectListener,
      [],
    )
    .addOption(
      new Option(
        "--role <which>",
        "sidecar: internal listeners, at 127.0.0.1 where they say no address; ingress: edge listeners, at 0.0.0.0 (default: any, at 127.0.0.1)",
      ).choices(ROLES),
    )
    .option("--datacentre <name>", "the data centre of the proxy (default: the listener's)")
    .option("--primary <name>", "the data centre that is now the primary one (default: the proxy's own)")
    .option(
      "--xds <[https://]host:port>",
      "the address of the xDS server that has the filters (default: Envoy reads files, which --out writes)",
      parseAddress,
    )
    .option(
      "--node-id <id>",
      "the proxy's name to that server, another one for each proxy (default: what `envoy --service-node` says)",
    )
    .option(
      "--node-cluster <name>",
      "what the proxy is one of (default: what `envoy --service-cluster` says)",
    )
    .option("--node-locality <region[/zone[/sub-zone]]>", "where the proxy is, for stages of a rollout")
    .option("--websockets", "let connections become WebSockets")
    .option(
      "--shadow",
      "decide and only tell: all requests go to --fallback, and x-pointsman-shadow and the access log say where they would have gone",
    )
    .option(
      "--http10-host <host>",
      "the host for HTTP/1.0 requests without one (default: 127.0.0.1, which belongs to no wiki)",
      parseHost,
    )
    .option(
      "--health-path <path>",
      "a path that Envoy answers itself, for a load balancer's checks",
      parsePath,
    )
    .option(
      "--trusted-hops <n>",
      "how many proxies of your own stand before an edge listener; the last entries of X-Forwarded-For are theirs",
      parseCount,
    )
    .option(
      "--max-connections <n>",
      "the most connections that clients may have to edge listeners",
      parseCount,
      50_000,
    )
    .option(
      "--max-heap <bytes>",
      "the most memory that an Envoy with an edge listener may use, as 4GiB",
      parseHeap,
      2 ** 30,
    )
    .addOption(
      new Option(
        "--access-log <which>",
        "the responses to log as JSON: those with status 500 and above, all, or none (default: errors; all with --shadow)",
      ).choices(["errors", "all", "none"]),
    )
    .option("--access-log-file <path>", "the log's file on the proxy's machine (default: standard output)")
    .option("--admin-port <port>", "the port of Envoy's admin interface", parsePort, 9901)
    .option(
      "--buffer-limit <bytes>",
      "Envoy's per_connection_buffer_limit_bytes (default: 1 MiB, or what the table's jobs need)",
      parseBuffer,
    );
}

/** Where the proxy's machine has what is rendered. */
type Places = Pick<RenderOptions, "attempt" | "fileOf" | "wasm" | "native">;

/** Throws Refusal. */
export function envoyOf(
  { table, upstreams }: { table: Table; upstreams: UpstreamsSays | null },
  options: EnvoyOptions,
  places: Places,
): Rendered {
  return refusing(() =>
    renderEnvoy(table, {
      ...places,
      version: options.envoy,
      listeners: options.listener,
      ...addressesOf(options),
      fallback: options.fallback,
      server: options.xds ?? null,
      node: {
        ...(options.nodeId !== undefined && { id: options.nodeId }),
        ...(options.nodeCluster !== undefined && { cluster: options.nodeCluster }),
        ...(options.nodeLocality !== undefined && { locality: options.nodeLocality }),
      },
      timeouts: timeoutsOf(options, upstreams),
      adminPort: options.adminPort,
      protection: { connections: options.maxConnections, heap: options.maxHeap },
      ...accessLogOf(options),
      ...given(options, [
        "role",
        "datacentre",
        "primary",
        "bufferLimit",
        "websockets",
        "shadow",
        "http10Host",
        "healthPath",
        "trustedHops",
      ]),
    }),
  );
}

/** The options that are there. */
function given<K extends keyof EnvoyOptions>(
  options: EnvoyOptions,
  names: K[],
): { [N in K]?: Exclude<EnvoyOptions[N], undefined> } {
  return Object.fromEntries(
    names.filter((name) => options[name] !== undefined).map((name) => [name, options[name]]),
  ) as { [N in K]?: Exclude<EnvoyOptions[N], undefined> };
}

function accessLogOf({ accessLog, accessLogFile: file, shadow }: EnvoyOptions): { accessLog?: AccessLog } {
  const of = accessLog ?? (shadow ? "all" : "errors");
  return of === "none" ? {} : { accessLog: { of, ...(file !== undefined && { file }) } };
}
