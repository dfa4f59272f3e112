/** `pointsman put` gives running Envoys a table; `pointsman stamp` makes an older one the newest, to go back to it. */
import type { Command } from "commander";
import { withGeneration } from "../encode/container.ts";
import { Refusal } from "../refusal.ts";
import { TableError } from "../table/check.ts";
import { MAX_GENERATION, Table } from "../table/table.ts";
import { refuseWhatFiltersWould } from "../targets/ask-filter.ts";
import { filterFileOf, readEnvoyFile, type Said, textWith } from "../targets/filter-files.ts";
import { readInput, writeOutput } from "./files.ts";
import { refuseTwiceStdin } from "./heard.ts";
import { readTable } from "./inspect.ts";
import { parseGeneration } from "./pack.ts";

export function putCommand(program: Command): void {
  program
    .command("put")
    .description("write a table into the files from which Envoy discovers the filter, and into its bootstrap")
    .argument("<table>", "the table to put there; - is standard input")
    .requiredOption(
      "--into <file...>",
      "a listener's pointsman.json or the envoy.yaml, which `render` wrote, or YAML by hand; - is standard input and output",
    )
    .addHelpText(
      "after",
      `
put checks every file before it writes the first one, and writes each file whole or not at all. It changes nothing if the
filter would refuse the table, if the table lacks a file's listener, or if it is older than the table that is there.
Everything else in a file stays as it is, except \`attempt\`, which goes up by one: Envoy takes a file that it has refused
for known if no byte of it differs. Envoy takes up a written file by itself, except envoy.yaml: there stand the tables
that it starts with. Envoy does not start with a table that its filter refuses, so put asks the filter that the file
names, if it is on this machine.

Examples:
  $ pointsman put production.table --into /etc/envoy/pointsman/*/pointsman.json /etc/envoy/envoy.yaml
  $ pointsman stamp yesterday.table --above production.table --out production.table
  $ pointsman put production.table --into /etc/envoy/pointsman/*/pointsman.json /etc/envoy/envoy.yaml`,
    )
    .action(async (file: string, { into }: { into: string[] }, command: Command) => {
      refuseTwiceStdin(command, [file, ...into]);
      const table = readTable(file);
      const said: Said = {
        table: file,
        goBack: (name) => `to go back: pointsman stamp ${file} --above ${name} --out NEW.table, and put that`,
      };
      const files = into.map(readEnvoyFile);
      const texts = files.map((one) => textWith(one, table, said));
      for (const { path, plugins } of files) {
        if (plugins.length === 0) throw new Refusal(`${path}: a bootstrap without tables to start with`);
      }
      await refuseWhatFiltersWould(files, table);
      for (const [i, name] of into.entries()) {
        const done = `${name}: generation ${table.generation}, digest ${table.digest}`;
        writeOutput(name, Buffer.from(texts[i]!), done);
      }
    });
}

export function stampCommand(program: Command): void {
  program
    .command("stamp")
    .description("give a table a new generation, to go back to it; nothing else changes")
    .argument("<table>", "the table to stamp; - is standard input")
    .option(
      "--above <file...>",
      "take the next generation after these tables, or after files that `put` wrote",
    )
    .option("--generation <n>", "take this generation", parseGeneration)
    .requiredOption("--out <file>", "the stamped table to write; - is standard output")
    .addHelpText(
      "after",
      `
Proxies would serve an older table without a stamp, but its generation is lower, so alerts for proxies that are left
behind would go off. Write the stamped table to the --out of \`pack\`: the next pack takes the generation after it.

Examples:
  $ pointsman stamp yesterday.table --above production.table --out production.table
  $ pointsman stamp yesterday.table --above /etc/envoy/pointsman/edge/pointsman.json --out back.table`,
    )
    .action(
      (file: string, options: { above?: string[]; generation?: number; out: string }, command: Command) => {
        const { above, out } = options;
        if ((above === undefined) === (options.generation === undefined)) {
          command.error("error: give either --above or --generation, one of them", { exitCode: 2 });
        }
        refuseTwiceStdin(command, [file, ...(above ?? [])]);
        const table = readTable(file);
        const generation =
          options.generation ?? Math.max(...above!.map((one) => tableIn(one).generation)) + 1;
        if (generation > MAX_GENERATION)
          throw new Refusal(`the newest table has generation ${MAX_GENERATION}, and there is none above it`);
        const done = `${out}: generation ${generation}, digest ${table.digest}, as ${file}`;
        writeOutput(out, withGeneration(table.bytes, generation), done);
      },
    );
}

/** A table, or the one in a file that Envoy discovers. Throws Refusal. */
export function tableIn(file: string): Table {
  const bytes = readInput(file);
  try {
    return new Table(bytes);
  } catch (error) {
    if (!(error instanceof TableError)) throw error;
    if (file !== "-" && !/\.(json|ya?ml)$/.test(file)) throw new Refusal(`${file}: ${error.message}`);
  }
  const { table } = filterFileOf(Buffer.from(bytes).toString("utf8"), file);
  if (!table) throw new Refusal(`${file}: this file has no table in it`);
  return table;
}
