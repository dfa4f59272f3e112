/**
 * `pointsman status` of real Envoys with two workers each, held against what upstreams are asked for: also while workers
 * differ or hang, after a restart, and of a listener that is removed.
 */
import { execFile, execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { load } from "js-yaml";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { REFUSED_DAMAGED } from "../../assembly/refusals.ts";
import { Connection } from "../../bench/load-generator.ts";
import { findEnvoy } from "../../scripts/envoy/install.ts";
import { type EnvoyProcess, startConfigured } from "../../scripts/envoy/process.ts";
import { send } from "../../scripts/envoy/request.ts";
import { type Seen, startUpstreams, type Upstreams } from "../../scripts/envoy/upstream.ts";
import { parseFilterFile } from "../../scripts/render/filter-file.ts";
import { projectPath } from "../support/data.ts";

const VERSIONS = ["1.46.0", "1.47.0-wmf.1", "1.47.0-wmf.2", "1.47.0-wmf.3"];
const FARM = ["--farm", "farm/farm.yaml"];
const NAMES = ["a", "b"];
const TYPE = "type.googleapis.com/";
/** The workers' and the main thread's. */
const INSTANCES = 3;

let folder: string;
let envoys: EnvoyProcess[] = [];
let upstreams: Upstreams;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "pointsman-status-"));
  cpSync(projectPath("examples/small"), join(folder, "farm"), { recursive: true });
  const names = VERSIONS.map((version) => `mw-web-${version.replaceAll(".", "-")}`);
  upstreams = await startUpstreams(names);
  const addresses = upstreams.clusters.map(({ name, port }) => ["--cluster", `${name}=127.0.0.1:${port}`]);
  expect((await run("pack", ...FARM, "--strip", "--out", "t.table")).code).toBe(0);
  for (const name of NAMES) {
    const where = ["--listener", "main=0", "--admin-port", "0", "--fallback", "127.0.0.1:9"];
    const to = [...addresses.flat(), "--table", "t.table", "--out", name];
    const { code, err } = await run("render", "envoy", ...where, ...to);
    expect(code, err).toBe(0);
  }
  await push();
  const envoy = await findEnvoy();
  envoys = await Promise.all(
    NAMES.map((name) => startConfigured(join(folder, name, "envoy.yaml"), { envoy, concurrency: 2 })),
  );
});
afterEach(async () => {
  await Promise.all(envoys.map((envoy) => envoy.stop()));
  await upstreams.stop();
  rmSync(folder, { recursive: true });
});

interface Ran {
  code: number;
  out: string;
  err: string;
}

/** Beside us, as upstreams answer in this process. */
function run(...args: string[]): Promise<Ran> {
  const env = { PATH: process.env.PATH, POINTSMAN_WHO: "me", POINTSMAN_STORE: "store" };
  const cli = projectPath("build/pointsman.mjs");
  return new Promise((resolve) => {
    execFile(process.execPath, [cli, ...args], { cwd: folder, env }, (error, out, err) =>
      resolve({ code: error === null ? 0 : Number(error.code), out, err }),
    );
  });
}

async function push(...to: string[]): Promise<void> {
  const targets = (to.length > 0 ? to : NAMES).flatMap((name) => ["--target", `envoy-files=${name}`]);
  const { code, err } = await run("push", ...FARM, "--yes", "--reason", "x", ...targets);
  expect(code, err).toBe(0);
}

/** The next push is of another table. */
function promote(version: string): void {
  const file = join(folder, "farm/wikiversions.json");
  const versions = JSON.parse(readFileSync(file, "utf8"));
  writeFileSync(file, JSON.stringify({ ...versions, testwiki: `php-${version}` }));
}

const proxies = () => envoys.flatMap(({ adminPort }) => ["--proxy", `http://127.0.0.1:${adminPort} main`]);
const status = (...more: string[]) => run("status", ...proxies(), ...more);

interface Listener {
  verdict: string;
  served: { generation: number } | null;
}

async function look() {
  const { code, out } = await status("--json");
  return { code, state: JSON.parse(out) };
}

/** What status says of each Envoy, and the version to which a request of testwiki went there. */
async function both() {
  const { code, state } = await look();
  const served = await Promise.all(
    envoys.map(async ({ gone, port }) => {
      if (gone) return null;
      const { body } = await send({ port, host: "test.wikipedia.org" });
      return (JSON.parse(body) as Seen).cluster;
    }),
  );
  const said = state.proxies.map(({ listeners: [one] }: { listeners: [Listener] }) => [
    one.verdict,
    one.served?.generation ?? null,
  ]);
  return { code, said, served, state };
}

/** A damaged table comes to that Envoy, in an attempt of its own, as by a carrier that breaks files. */
function damage(name: string): void {
  const file = join(folder, name, "pointsman/main/pointsman.json");
  const text = readFileSync(file, "utf8");
  const { table } = parseFilterFile(text, file);
  const base64 = Buffer.from(table!.bytes).toString("base64");
  const bytes = Buffer.from(table!.bytes);
  bytes[bytes.length >> 1]! ^= 1;
  expect(text).toContain(base64);
  writeFileSync(`${file}.new`, text.replace(base64, bytes.toString("base64")));
  renameSync(`${file}.new`, file);
}

test("status agrees with upstreams: all well, one left behind, one that refused, one that is gone, and healed", async () => {
  const [before, after, last] = ["mw-web-1-47-0-wmf-3", "mw-web-1-47-0-wmf-2", "mw-web-1-47-0-wmf-1"];
  const waited = await status("--wait", "20s");
  expect(waited).toMatchObject({ code: 0, err: "" });
  expect(waited.out).toMatch(/^wanted: generation 1, done, digest [0-9a-f]{32}, pushed 2\d{3}-.*Z\n/);
  expect(waited.out).toContain(`main  served  generation 1 of 2`);
  expect(waited.out).toContain(`Z, ${INSTANCES} of ${INSTANCES} instances\n`);
  expect(waited.out).toMatch(/\ngeneration 1 is served by 2 of 2 proxies\n$/);
  expect(await both()).toMatchObject({
    code: 0,
    said: [
      ["served", 1],
      ["served", 1],
    ],
    served: [before, before],
  });

  // The second one is left out.
  promote("1.47.0-wmf.2");
  await push("a");
  await status("--wait", "3s");
  expect(await both()).toMatchObject({
    code: 1,
    said: [
      ["served", 2],
      ["behind", 1],
    ],
    served: [after, before],
  });

  // What comes to it then is damaged.
  damage("b");
  await vi.waitFor(async () => {
    const { state } = await both();
    expect(state.proxies[1].listeners[0].refused).toMatchObject({ code: REFUSED_DAMAGED });
  }, 20_000);
  const refused = await both();
  expect(refused).toMatchObject({
    code: 1,
    said: [
      ["served", 2],
      ["behind", 1],
    ],
    served: [after, before],
  });
  const { out } = await status();
  expect(out).toMatch(
    /BEHIND {2}generation 1 of \S+Z, another content, 3 of 3 instances; refused the last table sent \(2\): No table, or not as it was packed/,
  );
  expect(out).toMatch(/\ngeneration 2 is served by 1 of 2 proxies\n$/);

  // The next push heals it, while somebody waits.
  promote("1.47.0-wmf.1");
  const waiting = status("--wait", "60s");
  await push();
  expect(await waiting).toMatchObject({ code: 0 });
  expect(await both()).toMatchObject({
    code: 0,
    said: [
      ["served", 3],
      ["served", 3],
    ],
    served: [last, last],
  });
  expect(
    (await run("status", "--proxy", `http://127.0.0.1:${envoys[0]!.adminPort}/stats/prometheus`)).code,
  ).toBe(0);

  // A listener that it does not have, an Envoy that hangs, and one that is gone.
  const { code, out: missing } = await run(
    "status",
    "--proxy",
    `http://127.0.0.1:${envoys[0]!.adminPort} main mesh`,
  );
  expect([code, missing]).toEqual([
    1,
    expect.stringContaining("NOTHING  the proxy does not have this listener"),
  ]);
  process.kill(envoys[1]!.pid, "SIGSTOP");
  const hung = await status("--timeout", "1s");
  process.kill(envoys[1]!.pid, "SIGCONT");
  expect([hung.code, hung.out]).toEqual([1, expect.stringContaining("SILENT  no answer within 1 s\n")]);
  await envoys[1]!.stop();
  expect(await both()).toMatchObject({
    code: 1,
    said: [
      ["served", 3],
      ["silent", null],
    ],
    served: [last, null],
  });
  expect((await status()).out).toContain("SILENT  it does not answer: nothing listens there\n");
});

/** That Envoy again, with another configuration if it is said. */
async function restart(
  i: number,
  config = join(folder, NAMES[i]!, "envoy.yaml"),
  under?: string[],
): Promise<void> {
  await envoys[i]!.stop();
  envoys[i] = await startConfigured(config, {
    envoy: await findEnvoy(),
    concurrency: 2,
    ...(under && { under }),
  });
}

/** Writes a configuration beside that Envoy's own, with changes. */
function changed(name: string, change: (config: Config) => void): string {
  const config = load(readFileSync(join(folder, name, "envoy.yaml"), "utf8")) as Config;
  change(config);
  const file = join(folder, name, "changed.json");
  writeFileSync(file, JSON.stringify(config));
  return file;
}

interface Config {
  dynamic_resources?: object;
  static_resources: {
    listeners: {
      name: string;
      connection_balance_config?: object;
      filter_chains: [{ filters: [{ typed_config: { http_filters: object[] } }] }];
    }[];
  };
}

/** A request of testwiki to this path. */
const to = (path: string) => Buffer.from(`GET ${path} HTTP/1.1\r\nhost: test.wikipedia.org\r\n\r\n`);
const clusterOf = ({ body }: { body: string }) => (JSON.parse(body) as Seen).cluster;

test("workers that serve different tables are mixed, one that hangs is missing, and both come back", async () => {
  const [before, after] = ["mw-web-1-47-0-wmf-3", "mw-web-1-47-0-wmf-2"];
  const gate = join(folder, "gate");
  execFileSync("mkfifo", [gate]);
  const config = changed("b", ({ static_resources: { listeners } }) => {
    // A request to /hang holds its worker until somebody writes into the pipe: the worker gets no table meanwhile.
    const code = `function envoy_on_request(handle)
      if handle:headers():get(":path") == "/hang" then io.open("${gate}"):close() end
    end`;
    const lua = {
      "@type": `${TYPE}envoy.extensions.filters.http.lua.v3.Lua`,
      default_source_code: { inline_string: code },
    };
    listeners[0]!.filter_chains[0].filters[0].typed_config.http_filters.unshift({
      name: "lua",
      typed_config: lua,
    });
    listeners[0]!.connection_balance_config = { exact_balance: {} };
  });
  await restart(1, config);
  expect(await status("--wait", "20s")).toMatchObject({ code: 0 });
  const port = envoys[1]!.port;
  // Each on a worker of its own.
  const [held, free] = [await Connection.open(port), await Connection.open(port)];
  try {
    for (const one of [held, free]) expect(clusterOf(await one.exchange(to("/")))).toBe(before);
    const hangs = held.exchange(to("/hang"));
    promote("1.47.0-wmf.2");
    await push();
    const judged = async () => {
      const { code, state } = await look();
      const { verdict, what, served } = state.proxies[1].listeners[0];
      return { code, verdict, what, generation: served.generation, digest: served.digest };
    };
    await expect.poll(judged, { timeout: 9_000 }).toEqual({
      ...{ code: 1, verdict: "mixed", what: "its 3 instances differ, the oldest at 1" },
      ...{ generation: 1, digest: null },
    });
    expect(clusterOf(await free.exchange(to("/")))).toBe(after);
    // After ten seconds without its word it counts no more.
    await expect.poll(judged, { timeout: 20_000, interval: 500 }).toMatchObject({
      ...{ code: 1, verdict: "short", what: "2 of 3 instances", generation: 2 },
    });
    await writeFile(gate, "");
    // It had the old table all the time.
    expect(clusterOf(await hangs)).toBe(before);
    expect(await status("--wait", "20s")).toMatchObject({ code: 0 });
    expect(clusterOf(await held.exchange(to("/")))).toBe(after);
  } finally {
    for (const one of [held, free]) one.close();
  }
});

test("an Envoy that starts again says anew what it serves, and since which push", async () => {
  const [after, last] = ["mw-web-1-47-0-wmf-2", "mw-web-1-47-0-wmf-1"];
  const second = async () => (await look()).state.proxies[1].listeners[0];
  promote("1.47.0-wmf.2");
  await push();
  expect(await status("--wait", "20s")).toMatchObject({ code: 0 });
  damage("b");
  await restart(1);
  // The file is refused, and what the last push left in the bootstrap serves.
  await expect.poll(second, { timeout: 20_000 }).toMatchObject({
    ...{ verdict: "served", instances: INSTANCES, refused: { code: REFUSED_DAMAGED } },
  });
  expect((await both()).served).toEqual([after, after]);
  promote("1.47.0-wmf.1");
  await push();
  expect(await status("--wait", "20s")).toMatchObject({ code: 0 });
  const { served } = await second();
  await restart(1);
  expect(await status("--wait", "20s")).toMatchObject({ code: 0 });
  expect(await second()).toMatchObject({ served, instances: INSTANCES, refused: null });
  const { wanted } = (await look()).state;
  expect(served).toMatchObject({ generation: 3, pushed: wanted.pushed });
  expect((await both()).served).toEqual([last, last]);
});

test("a listener that is removed is missed where it is expected, and forgotten when Envoy starts again", async () => {
  const where = [
    "--listener",
    "main=0",
    "--listener",
    "mesh=0",
    "--admin-port",
    "0",
    "--fallback",
    "127.0.0.1:9",
  ];
  const addresses = upstreams.clusters.flatMap(({ name, port }) => [
    "--cluster",
    `${name}=127.0.0.1:${port}`,
  ]);
  const made = await run("render", "envoy", "--table", "t.table", "--out", "b", ...where, ...addresses);
  expect(made.code, made.err).toBe(0);
  const discovered = join(folder, "lds.json");
  const resources: Config["static_resources"]["listeners"] = [];
  const write = (names: string[]) => {
    const of = resources.filter(({ name }) => names.includes(name));
    const typed = of.map((one) => ({ "@type": `${TYPE}envoy.config.listener.v3.Listener`, ...one }));
    writeFileSync(`${discovered}.new`, JSON.stringify({ version_info: names.join(), resources: typed }));
    renameSync(`${discovered}.new`, discovered);
  };
  const config = changed("b", (all) => {
    resources.push(...all.static_resources.listeners.splice(0));
    const path_config_source = { path: discovered, watched_directory: { path: folder } };
    all.dynamic_resources = { lds_config: { path_config_source, resource_api_version: "V3" } };
  });
  write(["main", "mesh"]);
  const drainsAtOnce = ["sh", "-c", 'exec "$0" "$@" --drain-time-s 1'];
  await restart(1, config, drainsAtOnce);
  const ask = (listeners: string, ...more: string[]) =>
    run("status", "--proxy", `http://127.0.0.1:${envoys[1]!.adminPort} ${listeners}`, ...more);
  expect(await ask("main mesh", "--wait", "20s")).toMatchObject({ code: 0 });
  const mesh = { port: envoys[1]!.ports.mesh!, host: "test.wikipedia.org" };
  expect(clusterOf(await send(mesh))).toBe("mw-web-1-47-0-wmf-3");
  write(["main"]);
  await expect
    .poll(async () => (await ask("main mesh")).out, { timeout: 20_000 })
    .toContain("mesh  NOTHING  no instance serves it: it was removed, or all are dead\n");
  await expect(send(mesh)).rejects.toThrow("ECONNREFUSED");
  expect([(await ask("main mesh")).code, (await ask("")).code, (await ask("main")).code]).toEqual([1, 1, 0]);
  expect(clusterOf(await send({ ...mesh, port: envoys[1]!.port }))).toBe("mw-web-1-47-0-wmf-3");
  await restart(1, config, drainsAtOnce);
  expect(await ask("", "--wait", "20s")).toMatchObject({ code: 0 });
  expect((await ask("main mesh")).out).toContain("mesh  NOTHING  the proxy does not have this listener\n");
});
