/**
 * The program `pointsman` where it is installed: it answers `wiki` itself, which should take no longer than Node needs to
 * start, and leaves all else to the CLI beside it. So it does where it does not know an option, or something is wrong.
 */
import { readFileSync } from "node:fs";
import { endWithStdout } from "./stdout.ts";
import { Table } from "./table/table.ts";
import { keepVisible } from "./visible.ts";
import { type Facts, Wikis } from "./wiki/facts.ts";
import { type QuickQuestion, quickQuestion } from "./wiki/quick-question.ts";
import { showFacts } from "./wiki/show.ts";
import { imagesIn } from "./wiki/values-files.ts";

/** Beside this file where both are built. */
const CLI = "./pointsman.mjs";

const answer = answerTo(process.argv.slice(2));
if (answer === null) void import(CLI);
else {
  endWithStdout();
  keepVisible(process.stdout);
  process.stdout.write(answer);
}

function answerTo([command, ...words]: string[]): string | null {
  const question = command === "wiki" ? quickQuestion(words, process.env) : null;
  if (question === null) return null;
  try {
    const facts = factsFor(question);
    if (facts === null) return null;
    return question.json
      ? facts.map((one) => `${JSON.stringify(one)}\n`).join("")
      : facts.map(showFacts).join("\n");
  } catch {
    return null; // the CLI finds the same, and says it
  }
}

/** null: there is nothing to say of one. */
function factsFor({ ids, hosts, table: file, values }: QuickQuestion): Facts[] | null {
  const table = new Table(readFileSync(file));
  const wikis = new Wikis({
    table,
    imagesOf: (release) => (values === null ? null : imagesIn(values, release)),
  });
  const found = [...ids, ...hosts.map((host) => idOf(wikis, host))].map((id) => id && wikis.get(id));
  return found.every((facts) => facts !== null && facts !== "") ? (found as Facts[]) : null;
}

function idOf(wikis: Wikis, host: string): string | null {
  const found = wikis.ofHost(host);
  return "wiki" in found ? found.wiki : null;
}
