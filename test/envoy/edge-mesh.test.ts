/** Two Envoys, one behind the other: a client's own X-Forwarded-For does not choose its share behind the second. */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Headers } from "../../scripts/envoy/request.ts";
import type { Seen } from "../../scripts/envoy/upstream.ts";
import { FALLBACK, PLAN, type Started, start, valuesOf } from "./farm.ts";

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
