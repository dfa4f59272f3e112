/** `pointsman render ats-lua`: an Apache Traffic Server that decides by the table in Lua. */
import { resolve } from "node:path";
import type { Command } from "commander";
import type { Address } from "../../render/addresses.ts";
import { type AtsLuaOptions, type RenderedAtsLua, renderAtsLua } from "../../render/ats-lua.ts";
import type { Table } from "../../table/table.ts";
import { wholeNumber } from "../whole-number.ts";
import { collectListener, parseAddress } from "./options.ts";
import { refusing } from "./refusing.ts";
import { addTableOptions, type TableOptions, tableOf } from "./table-options.ts";
import { addClusterOptions, type ClusterOptions, warnOfMissing } from "./upstream-options.ts";
import { writeFiles } from "./write-files.ts";

interface Options extends TableOptions, ClusterOptions {
  listener: AtsLuaOptions["listeners"];
  datacentre?: string;
  primary?: string;
  fallback: Address;
  states: number;
  root?: string;
  out: string;
}

/** tslua's bound. */
const MAX_STATES = 256;

export function renderAtsLuaCommand(render: Command): void {
  addClusterOptions(addTableOptions(render.command("ats-lua")))
    .description("the table's reader in Lua and all that it needs, for ATS 9.2 and its plugin tslua")
    .option(
      "--listener <name=[address:]port>",
      "a listener of the farm, and the address that it listens at (repeatable; default: the first, port 8080)",
      collectListener,
      [],
    )
    .option("--datacentre <name>", "the data centre of the proxy (default: the listener's)")
    .option("--primary <name>", "the data centre that is now the primary one (default: the proxy's own)")
    .requiredOption(
      "--fallback <[https://]host:port>",
      "the address for requests that pass through",
      parseAddress,
    )
    .option(
      "--states <n>",
      "the Lua states of each listener: so many requests are decided at the same time, and each has the table for itself",
      wholeNumber(1, MAX_STATES, `Give a whole number from 1 to ${MAX_STATES}.`),
      16,
    )
    .option("--root <dir>", "the configuration's folder on the proxy's machine (default: --out)")
    .requiredOption("--out <dir>", "the folder to write to, such as /etc/trafficserver")
    .addHelpText(
      "after",
      `
ATS notices a new farm.table or addresses.txt within a second, and goes on with the old one where the new one is bad;
everything else it reads when it starts, and remap.config also on \`traffic_ctl config reload\`. records.config and
plugin.config hold only what Pointsman needs: where you have such files, merge the lines into them.

Examples:
  $ pointsman render ats-lua --farm examples/small/farm.yaml --fallback 127.0.0.1:8085 \\
      --clusters '{cluster}.svc.example:8080' --out /etc/trafficserver
  $ pointsman render ats-lua --table production.table --listener edge=3128 --datacentre codfw --primary eqiad \\
      --cluster mw-web-group2=10.2.0.1:4450 --fallback 10.2.0.9:80 --out ats --root /etc/trafficserver`,
    )
    .action((options: Options, command: Command) => {
      const { files, missing } = rendering(tableOf(options, command), options);
      warnOfMissing(missing);
      writeFiles(options.out, files);
    });
}

/** Throws Refusal. */
function rendering(table: Table, options: Options): RenderedAtsLua {
  const { listener: listeners, datacentre, primary, cluster: clusters = new Map(), states } = options;
  return refusing(() =>
    renderAtsLua(table, {
      listeners,
      ...(datacentre !== undefined && { datacentre }),
      ...(primary !== undefined && { primary }),
      root: resolve(options.root ?? options.out),
      clusters,
      pattern: options.clusters ?? null,
      fallback: options.fallback,
      states,
    }),
  );
}
