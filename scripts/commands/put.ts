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
      "files that `render` wrote, a listener's pointsman.json or envoy.yaml, or such YAML by hand; - is standard input and output",
    )
    .addHelpText(
      "after",
      `
put checks every file before it writes the first one, and writes each file whole or not at all. It changes nothing if
the filter would refuse the table, if the table lacks a file's listener, or if it is older than the table that is
there. Everything else in a file stays as it is, except \`attempt\`, which goes up by one: Envoy skips a file whose bytes
are those that it read last, even if it refused them. Envoy takes up a written pointsman.json by itself. It reads
envoy.yaml only when it starts: that file has the table that each listener starts with. Envoy does not start if the
filter refuses such a table, so put first asks the filter that the file names, if that is on this machine.

Examples:
  $ pointsman put production.table --into /etc/envoy/pointsman/*/pointsman.json /etc/envoy/envoy.yaml
  $ pointsman put production.table --into - < pointsman.json > new.json`,
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
        if (plugins.length === 0)
          throw new Refusal(
            `${path}: this bootstrap has no table that Envoy starts with: leave it out of --into, or render it again`,
          );
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
    .description(
      "give an older table a new generation, so that proxies can go back to it; change nothing else",
    )
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
To go back, stamp an older table, and then \`put\` the stamped one. put refuses the older table itself, whose generation
is lower than that of the table in the file. Write the stamped table to the --out of \`pack\`: the next pack takes the
generation after it.

Examples:
  $ pointsman stamp yesterday.table --above production.table --out production.table
  $ pointsman stamp yesterday.table --above /etc/envoy/pointsman/edge/pointsman.json --out back.table
  $ pointsman put back.table --into /etc/envoy/pointsman/*/pointsman.json /etc/envoy/envoy.yaml`,
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
  if (!table)
    throw new Refusal(`${file}: this file has no table in it: name a table, or a file that \`put\` wrote`);
  return table;
}
