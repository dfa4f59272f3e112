/** `pointsman status` of real Envoys with two workers each, held against what upstreams are asked for. */
import { execFile } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { REFUSED_DAMAGED } from "../../assembly/refusals.ts";
import { findEnvoy } from "../../scripts/envoy/install.ts";
import { type EnvoyProcess, startConfigured } from "../../scripts/envoy/process.ts";
import { send } from "../../scripts/envoy/request.ts";
import { type Seen, startUpstreams, type Upstreams } from "../../scripts/envoy/upstream.ts";
import { parseFilterFile } from "../../scripts/render/filter-file.ts";
import { projectPath } from "../support/data.ts";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

const VERSIONS = ["1.46.0", "1.47.0-wmf.1", "1.47.0-wmf.2", "1.47.0-wmf.3"];
const FARM = ["--farm", "farm/farm.yaml"];
const NAMES = ["a", "b"];
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

/** What status says of each Envoy, and the version to which a request of testwiki went there. */
async function both() {
  const { code, out } = await status("--json");
  const state = JSON.parse(out);
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
