/**
 * Where a request's instructions go inside the VM, by function of the filter: counted by valgrind in this Node's V8,
 * which compiles the module as Envoy's does, with the simulator around it.
 */
import { spawnSync } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type Pair, type RootContext, Vm } from "../host-sim/index.ts";
import { pluginConfiguration } from "../scripts/render/plugin.ts";
import { whyNoCallgrind } from "./callgrind.ts";
import { type BenchFarm, DEFAULT_SOURCE, loadFarm } from "./farm.ts";
import { compileNamedFilter } from "./guests.ts";
import { type BenchRequest, makeRequests } from "./requests.ts";
import { listenerOf } from "./variants.ts";
import { endInOrder, workFolder } from "./work-folder.ts";

const HELP = `Usage: npm run bench:functions -- [options]

Counts with valgrind what a request costs inside the VM, by function of the filter: the
requests of the benchmark, outside the primary data centre.

Options:
  --few            with few headers, not a browser's
  --source DIR     a checkout of mediawiki-config (default: ${DEFAULT_SOURCE})
  --top N          so many functions (default: 25)
  --help           this text
`;

const REQUESTS = 500;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      few: { type: "boolean", default: false },
      source: { type: "string" },
      top: { type: "string", default: "25" },
      help: { type: "boolean", default: false },
      /** How this program calls itself: the module to run, under valgrind. */
      counted: { type: "string" },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const farm = loadFarm(values.source);
  const requests = makeRequests(farm.plan, farm.hosts, REQUESTS, values.few ? "few" : "browser");
  if (values.counted !== undefined) {
    await runCounted(values.counted, farm, requests);
    return 0;
  }
  const missing = await whyNoCallgrind();
  if (missing !== null) throw new Error(missing);
  const module = await compileNamedFilter(workFolder());
  const costs = [...(await countByFunction(module))].sort(([, a], [, b]) => b - a);
  const total = costs.reduce((sum, [, cost]) => sum + cost, 0);
  const line = (cost: number, name: string) => `${(cost / REQUESTS).toFixed(0).padStart(7)}  ${name}`;
  console.log(line(total, `instructions a request in the filter's own code, of these:`));
  for (const [name, cost] of costs.slice(0, Number(values.top))) console.log(line(cost, name));
  return 0;
}

/** Runs the requests once to warm up and once counted. Under valgrind, which is told when to begin and to end. */
async function runCounted(module: string, farm: BenchFarm, requests: readonly BenchRequest[]): Promise<void> {
  const vm = await Vm.load(await readFile(module));
  const listener = listenerOf(farm.plan).name ?? "main";
  const place = { datacentre: "here", primary: "elsewhere" };
  const configuration = pluginConfiguration({ table: farm.table.bytes, listener, ...place });
  const root = vm.createRoot({ rootId: listener, configuration });
  if (root.refused !== null) throw new Error(`the filter refused the table: ${root.refused}`);
  run(root, requests);
  control("-z");
  run(root, requests);
  control("-d");
}

function run(root: RootContext, requests: readonly BenchRequest[]): void {
  for (const { method, authority, target, headers } of requests) {
    const pseudo: Pair[] = [
      [":authority", authority],
      [":path", target],
      [":method", method],
      [":scheme", "https"],
    ];
    root.request({ headers: [...pseudo, ...headers], response: { headers: [[":status", "200"]] } });
  }
}

function control(what: "-z" | "-d"): void {
  const { status } = spawnSync("callgrind_control", [what, String(process.pid)]);
  if (status !== 0) throw new Error(`callgrind_control ${what} failed`);
}

/** Instructions of each function of the module, of all requests. */
async function countByFunction(module: string): Promise<Map<string, number>> {
  const folder = await mkdtemp(join(workFolder(), "functions-"));
  const output = join(folder, "callgrind");
  const valgrind = ["--tool=callgrind", "--smc-check=all-non-file", "--dump-instr=yes"];
  // Compiled at once by the optimising compiler, as in Envoy; and V8 says what lies where.
  const node = ["--no-liftoff", "--perf-basic-prof", "--no-logfile-per-isolate", `--logfile=${output}.v8`];
  const own = [...process.argv.slice(1), "--counted", module];
  const args = [...valgrind, `--callgrind-out-file=${output}`, process.execPath, ...node, ...own];
  const { status, stderr, stdout } = spawnSync("valgrind", args, { encoding: "utf8" });
  const pid = /^==(\d+)==/m.exec(stderr)?.[1];
  const map = join(tmpdir(), `perf-${pid}.map`);
  try {
    if (status !== 0) throw new Error(`the counted run failed\n${stderr}${stdout}`);
    return sumByFunction(await readFile(`${output}.1`, "utf8"), readMap(await readFile(map, "utf8")));
  } finally {
    await rm(map, { force: true });
  }
}

interface Code {
  start: number;
  end: number;
  name: string;
}

/** V8's map: address, size and name of each compiled function, in hexadecimal. Those of the module are kept. */
function readMap(text: string): Code[] {
  const found: Code[] = [];
  for (const line of text.split("\n")) {
    const [, start, size, name] =
      /^([0-9a-f]+) ([0-9a-f]+) JS:((?:assembly|~lib)\/.*)-\d+-turbofan$/.exec(line) ?? [];
    if (name === undefined) continue;
    const at = Number.parseInt(start!, 16);
    found.push({ start: at, end: at + Number.parseInt(size!, 16), name });
  }
  return found.sort((a, b) => a.start - b.start);
}

/**
 * Callgrind's format: a line for each instruction, its address (absolute, or relative to the one before), a line number
 * and its count. The line after `calls=` holds what was called, and that is counted where it stands.
 */
function sumByFunction(callgrind: string, codes: readonly Code[]): Map<string, number> {
  const sums = new Map<string, number>();
  let address = 0;
  let isCall = false;
  for (const line of callgrind.split("\n")) {
    if (line.startsWith("calls=")) isCall = true;
    const [, sign, at, count] = /^([+-]?|\*)(0x[0-9a-f]+|\d+)? \S+ (\d+)$/.exec(line) ?? [];
    if (count === undefined) continue;
    if (sign === "") address = Number(at);
    else if (sign !== "*") address += sign === "+" ? Number(at) : -Number(at);
    if (!isCall) {
      const code = codeAt(codes, address);
      if (code) sums.set(code.name, (sums.get(code.name) ?? 0) + Number(count));
    }
    isCall = false;
  }
  return sums;
}

function codeAt(codes: readonly Code[], address: number): Code | undefined {
  let from = 0;
  let to = codes.length;
  while (from < to) {
    const middle = (from + to) >> 1;
    if (codes[middle]!.end <= address) from = middle + 1;
    else to = middle;
  }
  const code = codes[from];
  return code !== undefined && code.start <= address ? code : undefined;
}

endInOrder();
process.exitCode = await main().catch((error: Error) => {
  console.error(error.message);
  return 1;
});
