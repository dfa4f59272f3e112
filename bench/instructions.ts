/**
 * Instructions a request costs in Envoy, counted by valgrind's callgrind: unlike times, they are within 1 % from run to
 * run on a busy machine. Of each Wasm module it says what a request costs above the same Envoy without a filter.
 *
 *   node build/instructions.mjs [--browser] [--host HOST] [NAME=MODULE.wasm[,TABLE]]…
 */
import { spawn } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import http from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { compileGuest, RETURNS_AT_ONCE } from "../scripts/envoy/guest.ts";
import { findEnvoy } from "../scripts/envoy/install.ts";
import { startEnvoy } from "../scripts/envoy/process.ts";
import { type Headers, send } from "../scripts/envoy/request.ts";
import { startUpstreams } from "../scripts/envoy/upstream.ts";
import { decide } from "../scripts/table/decide.ts";
import { Table } from "../scripts/table/decode.ts";

const WARM_UP = 600;
const MEASURED = 400;
const FALLBACK = "fallback";
/** Valgrind runs Envoy about fifty times slower. */
const START_TIMEOUT_MS = 300_000;

/** Without one, Envoy has no filter. */
interface Module {
  wasm: string;
  table: Uint8Array;
}

interface Load {
  host: string;
  headers: Headers;
}

/** What a browser sends that has been to the site before. */
const BROWSER: Headers = [
  ["user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"],
  ["accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"],
  ["accept-language", "en-US,en;q=0.5"],
  ["accept-encoding", "gzip, deflate, br, zstd"],
  ["referer", "https://en.wikipedia.org/wiki/Railway_signalman"],
  ["dnt", "1"],
  ["upgrade-insecure-requests", "1"],
  ["sec-fetch-dest", "document"],
  ["sec-fetch-mode", "navigate"],
  ["sec-fetch-site", "same-origin"],
  ["sec-fetch-user", "?1"],
  ["priority", "u=0, i"],
  ["cache-control", "max-age=0"],
  ["x-client-ip", "192.0.2.7"],
  ["cookie", `enwikiSession=${"0123456789abcdef".repeat(94)}`],
];

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      host: { type: "string", default: "en.wikipedia.org" },
      browser: { type: "boolean", default: false },
    },
  });
  for (const tool of ["valgrind", "callgrind_control"]) {
    if (await runs(tool)) continue;
    console.error(`${tool} is missing: install valgrind (Debian: apt-get install valgrind).`);
    return 1;
  }
  const folder = await mkdtemp(join(tmpdir(), "pointsman-instructions-"));
  try {
    const atOnce = join(folder, "returns-at-once.wasm");
    await writeFile(atOnce, await compileGuest(RETURNS_AT_ONCE));
    const modules: [string, Module | null][] = [
      ["no filter", null],
      ["returns at once", { wasm: atOnce, table: new Uint8Array(1) }],
    ];
    for (const text of positionals) modules.push(await readModule(text));
    const envoy = await findEnvoy({ progress: console.error });
    const load = { host: values.host, headers: values.browser ? BROWSER : [] };

    console.log(`thousands of instructions a request to ${load.host}, ${MEASURED} requests each`);
    let base = 0;
    for (const [name, module] of modules) {
      const count = (await measure(envoy, module, load, folder)) / MEASURED / 1000;
      if (module === null) base = count;
      const above = module === null ? "" : `  +${(count - base).toFixed(1)}`;
      console.log(`${name.padEnd(24)} ${count.toFixed(1).padStart(7)}${above}`);
    }
    return 0;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function readModule(text: string): Promise<[string, Module]> {
  const [, name, wasm, table] = /^([^=]+)=([^,]+)(?:,(.+))?$/.exec(text) ?? [];
  if (!name || !wasm)
    throw new Error(`a module is NAME=MODULE.wasm or NAME=MODULE.wasm,TABLE, not '${text}'`);
  return [name, { wasm, table: table ? await readFile(table) : new Uint8Array(1) }];
}

/** Instructions of all threads for the measured requests. */
async function measure(envoy: string, module: Module | null, load: Load, folder: string): Promise<number> {
  const output = join(await mkdtemp(join(folder, "run-")), "callgrind");
  const expected = expectedCluster(module, load.host);
  const upstreams = await startUpstreams([...new Set([FALLBACK, expected])]);
  const running = await startEnvoy({
    envoy,
    under: [
      "valgrind",
      "--tool=callgrind",
      "--smc-check=all-non-file",
      "--instr-atstart=no",
      `--callgrind-out-file=${output}`,
    ],
    clusters: upstreams.clusters,
    fallbackCluster: FALLBACK,
    clusterHeader: "x-mw-cluster",
    emittedHeaders: [],
    ...(module && { filter: module }),
    startTimeoutMs: START_TIMEOUT_MS,
  }).catch(async (error) => {
    await upstreams.stop();
    throw error;
  });
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  try {
    const request = { port: running.port, path: "/wiki/Main_Page", agent, timeoutMs: 60_000, ...load };
    for (let i = 0; i < WARM_UP; i++) await send(request);
    await control(running.pid, "-i", "on");
    await control(running.pid, "-z");
    for (let i = 0; i < MEASURED; i++) {
      const { cluster } = JSON.parse((await send(request)).body);
      if (cluster !== expected) throw new Error(`a request went to ${cluster}, not to ${expected}`);
    }
    await control(running.pid, "-d");
  } finally {
    agent.destroy();
    await running.stop();
    await upstreams.stop();
  }
  return readTotal(output);
}

/** A filter that was refused, or that sends the request elsewhere, must not be measured. */
function expectedCluster(module: Module | null, host: string): string {
  if (!module || module.table.length <= 1) return FALLBACK;
  const request = { authority: host, target: "/wiki/Main_Page" };
  return decide(new Table(module.table), request).decision?.cluster ?? FALLBACK;
}

/** The dump that `-d` wrote is the first; a later one, of the end, is nearly empty. */
async function readTotal(output: string): Promise<number> {
  const folder = join(output, "..");
  const first = (await readdir(folder)).sort().find((name) => name.endsWith(".1"));
  if (!first) throw new Error("callgrind wrote no dump");
  const total = /^(?:totals|summary): (\d+)/m.exec(await readFile(join(folder, first), "utf8"))?.[1];
  if (!total) throw new Error("callgrind's dump has no total");
  return Number(total);
}

async function control(pid: number, ...args: string[]): Promise<void> {
  if (!(await runs("callgrind_control", [...args, String(pid)])))
    throw new Error(`callgrind_control ${args} failed`);
}

function runs(command: string, args: string[] = ["--version"]): Promise<boolean> {
  return new Promise((resolve) => {
    const child = spawn(command, args, { stdio: "ignore" });
    child.on("error", () => resolve(false));
    child.on("close", (code) => resolve(code === 0));
  });
}

process.exitCode = await main().catch((error: Error) => {
  console.error(error.message);
  return 1;
});
