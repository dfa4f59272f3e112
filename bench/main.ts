/** `npm run bench`: what Pointsman costs, beside what would be used instead. */
import { spawnSync } from "node:child_process";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { findEnvoy } from "../scripts/envoy/install.ts";
import { projectRoot } from "../scripts/project-root.ts";
import type { Bench } from "./bench.ts";
import { whyNoCallgrind } from "./callgrind.ts";
import { DEFAULT_SOURCE, loadFarm } from "./farm.ts";
import { measureGrowth } from "./growth.ts";
import { markdownOf, readmeTable } from "./markdown.ts";
import { pageOf } from "./page.ts";
import { measureRatio, RECORD, record } from "./ratio.ts";
import { measureRequests } from "./request-cost.ts";
import { machine, PARTS, type PartName, type Results } from "./results.ts";
import { measureStart } from "./start.ts";
import { measureUpdates } from "./updates.ts";
import { endInOrder, workFolder } from "./work-folder.ts";

const HELP = `Usage: npm run bench -- [options]

Measures in a real Envoy what Pointsman costs, beside no filter, virtual hosts, Lua, other
Wasm filters and one more hop. Some fifteen minutes; the figures are ratios within one run.

Options:
  --quick          fewer rounds, variants and sizes: two minutes
  --only PARTS     only these parts, the others stay as they were: ${PARTS.join(", ")}
  --source DIR     a checkout of mediawiki-config (default: ${DEFAULT_SOURCE})
  --out DIR        where the results go (default: bench/results)
  --record         only count the filter's instructions and record their ratio for the tests
  --help           this text

Instructions are counted where valgrind is installed, and wrk makes the load where it is.

Examples:
  $ npm run bench
  $ npm run bench -- --quick --out /tmp/results
  $ npm run bench -- --only requests,start
  $ npm run bench -- --record
`;

/** Used wrongly: the exit code is 2. */
class Usage extends Error {}

interface Options {
  quick: boolean;
  only: readonly PartName[];
  source: string | undefined;
  out: string;
  record: boolean;
}

function readOptions(args: string[]): Options | null {
  const { values } = parse(args);
  if (values.help) return null;
  const only = values.only?.split(",") ?? PARTS;
  for (const part of only) {
    if (!(PARTS as readonly string[]).includes(part))
      throw new Usage(`there is no part '${part}': there are ${PARTS.join(", ")}`);
  }
  return {
    quick: values.quick ?? false,
    only: only as PartName[],
    source: values.source,
    out: values.out ?? join(projectRoot(), "bench/results"),
    record: values.record ?? false,
  };
}

function parse(args: string[]) {
  try {
    return parseArgs({
      args,
      options: {
        quick: { type: "boolean" },
        only: { type: "string" },
        source: { type: "string" },
        out: { type: "string" },
        record: { type: "boolean" },
        help: { type: "boolean" },
      },
    });
  } catch (error) {
    throw new Usage(`${(error as Error).message}\nTry --help.`);
  }
}

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2));
  if (!options) {
    process.stdout.write(HELP);
    return;
  }
  if (process.platform !== "linux") throw new Error("the benchmark reads /proc: it runs on Linux alone");
  const began = Date.now();
  const say = (line: string) => {
    const seconds = String(Math.round((Date.now() - began) / 1000)).padStart(4);
    process.stderr.write(`${seconds} s  ${line}\n`);
  };
  if (options.record) await recordRatio(say);
  else await run(options, say);
}

async function recordRatio(say: Bench["say"]): Promise<void> {
  const missing = await whyNoCallgrind();
  if (missing !== null) throw new Error(missing);
  say("counting the filter's instructions");
  const measured = await measureRatio();
  await record(measured);
  process.stdout.write(`${RECORD}: ${measured.ratio.toFixed(3)}\n`);
}

async function run({ quick, only, source, out }: Options, say: Bench["say"]): Promise<void> {
  const farm = loadFarm(source);
  const envoy = await findEnvoy({ progress: say });
  const missing = await whyNoCallgrind();
  if (missing !== null) say(`no instructions will be counted: ${missing}`);
  await mkdir(out, { recursive: true });
  const before = only.length < PARTS.length ? await readResults(join(out, "results.json")) : {};
  const results: Results = {
    ...before,
    quick,
    machine: machine(versionOf(envoy)),
    farm: { wikis: farm.plan.wikis.length, tableBytes: farm.table.bytes.length },
  };
  const bench: Bench = { farm, envoy, folder: workFolder(), quick, say };
  if (only.includes("requests")) results.requests = await measureRequests(bench);
  if (only.includes("updates")) results.updates = await measureUpdates(bench);
  if (only.includes("start")) results.start = await measureStart(bench);
  if (only.includes("growth")) results.growth = await measureGrowth(bench);
  const markdown = markdownOf(results);
  const files = {
    "results.json": `${JSON.stringify(results, null, 2)}\n`,
    "results.md": markdown,
    "results.html": pageOf(results),
    "readme.md": `${readmeTable(results)}\n`,
  };
  for (const [name, text] of Object.entries(files)) await write(join(out, name), text);
  process.stdout.write(`\n${markdown}\n`);
  say(`written to ${out}: ${Object.keys(files).join(", ")}`);
}

async function readResults(file: string): Promise<Partial<Results>> {
  const text = await readFile(file, "utf8").catch(() => "{}");
  return JSON.parse(text);
}

/** `Envoy 1.40.0` */
function versionOf(envoy: string): string {
  const { stdout } = spawnSync(envoy, ["--version"], { encoding: "utf8" });
  return `Envoy ${/\/(\d+\.\d+\.\d+)/.exec(stdout ?? "")?.[1] ?? "of an unknown version"}`;
}

async function write(file: string, text: string): Promise<void> {
  await writeFile(`${file}.tmp`, text);
  await rename(`${file}.tmp`, file);
}

endInOrder();
process.exitCode = await main().then(
  () => 0,
  (error: Error) => {
    // The stack is for bugs, not for what is missing or was asked wrongly.
    const said = error.constructor === Error || error instanceof Usage ? error.message : error.stack;
    process.stderr.write(`${said}\n`);
    return error instanceof Usage ? 2 : 1;
  },
);
