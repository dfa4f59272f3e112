/**
 * What the simulator costs: requests a second in process for our filter, and the time from nothing to the first decision.
 *
 *   node build/simulator.mjs [TABLE]      (default: the small farm, packed)
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Pair, Vm } from "../host-sim/index.ts";
import { clockDay } from "../scripts/commands/farm-options.ts";
import { packFarm } from "../scripts/commands/pack.ts";
import { filter } from "../scripts/filter.ts";
import { projectRoot } from "../scripts/project-root.ts";

const ROUNDS = 9;
const REQUESTS = 50_000;
const HOSTS = [
  "en.wikipedia.org",
  "de.wikipedia.org",
  "www.wikidata.org",
  "test.wikipedia.org",
  "unknown.example",
];
const PATHS = ["/wiki/Main_Page", "/w/api.php?action=query", "/"];

const table = tableBytes();
const requests = HOSTS.flatMap((host) =>
  PATHS.map((path): Pair[] => [
    [":authority", host],
    [":path", path],
    [":method", "GET"],
    [":scheme", "https"],
    ["user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"],
    ["accept", "text/html"],
  ]),
);

const vm = await Vm.load(filter);
const root = vm.createRoot({ rootId: "bench", configuration: table });
run(REQUESTS);
show(
  "requests a second, in process",
  rounds(() => REQUESTS / (time(() => run(REQUESTS)) / 1000)),
  0,
);
const firstMs: number[] = [];
for (let round = 0; round < ROUNDS; round++) {
  const began = performance.now();
  const fresh = await Vm.load(filter);
  fresh.createRoot({ rootId: "bench", configuration: table }).request({ headers: requests[0]! });
  firstMs.push(performance.now() - began);
}
show("ms from the module's bytes to the first decision", firstMs, 1);

const folder = mkdtempSync(join(tmpdir(), "pointsman-bench-"));
try {
  const file = join(folder, "bench.table");
  writeFileSync(file, table);
  const explain = [
    join(projectRoot(), "build/pointsman.mjs"),
    "explain",
    "--table",
    file,
    "en.wikipedia.org",
  ];
  show(
    "ms from starting Node to the first decision (explain)",
    rounds(() => time(() => execFileSync(process.execPath, explain))),
    0,
  );
} finally {
  rmSync(folder, { recursive: true });
}

function tableBytes(): Uint8Array {
  const [file] = process.argv.slice(2);
  if (file !== undefined) return readFileSync(file);
  const farm = join(projectRoot(), "examples/small/farm.yaml");
  return packFarm({ farm, source: {}, today: clockDay(), strip: true }).bytes;
}

function run(count: number): void {
  for (let i = 0; i < count; i++) root.request({ headers: requests[i % requests.length]! });
}

function time(work: () => void): number {
  const began = performance.now();
  work();
  return performance.now() - began;
}

function rounds(measure: () => number): number[] {
  return Array.from({ length: ROUNDS }, measure);
}

function show(what: string, values: number[], digits: number): void {
  const sorted = [...values].sort((a, b) => a - b);
  const [least, middle, most] = [0, Math.floor(sorted.length / 2), sorted.length - 1].map((i) =>
    sorted[i]!.toFixed(digits),
  );
  console.log(`${what}: median ${middle} (${least} to ${most}, ${values.length} rounds)`);
}
