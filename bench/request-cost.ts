/** What one request costs in Envoy, for every variant, in turns: CPU time, latency, instructions. */
import { atMost } from "../scripts/collections/at-most.ts";
import type { Bench } from "./bench.ts";
import { countInstructions, whyNoCallgrind } from "./callgrind.ts";
import { startEnvoyUpstream } from "./envoy-upstream.ts";
import { type Load, makeLoad, type PausableLoad } from "./load.ts";
import { fixedRate } from "./load-generator.ts";
import { type BenchRequest, bytesOf, makeRequests } from "./requests.ts";
import { Server } from "./server.ts";
import { quantile, type Spread, spread } from "./statistics.ts";
import { ALL, clusterNames, makeVariants, type Variant, type VariantName, verify } from "./variants.ts";

export interface RequestCost {
  /** What kept Envoy busy. */
  load: string;
  /** Why there are no instructions; null: there are. */
  withoutInstructions: string | null;
  rounds: number;
  /** Requests a second while latency was measured. */
  rate: number;
  /** Different requests in the sequence. */
  requests: number;
  variants: VariantCost[];
}

export interface VariantCost {
  name: VariantName;
  title: string;
  /** Requests that were seen to go where they should. */
  checked: number;
  /** µs of CPU a request; browser's headers. */
  cpu: Spread;
  /** The same of the calm rounds alone. */
  calmCpu: Spread;
  /** In each calm round, what that was above no filter. */
  cpuAbove: Spread;
  /** µs at the fixed rate. */
  latency: { p50: number; p99: number };
  /** Instructions a request, with few headers and with a browser's. */
  instructions: { few: number; browser: number } | null;
}

const SEQUENCE = 4096;
/** Valgrind takes most of a quick run's time: there, these alone are counted. */
const QUICKLY_COUNTED: readonly VariantName[] = ["no-filter", "lua", "pointsman", "constant"];
const CHECKED = 1000;
/** Under valgrind. A cluster of every thousandth request must be connected before a request is counted. */
const WARM_UP = 3000;

export async function measureRequests(bench: Bench): Promise<RequestCost> {
  const { farm, envoy, folder, quick, say } = bench;
  const browser = makeRequests(farm.plan, farm.hosts, SEQUENCE, "browser");
  const upstream = await startEnvoyUpstream(envoy, clusterNames(farm.plan), 1);
  try {
    const setting = { ...farm, secondary: true, clusters: upstream.clusters, requests: browser, folder };
    const variants = await makeVariants(setting, ALL);
    const load = makeLoad(browser.map(bytesOf), folder, 1, "browser");
    const sizes = quick
      ? { rounds: 20, latencyRounds: 1, rate: 500, latencySeconds: 1 }
      : { rounds: 150, latencyRounds: 3, rate: 500, latencySeconds: 2 };
    const times = await measureTimes(bench, variants, browser, load, sizes);
    const counted = await measureInstructions(bench, variants, browser);
    say("requests: done");
    return {
      load: load.name,
      withoutInstructions: typeof counted === "string" ? counted : null,
      rounds: sizes.rounds,
      rate: sizes.rate,
      requests: SEQUENCE,
      variants: variants.map(({ name, title }, n) => ({
        name,
        title,
        ...times[n]!,
        instructions: typeof counted === "string" ? null : counted[n]!,
      })),
    };
  } finally {
    await upstream.stop();
  }
}

interface Sizes {
  rounds: number;
  latencyRounds: number;
  /** Requests a second, for so many seconds, while latency is measured. */
  rate: number;
  latencySeconds: number;
}

/** Of load a round and variant: so short that what disturbs the machine disturbs all variants of a round. */
const MOMENT_MS = 100;

/** All variants run all the time, and are asked in turns. */
async function measureTimes(
  { envoy, say }: Bench,
  variants: readonly Variant[],
  requests: readonly BenchRequest[],
  load: Load,
  { rounds, latencyRounds, rate, latencySeconds }: Sizes,
): Promise<Pick<VariantCost, "checked" | "cpu" | "calmCpu" | "cpuAbove" | "latency">[]> {
  const servers: Server[] = [];
  const loads: PausableLoad[] = [];
  try {
    const checked: number[] = [];
    for (const variant of variants) {
      say(`requests: ${variant.title}: does each request go where it should?`);
      const server = await Server.start({ envoy, config: variant.config, cpu: 0 });
      servers.push(server);
      checked.push(await verify(variant, server, requests.slice(0, CHECKED)));
    }
    const listenerOf = (n: number) => variants[n]!.listener ?? "main";
    const portOf = (n: number) => servers[n]!.ports[listenerOf(n)]!;
    // Another order each round, so that nobody always follows the same one.
    const inTurns = async (round: number, ask: (n: number) => Promise<void>) => {
      for (let i = 0; i < variants.length; i++) await ask((i + round) % variants.length);
    };
    const latencies: number[][] = variants.map(() => []);
    const bytes = requests.map(bytesOf);
    for (let round = 0; round < latencyRounds; round++) {
      say(`requests: latency, round ${round + 1} of ${latencyRounds}`);
      await inTurns(round, async (n) => {
        latencies[n]!.push(...(await fixedRate(portOf(n), bytes, rate, latencySeconds)));
      });
    }
    say(`requests: CPU time, ${rounds} rounds`);
    for (const n of variants.keys()) {
      await load.run(portOf(n), 1);
      loads.push(load.pausable(portOf(n)));
      await loads[n]!.run(MOMENT_MS);
    }
    const micros: number[][] = variants.map(() => []);
    for (let round = 0; round < rounds; round++) {
      await inTurns(round, async (n) => {
        micros[n]!.push(await cpuOfMoment(servers[n]!, listenerOf(n), loads[n]!));
      });
    }
    const base = micros[variants.findIndex(({ name }) => name === "no-filter")]!;
    const calm = calmRounds(micros);
    return variants.map((_, n) => {
      const sorted = latencies[n]!.sort((a, b) => a - b);
      return {
        checked: checked[n]!,
        cpu: spread(micros[n]!),
        calmCpu: spread(calm.map((round) => micros[n]![round]!)),
        cpuAbove: spread(calm.map((round) => micros[n]![round]! - base[round]!)),
        latency: { p50: quantile(sorted, 0.5), p99: quantile(sorted, 0.99) },
      };
    });
  } finally {
    await Promise.all(loads.map((one) => one.end()));
    await Promise.all(servers.map((server) => server.stop()));
  }
}

/**
 * The quarter of the rounds in which all variants together needed least: another tenant of the machine can double what a
 * request takes, for minutes.
 * @param micros of each variant, by round
 */
function calmRounds(micros: readonly (readonly number[])[]): number[] {
  const totals = micros[0]!.map((_, round) => micros.reduce((sum, one) => sum + one[round]!, 0));
  const calmest = [...totals.keys()].sort((a, b) => totals[a]! - totals[b]!);
  return calmest.slice(0, Math.ceil(calmest.length / 4));
}

/** µs of the server's CPU a request; that of asking it for its counters is not among them. */
async function cpuOfMoment(server: Server, listener: string, load: PausableLoad): Promise<number> {
  const answered = await server.answered(listener);
  const before = await server.cpuMicros();
  await load.run(MOMENT_MS);
  const after = await server.cpuMicros();
  const { all, good } = await server.answered(listener);
  if (all !== good) throw new Error(`${all - good} of ${all} requests failed\n${server.tail()}`);
  if (all === answered.all) throw new Error(`no request came in ${MOMENT_MS} ms of load\n${server.tail()}`);
  return (after - before) / (all - answered.all);
}

/** µs of the server's CPU a request. */
export async function cpuOf(
  server: Server,
  load: () => Promise<{ requests: number; failed: number }>,
): Promise<number> {
  const before = await server.cpuMicros();
  const { requests, failed } = await load();
  const after = await server.cpuMicros();
  if (failed > 0) throw new Error(`${failed} of ${requests} requests failed\n${server.tail()}`);
  return (after - before) / requests;
}

/** @returns a reason where there are none */
async function measureInstructions(
  { envoy, farm, quick, say }: Bench,
  variants: readonly Variant[],
  browser: readonly BenchRequest[],
): Promise<({ few: number; browser: number } | null)[] | string> {
  const missing = await whyNoCallgrind();
  if (missing !== null) return missing;
  const count = quick ? 200 : 500;
  const few = makeRequests(farm.plan, farm.hosts, count, "few");
  const loads = [few, browser.slice(0, count)].map((list) => list.map(bytesOf));
  return inPairs(variants, async ({ name, title, config, listener }) => {
    if (quick && !QUICKLY_COUNTED.includes(name)) return null;
    say(`requests: instructions: ${title}`);
    const [fewest, most] = await countInstructions({
      envoy,
      config,
      ...(listener && { listener }),
      warmUp: WARM_UP,
      loads,
    });
    return { few: fewest!, browser: most! };
  });
}

/** Two at a time: instructions do not depend on what else runs. */
export function inPairs<In, Out>(list: readonly In[], work: (item: In) => Promise<Out>): Promise<Out[]> {
  return atMost(2, list, work);
}
