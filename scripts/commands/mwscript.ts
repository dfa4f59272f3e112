/** `pointsman mwscript`: on which image does a MediaWiki script run for a wiki, and with which arguments? */
import { type Command, Option } from "commander";
import { Refusal } from "../refusal.ts";
import type { Wikis } from "../wiki/facts.ts";
import { RunnerError, type RunnerPlan, readRunnerWords } from "../wiki/mediawiki-runner.ts";
import { type ScriptPlan, scriptPlan } from "../wiki/script-plan.ts";
import { showRows } from "../wiki/show.ts";
import { type AskedOptions, addAskedOptions, noSuchWiki, openWikis } from "./asked-options.ts";
import { writeLine, writeWords } from "./write-line.ts";

interface MwscriptOptions extends AskedOptions {
  defaultWiki?: string;
  null?: boolean;
  json?: boolean;
}

export function mwscriptCommand(program: Command): void {
  addAskedOptions(program.command("mwscript"))
    .description("print on which image a MediaWiki script runs for a wiki, and with which arguments")
    .argument("<script...>", "the script and its arguments; put -- before it")
    .addOption(
      new Option(
        "--default-wiki <wiki>",
        "the wiki of scripts that need none; without it aawiki, if there is one",
      ).env("POINTSMAN_DEFAULT_WIKI"),
    )
    .option("-0, --null", "print the image and the arguments, each followed by a NUL, for xargs -0")
    .option("--json", "print the plan as JSON")
    .passThroughOptions()
    .addHelpText(
      "after",
      `
It runs nothing. The words are read as MediaWiki's runner reads them. The wiki stands right after the script: as
--wiki=X, as --wiki X, or as a bare word, which becomes --wiki=X. MW_WIKI is the wiki where no word says it.
--force-version V counts as the second and third word after the script alone, and is taken out; it wins over
FORCE_MW_VERSION, which wins over the table. The first release that runs a forced version is taken.

Name the images of scripts, which are not those of the web, by --values or POINTSMAN_VALUES.

Examples:
  $ pointsman mwscript --table production.table -- showSiteStats.php --wiki=enwiki
  $ pointsman mwscript --values '/srv/release/mw-script-{release}-eqiad.yaml' --json -- extensions/X/maintenance/y.php enwiki --dry-run
  $ pointsman mwscript -0 -- showSiteStats.php enwiki | xargs -0 run-in-image`,
    )
    .action(async (words: string[], options: MwscriptOptions, command: Command) => {
      readWords(command, words, "anywiki"); // what is wrong with them is said before a table is read
      const wikis = await openWikis(options, command);
      const runner = readWords(command, words, options.defaultWiki ?? aawiki(wikis));
      const plan = scriptPlan(wikis, runner);
      if (plan === null) throw new Refusal(noSuchWiki(wikis, runner.wiki!));
      if (options.json) return writeLine(plan);
      if (options.null) return writeWords(withImage(plan.image, plan.argv));
      process.stdout.write(show(plan));
    });
}

export function readWords(command: Command, words: string[], defaultWiki: string | null): RunnerPlan {
  // Node has put this in the place of bytes that it could not read.
  const spoilt = words.findIndex((word) => word.includes("\ufffd"));
  if (spoilt !== -1)
    command.error(`error: word ${spoilt + 1} is not UTF-8, and would not arrive as it is`, { exitCode: 2 });
  try {
    return readRunnerWords(words, process.env, defaultWiki);
  } catch (error) {
    if (!(error instanceof RunnerError)) throw error;
    return command.error(`error: ${error.message}`, { exitCode: 2 });
  }
}

/** What MediaWiki's runner takes. */
function aawiki(wikis: Wikis): string | null {
  return wikis.releaseOf("aawiki") && "aawiki";
}

/** What xargs is to run. Throws Refusal where there is no image to run it in. */
export function withImage(image: string | null, argv: readonly string[]): string[] {
  if (image !== null) return [image, ...argv];
  throw new Refusal("--null: no image is known: name the values files by --values");
}

/** For people: the arguments as JSON, in which each has its own quotes. */
function show({ argv, env, ...plan }: ScriptPlan): string {
  const environment = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  return showRows({ ...plan, env: environment.join(" ") || null, argv: JSON.stringify(argv) });
}
