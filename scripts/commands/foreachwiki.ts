/** `pointsman foreachwiki`: a script over the wikis of a list, a plan for each image. */
import type { Command } from "commander";
import { count } from "../count.ts";
import { Farm } from "../farm/farm.ts";
import { Refusal } from "../refusal.ts";
import { oneACause, quoteFirst } from "../sources/problem.ts";
import { planParts, type ScriptPart } from "../wiki/script-plan.ts";
import { type AskedOptions, addAskedOptions, openWikis } from "./asked-options.ts";
import { listsOf } from "./dblist.ts";
import { readWords, withImage } from "./mwscript.ts";
import { writeLine, writeWords } from "./write-line.ts";

interface ForeachwikiOptions extends AskedOptions {
  null?: boolean;
  json?: boolean;
}

export function foreachwikiCommand(program: Command): void {
  addAskedOptions(program.command("foreachwiki"))
    .description("print a plan of a MediaWiki script over a list's wikis, one for each image")
    .argument("<expression>", "lists and what joins them, as one argument: 'all - closed'")
    .argument("<script...>", "the script and its arguments, without a wiki")
    .option(
      "-0, --null",
      "print of each wiki the image and the arguments, each followed by a NUL, for xargs -0",
    )
    .option("--json", "print a line of JSON for each image, as it does anyway")
    .passThroughOptions()
    .addHelpText(
      "after",
      `
It runs nothing. The lists are those of the farm, as of \`dblist\`; which release a wiki is on says the table or store that
is named, or else the farm. Each line is {image, wikis, argv, ...}: for each of the wikis, its ID stands in argv[1] for
{wiki}. With -0 each wiki is so many words: the image, the script, --wiki=X, and each of the script's arguments. Wikis of
the list that the table does not have are left out, with a warning. Our options stand before the expression: what follows
the script is the script's. --force-version V right after the script, and FORCE_MW_VERSION, force a version on all wikis.

Examples:
  $ pointsman foreachwiki --values 'releases:mw-script-{release}-eqiad.yaml' 'all - closed' extensions/X/maintenance/y.php --quick
  $ pointsman foreachwiki --table production.table -0 group0 showSiteStats.php | xargs -0 -n 3 -P 8 run-in-image
  $ pointsman foreachwiki group1 showSiteStats.php | jq -r '[.image, .count] | @tsv'`,
    )
    .action(async (expression: string, words: string[], options: ForeachwikiOptions, command: Command) => {
      const [script, ...args] = words;
      const runner = readWords(command, [script!, "--wiki={wiki}", ...args], null);
      const lists = listsOf(new Farm(options.farm, options.source));
      const ids = lists.evaluate(expression);
      for (const warning of oneACause(lists.warnings)) process.stderr.write(`warning: ${warning}\n`);
      const wikis = await openWikis(options, command, true);
      const { parts, unknown } = planParts(wikis, runner, ids);
      if (unknown.length > 0) {
        const are = unknown.length === 1 ? "is" : "are";
        const what = `${count(unknown.length, "wiki")} ${are} not in the table`;
        process.stderr.write(`warning: ${what}, and left out (${quoteFirst(unknown)})\n`);
      }
      if (parts.length === 0) throw new Refusal("the list has no wiki of the table: nothing is to be run");
      for (const part of parts) await (options.null ? writeWikis(part) : writeLine(part));
    });
}

/** Throws Refusal where there is no image to run in. */
async function writeWikis({ image, wikis, argv: [script, , ...args] }: ScriptPart): Promise<void> {
  for (const wiki of wikis) await writeWords(withImage(image, [script!, `--wiki=${wiki}`, ...args]));
}
