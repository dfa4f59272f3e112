/** A promotion under load: a new table by file ECDS, beside the same change as a route table by file RDS. */
import { mkdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { encode } from "../scripts/encode/encode.ts";
import { FilterFiles } from "../scripts/envoy/discovery.ts";
import type { Plan } from "../scripts/plan.ts";
import { projectRoot } from "../scripts/project-root.ts";
import { bootstrap } from "../scripts/render/bootstrap.ts";
import { findListener } from "../scripts/table/decide.ts";
import { Table } from "../scripts/table/table.ts";
import type { Bench } from "./bench.ts";
import { managers, type RouteConfig } from "./envoy-config.ts";
import { startEnvoyUpstream } from "./envoy-upstream.ts";
import { ClosedLoop, type Counts } from "./load-generator.ts";
import { nativeRoutes } from "./native.ts";
import { protobufBytes } from "./protobuf-size.ts";
import { type BenchRequest, bytesOf, fewHeaders } from "./requests.ts";
import { Server } from "./server.ts";
import { smallestRoutes } from "./smallest-routes.ts";
import { type Spread, spread } from "./statistics.ts";
import { clusterNames, clusterOf, FALLBACK, listenerOf } from "./variants.ts";

export interface Updates {
  updates: number;
  workers: number;
  ways: UpdateCost[];
}

export interface UpdateCost {
  name: "pointsman" | "virtual-hosts" | "smallest-routes";
  title: string;
  /** ms from the rename to the first answer of the last connection that is by the new table. */
  switchMs: Spread;
  requests: number;
  failed: number;
  /** As protobuf, which xDS moves. */
  bytes: number;
  /** As the file holds it. */
  fileBytes: number;
  /** Memory of Envoy's own after the first tenth of the updates, and after all. */
  memoryBytes: { before: number; after: number };
}

const CONNECTIONS = 16;
const WORKERS = 3;

interface Way {
  name: UpdateCost["name"];
  title: string;
  config: object;
  /** Puts a state in place. */
  write(state: State): Promise<void>;
  /** What moves at an update. */
  size(state: State): { bytes: number; fileBytes: number };
}

/** The farm before or after the promotion. */
interface State {
  plan: Plan;
  table: Table;
}

export async function measureUpdates(bench: Bench): Promise<Updates> {
  const { farm, envoy, folder, quick, say } = bench;
  const updates = quick ? 40 : 200;
  const wiki = farm.plan.wikis.find(({ id }) => id === "enwiki") ?? farm.plan.wikis[0]!;
  const before: State = { plan: farm.plan, table: farm.table };
  const states = [before, promoted(before, wiki.id)];
  const upstream = await startEnvoyUpstream(envoy, clusterNames(farm.plan), 1);
  try {
    const probe: BenchRequest = {
      method: "GET",
      authority: farm.hosts.get(wiki.id)!,
      target: "/wiki/Main_Page",
      headers: fewHeaders(),
    };
    const ways = await makeWays(bench, upstream.clusters);
    const costs: UpdateCost[] = [];
    for (const way of ways) {
      say(`updates: ${updates} of ${way.title}, under load`);
      costs.push(await measureWay(envoy, way, states, probe, updates));
    }
    return { updates, workers: WORKERS, ways: costs };
  } finally {
    await upstream.stop();
  }
  async function makeWays(
    { farm: { plan } }: Bench,
    clusters: { name: string; port: number }[],
  ): Promise<Way[]> {
    const wasm = join(projectRoot(), "build/pointsman.wasm");
    const ecds = join(folder, "ecds");
    const listener = listenerOf(plan);
    const name = listener.name ?? "main";
    const files = new FilterFiles(ecds, [name], { wasm, table: farm.table.bytes });
    const options = {
      listeners: [{ name, trust: listener.trust }],
      clusters,
      fallbackCluster: FALLBACK,
      clusterHeader: plan.emit.find(({ kind }) => kind === "cluster")!.name,
      emittedHeaders: plan.emit.map(({ name }) => name),
    };
    const byRoutes = (name: Way["name"], title: string, routesOf: (state: State) => RouteConfig): Way => {
      const config = bootstrap({ ...options, discovery: null });
      const directory = join(folder, name);
      const path = join(directory, "routes.json");
      const manager = managers(config)[0]!;
      delete manager.route_config;
      manager.rds = {
        route_config_name: "main",
        config_source: {
          path_config_source: { path, watched_directory: { path: directory } },
          resource_api_version: "V3",
        },
      };
      let version = 0;
      const text = (state: State) => {
        const type = "type.googleapis.com/envoy.config.route.v3.RouteConfiguration";
        version++;
        return JSON.stringify({
          version_info: String(version),
          resources: [{ "@type": type, ...routesOf(state) }],
        });
      };
      return {
        name,
        title,
        config,
        async write(state) {
          await mkdir(directory, { recursive: true });
          await writeFile(`${path}.tmp`, text(state));
          await rename(`${path}.tmp`, path);
        },
        size: (state) => ({
          bytes: protobufBytes.routes(routesOf(state)),
          fileBytes: text(state).length,
        }),
      };
    };
    return [
      {
        name: "pointsman",
        title: "a table (ECDS)",
        config: bootstrap({
          ...options,
          discovery: (name) => ({ path: files.path(name), directory: files.directory(name) }),
        }),
        write: (state) => files.write(state.table.bytes),
        size: (state) => protobufBytes.filter(state.table.bytes, wasm),
      },
      byRoutes("virtual-hosts", "Envoy's own routes, `--native` (RDS)", ({ plan, table }) =>
        nativeRoutes(table, findListener(table, listenerOf(plan).name), {
          fallbackCluster: FALLBACK,
          secondary: false,
        }),
      ),
      byRoutes("smallest-routes", "the fewest routes for own hosts (RDS)", ({ plan }) =>
        smallestRoutes(plan, farm.hosts, listenerOf(plan)),
      ),
    ];
  }
}

/** The same farm with one wiki on another release, which needs a new table and new routes. */
function promoted({ plan }: State, wiki: string): State {
  const wikis = plan.wikis.map((one) => {
    if (one.id !== wiki) return one;
    return { ...one, release: (one.release + 1) % plan.releases.length };
  });
  const next = { ...plan, wikis };
  return { plan: next, table: new Table(encode(next, { generation: 2, names: null })) };
}

async function measureWay(
  envoy: string,
  way: Way,
  states: State[],
  probe: BenchRequest,
  updates: number,
): Promise<UpdateCost> {
  const expected = states.map((state) => clusterOf({ ...state, secondary: false }, probe));
  if (expected[0] === expected[1])
    throw new Error("the promotion changes no cluster: there is nothing to see");
  await way.write(states[0]!);
  const server = await Server.start({ envoy, config: way.config, concurrency: WORKERS, cpu: 0 });
  const watch = new Watch(server.port, bytesOf(probe));
  try {
    await watch.untilAll(expected[0]!);
    const times: number[] = [];
    let before = 0;
    for (let n = 1; n <= updates; n++) {
      const began = performance.now();
      await way.write(states[n % 2]!);
      const renamed = performance.now();
      times.push(Math.max(0, (await watch.untilAll(expected[n % 2]!)) - renamed));
      if (n === Math.ceil(updates / 10)) before = await server.memoryBytes();
      // Envoy watches files by their change: give it the time to see each.
      await sleep(Math.max(0, 5 - (performance.now() - began)));
    }
    const after = await server.memoryBytes();
    return {
      name: way.name,
      title: way.title,
      switchMs: spread(times),
      ...watch.counts,
      ...way.size(states[1]!),
      memoryBytes: { before, after },
    };
  } finally {
    await watch.stop();
    await server.stop();
  }
}

/** Asks on many connections all the time, and knows what each was last told. */
class Watch {
  private readonly last: string[] = [];
  private readonly since: number[] = [];
  private readonly loop: ClosedLoop;

  constructor(port: number, request: Uint8Array) {
    this.loop = new ClosedLoop(port, [request], CONNECTIONS, (n, body) => this.heard(n, body));
  }

  private heard(n: number, body: string): void {
    if (this.last[n] === body) return;
    this.last[n] = body;
    this.since[n] = performance.now();
  }

  get counts(): Counts {
    return this.loop.counts;
  }

  /** @returns when the last connection was first answered by that cluster */
  async untilAll(cluster: string, timeoutMs = 20_000): Promise<number> {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      const told = Array.from({ length: CONNECTIONS }, (_, n) => this.last[n]);
      if (told.every((one) => one === cluster)) return Math.max(...this.since);
      if (performance.now() > deadline)
        throw new Error(
          `after ${timeoutMs} ms not every connection is answered by ${cluster}: ${told.join(", ")}`,
        );
      await sleep(1);
    }
  }

  async stop(): Promise<void> {
    await this.loop.stop();
  }
}
