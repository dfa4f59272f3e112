/** `pointsman wiki`: which release, image, version, groups and hosts does a wiki have? */
import type { Command } from "commander";
import { Refusal } from "../refusal.ts";
import { linesOf } from "../requests/lines.ts";
import { quote } from "../sources/problem.ts";
import type { Facts, Wikis } from "../wiki/facts.ts";
import { showFacts } from "../wiki/show.ts";
import { type AskedOptions, addAskedOptions, noSuchWiki, openWikis } from "./asked-options.ts";
import { refuseTwiceStdin } from "./heard.ts";
import { writeLine } from "./write-line.ts";

interface WikiOptions extends AskedOptions {
  host: string[];
  stdin?: boolean;
  json?: boolean;
}

export function wikiCommand(program: Command): void {
  addAskedOptions(program.command("wiki"))
    .description("print a wiki's release, image, version, groups and hosts")
    .argument("[wiki...]", "the wikis' IDs")
    .option(
      "--host <host>",
      "ask about the wiki of this host (repeatable)",
      (host: string, others: string[]) => [...others, host],
      [],
    )
    .option("--stdin", "read a wiki's ID from each line, too")
    .option("--json", "print JSON, a line a wiki")
    .addHelpText(
      "after",
      `
It asks a table where one is named, by --table or POINTSMAN_TABLE, and the farm otherwise. A table that was packed with
--strip, as \`push\` packs it, has no realm, groups around the innermost one, or pins.

Images are in the values files of one deployment and kind, a file a release, that --values or POINTSMAN_VALUES names; of a
farm, they are those of its releases, and --values may name a source, as releases:mw-script-{release}-eqiad.yaml. The
image must be of the version that the release runs.

Of an unknown wiki it says which known ones are like it, and exits with 1. Among several, it goes on with the next one;
with --json such a line is {"error": ...}.

Examples:
  $ pointsman wiki enwiki --table production.table --values '/srv/release/mw-script-{release}-eqiad.yaml'
  $ pointsman wiki enwiki --json | jq -r .image
  $ pointsman wiki --host en.wikipedia.org --host www.wikidata.org --json
  $ pointsman dblist group0 | pointsman wiki --stdin --json | jq -r '[.wiki, .version] | @tsv'`,
    )
    .action(async (ids: string[], options: WikiOptions, command: Command) => {
      const { host: hosts, stdin } = options;
      const number = ids.length + hosts.length;
      if (number === 0 && !stdin)
        command.error("error: name a wiki, or give --host or --stdin", { exitCode: 2 });
      refuseTwiceStdin(command, [stdin ? "-" : undefined, options.table ?? options.farm]);
      const wikis = await openWikis(options, command);
      const answers = [
        ...ids.map((id) => () => ofId(wikis, id)),
        ...hosts.map((host) => () => ofHost(wikis, host)),
      ];
      const print = printer(options);
      if (number === 1 && !stdin) return print(answers[0]!());
      for (const answer of answers) await printOrSay(answer, print, options);
      if (!stdin) return;
      for await (const line of linesOf(process.stdin, "standard input"))
        if (line.trim() !== "") await printOrSay(() => ofId(wikis, line.trim()), print, options);
    });
}

/** Throws Refusal, SourceError. */
function ofId(wikis: Wikis, id: string): Facts {
  const facts = wikis.get(id);
  if (facts === null) throw new Refusal(noSuchWiki(wikis, id));
  return facts;
}

/** Throws Refusal, SourceError. */
function ofHost(wikis: Wikis, host: string): Facts {
  const found = wikis.ofHost(host);
  if ("wiki" in found) return ofId(wikis, found.wiki);
  const what = `the host ${quote(host)} ${found.wrong}`;
  throw new Refusal(found.key === null ? what : noSuchWiki(wikis, found.key, what));
}

function printer({ json }: WikiOptions): (facts: Facts) => Promise<void> {
  let isFirst = true;
  return async (facts) => {
    if (json) return writeLine(facts);
    process.stdout.write(`${isFirst ? "" : "\n"}${showFacts(facts)}`);
    isFirst = false;
  };
}

/** Goes on where there is nothing to say of one. */
async function printOrSay(
  answer: () => Facts,
  print: (facts: Facts) => Promise<void>,
  { json }: WikiOptions,
): Promise<void> {
  let facts: Facts;
  try {
    facts = answer();
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    process.exitCode = 1;
    if (json) await writeLine({ error: error.message });
    else process.stderr.write(`${error.message}\n`);
    return;
  }
  await print(facts);
}
