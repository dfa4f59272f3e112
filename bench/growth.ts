/** What grows with the farm: packing, the table, loading it, looking up in it, and requests in Envoy. */
import { spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { freemem } from "node:os";
import { join } from "node:path";
import { getHeapStatistics } from "node:v8";
import { Vm } from "../host-sim/index.ts";
import { endWithUs } from "../scripts/envoy/watchdog.ts";
import { compile } from "../scripts/farm/compile.ts";
import { Farm } from "../scripts/farm/farm.ts";
import { filter } from "../scripts/filter.ts";
import { projectRoot } from "../scripts/project-root.ts";
import { Table } from "../scripts/table/table.ts";
import type { Bench } from "./bench.ts";
import { countInstructions, whyNoCallgrind } from "./callgrind.ts";
import { startEnvoyUpstream } from "./envoy-upstream.ts";
import { type GrownFarm, growFarm } from "./grown-farm.ts";
import { compileGuest } from "./guests.ts";
import { makeLoad } from "./load.ts";
import { type LookUps, measureLookUps } from "./look-up.ts";
import { Random } from "./random.ts";
import { cpuOf, inPairs } from "./request-cost.ts";
import { type BenchRequest, bytesOf, fewHeaders } from "./requests.ts";
import { Server } from "./server.ts";
import { clusterNames, makeVariants, type Variant, type VariantName, verify } from "./variants.ts";

export interface Grown {
  hosts: number;
  pack: { seconds: number; peakBytes: number };
  tableBytes: number;
  /** Bytes of the table a host, beyond those of the hosts and wiki IDs themselves. */
  overheadBytesAHost: number;
  /** From handing over the configuration to serving, in the filter's VM; the least of several. */
  loadMs: number;
  lookUps: LookUps;
  inEnvoy: InEnvoy[];
  /** What could not be measured at this size, and why. */
  leftOut: { name: VariantName; why: string }[];
}

export interface InEnvoy {
  name: VariantName;
  startMs: number;
  /** µs of CPU a request, the least of the rounds. */
  cpuMicros: number;
  /** Instructions a request; null where they were not counted. */
  instructions: number | null;
  /** Memory of Envoy's own with one worker, and what each further one adds. */
  memoryBytes: number;
  workerBytes: number;
}

/** Beyond these, a route table or a Lua table takes too many minutes to load under callgrind. */
const MOST_COUNTED: Partial<Record<VariantName, number>> = { "virtual-hosts": 100_000, lua: 100_000 };
/** What a host takes in routes: in Envoy as it starts, and here until its configuration is written. */
const ENVOY_BYTES_A_HOST = 2_000;
const HEAP_BYTES_A_HOST = 2_000;
const START_TIMEOUT_MS = 240_000;
const REQUESTS = 2000;
const COUNTED = 400;
const LOADS = 9;

export async function measureGrowth(bench: Bench): Promise<Grown[]> {
  const sizes = bench.quick ? [1_000, 10_000] : [1_000, 10_000, 100_000, 1_000_000];
  const lookUp = await compileGuest("look-up", bench.folder);
  const grown: Grown[] = [];
  for (const size of sizes) grown.push(await measureSize(bench, size, lookUp));
  return grown;
}

async function measureSize(bench: Bench, size: number, lookUp: string): Promise<Grown> {
  const { folder, say } = bench;
  const what = `growth: ${size.toLocaleString("en")} hosts`;
  say(`${what}: packing`);
  const farm = await growFarm(size, join(folder, `farm-${size}`));
  const out = join(folder, `farm-${size}.table`);
  const pack = await packFarm(farm.file, out);
  const bytes = new Uint8Array(await readFile(out));
  const table = new Table(bytes);
  say(`${what}: loading and look-ups`);
  const loadMs = await measureLoad(bytes);
  const lookUps = await measureLookUps(lookUp, table, farm.hosts);
  return {
    hosts: size,
    pack,
    tableBytes: bytes.length,
    overheadBytesAHost: (bytes.length - farm.keyBytes) / size,
    loadMs,
    lookUps,
    ...(await measureInEnvoy(bench, farm, table, what)),
  };
}

/** Time and peak memory of the command as anyone would run it. */
async function packFarm(file: string, out: string): Promise<Grown["pack"]> {
  const cli = join(projectRoot(), "build/pointsman.mjs");
  const began = performance.now();
  const child = spawn(process.execPath, [cli, "pack", "--farm", file, "--strip", "--out", out], {
    stdio: ["ignore", "ignore", "pipe"],
    detached: true,
  });
  const callOff = child.pid === undefined ? () => {} : endWithUs(child.pid, out);
  let errors = "";
  child.stderr.on("data", (chunk) => {
    errors = (errors + chunk).slice(-2000);
  });
  let peakBytes = 0;
  const watch = setInterval(async () => {
    const status = await readFile(`/proc/${child.pid}/status`, "utf8").catch(() => "");
    const kilobytes = /^VmHWM:\s+(\d+)/m.exec(status)?.[1];
    if (kilobytes) peakBytes = Math.max(peakBytes, Number(kilobytes) * 1024);
  }, 20);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", resolve);
  }).finally(() => {
    clearInterval(watch);
    callOff();
  });
  if (code !== 0) throw new Error(`pointsman pack failed on a farm of its benchmark\n${errors}`);
  return { seconds: (performance.now() - began) / 1000, peakBytes };
}

async function measureLoad(configuration: Uint8Array): Promise<number> {
  const module = await Vm.compile(filter);
  let least = Number.POSITIVE_INFINITY;
  for (let n = 0; n < LOADS; n++) {
    const vm = await Vm.load(module);
    const began = performance.now();
    const root = vm.createRoot({ rootId: "main", configuration });
    least = Math.min(least, performance.now() - began);
    if (root.refused !== null) throw new Error(`the filter refused the table: ${vm.logs.at(-1)?.text}`);
  }
  return least;
}

async function measureInEnvoy(
  bench: Bench,
  farm: GrownFarm,
  table: Table,
  what: string,
): Promise<Pick<Grown, "inEnvoy" | "leftOut">> {
  const { envoy, folder, say } = bench;
  const size = farm.hosts.length;
  const names: VariantName[] = ["no-filter", "pointsman"];
  const leftOut: Grown["leftOut"] = [];
  if (!bench.quick) {
    names.push("lua");
    const why = whyNoRoutes(size);
    if (why === null) names.push("virtual-hosts");
    else leftOut.push({ name: "virtual-hosts", why });
  }
  const { plan } = compile(new Farm(farm.file, {}), "2026-01-01");
  const hosts = new Map(farm.wikis.map((wiki, n) => [wiki, farm.hosts[n]!]));
  const requests = requestsFor(farm.hosts);
  const upstream = await startEnvoyUpstream(envoy, clusterNames(plan), 1);
  try {
    const variants = await makeVariants(
      { plan, table, hosts, secondary: false, clusters: upstream.clusters, requests, folder },
      names,
    );
    const load = makeLoad(requests.map(bytesOf), folder, 1, "growth");
    const results: InEnvoy[] = [];
    for (const variant of variants) {
      say(`${what}: ${variant.title}`);
      results.push(await measureVariant(envoy, variant, requests, (port) => load.run(port, 1)));
    }
    if (bench.quick || (await whyNoCallgrind()) !== null) return { inEnvoy: results, leftOut };
    const counted = await inPairs(variants, async (variant) => {
      if (size > (MOST_COUNTED[variant.name] ?? Number.POSITIVE_INFINITY)) return null;
      say(`${what}: ${variant.title}, instructions`);
      const loads = [requests.slice(0, COUNTED).map(bytesOf)];
      return (await countInstructions({ envoy, config: variant.config, warmUp: 600, loads }))[0]!;
    });
    return { inEnvoy: results.map((result, n) => ({ ...result, instructions: counted[n]! })), leftOut };
  } finally {
    await upstream.stop();
  }
}

/** @returns null: this machine has the memory for so many */
function whyNoRoutes(size: number): string | null {
  const gigabytes = (bytes: number) => (bytes / 1e9).toFixed(0);
  const [needed, free] = [size * ENVOY_BYTES_A_HOST, freemem()];
  if (free < needed) return `of ${gigabytes(needed)} GB of memory, ${gigabytes(free)} are free`;
  const [heap, most] = [size * HEAP_BYTES_A_HOST, getHeapStatistics().heap_size_limit];
  return most < heap ? `Node needs ${gigabytes(heap)} GB and takes at most ${gigabytes(most)}` : null;
}

async function measureVariant(
  envoy: string,
  variant: Variant,
  requests: readonly BenchRequest[],
  load: (port: number) => Promise<{ requests: number; failed: number }>,
): Promise<InEnvoy> {
  const start = (concurrency: number) =>
    Server.start({
      envoy,
      config: variant.config,
      cpu: 0,
      concurrency,
      startTimeoutMs: START_TIMEOUT_MS,
    });
  const one = await start(1);
  let memoryBytes: number;
  let cpuMicros = Number.POSITIVE_INFINITY;
  const { startMs } = one;
  try {
    memoryBytes = await one.memoryBytes();
    await verify(variant, one, requests.slice(0, 200));
    for (let round = 0; round < 3; round++) {
      cpuMicros = Math.min(cpuMicros, await cpuOf(one, () => load(one.port)));
    }
  } finally {
    await one.stop();
  }
  const three = await start(3);
  try {
    const workerBytes = ((await three.memoryBytes()) - memoryBytes) / 2;
    return { name: variant.name, startMs, cpuMicros, instructions: null, memoryBytes, workerBytes };
  } finally {
    await three.stop();
  }
}

/** All hosts alike: the worst case for caches. */
function requestsFor(hosts: readonly string[]): BenchRequest[] {
  const random = new Random(7);
  return Array.from({ length: REQUESTS }, () => ({
    method: "GET",
    authority: random.pick(hosts),
    target: random.next() < 0.8 ? "/wiki/Main_Page" : "/w/api.php?action=query",
    headers: fewHeaders(),
  }));
}
