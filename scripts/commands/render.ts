import { mkdirSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { Argument, type Command, InvalidArgumentError } from "commander";
import { dump } from "js-yaml";
import { filter } from "../filter.ts";
import { type Address, type Rendered, type RenderOptions, renderEnvoy } from "../render/envoy.ts";
import { Table } from "../table/table.ts";
import { addFarmOptions, type FarmOptions } from "./farm-options.ts";
import { readTable } from "./inspect.ts";
import { packFarm } from "./pack.ts";
import { Refusal } from "./refusal.ts";
import { writeWhole } from "./write-whole.ts";

interface Options extends FarmOptions {
  table?: string;
  listener: RenderOptions["listeners"];
  datacentre?: string;
  primary?: string;
  cluster: Map<string, Address>;
  clusters?: Address;
  fallback: Address;
  wasm?: string;
  root?: string;
  adminPort: number;
  bufferLimit?: number;
  out?: string;
  json?: boolean;
}

export function renderCommand(program: Command): void {
  addFarmOptions(program.command("render"))
    .description("write a proxy's configuration: its listeners, the filter in them, the guards, the clusters")
    .addArgument(new Argument("<proxy>", "for which proxy").choices(["envoy"]))
    .option("--table <file>", "for this table instead of packing the farm")
    .option(
      "--listener <name=[address:]port>",
      "a listener of the farm, and where it listens (repeatable; default: the first, 127.0.0.1:8080)",
      collectListener,
      [],
    )
    .option("--datacentre <name>", "the data centre of the proxy (default: the listener's)")
    .option("--primary <name>", "the data centre that is the primary one now (default: the proxy's own)")
    .option("--cluster <name=host:port>", "where a cluster is (repeatable)", collectCluster, new Map())
    .option(
      "--clusters <host:port>",
      "where the others are, of {cluster}, {deployment} and {release}",
      parseAddress,
    )
    .requiredOption(
      "--fallback <host:port>",
      "where requests go that get no cluster: pass-through",
      parseAddress,
    )
    .option("--wasm <path>", "the filter on the proxy's machine (default: pointsman.wasm in --root)")
    .option(
      "--root <dir>",
      "the configuration's folder on the proxy's machine (default: --out, else /etc/envoy)",
    )
    .option("--admin-port <port>", "of Envoy's admin interface", parsePort, 9901)
    .option(
      "--buffer-limit <bytes>",
      "per_connection_buffer_limit_bytes (default: 1 MiB, or what the table's jobs need)",
      parseBytes,
    )
    .option("--out <dir>", "write it all there: envoy.yaml, the filter, and what Envoy discovers")
    .option("--json", "as JSON: envoy.json")
    .addHelpText(
      "after",
      `
Without --out it is printed. A running Envoy takes up what --out writes anew, but for envoy.yaml. What serves counts
the generations of its tables: pack one for it (--table) rather than a farm anew each time.

Examples:
  $ pointsman render envoy --farm examples/small/farm.yaml --fallback 127.0.0.1:8085 \\
      --clusters '{cluster}.svc.example:8080'
  $ pointsman render envoy --table production.table --listener edge=0.0.0.0:443 --datacentre codfw --primary eqiad \\
      --cluster mw-web-group2=10.2.0.1:4450 --fallback 10.2.0.9:80 --out /etc/envoy
  $ envoy -c /etc/envoy/envoy.yaml`,
    )
    .action((_proxy: string, options: Options, command: Command) => {
      if (options.table !== undefined && command.getOptionValueSource("farm") === "cli") {
        command.error("error: give a --table or a --farm, one of them", { exitCode: 2 });
      }
      const table =
        options.table === undefined
          ? new Table(packFarm({ ...options, strip: true }).bytes)
          : readTable(options.table);
      const rendered = render(table, options);
      for (const name of rendered.missing) {
        process.stderr.write(`warning: no address for ${name}: a request that goes there is a 503\n`);
      }
      if (options.out === undefined) process.stdout.write(show(rendered, options.json));
      else write(rendered, options, options.out);
    });
}

/** Throws Refusal. */
function render(table: Table, options: Options): Rendered {
  const { listener, cluster, clusters = null, out, datacentre, primary, bufferLimit } = options;
  const root = options.root ?? (out === undefined ? "/etc/envoy" : resolve(out));
  try {
    return renderEnvoy(table, {
      listeners: listener,
      root,
      wasm: options.wasm ?? join(root, "pointsman.wasm"),
      clusters: cluster,
      pattern: clusters,
      fallback: options.fallback,
      adminPort: options.adminPort,
      ...(datacentre !== undefined && { datacentre }),
      ...(primary !== undefined && { primary }),
      ...(bufferLimit !== undefined && { bufferLimit }),
    });
  } catch (error) {
    throw error instanceof RangeError ? new Refusal(error.message) : error;
  }
}

function yaml(value: object): string {
  return dump(value, { lineWidth: 120, noRefs: true });
}

function show({ bootstrap, filters }: Rendered, json = false): string {
  if (json) {
    const byPath = Object.fromEntries(filters.map(({ path, resource }) => [path, resource]));
    return `${JSON.stringify({ bootstrap, filters: byPath }, null, 2)}\n`;
  }
  const parts = filters.map(({ path, resource }) => `# ${path}\n${yaml(resource)}`);
  return [`# envoy.yaml\n${yaml(bootstrap)}`, ...parts].join("---\n");
}

/** Each file whole or not at all; what Envoy watches comes last, when the filter is there that it names. */
function write({ bootstrap, filters }: Rendered, { json, wasm }: Options, out: string): void {
  const files: [string, Uint8Array | string][] = [
    json ? ["envoy.json", JSON.stringify(bootstrap, null, 2)] : ["envoy.yaml", yaml(bootstrap)],
    ...(wasm === undefined ? [["pointsman.wasm", filter] as [string, Uint8Array]] : []),
    ...filters.map(({ path, resource }): [string, string] => [
      join(...path.split("/").slice(-3)),
      JSON.stringify(resource, null, 2),
    ]),
  ];
  for (const [name, content] of files) {
    const file = join(out, name);
    try {
      mkdirSync(dirname(file), { recursive: true });
    } catch (error) {
      throw new Refusal(`${file}: cannot be written: ${(error as Error).message}`);
    }
    writeWhole(file, typeof content === "string" ? Buffer.from(`${content.trimEnd()}\n`) : content);
    process.stdout.write(`${file}\n`);
  }
}

function parseAddress(text: string): Address {
  const [, host, port] = /^(.+):(\d+)$/.exec(text) ?? [];
  if (host === undefined) throw new InvalidArgumentError("An address looks like HOST:PORT.");
  return { host: host.replace(/^\[(.*)\]$/, "$1"), port: parsePort(port!) };
}

function collectCluster(text: string, clusters: Map<string, Address>): Map<string, Address> {
  const [, name, address] = /^([^=]+)=(.+)$/.exec(text) ?? [];
  if (name === undefined) throw new InvalidArgumentError("A cluster looks like NAME=HOST:PORT.");
  return new Map(clusters).set(name, parseAddress(address!));
}

function collectListener(text: string, listeners: RenderOptions["listeners"]): RenderOptions["listeners"] {
  const [, name, where] = /^([^=]+)=(.+)$/.exec(text) ?? [];
  if (name === undefined)
    throw new InvalidArgumentError("A listener looks like NAME=PORT or NAME=ADDRESS:PORT.");
  if (/^\d+$/.test(where!)) return [...listeners, { name, port: parsePort(where!) }];
  const { host, port } = parseAddress(where!);
  return [...listeners, { name, address: host!, port }];
}

function parsePort(text: string): number {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port > 65535) throw new InvalidArgumentError("A port is a number up to 65535.");
  return port;
}

function parseBytes(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError("Bytes are a whole number.");
  return Number(text);
}
