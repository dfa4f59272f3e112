/** What one request costs in Envoy, for every variant, in turns: CPU time, latency, instructions. */

import type { Bench } from "./bench.ts";
import { countInstructions, whyNoCallgrind } from "./callgrind.ts";
import { fixedRate } from "./client.ts";
import { type Load, makeLoad } from "./load.ts";
import { type BenchRequest, bytesOf, makeRequests } from "./requests.ts";
import { Server } from "./server.ts";
import { quantile, type Spread, spread } from "./statistics.ts";
import { startUpstream } from "./upstream.ts";
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
/** Rounds: latency needs fewer. */
const LATENCY_EVERY = 7;

export async function measureRequests(bench: Bench): Promise<RequestCost> {
  const { farm, envoy, folder, quick, say } = bench;
  const browser = makeRequests(farm.plan, farm.hosts, SEQUENCE, "browser");
  const upstream = await startUpstream(envoy, clusterNames(farm.plan), 1);
  try {
    const setting = { ...farm, near: true, clusters: upstream.clusters, requests: browser, folder };
    const variants = await makeVariants(setting, ALL);
    const load = makeLoad(browser.map(bytesOf), folder, 1, "browser");
    const sizes = quick
      ? { rounds: 3, seconds: 1, rate: 500, latencySeconds: 1 }
      : { rounds: 21, seconds: 1, rate: 500, latencySeconds: 2 };
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
  /** Of load a round and variant. */
  seconds: number;
  /** Requests a second, for so many seconds, while latency is measured. */
  rate: number;
  latencySeconds: number;
}

/** All variants run all the time, and are asked in turns: what disturbs the machine disturbs them all. */
async function measureTimes(
  { envoy, say }: Bench,
  variants: readonly Variant[],
  requests: readonly BenchRequest[],
  load: Load,
  { rounds, seconds, rate, latencySeconds }: Sizes,
): Promise<Pick<VariantCost, "checked" | "cpu" | "latency">[]> {
  const servers: Server[] = [];
  try {
    const checked: number[] = [];
    for (const variant of variants) {
      say(`requests: ${variant.title}: does each request go where it should?`);
      const server = await Server.start({ envoy, config: variant.config, cpu: 0 });
      servers.push(server);
      checked.push(await verify(variant, server, requests.slice(0, CHECKED)));
    }
    const portOf = (n: number) => servers[n]!.ports[variants[n]!.listener ?? "main"]!;
    const micros: number[][] = variants.map(() => []);
    const latencies: number[][] = variants.map(() => []);
    const bytes = requests.map(bytesOf);
    for (let n = 0; n < variants.length; n++) await load.run(portOf(n), 1);
    for (let round = 0; round < rounds; round++) {
      say(`requests: CPU time and latency, round ${round + 1} of ${rounds}`);
      // Another order each round, so that nobody always follows the same one.
      for (let i = 0; i < variants.length; i++) {
        const n = (i + round) % variants.length;
        micros[n]!.push(await cpuOf(servers[n]!, () => load.run(portOf(n), seconds)));
        if (round % LATENCY_EVERY === 0)
          latencies[n]!.push(...(await fixedRate(portOf(n), bytes, rate, latencySeconds)));
      }
    }
    return variants.map((_, n) => {
      const sorted = latencies[n]!.sort((a, b) => a - b);
      return {
        checked: checked[n]!,
        cpu: spread(micros[n]!),
        latency: { p50: quantile(sorted, 0.5), p99: quantile(sorted, 0.99) },
      };
    });
  } finally {
    await Promise.all(servers.map((server) => server.stop()));
  }
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
export async function inPairs<In, Out>(
  list: readonly In[],
  work: (item: In) => Promise<Out>,
): Promise<Out[]> {
  const results: Out[] = [];
  let next = 0;
  const worker = async () => {
    while (next < list.length) {
      const n = next++;
      results[n] = await work(list[n]!);
    }
  };
  const done = await Promise.allSettled([worker(), worker()]);
  for (const one of done) if (one.status === "rejected") throw one.reason;
  return results;
}
