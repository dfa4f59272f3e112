/** From nothing to the first routed request, and what Envoy holds in memory for its workers. */
import { gzipSync } from "node:zlib";
import { filter } from "../scripts/filter.ts";
import type { Bench } from "./bench.ts";
import { startEnvoyUpstream } from "./envoy-upstream.ts";
import { isSaid } from "./native.ts";
import { makeRequests } from "./requests.ts";
import { Server } from "./server.ts";
import { type Spread, spread } from "./statistics.ts";
import { clusterNames, listenerOf, makeVariants, type VariantName, verify } from "./variants.ts";

export interface Start {
  wasmBytes: number;
  wasmGzipBytes: number;
  tableBytes: number;
  variants: {
    name: VariantName;
    title: string;
    /** ms from the process's start to the first answer from the right cluster. */
    firstMs: Spread;
    /** Envoy's own memory in bytes, by its number of workers. */
    memory: { workers: number; bytes: number }[];
  }[];
}

export async function measureStart(bench: Bench): Promise<Start> {
  const { farm, envoy, folder, quick, say } = bench;
  const upstream = await startEnvoyUpstream(envoy, clusterNames(farm.plan), 1);
  try {
    const names = ["no-filter", "pointsman", "lua", "virtual-hosts"] as const;
    const where = { listener: listenerOf(farm.plan).name, secondary: true };
    const requests = makeRequests(farm.plan, farm.hosts, 20, "few").filter((one) =>
      isSaid(farm.table, one, where),
    );
    const setting = { ...farm, secondary: true, clusters: upstream.clusters, requests, folder };
    const variants = await makeVariants(setting, names);
    const measured: Start["variants"] = [];
    for (const variant of variants) {
      say(`start: ${variant.title}`);
      const times: number[] = [];
      const memory: { workers: number; bytes: number }[] = [];
      for (const workers of quick ? [1, 4] : [1, 1, 1, 4, 12]) {
        const began = performance.now();
        const server = await Server.start({ envoy, config: variant.config, concurrency: workers });
        try {
          await verify(variant, server, requests.slice(0, 1));
          if (workers === 1) times.push(performance.now() - began);
          if (!memory.some((one) => one.workers === workers))
            memory.push({ workers, bytes: await server.memoryBytes() });
        } finally {
          await server.stop();
        }
      }
      measured.push({ name: variant.name, title: variant.title, firstMs: spread(times), memory });
    }
    return {
      wasmBytes: filter.length,
      wasmGzipBytes: gzipSync(filter, { level: 9 }).length,
      tableBytes: farm.table.bytes.length,
      variants: measured,
    };
  } finally {
    await upstream.stop();
  }
}
