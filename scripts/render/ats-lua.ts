/** Apache Traffic Server with the table in Lua: the script, the table, where clusters are, and ATS's configuration. */
import { posix } from "node:path";
import type { Table } from "../table/table.ts";
import type { Address, Addresses } from "./addresses.ts";
import script from "./ats-lua/pointsman.lua";
import { listenerOf, listenersOf } from "./listeners.ts";

export interface AtsLuaOptions extends Pick<Addresses, "clusters" | "pattern"> {
  /** Listeners of the table, and where each listens; none: its first, on 8080. */
  listeners: readonly Listener[];
  datacentre?: string;
  primary?: string;
  /** On the proxy's machine: the folder of its configuration. */
  root: string;
  /** Where a request goes that passes through. */
  fallback: Address;
  /** Lua states of a listener: each has the table for itself, and decides one request at a time. */
  states: number;
}

interface Listener {
  name: string;
  address?: string;
  port?: number;
}

export interface RenderedAtsLua {
  /** By their names in the folder; what names others comes last. */
  files: Map<string, Uint8Array | string>;
  /** Clusters of the table that have no address. */
  missing: string[];
}

const DEFAULT_PORT = 8080;
/** Where requests go on to when the script fails: nobody listens there. */
const NOWHERE = "http://127.0.0.1:1/";
/** Counters of each deployment and release, and what ATS itself may have. */
const SPARE_METRICS = 1000;

/** Throws RangeError. */
export function renderAtsLua(table: Table, options: AtsLuaOptions): RenderedAtsLua {
  const { clusters, pattern } = options;
  const names = clusterNames(table);
  const unknown = [...clusters.keys()].find((name) => !names.includes(name));
  if (unknown !== undefined) throw new RangeError(`the table has no cluster "${unknown}"`);
  const known = listenersOf(table);
  const listeners = options.listeners.length > 0 ? options.listeners : [{ name: [...known.keys()][0]! }];
  for (const { name } of listeners) listenerOf(name, known);
  return {
    files: new Map<string, Uint8Array | string>([
      ["pointsman.lua", script],
      ["farm.table", table.bytes],
      ["addresses.txt", addressesOf(options)],
      ["stats_over_http.config", "path=_stats\nallow_ip=127.0.0.0/8\nallow_ip6=::1\n"],
      [
        "plugin.config",
        `# Counters, for this machine alone: http://127.0.0.1:PORT/_stats\nstats_over_http.so ${posix.join(options.root, "stats_over_http.config")}\n`,
      ],
      ["remap.config", remapOf(listeners, options)],
      ["records.config", recordsOf(table, listeners)],
    ]),
    missing: pattern ? [] : names.filter((name) => !clusters.has(name)),
  };
}

function clusterNames(table: Table): string[] {
  const names = new Set<string>();
  for (let d = 0; d < table.deploymentCount; d++)
    for (let r = 0; r < table.releaseCount; r++) names.add(table.cluster(d, r));
  return [...names];
}

function addressesOf({ clusters, pattern, fallback }: AtsLuaOptions): string {
  const lines = [
    "# A cluster and its origin a line; - is what requests get that pass through, * any other cluster.",
    "# pointsman.lua takes up a change within a second.",
    `- ${show(fallback)}`,
    ...[...clusters].map(([name, address]) => `${name} ${show(address)}`),
    ...(pattern ? [`* ${show(pattern)}`] : []),
  ];
  return `${lines.join("\n")}\n`;
}

const show = ({ host, port, tls }: Address) =>
  `http${tls ? "s" : ""}://${host.includes(":") ? `[${host}]` : host}:${port}`;

function remapOf(
  listeners: readonly Listener[],
  { root, datacentre, primary, states }: AtsLuaOptions,
): string {
  const lines = listeners.flatMap(({ name, port = DEFAULT_PORT }) => {
    const says = {
      table: posix.join(root, "farm.table"),
      addresses: posix.join(root, "addresses.txt"),
      listener: name,
      ...(datacentre !== undefined && { datacentre }),
      ...(primary !== undefined && { primary }),
    };
    const parameters = [
      `--states=${states}`,
      posix.join(root, "pointsman.lua"),
      ...Object.entries(says).map(([key, value]) => `${key}=${value}`),
    ];
    const plugin = ["@plugin=tslua.so", ...parameters.map((one) => `@pparam=${one}`)].join(" \\\n  ");
    return ["http", "https"].map(
      (scheme) => `regex_map_with_recv_port ${scheme}://.*:${port}/ ${NOWHERE} \\\n  ${plugin}`,
    );
  });
  return [
    "# Every request of a port goes to pointsman.lua, which says where it goes; where it fails, nobody listens.",
    ...lines,
    "",
  ].join("\n");
}

function recordsOf(table: Table, listeners: readonly Listener[]): string {
  const ports = listeners.map(({ address, port = DEFAULT_PORT }) =>
    address === undefined
      ? String(port)
      : `${port}:ip-in=${address.includes(":") ? `[${address}]` : address}`,
  );
  const metrics = table.deploymentCount * table.releaseCount + SPARE_METRICS;
  return `${[
    `CONFIG proxy.config.http.server_ports STRING ${ports.join(" ")}`,
    "# Only what pointsman.lua sends somewhere goes anywhere.",
    "CONFIG proxy.config.url_remap.remap_required INT 1",
    "CONFIG proxy.config.reverse_proxy.enabled INT 1",
    "# Host stays the client's: the origin needs it, and so does the cache, which would mix up wikis.",
    "CONFIG proxy.config.url_remap.pristine_host_hdr INT 1",
    "# Room for the counters.",
    `CONFIG proxy.config.stat_api.max_stats_allowed INT ${metrics}`,
  ].join("\n")}\n`;
}
