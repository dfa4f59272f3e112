/** What a run of the benchmark found, and what of it was promised. */
import { cpus } from "node:os";
import type { Grown } from "./growth.ts";
import type { RequestCost } from "./request-cost.ts";
import type { Start } from "./start.ts";
import type { Updates } from "./updates.ts";
import type { VariantName } from "./variants.ts";

export interface Results {
  /** Of a quick run only the order of things is to be believed. */
  quick: boolean;
  machine: { cpu: string; cpus: number; node: string; envoy: string };
  farm: { wikis: number; tableBytes: number };
  requests?: RequestCost;
  growth?: Grown[];
  updates?: Updates;
  start?: Start;
}

export type PartName = "requests" | "growth" | "updates" | "start";
export const PARTS: readonly PartName[] = ["requests", "growth", "updates", "start"];

export function machine(envoy: string): Results["machine"] {
  const all = cpus();
  return { cpu: all[0]?.model ?? "unknown", cpus: all.length, node: process.version, envoy };
}

export type Measure = "few" | "browser" | "cpu";

/** What a variant adds to an Envoy without a filter; null where it was not counted. */
export function above(cost: RequestCost, name: VariantName, measure: Measure): number | null {
  const variant = (one: VariantName) => cost.variants.find((v) => v.name === one)!;
  if (measure === "cpu") return variant(name).cpuAbove.median;
  const [own, base] = [variant(name).instructions, variant("no-filter").instructions];
  return own === null || base === null ? null : own[measure] - base[measure];
}

/** Ours ÷ theirs, both above no filter; null where one of them is lost in the noise. */
export function ratio(cost: RequestCost, theirs: VariantName, measure: Measure): number | null {
  const [own, other] = [above(cost, "pointsman", measure), above(cost, theirs, measure)];
  return own === null || other === null || own <= 0 || other <= 0 ? null : own / other;
}

export interface Goal {
  what: string;
  measured: number;
  most: number;
  unit: string;
}

export const holds = ({ measured, most }: Goal): boolean => measured <= most;

const RATIOS: [VariantName, string, number][] = [
  ["lua", "Lua's whole decision", 1.0],
  ["sdk-classes", "the same on the SDK's classes", 0.4],
  ["constant", "the constant emitter", 2.1],
  ["one-more-hop", "one more Envoy hop", 0.25],
];
const MEASURES: Record<Measure, string> = {
  few: "instructions, few headers",
  browser: "instructions, a browser's headers",
  cpu: "CPU time",
};

/** Every promise about which the run says something. */
export function goals({ requests, growth, updates }: Results): Goal[] {
  const found: Goal[] = [];
  if (requests) {
    for (const [theirs, title, most] of RATIOS) {
      for (const measure of Object.keys(MEASURES) as Measure[]) {
        const measured = ratio(requests, theirs, measure);
        if (measured !== null)
          found.push({ what: `our filter ÷ ${title} (${MEASURES[measure]})`, measured, most, unit: "×" });
      }
    }
  }
  const [first] = growth ?? [];
  const last = growth?.at(-1);
  for (const one of growth ?? []) {
    if (one !== first && one.hosts !== 1_000_000) continue;
    const worst = Math.max(...Object.values(one.lookUps.nanos));
    const most = one === first ? 100 : 200;
    found.push({
      what: `a look-up at ${shortCount(one.hosts)} hosts, the worst keys`,
      measured: worst,
      most,
      unit: "ns",
    });
  }
  if (first && last && last.hosts === 1_000_000) {
    const million = "1 M hosts";
    const ours = (one: Grown) => one.inEnvoy.find(({ name }) => name === "pointsman")!;
    const worker = (ours(last).workerBytes - 2e6) / last.tableBytes;
    found.push(
      { what: `${million}: pack`, measured: last.pack.seconds, most: 10, unit: "s" },
      { what: `${million}: memory of pack`, measured: last.pack.peakBytes / 1e9, most: 2, unit: "GB" },
      {
        what: `${million}: table, a host above its keys`,
        measured: last.overheadBytesAHost,
        most: 40,
        unit: "bytes",
      },
      { what: `${million}: load`, measured: last.loadMs, most: 100, unit: "ms" },
      { what: `${million}: memory of a worker − 2 MB ÷ table`, measured: worker, most: 1.2, unit: "×" },
    );
    const [few, many] = [ours(first).instructions, ours(last).instructions];
    if (few !== null && many !== null)
      found.push({
        what: `${million}: instructions a request ÷ those at 1 k`,
        measured: many / few,
        most: 1.1,
        unit: "×",
      });
  }
  if (updates) {
    const of = (name: string) => updates.ways.find((way) => way.name === name)!;
    const moved = of("pointsman").bytes / of("smallest-routes").bytes;
    found.push(
      { what: "an update's bytes ÷ the smallest route table's", measured: moved, most: 0.7, unit: "×" },
      {
        what: `failed requests in ${updates.updates} updates`,
        measured: of("pointsman").failed,
        most: 0,
        unit: "",
      },
    );
  }
  return found;
}

export function shortCount(count: number): string {
  return count >= 1e6 ? `${count / 1e6} M` : count >= 1000 ? `${count / 1000} k` : String(count);
}
