/** The small farm through the real filter in a real Envoy. */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { folderOf } from "../../test/support/folder.ts";
import { EnvoyUnavailable, findEnvoy } from "../envoy/install.ts";
import { type EnvoyProcess, startEnvoy } from "../envoy/process.ts";
import { type Headers, send, sendRaw } from "../envoy/request.ts";
import { type Seen, startUpstreams, type Upstreams } from "../envoy/upstream.ts";
import { projectRoot } from "../project-root.ts";
import { type DemoOptions, runDemo } from "./demo.ts";
import type { Packed } from "./parts.ts";
import { style } from "./print.ts";
import { lookup, pack } from "./project.ts";
import { PASS_THROUGH } from "./requests.ts";

const wasm = join(projectRoot(), "build", "pointsman.wasm");
const farm = { farm: join(projectRoot(), "examples", "small", "farm.yaml"), sources: {} };

let packed: Packed;
let upstreams: Upstreams;
let envoy: EnvoyProcess;
beforeAll(async () => {
  if (!existsSync(wasm)) throw new Error("build/pointsman.wasm is missing: run `npm run build` first");
  packed = await pack({ ...farm, generation: 1 });
  upstreams = await startUpstreams([...packed.clusters, PASS_THROUGH]);
  envoy = await startEnvoy({
    envoy: await findEnvoy(),
    clusters: upstreams.clusters,
    fallbackCluster: PASS_THROUGH,
    clusterHeader: packed.clusterHeader,
    emittedHeaders: packed.headers,
    filter: { wasm, table: packed.bytes },
    concurrency: 2,
  });
}, 180_000);
afterAll(async () => {
  await envoy?.stop();
  await upstreams?.stop();
});

async function ask(host: string, path = "/", headers: Headers = []): Promise<Seen> {
  const response = await send({ port: envoy.port, host, path, headers });
  expect(response.status).toBe(200);
  return JSON.parse(response.body);
}

function emitted(seen: Seen): Record<string, string> {
  return Object.fromEntries(seen.headers.filter(([name]) => packed.headers.includes(name)));
}

async function runWholeDemo(more: Partial<DemoOptions> = {}): Promise<{ good: boolean; lines: string[] }> {
  const lines: string[] = [];
  const good = await runDemo({
    ...farm,
    wasm,
    pack,
    lookup,
    write: (line) => lines.push(line),
    style: style(false),
    once: true,
    train: true,
    interrupted: new Promise(() => {}),
    ...more,
  });
  return { good, lines };
}

test("the demo shows the small farm and its promotion", async () => {
  const { good, lines } = await runWholeDemo();
  expect(lines.filter((line) => line.includes("✗"))).toEqual([]);
  expect(good).toBe(true);
});

test("another farm is asked for its own hosts, by its own header", async () => {
  const folder = folderOf({
    "farm.yaml": `
farm: mine
wikiversions: { acme: "1.46", bolt: "1.47", crux: "1.47" }
releases: { stable: { version: "1.46" }, next: { version: "1.47" } }
default-release: stable
hosts:
  - { host: wiki.acme.test, wiki: acme }
  - { host: bolt.test, wiki: bolt }
pass-through: ["*.internal"]
deployments: { default: app, rules: [{ path: { under: /api }, deployment: api }] }
headers: { wiki: x-tenant, cluster: x-route }
`,
  });
  const { good, lines } = await runWholeDemo({ farm: join(folder, "farm.yaml"), train: false });
  expect(lines.filter((line) => line.includes("✗"))).toEqual([]);
  expect(good).toBe(true);
  const went = lines.filter((line) => line.includes("✓")).map((line) => line.split(/ {2,}/).slice(0, 4));
  expect(went).toEqual([
    ["wiki.acme.test/wiki/Main_Page", "acme", "stable", "app-stable"],
    ["bolt.test/wiki/Main_Page", "bolt", "next", "app-next"],
    ["wiki.acme.test/api", "acme", "stable", "api-stable"],
    ["no-such-wiki.example/", "–", "stable", "app-stable"],
    ["x.internal/", "–", "–", "pass-through"],
    ["bolt.test/wiki/Main_Page (client says app-stable)", "bolt", "next", "app-next"],
    ["x.internal/ (client says app-stable)", "–", "–", "pass-through"],
  ]);
  expect(lines.join("\n")).toMatch(/upstream saw x-route · x-tenant/);
  expect(lines.join("\n")).toMatch(
    /admin interface is http:\/\/127\.0\.0\.1:\d+, its log \/\S+\/envoy\.log;/,
  );
});

test("nothing stays when npm's shell is ended", async () => {
  const demo = join(projectRoot(), "build", "demo.mjs");
  const shell = spawn("/bin/sh", ["-c", '"$0" "$1" & echo "pid $!"; wait', process.execPath, demo], {
    env: { ...process.env, npm_lifecycle_event: "demo" },
    stdio: ["ignore", "pipe", "ignore"],
  });
  let said = "";
  shell.stdout.on("data", (chunk: Buffer) => {
    said += chunk.toString();
  });
  await expect.poll(() => said, { timeout: 60_000 }).toContain("Try it");
  const pids = [/pid (\d+)/, /Envoy (\d+) listens/].map((pattern) => Number(pattern.exec(said)![1]));
  const [, folder] = /its log (\S+)\/envoy\.log/.exec(said)!;
  expect(existsSync(join(folder!, "envoy.log"))).toBe(true);
  shell.kill("SIGTERM");
  const running = () => pids.filter((pid) => existsSync(`/proc/${pid}/status`));
  await expect.poll(running, { timeout: 20_000 }).toEqual([]);
  expect(existsSync(folder!)).toBe(false);
});

test("where no Envoy can be had, the demo says so and shows the same in the simulator", async () => {
  const { good, lines } = await runWholeDemo({
    findEnvoy: async () => {
      throw new EnvoyUnavailable("this test has none.");
    },
  });
  expect(lines[1]).toMatch(
    /^No Envoy: this test has none\.\nInstall Python 3 .*\nWithout it, the simulator runs/,
  );
  expect(lines.filter((line) => line.includes("✗"))).toEqual([]);
  expect(lines.join("\n")).toContain("not one request failed");
  expect(good).toBe(true);
});

test("three wikis of one farm reach three releases", async () => {
  const hosts = ["en.wikipedia.org", "www.wikidata.org", "test.wikipedia.org"];
  const seen = await Promise.all(hosts.map((host) => ask(host)));
  expect(seen.map((one) => one.cluster)).toEqual([
    "mw-web-1-47-0-wmf-1",
    "mw-web-1-47-0-wmf-2",
    "mw-web-1-47-0-wmf-3",
  ]);
  expect(emitted(seen[0]!)).toEqual({
    "x-mw-cluster": "mw-web-1-47-0-wmf-1",
    "x-mw-release": "1.47.0-wmf.1",
    "x-mw-wiki": "enwiki",
  });
});

test("a client chooses nothing: not where we route, not on pass-through, not for an unknown host", async () => {
  const claims: Headers = packed.headers.flatMap(
    (name): Headers => [
      [name, packed.clusters[0]!],
      [name.toUpperCase(), packed.clusters[1]!],
    ],
  );
  for (const host of [
    "en.wikipedia.org",
    "EN.Wikipedia.org.:80",
    "no-such-wiki.example",
    "localhost",
    "10.1.2.3",
  ]) {
    const without = await ask(host);
    const withClaims = await ask(host, "/", claims);
    expect(withClaims.cluster).toBe(without.cluster);
    expect(emitted(withClaims)).toEqual(emitted(without));
    expect(withClaims.headers.length).toBe(without.headers.length);
  }
  const passed = await ask("localhost", "/", claims);
  expect([passed.cluster, emitted(passed)]).toEqual([PASS_THROUGH, {}]);
});

test("a damaged table is refused with the filter's reason, and the one before goes on serving", async () => {
  const damaged = packed.bytes.slice();
  damaged[damaged.length >> 1]! ^= 1;
  const result = await envoy.updateFilter(damaged);
  expect(result.accepted).toBe(false);
  expect(result.reason).toMatch(/wasm log .*checksum/);
  expect((await envoy.updateFilter(packed.bytes.subarray(0, 40))).accepted).toBe(false);
  expect((await envoy.updateFilter(new Uint8Array())).accepted).toBe(false);
  for (let i = 0; i < 8; i++) expect((await ask("www.wikidata.org")).cluster).toBe("mw-web-1-47-0-wmf-2");
});

test("odd requests are answered by Envoy or routed as the table says", async () => {
  const raw = async (text: string) => sendRaw(envoy.port, `${text}\r\nConnection: close\r\n\r\n`);
  const old = await raw("GET /w/api.php HTTP/1.0\r\nHost: en.wikipedia.org");
  expect(JSON.parse(old.body).cluster).toBe("mw-api-1-47-0-wmf-1");
  expect((await raw("GET / HTTP/1.1\r\nHost: [::1]:80")).status).toBe(200);
  expect((await raw("GET / HTTP/1.1\r\nHost:")).status).toBe(200);
  const absolute = await raw("GET http://www.wikidata.org/wiki/Q1 HTTP/1.1\r\nHost: en.wikipedia.org");
  expect(JSON.parse(absolute.body)).toMatchObject({
    cluster: "mw-web-1-47-0-wmf-2",
    host: "www.wikidata.org",
  });
  expect((await ask(`${"x".repeat(300)}.wikipedia.org`)).cluster).toBe("mw-web-1-47-0-wmf-1");
});
