import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type Command, InvalidArgumentError } from "commander";
import { withGeneration } from "../encode/container.ts";
import { compile } from "../farm/compile.ts";
import { Farm } from "../farm/farm.ts";
import { type Progress, progressLines, silent } from "../progress.ts";
import { TableError } from "../table/check.ts";
import { Table } from "../table/table.ts";
import { encodeFarm, warnOfLimits } from "./encode-farm.ts";
import { addFarmOptions, type FarmOptions } from "./farm-options.ts";
import { Refusal } from "./refusal.ts";

export interface PackOptions extends FarmOptions {
  strip?: boolean;
  generation?: number;
}

export const MAX_GENERATION = 2 ** 32 - 1;

export function packCommand(program: Command): void {
  addFarmOptions(program.command("pack"))
    .description("compile a farm into a table")
    .requiredOption("--out <file>", "the table to write; what is there counts the generations")
    .option("--strip", "leave out the names that only people need: this is the table for proxies")
    .option(
      "--generation <n>",
      "the table's generation (default: one more than the old table's)",
      parseGeneration,
    )
    .option("--json", "say what was packed as JSON")
    .addHelpText(
      "after",
      `
Examples:
  $ pointsman pack --farm examples/small/farm.yaml --out small.table
  $ pointsman pack --farm farm.yaml --source mediawiki-config=../mediawiki-config --strip --out production.table`,
    )
    .action((options: PackOptions & { out: string; json?: boolean }) => {
      const old = readOld(options.out);
      const progress = progressLines((line) => process.stderr.write(line));
      const { table, bytes, warnings } = packFarm(options, old, progress);
      writeWhole(options.out, bytes);
      for (const warning of warnings) process.stderr.write(`warning: ${warning}\n`);
      const { generation, digest } = table;
      const facts = {
        out: options.out,
        bytes: bytes.length,
        wikis: table.wikis.count,
        generation,
        digest,
        warnings,
      };
      const text = `${options.out}: ${bytes.length} bytes, ${table.wikis.count} wikis, generation ${generation}, digest ${digest}`;
      process.stdout.write(`${options.json ? JSON.stringify(facts) : text}\n`);
    });
}

/**
 * A farm's table in memory. Throws SourceError, Refusal.
 * @param old the table that this one follows, for the generation
 */
export function packFarm(
  options: PackOptions,
  old: Table | null = null,
  progress: Progress = silent,
): { table: Table; bytes: Uint8Array; warnings: string[]; headers: string[]; clusters: string[] } {
  const farm = new Farm(options.farm, options.source, progress);
  const compiled = compile(farm, options.today);
  const { plan } = compiled;
  const namesText = options.strip ? null : JSON.stringify(compiled.names);
  const generation = options.generation ?? old?.generation ?? 1;
  let table = encodeFarm(farm, plan, { generation, names: namesText, progress });
  if (old && table.digest !== old.digest) {
    if (options.generation === undefined) {
      if (old.generation === MAX_GENERATION)
        throw new Refusal("the old table has the last generation there is");
      table = new Table(withGeneration(table.bytes, old.generation + 1));
    } else if (options.generation <= old.generation) {
      throw new Refusal(
        `generation ${options.generation} is not above the old table's ${old.generation}, and the content differs`,
      );
    }
  }
  progress("checking the table");
  checkVersions(table, farm);
  warnOfLimits(farm, table);
  return {
    table,
    bytes: table.bytes,
    warnings: farm.warnings.map((warning) => warning.message),
    headers: plan.emit.map(({ name }) => name),
    clusters: plan.clusters.flat(),
  };
}

/** What no packing may get wrong, read back from the bytes: no wiki is on a release of another version. */
function checkVersions(table: Table, farm: Farm): void {
  const versions = Array.from({ length: table.placementCount }, (_, number) => {
    return table.release(table.placement(number).release).version;
  });
  for (const [i, wiki] of farm.wikis.ids.entries()) {
    const slot = table.find(table.wikis, wiki);
    if (slot === -1) throw new Error(`bug: ${wiki} was not packed`);
    if (versions[table.value(table.wikis, slot)] !== farm.wikis.versions[i])
      throw new Error(`bug: ${wiki} was packed to a release of another version`);
  }
  const { count } = table.wikis;
  const { length } = farm.wikis.ids;
  if (count !== length) throw new Error(`bug: ${count} wikis were packed, the farm has ${length}`);
}

function readOld(file: string): Table | null {
  if (!existsSync(file)) return null;
  try {
    return new Table(readFileSync(file));
  } catch (error) {
    const why = error instanceof TableError ? error.message : `cannot be read: ${(error as Error).message}`;
    throw new Refusal(`${file}: ${why}; nothing was written: move it away, or choose another --out`);
  }
}

/** All of it or nothing: to a temporary file beside it, then renamed. */
export function writeWhole(file: string, bytes: Uint8Array): void {
  const temporary = join(dirname(file), `.${process.pid}.${Date.now()}.tmp`);
  try {
    writeFileSync(temporary, bytes, { flag: "wx" });
    renameSync(temporary, file);
  } catch (error) {
    if (existsSync(temporary)) rmSync(temporary);
    throw new Refusal(`${file}: cannot be written: ${(error as Error).message}`);
  }
}

export function parseGeneration(text: string): number {
  const number = Number(text);
  if (!/^\d+$/.test(text) || number < 1 || number > MAX_GENERATION) {
    throw new InvalidArgumentError(`A generation is a whole number from 1 to ${MAX_GENERATION}.`);
  }
  return number;
}
