/** Requests that say where they go, and what they are told of it. */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Headers } from "../../scripts/envoy/request.ts";
import type { Seen } from "../../scripts/envoy/upstream.ts";
import { Table } from "../../scripts/table/table.ts";
import { PLAN, type Started, start, tableOf, valuesOf } from "./farm.ts";

const HEADER = "x-wikimedia-debug";
/** What every answer of an upstream claims. */
const LIES: Headers = [
  ["x-pointsman-wiki", "lie"],
  ["x-pointsman-cluster", "lie"],
  ["x-pointsman-cluster", "another"],
  ["x-pointsman-other", "kept"],
];

let farm: Started;
beforeAll(async () => {
  const listeners = [{ name: "edge", trust: "edge" as const }, { name: "mesh" }, { name: "plain" }];
  farm = await start({ says: LIES, listeners });
});
afterAll(() => farm?.stop());

async function ask(headers: Headers, more: { host?: string; path?: string; listener?: string } = {}) {
  const response = await farm.send({ host: "test.wiki.example", headers, ...more });
  const ours = response.headers.filter(([name]) => name.startsWith("x-pointsman-"));
  const cluster = response.status === 200 ? (JSON.parse(response.body) as Seen).cluster : null;
  return { status: response.status, body: response.body, cluster, ours };
}

const { digest } = new Table(tableOf());
/** What stands in every answer to a debugging request, but for the number of its rule. */
function said(wiki: string | null, release: string, cluster: string): Headers {
  return [
    ...(wiki === null ? [] : ([["x-pointsman-wiki", wiki]] as Headers)),
    ["x-pointsman-release", release],
    ["x-pointsman-cluster", cluster],
    ["x-pointsman-generation", "1"],
    ["x-pointsman-digest", digest],
  ];
}

function withoutRule(headers: Headers): Headers {
  return headers.filter(([name]) => name !== "x-pointsman-rule");
}

test.each([
  ["by its option", "backend=k8s-debug"],
  ["among others", "log; backend=k8s-debug ;readonly"],
  ["in the old form", "k8s-debug"],
  ["in the old form, with options", "k8s-debug; log"],
])("a backend that is named %s gets the request, and the answer says what was decided", async (_, value) => {
  const { cluster, ours } = await ask([[HEADER, value]]);
  expect(cluster).toBe("debug-1.47.0-wmf.2");
  const [other, ...rest] = ours.sort((a, b) => Number(b[1] === "kept") - Number(a[1] === "kept"));
  expect(other).toEqual(["x-pointsman-other", "kept"]);
  expect(withoutRule(rest)).toEqual(said("testwiki", "1.47.0-wmf.2", "debug-1.47.0-wmf.2"));
  expect(Number(valuesOf(ours, "x-pointsman-rule")[0])).toBeGreaterThanOrEqual(0);
});

test("a backend of any version gets every wiki's requests, and the wiki's release is told", async () => {
  for (const [host, wiki, release] of [
    ["test.wiki.example", "testwiki", "1.47.0-wmf.2"],
    ["de.wiki.example", "dewiki", "1.47.0-wmf.1"],
    ["elsewhere.example", null, "1.47.0-wmf.1"],
  ] as const) {
    const { cluster, ours } = await ask([[HEADER, "backend=next"]], { host });
    expect(cluster).toBe("next-any");
    const told = withoutRule(ours).filter(([, value]) => value !== "kept");
    expect(told).toEqual(said(wiki, release, "next-any"));
  }
});

test("debugging wins over what the path says, pass-through and jobs", async () => {
  const headers: Headers = [[HEADER, "k8s-debug"]];
  expect((await ask(headers, { path: "/w/api.php" })).cluster).toBe("debug-1.47.0-wmf.2");
  expect((await ask(headers, { host: "a.wmnet" })).cluster).toBe("debug-1.47.0-wmf.1");
});

test.each([
  ["unknown", [[HEADER, "backend=nowhere"]]],
  ["known but cut short", [[HEADER, "backend=k8s-debu"]]],
  ["known and longer", [[HEADER, "backend=k8s-debug2"]]],
  ["in another case", [[HEADER, "backend=K8S-debug"]]],
  ["empty", [[HEADER, ""]]],
  [
    "there twice",
    [
      [HEADER, "backend=k8s-debug"],
      ["X-Wikimedia-DEBUG", "backend=k8s-debug"],
    ],
  ],
  ["named twice in one", [[HEADER, "backend=k8s-debug; backend=next"]]],
] as [string, Headers][])("a backend that is %s is a 400 in plain text", async (_, headers) => {
  const { status, body, ours } = await ask(headers);
  expect([status, body, ours]).toEqual([400, "unknown debug backend", []]);
});

test("where the listener does not allow it, nothing comes of it", async () => {
  for (const listener of ["mesh", "plain"]) {
    const without = await ask([], { listener });
    expect(await ask([[HEADER, "backend=k8s-debug"]], { listener })).toMatchObject({
      cluster: without.cluster,
      ours: LIES,
    });
  }
});

test("an answer to any other request is left as it is", async () => {
  for (const host of ["test.wiki.example", "a.wmnet", "elsewhere.example"]) {
    expect((await ask([], { host })).ours).toEqual(LIES);
    expect((await ask([["x-pointsman-wiki", "mine"]], { host })).ours).toEqual(LIES);
  }
  expect((await ask([], { host: "no.wiki.example" })).ours).toEqual([]);
  const job = {
    host: "a.wmnet",
    path: "/rpc/RunSingleJob.php",
    method: "POST",
    body: '{"database":"testwiki"}',
  };
  const response = await farm.send(job);
  expect(response.headers.filter(([name]) => name.startsWith("x-pointsman-"))).toEqual(LIES);
});

test("an answer of Envoy's own to a debugging request says it as well: a cluster that is not there", async () => {
  const clusters = PLAN.clusters.map((row) => row.map((name) => `${name}-gone`));
  expect(await farm.envoy.updateFilter(tableOf({ clusters }, 2))).toEqual({ accepted: true });
  const response = await farm.send({ host: "test.wiki.example", headers: [[HEADER, "k8s-debug"]] });
  expect(response.status).toBe(503);
  expect(valuesOf(response.headers, "x-pointsman-cluster")).toEqual(["debug-1.47.0-wmf.2-gone"]);
  expect(valuesOf(response.headers, "x-pointsman-generation")).toEqual(["2"]);
});
