/** `pointsman render ats`: an Apache Traffic Server 10.2 that runs the filter, and whether it will take a table. */
import { isAbsolute, join, resolve } from "node:path";
import { type Command, Option } from "commander";
import { filter } from "../../filter.ts";
import { Refusal } from "../../refusal.ts";
import type { Address } from "../../render/addresses.ts";
import { type AtsRenderOptions, type RenderedAts, renderAts } from "../../render/ats/ats.ts";
import type { Choice } from "../../render/ats/destinations.ts";
import type { Table } from "../../table/table.ts";
import { checkForAts } from "../../targets/check-for-ats.ts";
import { readInput } from "../files.ts";
import { collectListener, parseAddress } from "./options.ts";
import { refusing } from "./refusing.ts";
import { addTableOptions, type TableOptions, tableOf } from "./table-options.ts";
import { addClusterOptions, type ClusterOptions, warnOfMissing } from "./upstream-options.ts";
import { writeFiles } from "./write-files.ts";

interface Options extends TableOptions, ClusterOptions {
  check?: string;
  listener: { name: string; address?: string; port: number }[];
  datacentre?: string;
  primary?: string;
  fallback?: Address;
  choose: Choice;
  ca: string;
  wasm?: string;
  root?: string;
  out?: string;
}

export function renderAtsCommand(render: Command): void {
  addClusterOptions(addTableOptions(render.command("ats")))
    .description("the filter, its guards and the origins, for Apache Traffic Server 10.2")
    .option(
      "--check <file>",
      "write nothing: would ATS take this table, or the filter's YAML? If not, say why and exit with 1",
    )
    .option(
      "--listener <name=[address:]port>",
      "the listener of the farm, and the address that it listens at (default: the first, 127.0.0.1:8080)",
      collectListener,
      [],
    )
    .option("--datacentre <name>", "the data centre of the proxy (default: the listener's)")
    .option("--primary <name>", "the data centre that is now the primary one (default: the proxy's own)")
    .option(
      "--fallback <[https://]host:port>",
      "the address for requests that get no cluster and pass through (default: they get a 503)",
      parseAddress,
    )
    .addOption(
      new Option(
        "--choose <how>",
        "what chooses the origin: a rule for each cluster, or a strategy of strategies.yaml for each",
      )
        .choices(["set-destination", "strategies"])
        .default("set-destination"),
    )
    .option(
      "--ca <path>",
      "a file on the proxy's machine with the authorities that sign the certificates of TLS upstreams",
      "/etc/ssl/certs/ca-certificates.crt",
    )
    .option("--wasm <path>", "the filter on the proxy's machine (default: pointsman.wasm in --root)")
    .option(
      "--root <dir>",
      "the configuration's folder on the proxy's machine (default: --out, else /etc/trafficserver)",
    )
    .option("--out <dir>", "the folder to write to; without it, or with -, everything is printed")
    .addHelpText(
      "after",
      `
Without --fallback a request gets a 503 unless the filter has chosen its cluster: also where ATS has started without
the filter, as it does after it has refused its table. So check each table before ATS starts or reloads.

Examples:
  $ pointsman render ats --farm examples/small/farm.yaml --clusters '{cluster}.svc.example:8080' --out ats/
  $ pointsman render ats --check ats/pointsman.yaml && traffic_ctl config reload
  $ pointsman render ats --table production.table --listener edge=0.0.0.0:80 --choose strategies \\
      --cluster mw-web-group2=10.2.0.1:4450 --fallback 10.2.0.9:80 --out /etc/trafficserver`,
    )
    .action(async (options: Options, command: Command) => {
      if (options.check !== undefined) {
        await checkForAts(readInput(options.check), options.check, filter);
        process.stdout.write(`${options.check}: ATS takes it\n`);
        return;
      }
      const { files, missing } = rendering(tableOf(options, command), options);
      warnOfMissing(missing);
      const out = folderOf(options);
      if (out === null) process.stdout.write(show(files));
      else {
        const wasm: [string, Uint8Array][] = options.wasm === undefined ? [["pointsman.wasm", filter]] : [];
        writeFiles(out, new Map<string, Uint8Array | string>([...wasm, ...files]));
      }
    });
}

/** Where it is written; null: it is printed. */
function folderOf({ out }: Options): string | null {
  return out === undefined || out === "-" ? null : out;
}

/** Throws Refusal. */
function rendering(table: Table, options: Options): RenderedAts {
  const {
    listener,
    datacentre,
    primary,
    cluster = new Map(),
    clusters = null,
    fallback = null,
    ca,
  } = options;
  if (listener.length > 1) throw new Refusal("one ATS is one listener: render each into a folder of its own");
  if (options.root !== undefined && !isAbsolute(options.root))
    throw new Refusal(`--root ${options.root}: must begin with /, as stats_over_http knows no folder`);
  const out = folderOf(options);
  const root = options.root ?? (out === null ? "/etc/trafficserver" : resolve(out));
  const rendered: AtsRenderOptions = {
    listener: listener[0] ?? null,
    clusters: cluster,
    pattern: clusters,
    fallback,
    choice: options.choose,
    ca,
    root,
    wasm: options.wasm ?? join(root, "pointsman.wasm"),
    ...(datacentre !== undefined && { datacentre }),
    ...(primary !== undefined && { primary }),
  };
  return refusing(() => renderAts(table, rendered));
}

function show(files: ReadonlyMap<string, string>): string {
  return [...files].map(([name, text]) => `# ${name}\n${text}`).join("\n");
}
