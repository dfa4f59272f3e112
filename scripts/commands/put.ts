/** `pointsman put` gives running Envoys a table; `pointsman stamp` makes an older one the newest, to go back to it. */
import type { Command } from "commander";
import { withGeneration } from "../encode/container.ts";
import { Refusal } from "../refusal.ts";
import { TableError } from "../table/check.ts";
import { MAX_GENERATION, Table } from "../table/table.ts";
import { checkFits, filterFileOf, readFilterFile, type Said } from "../targets/filter-files.ts";
import { readInput, writeOutput } from "./files.ts";
import { refuseTwiceStdin } from "./heard.ts";
import { readTable } from "./inspect.ts";
import { parseGeneration } from "./pack.ts";

export function putCommand(program: Command): void {
  program
    .command("put")
    .description("put a table in place: into the files from which Envoy discovers the filter")
    .argument("<table>", "the table; - is standard input")
    .requiredOption(
      "--into <file...>",
      "what `render` has written for a listener: pointsman.json; or YAML by hand; - is standard input and output",
    )
    .addHelpText(
      "after",
      `
Every file is checked before the first is written, and each is written whole or not at all: a table that the filter
would refuse, that lacks the file's listener, or that is older than the one there, changes nothing. What else is in a
file stays as it is, but that \`attempt\` counts on: Envoy takes a file that it has refused as known, if no byte of it
differs. It takes up a written file by itself.

Examples:
  $ pointsman put production.table --into /etc/envoy/pointsman/*/pointsman.json
  $ pointsman stamp yesterday.table --above production.table --out production.table
  $ pointsman put production.table --into /etc/envoy/pointsman/*/pointsman.json`,
    )
    .action((file: string, { into }: { into: string[] }, command: Command) => {
      refuseTwiceStdin(command, [file, ...into]);
      const table = readTable(file);
      const said: Said = {
        table: file,
        goBack: (name) => `to go back: pointsman stamp ${file} --above ${name} --out NEW.table, and put that`,
      };
      const texts = into.map((name) => {
        const old = readFilterFile(name);
        checkFits(old, name, table, said);
        return old.with(table);
      });
      for (const [i, name] of into.entries()) {
        const done = `${name}: generation ${table.generation}, digest ${table.digest}`;
        writeOutput(name, Buffer.from(texts[i]!), done);
      }
    });
}

export function stampCommand(program: Command): void {
  program
    .command("stamp")
    .description("give a table a new generation and change nothing else: to go back to an older one")
    .argument("<table>", "the table; - is standard input")
    .option("--above <file...>", "one above these: tables, or files that `put` has written")
    .option("--generation <n>", "this generation", parseGeneration)
    .requiredOption("--out <file>", "the stamped table; - is standard output")
    .addHelpText(
      "after",
      `
A table that is put back as it was is an older generation: proxies serve it, and alerts that look for proxies left
behind go off. Write it where \`pack\` has its --out, and the next pack counts on from it.

Examples:
  $ pointsman stamp yesterday.table --above production.table --out production.table
  $ pointsman stamp yesterday.table --above /etc/envoy/pointsman/edge/pointsman.json --out back.table`,
    )
    .action(
      (file: string, options: { above?: string[]; generation?: number; out: string }, command: Command) => {
        const { above, out } = options;
        if ((above === undefined) === (options.generation === undefined)) {
          command.error("error: say --above what, or --generation", { exitCode: 2 });
        }
        refuseTwiceStdin(command, [file, ...(above ?? [])]);
        const table = readTable(file);
        const generation =
          options.generation ?? Math.max(...above!.map((one) => tableIn(one).generation)) + 1;
        if (generation > MAX_GENERATION) throw new Refusal("there is no generation above the last");
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
  if (!table) throw new Refusal(`${file}: there is no table in it`);
  return table;
}
