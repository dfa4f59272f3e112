/** `pointsman dblist`: the wikis of an expression of dblists, and the lists themselves. */
import { realpathSync } from "node:fs";
import { dirname, relative } from "node:path";
import { type Command, Option } from "commander";
import { count } from "../count.ts";
import { behindLinks, writeWhole } from "../disk/write-whole.ts";
import { Farm } from "../farm/farm.ts";
import { PARTITIONS, type Part, type Partition, partition } from "../farm/partition.ts";
import { Refusal } from "../refusal.ts";
import { type DblistReader, driftError, type Outdated } from "../sources/dblist.ts";
import { readBytes } from "../sources/files.ts";
import { generatedDblist, hasColumns } from "../sources/generated-dblist.ts";
import { oneACause, Problems, quote, quoteFirst, SourceError } from "../sources/problem.ts";
import { suggestionFor } from "../sources/suggestion.ts";
import { parseFiles } from "./asked-options.ts";
import { addFarmOptions, type FarmOptions } from "./farm-options.ts";
import { refuseUnheard } from "./heard.ts";

interface DblistOptions extends FarmOptions {
  count?: boolean;
  partition?: Partition;
  values?: string;
  list?: boolean;
  of?: string;
  check?: boolean;
  write?: boolean;
  json?: boolean;
}

/** What is asked in place of an expression. */
const QUESTIONS = ["list", "of", "check", "write"] as const;

export function dblistCommand(program: Command): void {
  addFarmOptions(program.command("dblist"))
    .description("print the wikis of an expression of dblists")
    .argument("[expression...]", "lists and what joins them: 'all + preinstall - group0'")
    .option("--count", "print how many there are")
    .addOption(
      new Option("--partition <by>", "print before each wiki what it has in common with others").choices(
        PARTITIONS,
      ),
    )
    .option(
      "--values <files>",
      "where the images of another deployment are, as releases:mw-script-{release}-eqiad.yaml",
      parseFiles,
    )
    .option("--list", "print the names of the lists")
    .option("--of <wiki>", "print the lists that this wiki is in")
    .option("--check", "say which .dblist is not what its .dbexpr gives; then exit with 1")
    .option("--write", "generate those lists again")
    .option("--json", "print it as JSON")
    .addHelpText(
      "after",
      `
The lists are in the farm's dblists folder; no table is read. Wikis are printed sorted, each once. An expression is
worked out from left to right: + adds a list's wikis, - takes them away, & keeps those that are in the list as well.
White space stands around these. A list is named with or without .dblist, or by an absolute path; %% may go before it
all. Quote an expression with &, which the shell takes for itself.

--partition prints the image, release, version or group of each wiki, a tab and the wiki, a part after the other; with
--count, how many wikis a part has. A wiki without one has a \`-\`, and a warning. Images stand in the values files of the
farm's releases; --values names those of another deployment, as scripts run another image than the web does.

--write replaces each list whole or not at all, keeps its mode, a symbolic link and its header, and writes nothing
outside of the folder. A .dbexpr without a .dblist stays without one.

Examples:
  $ pointsman dblist --farm farm.yaml --source mediawiki-config=../mediawiki-config 'all + preinstall - group0'
  $ pointsman dblist 'group1 & large' --count
  $ pointsman dblist group0 | xargs -I{} -P4 mwscript showSiteStats.php --wiki={}
  $ pointsman dblist all --partition image --values 'releases:mw-script-{release}-eqiad.yaml' --json
  $ pointsman dblist --of enwiki
  $ pointsman dblist --check || pointsman dblist --write`,
    )
    .action((words: string[], options: DblistOptions, command: Command) => {
      const question = questionOf(words, command);
      const farm = new Farm(options.farm, options.source);
      const lists = listsOf(farm);
      switch (question) {
        case "list":
          return printLists(lists, options);
        case "of":
          return printListsOf(lists, options.of!, options);
        case "check":
          return check(lists, options);
        case "write":
          return write(farm, lists, options);
        default:
          return printWikis(farm, lists, words.join(" "), options);
      }
    });
}

/** null: an expression's wikis. */
function questionOf(words: string[], command: Command): (typeof QUESTIONS)[number] | null {
  const asked = QUESTIONS.filter((name) => command.getOptionValueSource(name) === "cli");
  const [question = null] = asked;
  if (asked.length + (words.length > 0 ? 1 : 0) !== 1) {
    const choices = "an expression, --list, --of, --check or --write";
    command.error(`error: name what to print, and one thing: ${choices}`, { exitCode: 2 });
  }
  if (question !== null) refuseUnheard(command, ["partition", "values"], `--${question} parts no wikis`);
  if (question === "check" || question === "write")
    refuseUnheard(command, ["count"], `--${question} prints no list`);
  if (command.opts<DblistOptions>().partition !== "image")
    refuseUnheard(command, ["values"], "it is where --partition image finds the images");
  return question;
}

/** Throws SourceError where the farm has none. */
export function listsOf(farm: Farm): DblistReader {
  if (farm.dblists !== null) return farm.dblists;
  const what = "the farm has no folder of dblists: say `dblists: FOLDER`";
  throw new SourceError({ file: farm.file }, what);
}

function printWikis(farm: Farm, lists: DblistReader, expression: string, options: DblistOptions): void {
  const wikis = lists.evaluate(expression);
  for (const warning of oneACause(lists.warnings)) process.stderr.write(`warning: ${warning}\n`);
  const counted = { expression, count: wikis.length };
  const { partition: by, values: files = null, today } = options;
  if (by !== undefined) printParts(partition(farm, wikis, by, { today, files }), by, counted, options);
  else if (options.json) print(options.count ? counted : { ...counted, wikis });
  else printLines(options.count ? [String(wikis.length)] : wikis);
}

function printParts(parts: Part[], by: Partition, counted: object, options: DblistOptions): void {
  const { wikis: without = [] } = parts.find(({ key }) => key === null) ?? {};
  if (without.length > 0) {
    const are = without.length === 1 ? "is" : "are";
    const why = `${are} ${by === "group" ? "in no group" : "not in wikiversions"}`;
    process.stderr.write(`warning: ${count(without.length, "wiki")} ${why} (${quoteFirst(without)})\n`);
  }
  if (options.json) {
    const shown = parts.map(({ key, wikis }) => ({
      [by]: key,
      count: wikis.length,
      ...(options.count ? {} : { wikis }),
    }));
    print({ ...counted, parts: shown });
    return;
  }
  const each = ({ wikis }: Part) => (options.count ? [wikis.length] : wikis);
  printLines(parts.flatMap((part) => each(part).map((what) => `${part.key ?? "-"}\t${what}`)));
}

function printLists(lists: DblistReader, { count: counted, json }: DblistOptions): void {
  const names = lists.names();
  if (!counted && !json) {
    printLines(names);
    return;
  }
  const sizes = sizesOf(lists, names, (wikis) => wikis.length);
  if (json) print({ lists: names.map((list, i) => ({ list, count: sizes[i] })) });
  else printLines(names.map((list, i) => `${list}\t${sizes[i]}`));
}

function printListsOf(lists: DblistReader, wiki: string, { count: counted, json }: DblistOptions): void {
  const names = lists.names();
  const all = new Set<string>();
  const has = sizesOf(lists, names, (wikis) => {
    for (const one of wikis) all.add(one);
    return wikis.includes(wiki);
  });
  const its = names.filter((_, i) => has[i]);
  if (its.length === 0) {
    const suggestion = suggestionFor(wiki, all);
    const hint = suggestion === undefined ? "" : `: did you mean ${quote(suggestion)}?`;
    throw new Refusal(`${quote(wiki)} is in no list${hint}`);
  }
  if (json) print({ wiki, count: its.length, ...(counted ? {} : { lists: its }) });
  else printLines(counted ? [String(its.length)] : its);
}

/** Of each list, what `step` says of its wikis. Throws SourceError with every list that cannot be read. */
function sizesOf<T>(lists: DblistReader, names: readonly string[], step: (wikis: string[]) => T): T[] {
  const problems = new Problems();
  const found = names.map((name) => problems.attempt(() => step(lists.read(name))));
  problems.throwIfAny();
  return found as T[];
}

function check(lists: DblistReader, { json }: DblistOptions): void {
  const outdated = lists.outdated();
  const problems = new Problems();
  for (const { drift } of outdated) problems.keep(drift instanceof SourceError ? drift : driftError(drift));
  if (json) print({ outdated: outdated.map(asJson) });
  else if (outdated.length === 0) printLines(["every generated list is what its expression gives"]);
  try {
    problems.throwIfAny();
  } catch (error) {
    throw new Refusal((error as SourceError).message, true);
  }
}

function asJson({ file, expr, wikis, drift }: Outdated) {
  const why =
    drift instanceof SourceError
      ? { broken: drift.message }
      : { missing: drift.missing, extra: drift.extra, broken: null };
  return { file, expr, count: wikis.length, ...why };
}

/** Every file is looked at before the first one is written. Throws SourceError, Refusal. */
function write(farm: Farm, lists: DblistReader, { json }: DblistOptions): void {
  const outdated = lists.outdated();
  const texts = outdated.map((one) => textFor(farm, one));
  for (const [i, { file }] of outdated.entries()) {
    writeWhole(file, Buffer.from(texts[i]!));
    if (!json) printLines([showWritten(outdated[i]!)]);
  }
  if (json) print({ written: outdated.map(asJson) });
  else if (outdated.length === 0)
    printLines(["every generated list is what its expression gives: nothing was written"]);
}

function textFor(farm: Farm, { file, expr, wikis }: Outdated): string {
  const end = behindLinks(file);
  const folder = realpathSync(dirname(file));
  if (end !== file && relative(folder, end).startsWith("..")) {
    const what = `${file}: is a link to ${end}, outside of the dblists folder: write that list by hand`;
    throw new Refusal(`${what}; nothing was written`);
  }
  const old = readBytes(file).toString("utf8");
  if (farm.says["dblist-columns"] && hasColumns(old)) {
    const what = "its lines have columns, which no expression gives back: write the list by hand";
    throw new Refusal(`${file}: ${what}; nothing was written`);
  }
  return generatedDblist(expr, wikis, old);
}

function showWritten({ file, wikis, drift }: Outdated): string {
  const wrote = `${file}: ${count(wikis.length, "wiki")}`;
  if (drift instanceof SourceError) return `${wrote}; it could not be read`;
  const change = (what: string, some: readonly string[]) =>
    some.length === 0 ? "" : `, ${some.length} ${what} (${quoteFirst(some)})`;
  return `${wrote}${change("added", drift.missing)}${change("removed", drift.extra)}`;
}

function print(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

function printLines(lines: readonly string[]): void {
  process.stdout.write(lines.map((line) => `${line}\n`).join(""));
}
