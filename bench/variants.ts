/** The ways to route the farm that are measured side by side, each as a whole Envoy configuration. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Listener, Plan } from "../scripts/plan.ts";
import { projectRoot } from "../scripts/project-root.ts";
import { bootstrap, type ClusterOptions } from "../scripts/render/bootstrap.ts";
import { pluginConfiguration } from "../scripts/render/plugin.ts";
import { decide, findListener } from "../scripts/table/decide.ts";
import type { Table, TableListener } from "../scripts/table/table.ts";
import { addFilter, addHop, luaFilter, managers, useNative, wasmFilter } from "./envoy-config.ts";
import { compileGuest } from "./guests.ts";
import { Connection } from "./load-generator.ts";
import { luaOf } from "./lua.ts";
import { isSaid, nativeRoutes } from "./native.ts";
import { type BenchRequest, bytesOf } from "./requests.ts";
import type { Server } from "./server.ts";

export const FALLBACK = "fallback";

export type VariantName =
  | "no-filter"
  | "virtual-hosts"
  | "lua"
  | "pointsman"
  | "returns-at-once"
  | "constant"
  | "sdk-classes"
  | "one-more-hop";

export interface Variant {
  name: VariantName;
  /** For people. */
  title: string;
  config: object;
  /** The listener that requests go to; default `main`. */
  listener?: string;
  /** Where it may send a request; null: this variant cannot tell, it is not checked. */
  clusters(request: BenchRequest): ReadonlySet<string> | null;
}

/** What is routed, and where everything lies. */
export interface Setting {
  plan: Plan;
  table: Table;
  /** Wiki → its own host. */
  hosts: ReadonlyMap<string, string>;
  /** The proxy is not in the primary data centre: then, who may read here is to be decided as well. */
  secondary: boolean;
  /** Of the upstream, {@link FALLBACK} among them. */
  clusters: ClusterOptions[];
  /** What is sent. A variant that decides nothing spreads it over the same clusters, in the same shares, by chance. */
  requests: readonly BenchRequest[];
  /** For files that Envoy reads. */
  folder: string;
}

/** All cluster names that the plan's decisions can have, and the fallback. */
export function clusterNames(plan: Plan): string[] {
  return [...new Set([...plan.clusters.flat(), FALLBACK])];
}

export const TITLES: Record<VariantName, string> = {
  "no-filter": "no filter",
  "virtual-hosts": "Envoy's own routes (`--native`)",
  lua: "Lua, the whole decision",
  pointsman: "Pointsman",
  "returns-at-once": "Wasm that returns at once",
  constant: "Wasm that sets a constant",
  "sdk-classes": "the same on the SDK's classes",
  "one-more-hop": "one more Envoy hop",
};

export const ALL = Object.keys(TITLES) as VariantName[];

export function makeVariants(setting: Setting, names: readonly VariantName[]): Promise<Variant[]> {
  return Promise.all(names.map((name) => makeVariant(setting, name)));
}

async function makeVariant(setting: Setting, name: VariantName): Promise<Variant> {
  const { plan, table, hosts, folder, secondary } = setting;
  const { config, clusterHeader } = plain(setting);
  const decided = (request: BenchRequest) => new Set([clusterOf(setting, request)]);
  const variant: Variant = { name, title: TITLES[name], config, clusters: decided };
  const wasm = async (module: string | Promise<string>, configuration: Uint8Array) =>
    addFilter(config, wasmFilter(await module, configuration, nameOf(plan)));
  const empty = new Uint8Array(0);
  // Not in the primary data centre: only there is each rule of the farm asked.
  const place = secondary ? { datacentre: "here", primary: "elsewhere" } : {};
  const configuration = pluginConfiguration({ table: table.bytes, listener: nameOf(plan), ...place });
  switch (name) {
    case "no-filter":
      return { ...variant, clusters: byChance(setting, config) };
    case "one-more-hop": {
      const clusters = byChance(setting, config);
      await addHop(config);
      return { ...variant, listener: "front", clusters };
    }
    case "virtual-hosts":
      useNative(
        config,
        nativeRoutes(table, tableListener(setting), { fallbackCluster: FALLBACK, secondary }),
      );
      return {
        ...variant,
        clusters: (request) =>
          isSaid(table, request, { listener: listenerOf(plan).name, secondary }) ? decided(request) : null,
      };
    case "lua": {
      const file = join(folder, "farm.lua");
      await writeFile(file, luaOf(plan, hosts, listenerOf(plan), secondary));
      addFilter(config, luaFilter(file));
      return variant;
    }
    case "returns-at-once": {
      const clusters = byChance(setting, config);
      await wasm(compileGuest(name, folder), empty);
      return { ...variant, clusters };
    }
    case "constant": {
      // Only with the header is there a route: an answer shows that the filter has set it.
      const clusters = byChance(setting, config, clusterHeader);
      const cluster = plan.clusters[listenerOf(plan).deployment]![plan.defaultRelease]!;
      await wasm(compileGuest(name, folder), Buffer.from(`${clusterHeader}:${cluster}`));
      return { ...variant, clusters };
    }
    case "sdk-classes":
      await wasm(compileGuest(name, folder), configuration);
      return variant;
    case "pointsman":
      await wasm(join(projectRoot(), "build/pointsman.wasm"), configuration);
      return variant;
  }
}

/**
 * Routes without a decision. Were all requests sent to one cluster, its few connections would be busy and warm, and
 * what that saves would be counted against those that decide.
 * @param header that a request needs
 * @returns where a request may go
 */
function byChance(setting: Setting, config: object, header?: string): () => ReadonlySet<string> {
  const shares = new Map<string, number>();
  for (const request of setting.requests) {
    const cluster = clusterOf(setting, request);
    shares.set(cluster, (shares.get(cluster) ?? 0) + 1);
  }
  const clusters = [...shares].map(([name, weight]) => ({ name, weight }));
  const headers = header === undefined ? [] : [{ name: header, present_match: true }];
  managers(config)[0]!.route_config!.virtual_hosts[0]!.routes = [
    { match: { prefix: "/", headers }, route: { weighted_clusters: { clusters }, timeout: "0s" } },
  ];
  const names = new Set(shares.keys());
  return () => names;
}

/** The project's own configuration without a filter. */
function plain({ plan, clusters }: Setting): { config: object; clusterHeader: string } {
  const clusterHeader = plan.emit.find(({ kind }) => kind === "cluster")!.name;
  const config = bootstrap({
    listeners: [{ name: "main", trust: listenerOf(plan).trust }],
    clusters,
    fallbackCluster: FALLBACK,
    clusterHeader,
    emittedHeaders: plan.emit.map((one) => one.name),
    discovery: null,
  });
  return { config, clusterHeader };
}

/** What the public sees. */
export function listenerOf(plan: Plan): Listener {
  return plan.listeners.find(({ trust }) => trust === "edge") ?? plan.listeners[0]!;
}

function tableListener({ plan, table }: Setting): TableListener {
  return findListener(table, listenerOf(plan).name);
}

function nameOf(plan: Plan): string {
  return listenerOf(plan).name ?? "main";
}

/** Where the TypeScript decoder sends it: the fallback is for what passes through. */
export function clusterOf(
  { plan, table, secondary }: Pick<Setting, "plan" | "table" | "secondary">,
  request: BenchRequest,
): string {
  const { answer } = decide(
    table,
    { ...request, client: "127.0.0.1" },
    { listener: listenerOf(plan).name, secondary },
  );
  if (answer.kind === "pass") return FALLBACK;
  if (answer.kind === "reply") throw new Error("the benchmark has a request that the farm answers itself");
  return answer.cluster;
}

/** Sends each request and compares the cluster that answered with the one that should. */
export async function verify(
  variant: Variant,
  server: Server,
  requests: readonly BenchRequest[],
): Promise<number> {
  const connection = await Connection.open(server.ports[variant.listener ?? "main"]!);
  let checked = 0;
  try {
    for (const request of requests) {
      const expected = variant.clusters(request);
      if (expected === null) continue;
      const { status, body } = await connection.exchange(bytesOf(request));
      if (!expected.has(body)) {
        const line = `${request.method} ${request.authority}${request.target}`;
        const right = [...expected].join(" or ");
        throw new Error(`${variant.title}: ${line} went to ${body || status}, not to ${right}`);
      }
      checked++;
    }
  } finally {
    connection.close();
  }
  if (checked === 0) throw new Error(`${variant.title}: there was no request to check`);
  return checked;
}
