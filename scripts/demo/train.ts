/** A new table pushed under a stream of requests: each gets the old cluster or the new one, and none an error. */
import http from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { send } from "../envoy/request.ts";
import type { Seen } from "../envoy/upstream.ts";
import type { Lookup } from "./parts.ts";
import type { DemoProxy } from "./proxy.ts";
import { type DemoRequest, PASS_THROUGH } from "./requests.ts";

export interface TrainResult {
  /** Requests of the whole stream. */
  requests: number;
  /** How many of the stream's requests have another cluster in the new table. */
  moved: number;
  /** From writing the table to Envoy's word that every worker has it. */
  flipMs: number;
  streamMs: number;
  /** What went wrong, one sentence each; empty: the promotion was seen by nobody. */
  faults: string[];
}

const WORKERS = 4;
/** The stream goes on for so long before and after the push. */
const AROUND_MS = 300;
const FAULTS_SHOWN = 5;

interface Sample {
  request: DemoRequest;
  began: number;
  ended: number;
  /** Or, when no upstream answered, `status 503`. */
  cluster: string;
}

export async function pushUnderLoad(options: {
  proxy: DemoProxy;
  lookup: Lookup;
  requests: DemoRequest[];
  before: Uint8Array;
  after: Uint8Array;
}): Promise<TrainResult> {
  const { proxy, lookup, requests, before, after } = options;
  const cluster = (table: Uint8Array, one: DemoRequest) =>
    lookup(table, one.host, one.path)?.cluster ?? PASS_THROUGH;
  const wanted = new Map(
    requests.map((one) => [one, { old: cluster(before, one), new: cluster(after, one) }]),
  );
  const moved = [...wanted.values()].filter((one) => one.old !== one.new).length;

  const began = performance.now();
  const stream = startStream(proxy.port, requests);
  await sleep(AROUND_MS);
  const pushed = performance.now();
  const update = await proxy
    .updateFilter(after)
    .catch((error: Error) => ({ accepted: false, reason: error.message }));
  const taken = performance.now();
  await sleep(AROUND_MS);
  const samples = await stream.stop();

  const faults = moved === 0 ? ["the new table moves none of the requests"] : [];
  if (!update.accepted) faults.push(`Envoy refused the table: ${update.reason}`);
  for (const sample of samples) {
    const { old, new: now } = wanted.get(sample.request)!;
    // A request in flight during the push may see either table.
    const allowed = sample.ended < pushed ? [old] : sample.began > taken ? [now] : [old, now];
    if (allowed.includes(sample.cluster)) continue;
    const { host, path } = sample.request;
    faults.push(
      `${host}${path} went to ${sample.cluster} ${Math.round(sample.began - pushed)} ms after the push, not to ${allowed}`,
    );
  }
  return {
    requests: samples.length,
    moved,
    flipMs: taken - pushed,
    streamMs: performance.now() - began,
    faults:
      faults.length > FAULTS_SHOWN ? [...faults.slice(0, FAULTS_SHOWN), `… ${faults.length} in all`] : faults,
  };
}

/** Sends the requests in turn, over a few connections that stay open, until it is stopped. */
function startStream(port: number, requests: DemoRequest[]): { stop(): Promise<Sample[]> } {
  const samples: Sample[] = [];
  const agent = new http.Agent({ keepAlive: true, maxSockets: WORKERS });
  let going = true;
  const worker = async (first: number) => {
    for (let i = first; going; i++) {
      const request = requests[i % requests.length]!;
      const began = performance.now();
      // No answer at all counts as status 0.
      const response = await send({ port, host: request.host, path: request.path, agent }).catch(() => null);
      const cluster =
        response?.status === 200
          ? (JSON.parse(response.body) as Seen).cluster
          : `status ${response?.status ?? 0}`;
      samples.push({ request, began, ended: performance.now(), cluster });
    }
  };
  const workers = Array.from({ length: WORKERS }, (_, i) => worker(i));
  return {
    async stop() {
      going = false;
      await Promise.all(workers);
      agent.destroy();
      return samples;
    },
  };
}
