/** `pointsman explain`: where does a request go, and why? */
import { type Command, InvalidArgumentError } from "commander";
import { Explainer, type Explanation } from "../explain/explainer.ts";
import { checkUrl, questionOfLine, questionOfUrl } from "../explain/question.ts";
import { type AskedAt, whereOf } from "../explain/where.ts";
import { filter } from "../filter.ts";
import { Refusal } from "../refusal.ts";
import { linesOf } from "../requests/lines.ts";
import { UnknownListener } from "../table/decide.ts";
import { Table } from "../table/table.ts";
import { visibleOnLine } from "../visible.ts";
import { addFarmOptions, type FarmOptions } from "./farm-options.ts";
import { refuseTwiceStdin, refuseUnheard } from "./heard.ts";
import { readTable } from "./inspect.ts";
import { addListenerOptions } from "./listener-options.ts";
import { packFarm } from "./pack.ts";
import { writeLine } from "./write-line.ts";

export function explainCommand(program: Command): void {
  addListenerOptions(addFarmOptions(program.command("explain")))
    .description("say where a request would go, and why; the real filter decides")
    .argument("[url]", "the URL to ask about, with or without https://", parseUrl)
    .option("--table <file>", "ask this table instead of packing the farm; - is standard input")
    .option("-X, --method <method>", "the request's method", "GET")
    .option("-H, --header <name: value>", "a header of the request (repeatable)", collectHeader, {})
    .option("--body <text>", "the request's body")
    .option("--client <address>", "the client's address, which decides where a share is cut by address")
    .option("--stdin", "read one question a line, as JSON; print one answer a line, in the same order")
    .option("--json", "print the answer as JSON")
    .addHelpText(
      "after",
      `
A line of --stdin has this form: {"authority", "path", "method"?, "headers"?: {name: value or [values]}, "body"?, "client"?}
A bad line gives {"error": …} in its place; explain goes on and exits with 1 at the end.
explain normalises a path as the Envoy of \`render\` does: /x/../w/%61pi.php becomes /w/api.php.

Examples:
  $ pointsman explain --farm examples/small/farm.yaml https://en.wikipedia.org/w/api.php
  $ pointsman explain --farm farm.yaml --listener mesh -X POST --body '{"database":"enwiki"}' jobs.example/rpc/RunSingleJob.php
  $ pointsman explain --farm farm.yaml -H 'X-Wikimedia-Debug: backend=k8s-mwdebug' https://en.wikipedia.org/
  $ pointsman explain --farm farm.yaml --datacentre codfw --primary eqiad https://en.wikipedia.org/
  $ echo '{"authority": "en.wikipedia.org", "path": "/"}' | pointsman explain --table production.table --stdin`,
    )
    .action(async (url: string | undefined, options: ExplainOptions, command: Command) => {
      if ((url === undefined) !== (options.stdin === true)) {
        command.error("error: give either a URL or --stdin, one of them", { exitCode: 2 });
      }
      if (options.table !== undefined)
        refuseUnheard(
          command,
          ["farm", "source", "today"],
          "--table replaces the farm: leave out one of the two",
        );
      if (options.stdin)
        refuseUnheard(
          command,
          ["method", "header", "body", "client"],
          "with --stdin, each line has its own: leave this out",
        );
      refuseTwiceStdin(command, [options.stdin ? "-" : undefined, options.table ?? options.farm]);
      const bytes = options.table === undefined ? packFarm(options).bytes : readTable(options.table).bytes;
      const explainer = await explainerFor(bytes, options);
      if (url === undefined) return answerLines(explainer);
      const { method, header: headers, body = null, client = null } = options;
      const answer = explainer.explain({ ...questionOfUrl(url), method, headers, body, client });
      process.stdout.write(options.json ? `${JSON.stringify(answer)}\n` : show(answer));
    });
}

function parseUrl(text: string): string {
  try {
    checkUrl(text);
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message);
  }
  return text;
}

type ExplainOptions = FarmOptions &
  AskedAt & {
    table?: string;
    method: string;
    header: Record<string, string[]>;
    body?: string;
    client?: string;
    stdin?: boolean;
    json?: boolean;
  };

/** Throws Refusal where the table has no such listener. */
async function explainerFor(bytes: Uint8Array, options: AskedAt): Promise<Explainer> {
  try {
    return await Explainer.create(bytes, filter, whereOf(new Table(bytes), options));
  } catch (error) {
    throw error instanceof UnknownListener ? new Refusal(error.message) : error;
  }
}

function collectHeader(text: string, headers: Record<string, string[]>): Record<string, string[]> {
  const [, name, value] = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\r\n]*)$/.exec(text) ?? [];
  if (name === undefined || value === undefined)
    throw new InvalidArgumentError("Write a header as 'NAME: VALUE'.");
  return { ...headers, [name]: [...(headers[name] ?? []), value] };
}

async function answerLines(explainer: Explainer): Promise<void> {
  for await (const line of linesOf(process.stdin, "standard input")) {
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

function show(answer: Explanation): string {
  const { headers, status, host, ...fields } = answer;
  const rows = Object.entries(fields).map(
    ([name, value]) => `${name.padEnd(11)} ${visibleOnLine(String(value ?? "-"))}`,
  );
  if (host !== null) rows.push(`${"host".padEnd(11)} ${host}`);
  if (status !== null) rows.push(`${"status".padEnd(11)} ${status}`);
  for (const [name, value] of Object.entries(headers)) rows.push(`${"header".padEnd(11)} ${name}: ${value}`);
  return `${rows.join("\n")}\n`;
}
