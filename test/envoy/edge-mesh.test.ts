/** Two Envoys, one behind the other: a client's own X-Forwarded-For does not choose its share behind the second. */
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { findEnvoy } from "../../scripts/envoy/install.ts";
import { type EnvoyProcess, startConfigured } from "../../scripts/envoy/process.ts";
import { type Headers, send } from "../../scripts/envoy/request.ts";
import type { Seen } from "../../scripts/envoy/upstream.ts";
import { bootstrap } from "../../scripts/render/bootstrap.ts";
import { folderOf } from "../support/folder.ts";
import { FALLBACK, PLAN, type Started, start, tableOf, valuesOf } from "./farm.ts";

const CLUSTERS = [...new Set(PLAN.clusters.flat()), FALLBACK];
/** `/` is a read of which half is read-only. */
const SECONDARY = { datacentre: "codfw", primary: "eqiad" };

let mesh: Started;
let edge: Started;
/** The same, behind a proxy of our own that has put its client's address at the end. */
let behindProxy: Started;
beforeAll(async () => {
  mesh = await start({ listeners: [{ name: "mesh", trust: "internal" }], filter: SECONDARY });
  const clusters = CLUSTERS.map((name) => ({ name, port: mesh.envoy.port }));
  const listeners = [{ name: "edge", trust: "edge" as const }];
  edge = await start({ listeners, clusters });
  behindProxy = await start({ listeners, clusters, trustedHops: 1 });
});
afterAll(async () => {
  await edge?.stop();
  await behindProxy?.stop();
  await mesh?.stop();
});

async function ask(to: Started, headers: Headers, from = "127.0.0.1"): Promise<Seen> {
  const seen = await to.ask({ host: "test.wiki.example", headers, from });
  return seen;
}

const claims = Array.from({ length: 40 }, (_, i) => `192.0.2.${i}`);

test("addresses do choose the share: of many clients, some read here and some do not", async () => {
  const clusters = new Set<string>();
  for (let i = 1; i <= 40; i++) clusters.add((await ask(edge, [], `127.0.0.${i}`)).cluster);
  expect(clusters.size).toBe(2);
});

test("what a client claims does not: one client, one share, and upstream reads its address alone", async () => {
  for (const from of ["127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4"]) {
    const { cluster } = await ask(edge, [], from);
    for (const claim of claims) {
      const seen = await ask(
        edge,
        [
          ["X-Forwarded-For", claim],
          ["x-forwarded-for", `${claim}, 10.0.0.1`],
        ],
        from,
      );
      expect([seen.cluster, valuesOf(seen.headers, "x-forwarded-for")]).toEqual([cluster, [from]]);
    }
  }
});

test("with a proxy of our own before the edge, the address that it saw counts, and nothing before that", async () => {
  const clusters = new Set<string>();
  for (const client of ["198.51.100.1", "198.51.100.2", "198.51.100.3", "198.51.100.4", "198.51.100.5"]) {
    const { cluster } = await ask(behindProxy, [["x-forwarded-for", client]]);
    clusters.add(cluster);
    for (const claim of claims.slice(0, 10)) {
      const seen = await ask(behindProxy, [["x-forwarded-for", `${claim}, ${client}`]]);
      expect([seen.cluster, valuesOf(seen.headers, "x-forwarded-for")]).toEqual([cluster, [client]]);
    }
  }
  expect(clusters.size).toBe(2);
});

/** A proxy that adds the address it sees to what the client sent, as many do, and does not overwrite it. */
async function startAdding(port: number): Promise<EnvoyProcess> {
  const rendered = bootstrap({
    listeners: [{ name: "adds", trust: "edge" }],
    clusters: [{ name: FALLBACK, port }],
    fallbackCluster: FALLBACK,
    clusterHeader: "x-mw-cluster",
    emittedHeaders: [],
    discovery: null,
  });
  const text = JSON.stringify(rendered)
    .replace("OVERWRITE_IF_EXISTS_OR_ADD", "APPEND_IF_EXISTS_OR_ADD")
    // Envoy itself would add, for a client on loopback, the machine's address.
    .replace('"use_remote_address":true', '"use_remote_address":true,"skip_xff_append":true');
  const config = join(folderOf({ "envoy.json": text }), "envoy.json");
  return startConfigured(config, { envoy: await findEnvoy() });
}

test("behind proxies that add to a client's X-Forwarded-For the filter counts from its right", async () => {
  const running: { stop(): Promise<void> }[] = [];
  const adding = async (port: number) => {
    const proxy = await startAdding(port);
    running.push(proxy);
    return proxy.port;
  };
  try {
    const behind = { ...PLAN.listeners[1]!, name: "behind", trustedHops: 1 };
    const { envoy, stop } = await start({
      table: tableOf({ listeners: [...PLAN.listeners, behind] }),
      listeners: ["mesh", "behind"].map((name) => ({ name, trust: "internal" as const })),
      filter: SECONDARY,
    });
    running.push({ stop });
    for (const [port, proxies] of [
      [await adding(envoy.ports.mesh!), []],
      [await adding(await adding(envoy.ports.behind!)), ["127.0.0.1"]],
    ] as const) {
      const clusters = new Set<string>();
      for (const from of Array.from({ length: 8 }, (_, i) => `127.0.0.${i + 1}`)) {
        const own = new Set<string>();
        for (const claim of claims.slice(0, 10)) {
          const headers: Headers = [["X-Forwarded-For", `${claim}, 10.0.0.1`]];
          const { body } = await send({ port, host: "test.wiki.example", headers, from });
          const seen = JSON.parse(body) as Seen;
          own.add(seen.cluster);
          expect(valuesOf(seen.headers, "x-forwarded-for").join().split(/, */)).toEqual([
            claim,
            "10.0.0.1",
            from,
            ...proxies,
          ]);
        }
        expect([from, own.size]).toEqual([from, 1]);
        clusters.add([...own][0]!);
      }
      expect(clusters.size).toBe(2);
    }
  } finally {
    for (const one of running.reverse()) await one.stop();
  }
});
