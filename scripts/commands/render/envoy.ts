/** `pointsman render envoy`: an Envoy that runs the filter: its configuration and the files that it discovers. */
import { join, resolve } from "node:path";
import { type Command, Option } from "commander";
import { dump } from "js-yaml";
import { filter } from "../../filter.ts";
import { Refusal } from "../../refusal.ts";
import type { AccessLog } from "../../render/access-log.ts";
import type { Address } from "../../render/addresses.ts";
import { type Rendered, type RenderOptions, renderEnvoy } from "../../render/envoy.ts";
import type { Table } from "../../table/table.ts";
import { filterFilesIn, readFilterFile } from "../../targets/filter-files.ts";
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
import { addTableOptions, type TableOptions, tableOf } from "./table-options.ts";
import {
  addressesOf,
  addUpstreamOptions,
  timeoutsOf,
  type UpstreamOptions,
  warnOfMissing,
} from "./upstream-options.ts";
import { writeFiles } from "./write-files.ts";

interface Options extends TableOptions, UpstreamOptions {
  listener: RenderOptions["listeners"];
  datacentre?: string;
  primary?: string;
  xds?: Address;
  nodeId?: string;
  nodeCluster?: string;
  nodeLocality?: string;
  websockets?: boolean;
  shadow?: boolean;
  native?: boolean;
  except: string[];
  http10Host?: string;
  healthPath?: string;
  trustedHops?: number;
  maxConnections: number;
  maxHeap: number;
  accessLog?: AccessLog["of"] | "none";
  accessLogFile?: string;
  wasm?: string;
  root?: string;
  adminPort: number;
  bufferLimit?: number;
  out?: string;
  json?: boolean;
}

export function renderEnvoyCommand(render: Command): void {
  addUpstreamOptions(addTableOptions(render.command("envoy")))
    .description("listeners with the filter, guards against abuse, and clusters, for Envoy")
    .option(
      "--listener <name=[address:]port>",
      "a listener of the farm, and the address that it listens at (repeatable; default: the first, 127.0.0.1:8080)",
      collectListener,
      [],
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
    .option("--native", "without the filter, by Envoy's own routes; what these cannot say is refused by name")
    .option(
      "--except <name>",
      "leave this out of the routes of --native: its requests get a 501 (repeatable)",
      (name: string, names: string[]) => [...names, name],
      [],
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
    .option("--wasm <path>", "the filter on the proxy's machine (default: pointsman.wasm in --root)")
    .option(
      "--root <dir>",
      "the configuration's folder on the proxy's machine (default: --out, else /etc/envoy)",
    )
    .option("--admin-port <port>", "the port of Envoy's admin interface", parsePort, 9901)
    .option(
      "--buffer-limit <bytes>",
      "Envoy's per_connection_buffer_limit_bytes (default: 1 MiB, or what the table's jobs need)",
      parseBuffer,
    )
    .option(
      "--out <dir>",
      "the folder to write to: envoy.yaml, the filter, and the files that Envoy discovers; - prints the configuration",
    )
    .option("--json", "write the configuration as JSON, to envoy.json")
    .addHelpText(
      "after",
      `
Without --out, render prints the configuration. If you render into the same --out again, a running Envoy takes up all
files by itself except envoy.yaml, which it reads only when it starts. Generations must grow from table to table: for
an Envoy that serves, render a packed table (--table) rather than the farm, and give it each later table by \`pointsman
put\`.

Examples:
  $ pointsman render envoy --farm examples/small/farm.yaml --fallback 127.0.0.1:8085 \\
      --clusters '{cluster}.svc.example:8080'
  $ pointsman render envoy --table production.table --listener edge=0.0.0.0:443 --datacentre codfw --primary eqiad \\
      --cluster mw-web-group2=10.2.0.1:4450 --fallback 10.2.0.9:80 --out /etc/envoy
  $ pointsman render envoy --farm examples/small/farm.yaml --fallback 127.0.0.1:8085 --native --out native \\
      --clusters '{cluster}.svc.example:8080'
  $ envoy -c /etc/envoy/envoy.yaml`,
    )
    .action((options: Options, command: Command) => {
      checkNative(options, command);
      const rendered = rendering(tableOf(options, command), options);
      warnOfMissing(rendered.missing);
      const out = folderOf(options);
      if (out === null) process.stdout.write(show(rendered, options.json));
      else writeFiles(out, filesOf(rendered, options));
    });
}

/** What is about the filter has nothing to say without it. */
function checkNative({ native, xds, shadow, wasm, bufferLimit, except }: Options, command: Command): void {
  const others = { "--xds": xds, "--shadow": shadow, "--wasm": wasm, "--buffer-limit": bufferLimit };
  const [other] = Object.entries(others).find(([, value]) => value !== undefined) ?? [];
  if (native && other !== undefined)
    command.error(`error: --native is without the filter, and ${other} is about it`, { exitCode: 2 });
  if (!native && except.length > 0)
    command.error("error: --except leaves something out of --native: give both", { exitCode: 2 });
}

/** Where it is written; null: it is printed. */
function folderOf({ out }: Options): string | null {
  return out === undefined || out === "-" ? null : out;
}

/** Throws Refusal. */
function rendering(table: Table, options: Options): Rendered {
  const { listener, fallback, adminPort } = options;
  const out = folderOf(options);
  const root = options.root ?? (out === null ? "/etc/envoy" : resolve(out));
  try {
    return renderEnvoy(table, {
      listeners: listener,
      attempt: out === null ? 1 : nextAttempt(out),
      root,
      wasm: options.wasm ?? join(root, "pointsman.wasm"),
      ...addressesOf(options),
      fallback,
      server: options.xds ?? null,
      native: options.native ? { except: options.except } : null,
      node: {
        ...(options.nodeId !== undefined && { id: options.nodeId }),
        ...(options.nodeCluster !== undefined && { cluster: options.nodeCluster }),
        ...(options.nodeLocality !== undefined && { locality: options.nodeLocality }),
      },
      timeouts: timeoutsOf(options),
      adminPort,
      protection: { connections: options.maxConnections, heap: options.maxHeap },
      ...accessLogOf(options),
      ...given(options, [
        "datacentre",
        "primary",
        "bufferLimit",
        "websockets",
        "shadow",
        "http10Host",
        "healthPath",
        "trustedHops",
      ]),
    });
  } catch (error) {
    throw error instanceof RangeError ? new Refusal(error.message) : error;
  }
}

/** The options that are there. */
function given<K extends keyof Options>(
  options: Options,
  names: K[],
): { [N in K]?: Exclude<Options[N], undefined> } {
  return Object.fromEntries(
    names.filter((name) => options[name] !== undefined).map((name) => [name, options[name]]),
  ) as { [N in K]?: Exclude<Options[N], undefined> };
}

/** One above those of the files that are there: a table that Envoy has refused is then judged anew. */
function nextAttempt(out: string): number {
  let last = 0;
  for (const { path } of filterFilesIn(out)) {
    try {
      last = Math.max(last, readFilterFile(path).attempt);
    } catch {
      // None of ours, or damaged: it is written anew.
    }
  }
  return last + 1;
}

function accessLogOf({ accessLog, accessLogFile: file, shadow }: Options): { accessLog?: AccessLog } {
  const of = accessLog ?? (shadow ? "all" : "errors");
  return of === "none" ? {} : { accessLog: { of, ...(file !== undefined && { file }) } };
}

function yaml(value: object): string {
  // A table is a line, which would be folded.
  return dump(value, { lineWidth: -1, noRefs: true });
}

function show({ bootstrap, filters, routes }: Rendered, json = false): string {
  const byPath = (files: Rendered["filters"]) =>
    Object.fromEntries(files.map(({ path, resource }) => [path, resource]));
  if (json) {
    const made = {
      bootstrap,
      filters: byPath(filters),
      ...(routes.length > 0 && { routes: byPath(routes) }),
    };
    return `${JSON.stringify(made, null, 2)}\n`;
  }
  const parts = [...filters, ...routes].map(({ path, resource }) => `# ${path}\n${yaml(resource)}`);
  return [`# envoy.yaml\n${yaml(bootstrap)}`, ...parts].join("---\n");
}

/** What Envoy watches comes last, when the filter is there that it names. */
function filesOf(
  { bootstrap, filters, routes }: Rendered,
  { json, wasm, native }: Options,
): Map<string, Uint8Array | string> {
  const isWasmHere = wasm === undefined && !native;
  return new Map<string, Uint8Array | string>([
    json ? ["envoy.json", JSON.stringify(bootstrap, null, 2)] : ["envoy.yaml", yaml(bootstrap)],
    ...(isWasmHere ? [["pointsman.wasm", filter] as const] : []),
    ...[...filters, ...routes].map(
      ({ path, resource }) =>
        [join(...path.split("/").slice(-3)), JSON.stringify(resource, null, 2)] as const,
    ),
  ]);
}
