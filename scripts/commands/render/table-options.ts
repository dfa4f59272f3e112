/** Whose table is rendered: a farm's, packed for it, or a packed one. */
import type { Command } from "commander";
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
