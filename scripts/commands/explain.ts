import { createInterface } from "node:readline";
import type { Command } from "commander";
import { type Answer, Explainer } from "../explain/explainer.ts";
import { questionOfLine, questionOfUrl } from "../explain/question.ts";
import { filter } from "../filter.ts";
import { addFarmOptions, type FarmOptions } from "./farm-options.ts";
import { readTable } from "./inspect.ts";
import { packFarm } from "./pack.ts";
import { writeLine } from "./write-line.ts";

export function explainCommand(program: Command): void {
  addFarmOptions(program.command("explain"))
    .description("say where a request would go, and why: the real filter decides")
    .argument("[url]", "what to ask about, with or without https://")
    .option("--table <file>", "ask this table instead of packing the farm")
    .option("--stdin", "answer JSON lines: one line out for each line in, in order")
    .option("--json", "answer as JSON")
    .addHelpText(
      "after",
      `
A line of --stdin: {"authority", "path", "method"?, "headers"?: {name: value or [values]}, "body"?}
A bad line gives {"error": …} in its place, and exit code 1 at the end.

Examples:
  $ pointsman explain --farm examples/small/farm.yaml https://en.wikipedia.org/w/api.php
  $ echo '{"authority": "en.wikipedia.org", "path": "/"}' | pointsman explain --table production.table --stdin`,
    )
    .action(async (url: string | undefined, options: ExplainOptions, command: Command) => {
      if ((url === undefined) !== (options.stdin === true)) {
        command.error("error: ask about one URL, or with --stdin about lines", { exitCode: 2 });
      }
      const bytes = options.table === undefined ? packFarm(options).bytes : readTable(options.table).bytes;
      const explainer = await Explainer.create(bytes, filter);
      if (url === undefined) return answerLines(explainer);
      const answer = explainer.explain(questionOfUrl(url));
      process.stdout.write(options.json ? `${JSON.stringify(answer)}\n` : show(answer));
    });
}

type ExplainOptions = FarmOptions & { table?: string; stdin?: boolean; json?: boolean };

async function answerLines(explainer: Explainer): Promise<void> {
  for await (const line of createInterface({ input: process.stdin, crlfDelay: Number.POSITIVE_INFINITY })) {
    let question: ReturnType<typeof questionOfLine>;
    try {
      question = questionOfLine(line);
    } catch (error) {
      process.exitCode = 1;
      await writeLine({ error: (error as Error).message });
      continue;
    }
    await writeLine(explainer.explain(question));
  }
}

function show(answer: Answer): string {
  const { headers, status, ...fields } = answer;
  const rows = Object.entries(fields).map(([name, value]) => `${name.padEnd(11)} ${value ?? "-"}`);
  if (status !== null) rows.push(`${"status".padEnd(11)} ${status}`);
  for (const [name, value] of Object.entries(headers)) rows.push(`${"header".padEnd(11)} ${name}: ${value}`);
  return `${rows.join("\n")}\n`;
}
