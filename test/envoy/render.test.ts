/** `pointsman render`: what it writes is what Envoy takes, and what it does is what the table says. */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadAll } from "js-yaml";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { findEnvoy } from "../../scripts/envoy/install.ts";
import { startConfigured } from "../../scripts/envoy/process.ts";
import { send } from "../../scripts/envoy/request.ts";
import { type Seen, startUpstreams, type Upstreams } from "../../scripts/envoy/upstream.ts";
import { projectPath } from "../support/data.ts";
import { PLAN, tableOf } from "./farm.ts";

const FALLBACK = ["--fallback", "127.0.0.1:8085"];
const NO_TIMES = "note: a table has no times and no retries: --farm beside --table says the farm's\n";

let envoy: string;
let upstreams: Upstreams;
let folder: string;
beforeAll(async () => {
  envoy = await findEnvoy();
  upstreams = await startUpstreams([...new Set(PLAN.clusters.flat()), "pass-through"]);
});
afterAll(() => upstreams?.stop());
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "pointsman-render-"));
  writeFileSync(join(folder, "one.table"), tableOf());
});
afterEach(() => rmSync(folder, { recursive: true }));

function run(...args: string[]): { code: number | null; out: string; err: string } {
  const options = { cwd: folder, encoding: "utf8", maxBuffer: 2 ** 28 } as const;
  const cli = projectPath("build/pointsman.mjs");
  const { status, stdout, stderr } = spawnSync(process.execPath, [cli, "render", "envoy", ...args], options);
  return { code: status, out: stdout, err: stderr };
}

/** Options for the upstreams that run. */
function addresses(): string[] {
  return upstreams.clusters.flatMap(({ name, port }) =>
    name === "pass-through"
      ? ["--fallback", `127.0.0.1:${port}`]
      : ["--cluster", `${name}=127.0.0.1:${port}`],
  );
}

test("YAML and JSON say the same, and so does what is written", () => {
  const args = ["--table", "one.table", "--root", "/srv/envoy", ...addresses()];
  const json = JSON.parse(run(...args, "--json").out);
  const [bootstrap, filter] = loadAll(run(...args).out);
  expect([bootstrap, filter]).toEqual([
    json.bootstrap,
    json.filters["/srv/envoy/pointsman/edge/pointsman.json"],
  ]);
  expect(run(...args, "--out", "made").code).toBe(0);
  expect(loadAll(readFileSync(join(folder, "made/envoy.yaml"), "utf8"))[0]).toEqual(bootstrap);
  expect(JSON.parse(readFileSync(join(folder, "made/pointsman/edge/pointsman.json"), "utf8"))).toEqual(
    filter,
  );
});

test("what it writes runs as it is; a new table is taken up, and so is a switchover", async () => {
  const out = join(folder, "made");
  const common = [
    ...[
      "--out",
      out,
      "--admin-port",
      "0",
      "--listener",
      "edge=0",
      "--listener",
      "mesh=127.0.0.1:0",
      ...addresses(),
    ],
    ...["--datacentre", "codfw"],
  ];
  const first = run("--table", "one.table", "--primary", "codfw", ...common);
  expect([first.code, first.err]).toEqual([0, NO_TIMES]);
  const written = [
    "envoy.yaml",
    "pointsman.wasm",
    "pointsman/edge/pointsman.json",
    "pointsman/mesh/pointsman.json",
  ];
  expect(first.out.trimEnd().split("\n")).toEqual(written.map((name) => join(out, name)));
  const running = await startConfigured(join(out, "envoy.yaml"), { envoy });
  try {
    const ask = async (listener: string, host: string, path: string): Promise<Seen> =>
      JSON.parse((await send({ port: running.ports[listener]!, host, path })).body);
    for (const listener of ["edge", "mesh"]) {
      expect((await ask(listener, "test.wiki.example", "/w/api.php")).cluster).toBe("api-1.47.0-wmf.2");
      expect((await ask(listener, "test.wiki.example", "/all-read-only/x")).cluster).toBe("web-1.47.0-wmf.2");
      expect((await ask(listener, "a.wmnet", "/")).cluster).toBe("pass-through");
    }
    writeFileSync(
      join(folder, "two.table"),
      tableOf({ wikis: PLAN.wikis.map((one) => ({ ...one, release: 0 })) }, 2),
    );
    const updates = (count: number) =>
      running.waitForStat(
        "extension_config_discovery.http_filter.pointsman.config_reload",
        (value) => value === count,
      );
    await updates(2);
    expect(run("--table", "two.table", "--primary", "codfw", ...common).code).toBe(0);
    await updates(4);
    expect((await ask("edge", "test.wiki.example", "/all-read-only/x")).cluster).toBe("web-1.47.0-wmf.1");
    expect(run("--table", "two.table", "--primary", "eqiad", ...common).code).toBe(0);
    await updates(6);
    expect((await ask("mesh", "test.wiki.example", "/all-read-only/x")).cluster).toBe("web-ro-1.47.0-wmf.1");
  } finally {
    await running.stop();
  }
  expect(readdirSync(out).sort()).toEqual(["envoy.yaml", "pointsman", "pointsman.wasm"]);
  expect(readdirSync(join(out, "pointsman/edge"))).toEqual(["pointsman.json"]);
});

test("the help's first example makes what Envoy takes", () => {
  const help = run("--help").out;
  const [, text] = /\$ pointsman render envoy (--farm [\s\S]*?)\n {2}\$/.exec(help)!;
  const args = text!
    .replace(/\\\n/g, " ")
    .replaceAll("'", "")
    .trim()
    .split(/\s+/)
    .map((arg) => arg.replace("examples/", projectPath("examples/")));
  expect(run(...args, "--out", "made").code).toBe(0);
  const validate = ["--mode", "validate", "-c", join(folder, "made/envoy.yaml")];
  const { status, stderr } = spawnSync(envoy, validate, { encoding: "utf8" });
  expect(status, stderr).toBe(0);
});

test("many headers and many releases with times of their own make what Envoy takes", () => {
  const releases = Array.from({ length: 60 }, (_, i) => `${i}-of-the-farm`);
  const names = ["cluster", "wiki", "release", "version", "group", "deployment"] as const;
  const table = tableOf({
    releases: releases.map((version) => ({ name: version, version })),
    clusters: PLAN.deployments.map(({ name }) => releases.map((version) => `${name}-${version}`)),
    emit: names.map((kind) => ({ kind, name: `x-${kind}-of-this-request` })),
  });
  writeFileSync(join(folder, "many.table"), table);
  const args = ["--table", "many.table", "--listener", "mesh=8081", "--timeout", "web=200s", "--out", "made"];
  expect(run(...args, "--clusters", "{cluster}.example:80", ...FALLBACK).code).toBe(0);
  const validate = ["--mode", "validate", "-c", join(folder, "made/envoy.yaml")];
  const { status, stderr } = spawnSync(envoy, validate, { encoding: "utf8" });
  expect(status, stderr).toBe(0);
});

test("addresses are IPs, names or patterns, and a cluster without one is warned of", () => {
  const { out, err } = run(
    "--table",
    "one.table",
    "--json",
    ...FALLBACK,
    "--cluster",
    "next-any=[2001:db8::1]:80",
  );
  expect(err).toContain(
    "warning: no address for web-1.47.0-wmf.1, so its requests get a 503: give one by --cluster or --clusters\n",
  );
  expect(err.trimEnd().split("\n").length).toBe(13);
  const clusters = (text: string) =>
    Object.fromEntries(
      JSON.parse(text).bootstrap.static_resources.clusters.map(
        (one: { name: string; type: string; load_assignment: { endpoints: object[] } }) => [
          one.name,
          `${one.type} ${JSON.stringify(one.load_assignment.endpoints).replace(/.*address":("[^"]+","port_value":\d+).*/, "$1")}`,
        ],
      ),
    );
  expect(clusters(out)).toEqual({
    "next-any": 'STATIC "2001:db8::1","port_value":80',
    "pass-through": 'STATIC "127.0.0.1","port_value":8085',
  });
  const pattern = run(
    "--table",
    "one.table",
    "--json",
    ...FALLBACK,
    "--clusters",
    "{release}.{deployment}.svc:4450",
  );
  expect(pattern.err).toBe(NO_TIMES);
  expect(clusters(pattern.out)["api-ro-1.47.0-wmf.2"]).toBe(
    'STRICT_DNS "1.47.0-wmf.2.api-ro.svc","port_value":4450',
  );
});

test("the buffer fits the jobs' limit, and the trust is the listener's", () => {
  const limit = 2 * 1024 * 1024;
  writeFileSync(join(folder, "large.table"), tableOf({ jobs: { ...PLAN.jobs!, limit } }));
  const args = [
    "--table",
    "large.table",
    "--json",
    ...FALLBACK,
    "--listener",
    "edge=1",
    "--listener",
    "mesh=2",
  ];
  const [edge, mesh] = JSON.parse(run(...args).out).bootstrap.static_resources.listeners;
  expect(edge.per_connection_buffer_limit_bytes).toBe(limit + 65_536);
  const manager = (one: typeof edge) => one.filter_chains[0].filters[0].typed_config;
  expect([manager(edge).use_remote_address, manager(mesh).use_remote_address]).toEqual([true, false]);
  const listeners = PLAN.listeners.map((one) => (one.name === "mesh" ? { ...one, trustedHops: 2 } : one));
  writeFileSync(join(folder, "large.table"), tableOf({ jobs: { ...PLAN.jobs!, limit }, listeners }));
  const behind = JSON.parse(run(...args).out).bootstrap.static_resources.listeners;
  expect(behind.map((one: typeof edge) => manager(one).xff_num_trusted_hops)).toEqual([undefined, 2]);
  expect(run(...args, "--buffer-limit", String(limit))).toEqual({
    code: 1,
    out: "",
    err: `a buffer of ${limit} bytes is too small, as jobs may hold ${limit} bytes of a body: give at least ${limit + 65_536}\n`,
  });
});

test("what does not fit the table is refused, and what is no option is an error of use", () => {
  const table = ["--table", "one.table"];
  expect(run(...table, ...FALLBACK, "--listener", "esams=80")).toMatchObject({
    code: 1,
    err: 'the table has no listener "esams": it has edge, mesh, plain\n',
  });
  expect(run(...table, ...FALLBACK, "--cluster", "nowhere=a:1")).toMatchObject({
    code: 1,
    err: 'the table has no cluster "nowhere"\n',
  });
  expect(run("--table", "none.table", ...FALLBACK).code).toBe(1);
  for (const args of [
    [...table],
    [...table, "--fallback", "nowhere"],
    [...table, ...FALLBACK, "--listener", "edge"],
    [...table, ...FALLBACK, "--listener", "edge=0.0.0.0:70000"],
    [...table, ...FALLBACK, "--cluster", "web"],
  ]) {
    expect(run(...args).code, args.join(" ")).toBe(2);
  }
  mkdirSync(join(folder, "made"));
  writeFileSync(join(folder, "made/pointsman"), "a file in the way");
  expect(run(...table, ...FALLBACK, "--out", "made")).toMatchObject({
    code: 1,
    err: expect.stringContaining("made/pointsman: cannot be "),
  });
});
