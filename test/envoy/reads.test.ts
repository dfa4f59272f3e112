/** Reads in a secondary data centre: by the plugin's configuration alone, with one table. */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Headers } from "../../scripts/envoy/request.ts";
import { decide } from "../../scripts/table/decide.ts";
import { Table } from "../../scripts/table/table.ts";
import { type Started, start, tableOf, valuesOf } from "./farm.ts";

const byCookie = tableOf({ shareCookie: "who" });
const byAddress = tableOf({}, 2);
const SECONDARY = { datacentre: "codfw", primary: "eqiad" };

let farm: Started;
beforeAll(async () => {
  const listeners = [{ name: "edge", trust: "edge" as const }, { name: "mesh" }];
  farm = await start({ concurrency: 4, listeners, table: byCookie, filter: SECONDARY });
});
afterAll(() => farm?.stop());

interface Ask {
  listener?: string;
  path?: string;
  method?: string;
  headers?: Headers;
  from?: string;
}

async function clusterOf({ listener = "edge", ...request }: Ask = {}): Promise<string> {
  return (await farm.ask({ listener, host: "test.wiki.example", ...request })).cluster;
}

/** What the other reader says of the same. */
function expected(
  table: Uint8Array,
  secondary: boolean,
  { listener = "edge", path = "/", method, headers = [], from = "127.0.0.1" }: Ask,
) {
  const request = {
    authority: "test.wiki.example",
    target: path,
    headers,
    client: from,
    ...(method && { method }),
  };
  const { answer } = decide(new Table(table), request, { listener, secondary });
  return answer !== null && "cluster" in answer ? answer.cluster : null;
}

const [HERE, THERE] = ["web-ro-1.47.0-wmf.2", "web-1.47.0-wmf.2"];

test("in a secondary data centre reads are read-only, and writes are not", async () => {
  expect(await clusterOf({ path: "/all-read-only/x" })).toBe(HERE);
  expect(await clusterOf({ path: "/all-read-only/x", method: "POST" })).toBe(THERE);
});

test("a switchover changes the plugin's configuration, and no table", async () => {
  const read = { path: "/all-read-only/x" };
  for (const [settings, cluster] of [
    [{ datacentre: "codfw", primary: "codfw" }, THERE],
    [{ datacentre: "eqiad", primary: "codfw" }, HERE],
    [SECONDARY, HERE],
  ] as const) {
    expect(await farm.envoy.updateFilter(settings)).toEqual({ accepted: true });
    for (const listener of ["edge", "mesh"]) expect(await clusterOf({ ...read, listener })).toBe(cluster);
  }
  expect(farm.envoy.logs.some((line) => line.includes("to listener edge, in a secondary data centre"))).toBe(
    true,
  );
});

test("the same as JSON with the table in base64, as Istio hands it over", async () => {
  const json = (primary: string) =>
    Buffer.from(
      JSON.stringify({
        listener: "mesh",
        datacentre: "codfw",
        primary,
        table: Buffer.from(byCookie).toString("base64"),
      }),
    );
  const alone = { datacentre: undefined, primary: undefined };
  for (const [primary, cluster] of [
    ["eqiad", HERE],
    ["codfw", THERE],
  ] as const) {
    expect(await farm.envoy.updateFilter({ ...alone, table: json(primary) } as object)).toEqual({
      accepted: true,
    });
    expect(await clusterOf({ path: "/all-read-only/x" })).toBe(cluster);
  }
  expect(await farm.envoy.updateFilter({ ...SECONDARY, table: byCookie })).toEqual({ accepted: true });
});

test("a listener that the table does not have is refused, and what served goes on", async () => {
  const settings = Buffer.from('{"listener":"esams"}');
  const table = Buffer.concat([settings, byCookie]);
  const alone = { datacentre: undefined, primary: undefined, table } as object;
  const { accepted, reason } = await farm.envoy.updateFilter(alone);
  expect([accepted, reason]).toEqual([false, expect.stringContaining('the table has no listener "esams"')]);
  expect(await clusterOf({ path: "/all-read-only/x" })).toBe(HERE);
  expect(await farm.envoy.updateFilter({ ...SECONDARY, table: byCookie })).toEqual({ accepted: true });
});

test("a share by a cookie is the same on every connection and worker, and as the table says", async () => {
  const clusters = new Map<string, string>();
  for (let round = 0; round < 4; round++) {
    for (let i = 0; i < 40; i++) {
      // The cookie that counts is the first of its name.
      const headers: Headers = [["cookie", `a=b; who=reader-${i}; who=${round}`]];
      const cluster = await clusterOf({ headers, listener: round % 2 ? "edge" : "mesh" });
      expect(cluster).toBe(clusters.get(String(i)) ?? cluster);
      expect(cluster).toBe(expected(byCookie, true, { headers }));
      clusters.set(String(i), cluster);
    }
  }
  const here = [...clusters.values()].filter((cluster) => cluster === HERE).length;
  expect(here).toBeGreaterThan(10);
  expect(here).toBeLessThan(30);
});

test("a share by the client's address is by X-Forwarded-For where that is our own, and not at the edge", async () => {
  expect(await farm.envoy.updateFilter(byAddress)).toEqual({ accepted: true });
  const seen = { mesh: new Set<string>(), edge: new Set<string>() };
  for (let i = 1; i <= 40; i++) {
    const forwarded: Headers = [["x-forwarded-for", `192.0.2.${i}, 10.0.0.1`]];
    for (const [listener, headers] of [
      ["mesh", forwarded],
      ["edge", forwarded],
      ["edge", []],
      ["mesh", []],
    ] as const) {
      const from = `127.0.0.${i}`;
      const cluster = await clusterOf({ headers: [...headers], listener, from });
      expect(cluster, `${listener} ${from}`).toBe(
        expected(byAddress, true, { headers: [...headers], listener, from }),
      );
      seen[listener].add(cluster);
    }
  }
  for (const clusters of Object.values(seen)) expect(clusters).toEqual(new Set([HERE, THERE]));
});

test("a client's X-Forwarded-For reaches upstream; at the edge its address does instead", async () => {
  const headers: Headers = [["x-forwarded-for", "192.0.2.1"]];
  const seen = async (listener: string) =>
    valuesOf((await farm.ask({ listener, host: "en.wiki.example", headers })).headers, "x-forwarded-for");
  expect(await seen("mesh")).toEqual(["192.0.2.1"]);
  expect(await seen("edge")).toEqual(["127.0.0.1"]);
});
