/** Whose table is rendered: a farm's, packed for it, or a packed one. */
import type { Command } from "commander";
import { Farm } from "../../farm/farm.ts";
import type { UpstreamsSays } from "../../farm/upstreams-says.ts";
import { Table } from "../../table/table.ts";
import { addFarmOptions, type FarmOptions } from "../farm-options.ts";
import { readTable } from "../inspect.ts";
import { packFarm } from "../pack.ts";

export interface TableOptions extends FarmOptions {
  table?: string;
}

export function addTableOptions(command: Command): Command {
  return addFarmOptions(command).option(
    "--table <file>",
    "take this table instead of packing the farm; - is standard input",
  );
}

/** Throws Refusal, SourceError, TableError. */
export function tableOf(options: TableOptions, command: Command): Table {
  if (options.table === undefined) return new Table(packFarm({ ...options, strip: true }).bytes);
  if (command.getOptionValueSource("farm") === "cli")
    command.error("error: give either --table or --farm, one of them", { exitCode: 2 });
  return readTable(options.table);
}

/**
 * The same with what the farm says of its upstreams, which no table has: beside a table, a farm says that alone. Throws
 * as {@link tableOf}. @returns `upstreams`: null where there is a table alone
 */
export function tableAndUpstreams(
  options: TableOptions,
  command: Command,
): { table: Table; upstreams: UpstreamsSays | null } {
  if (options.table === undefined) {
    const { bytes, farm } = packFarm({ ...options, strip: true });
    return { table: new Table(bytes), upstreams: farm.says.upstreams };
  }
  const table = readTable(options.table);
  if (command.getOptionValueSource("farm") === "cli")
    return { table, upstreams: new Farm(options.farm, options.source).says.upstreams };
  return { table, upstreams: null };
}

export function noteNoUpstreams({ upstreams }: ReturnType<typeof tableAndUpstreams>): void {
  if (upstreams === null)
    process.stderr.write(
      "note: a table has no times and no retries: --farm beside --table says the farm's\n",
    );
}
