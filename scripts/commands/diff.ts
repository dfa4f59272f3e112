/** `pointsman diff`: what changes when one table takes another's place? */
import { type Command, Option } from "commander";
import { diff } from "../diff/diff.ts";
import { asMarkdown, asText, code, titleOf } from "../diff/formats.ts";
import { toJson } from "../diff/json.ts";
import { VersionOrder } from "../farm/version-order.ts";
import { addSourceOptions, type FarmOptions } from "./farm-options.ts";
import { refuseTwiceStdin, refuseUnheard } from "./heard.ts";
import { isFarm, isGeneration, type Opened, openPlan } from "./open-plan.ts";

interface DiffOptions extends Omit<FarmOptions, "farm"> {
  json?: boolean;
  markdown?: boolean;
  store?: string;
}

export function diffCommand(program: Command): void {
  addSourceOptions(program.command("diff"))
    .description("say what changes when one table takes another's place")
    .argument(
      "<old>",
      "a table, what Envoy discovers (pointsman.json), a farm (farm.yaml), or a generation of --store; - is a table on standard input",
    )
    .argument("<new>", "what takes its place: again one of these")
    .addOption(
      new Option("--store <place>", "a store: a number is one of its generations").env("POINTSMAN_STORE"),
    )
    .option("--markdown", "print it as Markdown, for a review")
    .option("--json", "print it as JSON, with every name")
    .addHelpText(
      "after",
      `
diff lists the releases whose version changes, and whether it is newer or OLDER; wikis that move, come and go; clusters
that proxies must have first; and changed hosts, rules and settings. It packs a farm in memory. Exit codes: 0 the same
content, 1 different content, 2 not compared.

Examples:
  $ pointsman diff yesterday.table production.table
  $ pointsman diff production.table farm.yaml --source mediawiki-config=../mediawiki-config
  $ pointsman diff 41 42 --store /srv/pointsman
  $ pointsman diff --markdown /etc/envoy/pointsman/edge/pointsman.json production.table > review.md
  $ pointsman diff --json old.table new.table | jq '.moves[] | {from, to, wikis: (.wikis | length)}'`,
    )
    .action(async (old: string, next: string, options: DiffOptions, command: Command) => {
      refuseTwiceStdin(command, [old, next]);
      if (options.json) refuseUnheard(command, ["markdown"], "--json is another form of the same");
      if (!isFarm(old) && !isFarm(next))
        refuseUnheard(command, ["source", "today"], "neither of the two is a farm");
      const [before, after] = [await openPlan(old, options), await openPlan(next, options)];
      for (const warning of [...before.warnings, ...after.warnings])
        process.stderr.write(`warning: ${warning}\n`);
      const order = after.order ?? before.order ?? new VersionOrder();
      const found = diff(before.plan, after.plan, (a, b) => order.tell(a, b));
      process.exitCode = found.same ? 0 : 1;
      if (options.json) {
        process.stdout.write(`${JSON.stringify(toJson(found))}\n`);
        return;
      }
      const name = (text: string) => {
        const named = isGeneration(text, options) ? options.store! : text;
        return options.markdown ? code(named) : named;
      };
      const [from, to] = [shown(name(old), before), shown(name(next), after)];
      const title = titleOf(found, from, to);
      process.stdout.write(
        options.markdown ? `## ${title}\n\n${asMarkdown(found)}` : `${title}\n${asText(found)}`,
      );
    });
}

/** `generation 42 (new.table)` */
function shown(name: string, { generation }: Opened): string {
  return generation === null ? `farm ${name}` : `generation ${generation} (${name})`;
}
