/**
 * A push that is killed, that finds the disk full or read-only, or that another one overtakes: afterwards the store can be
 * read, every proxy serves one of two whole tables, `pointsman status` says which, and the next push mends all.
 */
import { type SpawnSyncReturns, spawn, spawnSync } from "node:child_process";
import { cpSync, existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { beforeEach, describe, expect, it } from "vitest";
import { findEnvoy } from "../scripts/envoy/install.ts";
import { startConfigured } from "../scripts/envoy/process.ts";
import { send } from "../scripts/envoy/request.ts";
import { type Seen, startUpstreams } from "../scripts/envoy/upstream.ts";
import { parseAtsFile } from "../scripts/render/ats-file.ts";
import { parseFilterFile } from "../scripts/render/filter-file.ts";
import { FolderStore } from "../scripts/store/folder-store.ts";
import { Table } from "../scripts/table/table.ts";
import { cli, folder, promote, run, SMALL, setUpCli } from "./support/cli.ts";
import { projectPath } from "./support/data.ts";

setUpCli();

const FAULTS = projectPath("test/support/faulty-fs.mjs");
const PLUGIN = "config: { name: pointsman, rootId: '', configuration: TABLE }\n";
const FILTER = "envoy/pointsman/main/pointsman.json";
const LOCK_OF_ENVOY = "envoy/.pointsman.lock";
/** Calls in a random order that is always the same. */
const SEED = 7;
const KILLS = 30;
/** Where testwiki's requests go, by generation. */
const CLUSTERS = ["mw-web-1-47-0-wmf-3", "mw-web-1-47-0-wmf-2"];
/** By then a filter, which tells its proxy once a second, has told it what it serves. */
const TOLD_MS = 2_500;

const TARGETS = ["envoy-files=envoy", "configmap=cm.json", "ats=ats.yaml"].flatMap((one) => [
  "--target",
  one,
]);
const PUSH = ["push", ...SMALL, "--store", "store", ...TARGETS, "--yes", "--reason", "x"];

/** The CLI in a folder, with a file system that fails as told. */
function faulty(cwd: string, args: readonly string[], fault: NodeJS.ProcessEnv): SpawnSyncReturns<string> {
  const env = { PATH: process.env.PATH, POINTSMAN_WHO: "me", ...fault };
  return spawnSync(process.execPath, ["--import", FAULTS, cli, ...args], { cwd, env, encoding: "utf8" });
}

const push = (cwd: string, fault: NodeJS.ProcessEnv = {}) =>
  faulty(cwd, PUSH, { FAULT_FILE: "/dev/null", ...fault });

/** What proxies would read: each target's table. */
function tablesIn(cwd: string): (Table | null)[] {
  const text = (name: string) => readFileSync(join(cwd, name), "utf8");
  const map = Buffer.from(JSON.parse(text("cm.json")).binaryData["pointsman.table"], "base64");
  return [parseFilterFile(text(FILTER), FILTER).table, new Table(map), parseAtsFile(text("ats.yaml")).table];
}

/** The store can be read, and nobody has what the store does not know of. */
async function checkWhole(cwd: string, generation: number): Promise<void> {
  const store = new FolderStore(join(cwd, "store"));
  const { rollout } = await store.head();
  const { entries } = await store.history();
  expect(entries.map((one) => one.generation)).toEqual([generation, generation + 1].slice(0, entries.length));
  expect(rollout!.generation).toBe(entries.at(-1)!.generation);
  for (const { digest } of entries) expect((await store.table(digest)).digest).toBe(digest);
  for (const table of tablesIn(cwd)) {
    const known = entries.find((one) => one.generation === table!.generation);
    expect(table!.digest).toBe(known?.digest);
  }
}

/** The push was made, everywhere, and nothing is left of what went wrong. */
async function checkDone(cwd: string, generation: number): Promise<void> {
  const store = new FolderStore(join(cwd, "store"));
  expect((await store.head()).rollout).toMatchObject({ generation, state: "done" });
  const { entries, warnings } = await store.history();
  expect({ last: entries.at(-1)!.generation, warnings }).toEqual({ last: generation, warnings: [] });
  expect(tablesIn(cwd).map((table) => table!.generation)).toEqual([generation, generation, generation]);
  const left = readdirSync(cwd, { recursive: true, encoding: "utf8" });
  expect(left.filter((name) => /\.tmp$|\.lock$/.test(name))).toEqual([]);
}

/** `before` has generation 1 everywhere, and a farm that makes another table. */
let before: string;
beforeEach(() => {
  before = folder;
  expect(run(["pack", ...SMALL, "--strip", "--out", "t.table"]).code).toBe(0);
  const fallback = ["--fallback", "127.0.0.1:9", "--clusters", "{cluster}.example:1"];
  expect(run(["render", "envoy", "--table", "t.table", "--out", "envoy", ...fallback]).code).toBe(0);
  writeFileSync(join(folder, "ats.yaml"), PLUGIN);
  expect(push(folder).status).toBe(0);
  promote();
});

function copy(name: string): string {
  const to = `${before}-${name}`;
  cpSync(before, to, { recursive: true });
  return to;
}

/** What a push does to the file system, call by call. */
function callsOfAPush(): string[] {
  const cwd = copy("counted");
  expect(push(cwd, { FAULT_FILE: "calls" }).status).toBe(0);
  return readFileSync(join(cwd, "calls"), "utf8").split("\n");
}

it("what a push renames into place is on the disk before it goes on", () => {
  const calls = callsOfAPush();
  const renames = calls.flatMap((call, i) => (call.startsWith("renameSync ") ? [calls[i + 1]] : []));
  expect(renames.length).toBeGreaterThan(5);
  expect(renames.filter((next) => next !== "fsyncSync")).toEqual([]);
});

interface Fleet {
  /** The generation whose content upstreams are asked by. */
  seen(name: string): Promise<number>;
  status(cwd: string, name: string): { code: number | null; wanted: number; verdict: string; served: number };
  stop(): Promise<void>;
}

/** One Envoy with a listener for each of these folders, which it discovers from there. */
async function startFleet(all: readonly { name: string; cwd: string }[]): Promise<Fleet> {
  const upstreams = await startUpstreams(CLUSTERS);
  const to = upstreams.clusters.flatMap(({ name, port }) => ["--cluster", `${name}=127.0.0.1:${port}`]);
  const listeners = all.flatMap(({ name }) => ["--listener", `${name}=0`]);
  const rest = ["--admin-port", "0", "--fallback", "127.0.0.1:9", "--out", "fleet"];
  expect(run(["render", "envoy", "--table", "t.table", ...to, ...listeners, ...rest])).toMatchObject({
    code: 0,
  });
  const bootstrap = join(before, "fleet/envoy.yaml");
  let config = readFileSync(bootstrap, "utf8");
  for (const { name, cwd } of all) {
    const [ours, theirs] = [join(before, "fleet/pointsman", name), join(cwd, dirname(FILTER))];
    // Its listener's name, and the table that is in the folder now.
    const file = readFileSync(join(ours, basename(FILTER)), "utf8");
    const { table } = parseFilterFile(readFileSync(join(cwd, FILTER), "utf8"), FILTER);
    writeFileSync(join(cwd, FILTER), parseFilterFile(file, FILTER).with(table!));
    config = config
      .replaceAll(`path: ${ours}/`, `path: ${theirs}/`)
      .replaceAll(`path: ${ours}\n`, `path: ${theirs}\n`);
  }
  writeFileSync(bootstrap, config);
  const envoy = await startConfigured(bootstrap, { envoy: await findEnvoy() }).catch(async (error) => {
    await upstreams.stop();
    throw error;
  });
  return {
    async seen(name) {
      const { body } = await send({ port: envoy.ports[name]!, host: "test.wikipedia.org" });
      return CLUSTERS.indexOf((JSON.parse(body) as Seen).cluster) + 1;
    },
    status(cwd, name) {
      const proxy = `http://127.0.0.1:${envoy.adminPort} ${name}`;
      const args = [cli, "status", "--store", "store", "--proxy", proxy, "--json"];
      const { status: code, stdout } = spawnSync(process.execPath, args, { cwd, encoding: "utf8" });
      const { wanted, proxies } = JSON.parse(stdout);
      const [{ verdict, served }] = proxies[0].listeners;
      return { code, wanted: wanted.generation, verdict, served: served?.generation };
    },
    async stop() {
      await envoy.stop();
      await upstreams.stop();
    },
  };
}

/** Some of them, in the order of a small generator of random numbers. */
function someOf<T>(all: readonly T[], count: number): T[] {
  const rest = [...all];
  let state = SEED;
  return Array.from({ length: Math.min(count, all.length) }, () => {
    state = (state * 1664525 + 1013904223) % 2 ** 32;
    return rest.splice(state % rest.length, 1)[0]!;
  });
}

describe("a push", { timeout: 300_000 }, () => {
  it(`that is killed, at ${KILLS} points under an Envoy: status says what upstreams see`, async () => {
    const points = callsOfAPush().flatMap((name, i) => [
      { FAULT: "kill", FAULT_AT: String(i + 1) },
      ...(name.startsWith("write") ? [{ FAULT: "kill-half", FAULT_AT: String(i + 1) }] : []),
    ]);
    const all = someOf(points, KILLS).map((point, i) => ({
      point,
      name: `kill-${i}`,
      cwd: copy(`kill-${i}`),
    }));
    const fleet = await startFleet(all);
    try {
      const states = new Set<string>();
      for (const { point, cwd } of all) {
        expect(push(cwd, point).signal, JSON.stringify(point)).toBe("SIGKILL");
        await checkWhole(cwd, 1);
        states.add(
          tablesIn(cwd)
            .map((table) => table!.generation)
            .join(),
        );
      }
      // Every one of them was met: before the first target, between two, after the last.
      expect([...states].sort()).toEqual(["1,1,1", "2,1,1", "2,2,1", "2,2,2"]);
      await sleep(TOLD_MS);
      const said = new Set<string>();
      for (const { point, name, cwd } of all) {
        const { wanted, verdict, served, code } = fleet.status(cwd, name);
        expect(served, JSON.stringify(point)).toBe(await fleet.seen(name));
        expect(code).toBe(wanted === served ? 0 : 1);
        said.add(`${wanted} ${served} ${verdict}`);
      }
      expect([...said].sort()).toEqual(["1 1 served", "2 1 behind", "2 2 served"]);
      for (const { point, cwd } of all) {
        const { status, stderr } = push(cwd);
        expect({ status, stderr }, JSON.stringify(point)).toMatchObject({ status: 0 });
        await checkDone(cwd, 2);
      }
      await sleep(TOLD_MS);
      for (const { name, cwd } of all) {
        expect(await fleet.seen(name)).toBe(2);
        expect(fleet.status(cwd, name)).toEqual({ code: 0, wanted: 2, verdict: "served", served: 2 });
      }
    } finally {
      await fleet.stop();
    }
  });

  it("on a disk that is full, from any write on", async () => {
    const writes = callsOfAPush().flatMap((name, i) => (name.startsWith("write") ? [i + 1] : []));
    for (const at of writes) {
      const cwd = copy(`full-${at}`);
      const { status, stderr } = push(cwd, { FAULT: "ENOSPC", FAULT_AT: String(at) });
      expect(stderr).toContain("the disk is full");
      expect(stderr).not.toContain("    at ");
      expect(status).toBe(at === writes.at(-1) || at === writes.at(-2) ? 0 : 1);
      await checkWhole(cwd, 1);
      expect(push(cwd).status).toBe(0);
      await checkDone(cwd, 2);
    }
  });

  it.each([
    ["EROFS", "its file system can only be read"],
    ["EACCES", "no permission to write there"],
  ])("to a store that can only be read: %s", async (FAULT, why) => {
    const { status, stderr } = push(before, { FAULT, FAULT_AT: "1" });
    expect({ status, stderr }).toEqual({
      status: 1,
      stderr: expect.stringContaining(`store/rollout.json: cannot be written: ${why}\n`),
    });
    await checkWhole(before, 1);
    const history = faulty(before, ["history", "--store", "store"], { FAULT, FAULT_AT: "1" });
    expect({ status: history.status, out: history.stdout }).toEqual({
      status: 0,
      out: expect.stringContaining("generation 1, done"),
    });
    expect(push(before).status).toBe(0);
    await checkDone(before, 2);
  });

  /** One that waits at a call of it until `step` is over, and what became of it. */
  async function overtaken(at: number, step: () => void): Promise<{ code: number | null; err: string }> {
    const env = {
      PATH: process.env.PATH,
      POINTSMAN_WHO: "slow",
      FAULT: "wait",
      FAULT_AT: String(at),
      FAULT_FILE: "go",
    };
    const child = spawn(process.execPath, ["--import", FAULTS, cli, ...PUSH], { cwd: before, env });
    let err = "";
    child.stderr.on("data", (chunk) => {
      err += chunk;
    });
    const closed = new Promise<number | null>((resolve) => child.on("close", resolve));
    while (!existsSync(join(before, "go.waits"))) {
      expect(child.exitCode, "it never came to the call").toBeNull();
      await sleep(10);
    }
    step();
    writeFileSync(join(before, "go"), "");
    return { code: await closed, err };
  }

  it("that another one overtakes before it is in the store is told so, and has done nothing", async () => {
    const { code, err } = await overtaken(1, () => {
      expect(run(["rollback", "--help"]).code).toBe(0);
      expect(push(before).status).toBe(0);
    });
    expect({ code, err }).toEqual({
      code: 1,
      err: expect.stringMatching(
        /store: somebody else was quicker, and nothing of this was pushed: generation 2, done, digest [0-9a-f]{32}, by me: x\n$/,
      ),
    });
    await checkWhole(before, 1);
    await checkDone(before, 2);
  });

  it("that another one overtakes on the way to the targets takes nothing back", async () => {
    const calls = callsOfAPush();
    const { code, err } = await overtaken(calls.indexOf(`openSync ${LOCK_OF_ENVOY}`) + 1, () => {
      const more = ["--again", "--generation", "3"];
      expect(faulty(before, [...PUSH, ...more], { FAULT_FILE: "/dev/null" }).status).toBe(0);
    });
    expect(code).toBe(1);
    expect(err).toContain(`${FILTER}: has generation 3, and the table is older: 2`);
    const store = new FolderStore(join(before, "store"));
    expect((await store.history()).entries.map(({ generation }) => generation)).toEqual([1, 2, 3]);
    await checkDone(before, 3);
  });
});
