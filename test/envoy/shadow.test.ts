/** `render --shadow` in the real Envoy: it tells upstream and the log where requests would have gone, and routes none. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { findEnvoy } from "../../scripts/envoy/install.ts";
import { type EnvoyProcess, startConfigured } from "../../scripts/envoy/process.ts";
import { type Headers, send } from "../../scripts/envoy/request.ts";
import { type Seen, startUpstreams, type Upstreams } from "../../scripts/envoy/upstream.ts";
import { parseFilterFile } from "../../scripts/render/filter-file.ts";
import { projectPath } from "../support/data.ts";
import { PLAN, tableOf } from "./farm.ts";

const [OLD, NEW] = ["1.47.0-wmf.1", "1.47.0-wmf.2"];
const FORGED: Headers = [
  ["x-pointsman-shadow", "cluster=evil;release=evil"],
  ["X_Pointsman_Shadow", "cluster=evil;release=evil"],
  ["x-mw-cluster", `web-${NEW}`],
];

let upstreams: Upstreams;
let folder: string;
let envoy: EnvoyProcess;
const log = () => join(folder, "access.log");
const run = (...args: string[]) =>
  spawnSync(process.execPath, [projectPath("build/pointsman.mjs"), ...args], {
    cwd: folder,
    encoding: "utf8",
  });

beforeAll(async () => {
  upstreams = await startUpstreams([...new Set(PLAN.clusters.flat()), "today"]);
  folder = mkdtempSync(join(tmpdir(), "pointsman-shadow-"));
  writeFileSync(join(folder, "one.table"), tableOf());
  const addresses = upstreams.clusters.flatMap(({ name, port }) =>
    name === "today" ? ["--fallback", `127.0.0.1:${port}`] : ["--cluster", `${name}=127.0.0.1:${port}`],
  );
  const rendered = run(
    ...["render", "envoy", "--shadow", "--table", "one.table", "--out", "made", "--admin-port", "0"],
    ...["--listener", "edge=0", "--listener", "mesh=0", "--access-log-file", log(), ...addresses],
  );
  expect([rendered.status, rendered.stderr]).toEqual([
    0,
    "note: a table has no times and no retries: --farm beside --table says the farm's\n",
  ]);
  envoy = await startConfigured(join(folder, "made/envoy.yaml"), { envoy: await findEnvoy() });
});
afterAll(async () => {
  await envoy?.stop();
  await upstreams?.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function ask(host: string, path: string, body = ""): Promise<{ seen: Seen; words: string[] }> {
  const {
    status,
    headers,
    body: said,
  } = await send({
    port: envoy.ports.mesh!,
    host,
    path,
    method: body ? "POST" : "GET",
    body,
    headers: FORGED,
  });
  expect([status, headers.filter(([name]) => name.startsWith("x-pointsman"))]).toEqual([200, []]);
  const seen: Seen = JSON.parse(said);
  const named = (name: string) => name.toLowerCase().replaceAll("_", "-") === "x-pointsman-shadow";
  return { seen, words: seen.headers.filter(([name]) => named(name)).map(([, value]) => value) };
}

test("each request goes where it went, with what would have become of it", async () => {
  const asked: [host: string, path: string, body: string, word: string][] = [
    ["test.wiki.example", "/wiki/X", "", `cluster=web-${NEW};wiki=testwiki;release=${NEW}`],
    ["en.wiki.example", "/w/api.php?x", "", `cluster=api-${OLD};wiki=enwiki;release=${OLD}`],
    ["unknown.example", "/", "", `cluster=web-${OLD};release=${OLD}`],
    ["no.wiki.example", "/", "", "reply=404"],
    ["a.wmnet", "/", "", "pass"],
    [
      "a.wmnet",
      "/rpc/RunSingleJob.php",
      '{"database":"testwiki"}',
      `cluster=jobs-${OLD};release=${OLD};wiki-from=body`,
    ],
    // More than the table lets the filter hold.
    ["test.wiki.example", "/wiki/X", "x".repeat(2 ** 21), `cluster=web-${NEW};wiki=testwiki;release=${NEW}`],
  ];
  for (const [host, path, body, word] of asked) {
    const { seen, words } = await ask(host, path, body);
    expect([seen.cluster, seen.host, seen.path, seen.bytes]).toEqual(["today", host, path, body.length]);
    expect(words).toEqual([word]);
    // Whoever routes by it today goes on doing so.
    expect(seen.headers.filter(([name]) => name.startsWith("x-mw-"))).toEqual([
      ["x-mw-cluster", `web-${NEW}`],
    ]);
  }
  const { today, ...others } = upstreams.counts();
  expect([today, Object.values(others).some((count) => count > 0)]).toEqual([asked.length, false]);
  const lines = () =>
    readFileSync(log(), "utf8")
      .split("\n")
      .filter(Boolean)
      .map((one) => JSON.parse(one));
  await expect.poll(() => lines().length, { timeout: 20_000 }).toBe(asked.length);
  expect(lines().map(({ shadow, upstream_cluster }) => [shadow, upstream_cluster])).toEqual(
    asked.map(([, , , word]) => [word, "pass-through"]),
  );
});

test("a newer table stays in shadow", async () => {
  const wikis = PLAN.wikis.map((one) => ({ ...one, release: 0 }));
  writeFileSync(join(folder, "two.table"), tableOf({ wikis }, 2));
  const files = ["edge", "mesh"].map((one) => `made/pointsman/${one}/pointsman.json`);
  const put = run("put", "two.table", "--into", ...files);
  expect([put.status, put.stderr]).toEqual([0, ""]);
  for (const file of files) {
    const text = readFileSync(join(folder, file), "utf8");
    expect(parseFilterFile(text, file).table!.generation).toBe(2);
    const { config } = JSON.parse(text).resources[0].typed_config;
    expect(config.failure_policy).toBe("FAIL_OPEN");
    expect(Buffer.from(config.configuration.value, "base64").toString("latin1")).toMatch(
      /^\{[^}]*"shadow":true/,
    );
  }
  const word = async () => (await ask("test.wiki.example", "/")).words;
  await expect.poll(word, { timeout: 20_000 }).toEqual([`cluster=web-${OLD};wiki=testwiki;release=${OLD}`]);
  expect(Object.keys(upstreams.counts()).filter((name) => upstreams.counts()[name]! > 0)).toEqual(["today"]);
});
