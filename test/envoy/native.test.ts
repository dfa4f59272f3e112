/** `pointsman render envoy --native`: an Envoy without the filter routes as one with it, and as `explain` says. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { encode } from "../../scripts/encode/encode.ts";
import { findEnvoy } from "../../scripts/envoy/install.ts";
import { type EnvoyProcess, startConfigured, startEnvoy } from "../../scripts/envoy/process.ts";
import { type Headers, send } from "../../scripts/envoy/request.ts";
import { type Seen, startUpstreams, type Upstreams } from "../../scripts/envoy/upstream.ts";
import { Explainer } from "../../scripts/explain/explainer.ts";
import type { Plan } from "../../scripts/plan.ts";
import { knownHosts } from "../../scripts/render/native/hosts.ts";
import { Table } from "../../scripts/table/table.ts";
import { DATA, DATA_IS_ABSENT, projectPath, WHY_SKIPPED } from "../support/data.ts";
import { loadFarm, readTsv, tableOf } from "../support/farms.ts";
import { startNative } from "../support/native.ts";
import { FALLBACK, WASM } from "./farm.ts";

const HOSTS = 1_072;
const agent = new http.Agent({ keepAlive: true, maxSockets: 8 });
const running: { stop(): Promise<void> }[] = [];
let folder: string;
let envoy: string;
beforeAll(async () => {
  envoy = await findEnvoy();
});
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "pointsman-native-"));
});
afterEach(async () => {
  for (const one of running.splice(0)) await one.stop();
  rmSync(folder, { recursive: true });
});
afterAll(() => agent.destroy());

async function upstreamsOf({ clusters }: Plan): Promise<Upstreams> {
  const upstreams = await startUpstreams([...new Set(clusters.flat()), FALLBACK]);
  running.push(upstreams);
  return upstreams;
}

function render(...args: string[]): { code: number | null; out: string; err: string } {
  const options = { cwd: folder, encoding: "utf8", maxBuffer: 2 ** 28 } as const;
  const cli = projectPath("build/pointsman.mjs");
  const { status, stdout, stderr } = spawnSync(process.execPath, [cli, "render", "envoy", ...args], options);
  return { code: status, out: stdout, err: stderr };
}

const addresses = ({ clusters }: Upstreams): string[] =>
  clusters.flatMap(({ name, port }) =>
    name === FALLBACK ? ["--fallback", `127.0.0.1:${port}`] : ["--cluster", `${name}=127.0.0.1:${port}`],
  );

async function startRendered(out: string): Promise<EnvoyProcess> {
  const started = await startConfigured(join(folder, out, "envoy.yaml"), { envoy });
  running.push(started);
  return started;
}

/** What upstream sees, but for what no two requests share; else the answer. */
async function seenAt(port: number, host: string, path: string, headers: Headers = []): Promise<object> {
  const { status, body } = await send({ port, host, path, headers, agent });
  if (status !== 200) return { status, body };
  const seen = JSON.parse(body) as Seen;
  const own = seen.headers.filter(([name]) => !/^(x-request-id|connection)$/.test(name.toLowerCase()));
  return { ...seen, headers: own.sort() };
}

test("the whole small farm: as with the filter, to the last header, and as `explain` says", async () => {
  const { plan } = loadFarm("small");
  const table = tableOf(plan);
  writeFileSync(join(folder, "small.table"), table.bytes);
  const upstreams = await upstreamsOf(plan);
  const common = [
    "--table",
    "small.table",
    "--admin-port",
    "0",
    "--listener",
    "main=0",
    ...addresses(upstreams),
  ];
  for (const args of [
    ["--out", "filter"],
    ["--native", "--out", "native"],
  ])
    expect(render(...common, ...args)).toMatchObject({ code: 0 });
  const [filter, native] = [await startRendered("filter"), await startRendered("native")];
  const explainer = await Explainer.create(table.bytes, readFileSync(WASM));
  const hosts = knownHosts(table).map(({ host }) => host);
  expect(hosts).toEqual(expect.arrayContaining(["en.wikipedia.org", "www.wikidata.org", "localhost"]));
  hosts.push(
    "x.handbook.example.com",
    "a.internal",
    "none.example",
    "none.wikipedia.org",
    "10.0.0.1",
    "EN.Wikipedia.org:8080",
  );
  const paths = [
    "/",
    "/wiki/AC%2FDC",
    "/w/api.php?a=b",
    "//w//api.php",
    "/w%2fapi.php/x",
    "/w/api.phpx",
    "/x/../w/%61pi.php",
  ];
  const spoofed: Headers = [
    ["X-MW-Cluster", "mw-web-1-46-0"],
    ["x_mw_wiki", "enwiki"],
    ["x-mw-release", "1.46.0"],
    ["x-mw-release", "none"],
  ];
  let clusters = new Set<string>();
  for (const host of hosts) {
    for (const path of paths) {
      for (const headers of [[], spoofed]) {
        const [one, other] = await Promise.all(
          [filter, native].map(({ port }) => seenAt(port, host, path, headers)),
        );
        expect(other, `${host}${path}`).toEqual(one);
        const question = {
          authority: host,
          path,
          method: "GET",
          headers: {},
          body: null,
          client: "127.0.0.1",
        };
        const { cluster } = explainer.explain(question);
        expect(other, `${host}${path}`).toMatchObject({ cluster: cluster ?? FALLBACK });
        clusters = clusters.add(cluster ?? FALLBACK);
      }
    }
  }
  // Every release that a wiki runs, both deployments, and what passes through.
  expect(clusters.size).toBe(2 * new Set(plan.wikis.map(({ release }) => release)).size + 1);
});

test.skipIf(DATA_IS_ABSENT)(
  `every canonical host of the real farm: as with the filter${WHY_SKIPPED}`,
  async () => {
    const { plan } = loadFarm("production");
    const table = tableOf(plan);
    const { clusters } = await upstreamsOf(plan);
    const native = await startNative(table, { clusters, fallbackCluster: FALLBACK });
    running.push(native);
    const filter = await startEnvoy({
      envoy,
      listeners: plan.listeners.map(({ name, trust, trustedHops }) => ({ name: name!, trust, trustedHops })),
      clusters,
      fallbackCluster: FALLBACK,
      clusterHeader: "x-mw-cluster",
      emittedHeaders: ["x-mw-cluster"],
      jobLimit: plan.jobs!.limit,
      filter: { wasm: WASM, table: table.bytes },
    });
    running.push(filter);
    const hosts = readTsv(`${DATA}/canonical-hosts.tsv`).map(({ host }) => host!);
    expect(hosts.length).toBe(HOSTS);
    const wrong: string[] = [];
    const ask = async (listener: string, host: string, path: string) => {
      const asked = [native, filter].map(({ ports }) => seenAt(ports[listener]!, host, path));
      const [one, other] = await Promise.all(asked);
      if (JSON.stringify(one) !== JSON.stringify(other))
        wrong.push(`${listener} ${host}${path}: ${JSON.stringify(one)}, not ${JSON.stringify(other)}`);
    };
    for (let n = 0; n < hosts.length; n += 16) {
      const some = hosts.slice(n, n + 16);
      await Promise.all(
        some.flatMap((host) => [ask("edge", host, "/wiki/X"), ask("mesh", host, "//w/api.php")]),
      );
    }
    expect(wrong).toEqual([]);
  },
);

test("rendered again it takes up the new routes, and Envoy goes on with the old ones if it refuses a file", async () => {
  const { plan } = loadFarm("small");
  const upstreams = await upstreamsOf(plan);
  const put = (generation: number, release: number) => {
    const wikis = plan.wikis.map((one) => ({ ...one, release }));
    const bytes = encode({ ...plan, wikis }, { generation, names: null });
    writeFileSync(join(folder, "small.table"), bytes);
    const args = ["--table", "small.table", "--admin-port", "0", "--listener", "main=0", "--native"];
    expect(render(...args, ...addresses(upstreams), "--out", "made").code).toBe(0);
    return new Table(bytes).cluster(0, release);
  };
  const first = put(1, 0);
  const running = await startRendered("made");
  const asked = () => seenAt(running.port, "en.wikipedia.org", "/");
  expect(await asked()).toMatchObject({ cluster: first });
  const second = put(2, 1);
  const stat = (name: string) => `http.main.rds.main.${name}`;
  await running.waitForStat(stat("config_reload"), (value) => value === 2);
  expect(await asked()).toMatchObject({ cluster: second });
  const file = join(folder, "made/pointsman/main/routes.json");
  const twice = readFileSync(file, "utf8").replace('"en.wikipedia.org"', '"de.wikipedia.org"');
  writeFileSync(`${file}.new`, twice);
  spawnSync("mv", [`${file}.new`, file]);
  await running.waitForStat(stat("update_rejected"), (value) => value === 1);
  expect(await asked()).toMatchObject({ cluster: second });
});

test("the routes of all listeners of a farm with everything are such as Envoy takes", async () => {
  // Envoy does not validate what it reads later: here the routes stand in the bootstrap itself.
  const { plan } = loadFarm("small");
  writeFileSync(join(folder, "small.table"), tableOf(plan).bytes);
  const { bootstrap, routes } = JSON.parse(
    render(
      "--table",
      "small.table",
      "--native",
      "--json",
      "--fallback",
      "127.0.0.1:1",
      "--clusters",
      "127.0.0.1:2",
    ).out,
  );
  for (const listener of bootstrap.static_resources.listeners) {
    const manager = listener.filter_chains[0].filters[0].typed_config;
    const [file] = Object.values(routes) as { resources: { "@type"?: string }[] }[];
    const { "@type": _, ...configuration } = file!.resources[0]!;
    delete manager.rds;
    manager.route_config = configuration;
  }
  writeFileSync(join(folder, "whole.json"), JSON.stringify(bootstrap));
  const validate = ["--mode", "validate", "-c", join(folder, "whole.json")];
  const { status, stderr } = spawnSync(envoy, validate, { encoding: "utf8" });
  expect(status, stderr).toBe(0);
});

test("what routes cannot say is refused by name, and gets a 501 where it is left out", async () => {
  const farm = projectPath("test/suite/farms/replies.yaml");
  const args = ["--farm", farm, "--native", "--fallback", "127.0.0.1:1", "--clusters", "127.0.0.1:2"];
  const refused = render(...args, "--listener", "edge=0", "--primary", "there", "--datacentre", "here");
  expect(refused).toEqual({
    code: 1,
    out: "",
    err: `Envoy's own routes cannot say all of this table:
  listener edge, jobs of jobs: the body names the wiki
  listener edge, host auth.example: its path names the wiki
  listener edge, reads of web: a share is cut by a hash
  listener edge, host files.example: its path names the wiki
render it with the filter, or leave out each of these by --except NAME: its requests then get a 501
`,
  });
  const names = [...refused.err.matchAll(/^ {2}listener edge, (.*): [^:]*$/gm)].map(([, name]) => name!);
  expect(names.sort()).toEqual(["host auth.example", "host files.example", "jobs of jobs", "reads of web"]);
  const except = names.flatMap((name) => ["--except", name]);
  expect(render(...args, ...except.slice(2), "--listener", "edge=0").code).toBe(1);
  const all = [...except.slice(0, 6), "--listener", "edge=0", "--admin-port", "0", "--out", "made"];
  expect(render(...args, ...all)).toMatchObject({ code: 0 });
  const started = await startRendered("made");
  expect(await seenAt(started.port, "files.example", "/dewiki")).toEqual({
    status: 501,
    body: "not without Pointsman's filter: host files.example: its path names the wiki\n",
  });
  expect(render(...args, ...all, "--except", "nothing").err).toBe(
    'there is no "nothing" to leave out: these routes say all of it\n',
  );
  for (const other of ["--shadow", "--wasm=x", "--xds=127.0.0.1:3"])
    expect(render(...args, other).code).toBe(2);
  expect(render(...args.filter((one) => one !== "--native"), "--except", "x").code).toBe(2);
});
