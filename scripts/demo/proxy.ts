/** The demo's proxy: a real Envoy; where none can be had, the simulator, with a word about it. */
import { readFile } from "node:fs/promises";
import { SimulatedProxy } from "../../host-sim/http/proxy.ts";
import { envoy140 } from "../../host-sim/index.ts";
import { EnvoyUnavailable, findEnvoy } from "../envoy/install.ts";
import { startEnvoy } from "../envoy/process.ts";
import type { ClusterOptions } from "../render/bootstrap.ts";
import type { Write } from "./parts.ts";

export interface DemoProxy {
  readonly port: number;
  /** For the person who watches: `Envoy 1234`. */
  readonly name: string;
  /** Where to look further: its admin interface, its files. */
  readonly facts: string[];
  updateFilter(table: Uint8Array): Promise<{ accepted: boolean; reason?: string }>;
  stop(): Promise<void>;
  /** Resolves when it has ended, asked to or not. */
  readonly exited: Promise<void>;
  readonly gone: boolean;
}

export interface DemoProxyOptions {
  wasm: string;
  table: Uint8Array;
  clusters: ClusterOptions[];
  fallbackCluster: string;
  clusterHeader: string;
  emittedHeaders: string[];
  listener: string;
  write: Write;
  /** Finds Envoy's binary. */
  find?: typeof findEnvoy;
}

/** An ENVOY_BIN that does not run is an error: who sets it wants that Envoy and no other proxy. */
export async function startProxy(options: DemoProxyOptions): Promise<DemoProxy> {
  const { write, find = findEnvoy } = options;
  let binary: string;
  try {
    binary = await find({ progress: write });
  } catch (error) {
    if (!(error instanceof EnvoyUnavailable) || process.env.ENVOY_BIN) throw error;
    write(`${error.message}\nWithout it, the simulator runs the same filter.`);
    return startSimulator(options);
  }
  const { wasm, table, clusters, fallbackCluster, clusterHeader, emittedHeaders, listener } = options;
  const filter = { wasm, table };
  const envoy = await startEnvoy({
    envoy: binary,
    listeners: [{ name: listener }],
    clusters,
    fallbackCluster,
    clusterHeader,
    emittedHeaders,
    filter,
  });
  return Object.assign(envoy, {
    name: `Envoy ${envoy.pid}`,
    facts: [
      `Its admin interface is http://127.0.0.1:${envoy.adminPort}, its log ${envoy.logFile};`,
      `its folder, with the bootstrap and the filter's file, is ${envoy.folder} and goes with it.`,
    ],
  });
}

async function startSimulator(options: DemoProxyOptions): Promise<DemoProxy> {
  const { clusters, fallbackCluster, clusterHeader, wasm, table, write } = options;
  const byName = new Map(clusters.map(({ name, port }) => [name, { host: "127.0.0.1", port }]));
  const proxy = await SimulatedProxy.start({
    wasm: await readFile(wasm),
    profile: envoy140,
    configuration: table,
    rootId: options.listener,
    clusters: { header: clusterHeader, fallback: fallbackCluster, byName },
    failurePolicy: "closed",
    listen: { host: "127.0.0.1", port: 0 },
    log: (line) => write(`  ${line}`),
  });
  let gone = false;
  let ended = (): void => {};
  const exited = new Promise<void>((resolve) => {
    ended = resolve;
  });
  return {
    port: proxy.port,
    name: "The simulator",
    facts: [],
    async updateFilter(next) {
      const { accepted, why } = proxy.update(next);
      return why === null ? { accepted } : { accepted, reason: why };
    },
    async stop() {
      await proxy.stop();
      gone = true;
      ended();
    },
    exited,
    get gone() {
      return gone;
    },
  };
}
