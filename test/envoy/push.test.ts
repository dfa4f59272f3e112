/** A push, a rollback and a push that dies, under running Envoys, by files. */
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { findEnvoy } from "../../scripts/envoy/install.ts";
import { type EnvoyProcess, startConfigured } from "../../scripts/envoy/process.ts";
import { projectPath } from "../support/data.ts";

let folder: string;
let envoy: EnvoyProcess | null = null;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "pointsman-push-"));
  cpSync(projectPath("examples/small"), join(folder, "farm"), { recursive: true });
  expect(run(["pack", ...FARM, "--strip", "--out", "t.table"]).code).toBe(0);
  const rendered = ["--listener", "main=0", "--admin-port", "0", "--fallback", "127.0.0.1:9"];
  expect(run(["render", "envoy", "--table", "t.table", "--out", "made", ...rendered]).code).toBe(0);
});
afterEach(async () => {
  await envoy?.stop();
  envoy = null;
  rmSync(folder, { recursive: true });
});

const FARM = ["--farm", "farm/farm.yaml"];

function run(args: string[], { node = [] as string[], env = {} } = {}) {
  const cli = [...node, projectPath("build/pointsman.mjs"), ...args];
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, cli, {
    cwd: folder,
    env: { PATH: process.env.PATH, POINTSMAN_WHO: "me", POINTSMAN_STORE: "store", ...env },
    encoding: "utf8",
  });
  return { code: status, signal, out: stdout, err: stderr };
}

const push = (target: string, options = {}) =>
  run(["push", ...FARM, "--yes", "--reason", "x", "--target", target], options);

/** The next push is of another table. */
function promote(version: string): void {
  const file = join(folder, "farm/wikiversions.json");
  const versions = JSON.parse(readFileSync(file, "utf8"));
  writeFileSync(file, JSON.stringify({ ...versions, testwiki: `php-${version}` }));
}

async function start(config: string): Promise<void> {
  envoy = await startConfigured(join(folder, config), { envoy: await findEnvoy() });
}

const GENERATION = "wasmcustom.pointsman.generation.listener.main";

/** By all workers: until they agree, it is 0. */
async function serves(...generations: number[]): Promise<void> {
  await envoy!.waitForStat(GENERATION, (value) => generations.includes(Number(value)), 10_000);
}

async function refused(): Promise<number[]> {
  return Object.values(
    await envoy!.stats("http_filter.pointsman.(update_rejected|update_failure)"),
  ) as number[];
}

test("files: an Envoy takes what is pushed and rolled back, and a push that dies leaves it one of two tables", async () => {
  expect(push("envoy-files=made").code).toBe(0);
  await start("made/envoy.yaml");
  await serves(1);
  promote("1.47.0-wmf.2");
  expect(push("envoy-files=made").code).toBe(0);
  await serves(2);
  expect(run(["rollback", "--target", "envoy-files=made"]).code).toBe(0);
  await serves(3);
  // Every third call to the file system of the next one is its last.
  let deaths = 0;
  for (let at = 1; ; at += 3) {
    const env = { FAULT: "kill-half", FAULT_AT: String(at), FAULT_FILE: "/dev/null" };
    const node = ["--import", projectPath("test/support/faulty-fs.mjs")];
    const { signal, code } = push("envoy-files=made", { node, env });
    if (signal === null) {
      expect(code).toBe(0);
      break;
    }
    deaths++;
    await serves(3, 4);
  }
  expect(deaths).toBeGreaterThan(5);
  await serves(4);
  expect(await refused()).toEqual([0, 0]);
});

test("files: an Envoy that watches the folder around them outlives a listener's folder", async () => {
  expect(push("envoy-files=made").code).toBe(0);
  const own = join(folder, "made/pointsman/main");
  const config = readFileSync(join(folder, "made/envoy.yaml"), "utf8");
  writeFileSync(
    join(folder, "made/around.yaml"),
    config.replaceAll(`path: ${own}\n`, `path: ${join(own, "..")}\n`),
  );
  await start("made/around.yaml");
  await serves(1);
  for (const [generation, version] of [
    [2, "1.47.0-wmf.2"],
    [3, "1.47.0-wmf.1"],
  ] as const) {
    cpSync(own, join(folder, "kept"), { recursive: true });
    rmSync(own, { recursive: true });
    cpSync(join(folder, "kept"), own, { recursive: true });
    promote(version);
    expect(push("envoy-files=made").code).toBe(0);
    await serves(generation);
  }
  expect(await refused()).toEqual([0, 0]);
});

test("a server: an Envoy starts with the last table that was pushed while the server is away", async () => {
  const away = ["--xds", "127.0.0.1:9", "--node-id", "one", "--node-cluster", "edge"];
  const rest = ["--listener", "main=0", "--admin-port", "0", "--fallback", "127.0.0.1:9"];
  const made = run(["render", "envoy", "--table", "t.table", "--out", "served", ...away, ...rest]);
  expect(made.code, made.err).toBe(0);
  expect(push("envoy-files=served").code).toBe(0);
  promote("1.47.0-wmf.2");
  expect(push("envoy-files=served")).toMatchObject({
    code: 0,
    out: expect.stringContaining("served: 1 file, what Envoy starts with; "),
  });
  await start("served/envoy.yaml");
  await serves(2);
  expect(run(["rollback", "--target", "envoy-files=served"]).code).toBe(0);
  await envoy!.stop();
  await start("served/envoy.yaml");
  await serves(3);
});
