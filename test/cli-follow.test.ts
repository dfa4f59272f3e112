/** `pointsman follow` over files alone: what it writes, what it leaves, what it says, and what it survives. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { filter } from "../scripts/filter.ts";
import type { FollowStatus } from "../scripts/follow/pages.ts";
import { parseAtsFile } from "../scripts/render/ats-file.ts";
import { parseFilterFile } from "../scripts/render/filter-file.ts";
import { FolderStore } from "../scripts/store/folder-store.ts";
import type { Stage } from "../scripts/store/stages.ts";
import { cli, edit, folder, packSmall, run, SMALL, setUpCli } from "./support/cli.ts";
import { projectPath } from "./support/data.ts";
import { olderFilter } from "./support/older-filter.ts";
import { Staying } from "./support/staying.ts";

setUpCli();

const env = { POINTSMAN_STORE: "store", POINTSMAN_WHO: "me" };
const FILE = "made/pointsman/main/pointsman.json";
const TARGET = ["--target", "envoy-files=made"];

beforeEach(() => {
  expect(packSmall("t.table", "--strip").code).toBe(0);
  render("made");
  push();
});
const following: Staying[] = [];
afterEach(async () => {
  for (const one of following.splice(0)) await one.stop();
});

/** An Envoy's files with generation 1. */
function render(out: string): void {
  const where = ["--listener", "main=0", "--admin-port", "0", "--fallback", "127.0.0.1:9"];
  expect(run(["render", "envoy", "--table", "t.table", "--out", out, ...where]).code).toBe(0);
}

/** The file is as `render` wrote it. */
function putBack(): void {
  render("old");
  renameSync(path(FILE.replace("made", "old")), path(FILE));
  expect(tableIn().generation).toBe(1);
}

function push(...more: string[]): void {
  const { code, err } = run(["push", ...SMALL, "--yes", "--reason", "x", ...more], { env });
  expect(code, err).toBe(0);
}

/** Other content, as generation 2 and later. */
const promote = () => edit("wikiversions.json", "1.47.0-wmf.3", "1.47.0-wmf.2");
const path = (name: string) => join(folder, name);
const tableIn = (file = FILE) => parseFilterFile(readFileSync(path(file), "utf8"), file).table!;
const once = (...more: string[]) => run(["follow", "--node", "n1", "--once", ...TARGET, ...more], { env });

async function follow(...more: string[]): Promise<Staying> {
  const args = ["follow", "--store", "store", "--node", "n1", ...(more.includes("--target") ? [] : TARGET)];
  const one = await Staying.start({ folder, args: [...args, ...more] });
  following.push(one);
  return one;
}

const becomes = (one: Staying, state: string, timeout = 10_000) =>
  expect.poll(async () => (await one.status<FollowStatus>()).state, { timeout }).toBe(state);
const reportOf = async (node: string) =>
  (await new FolderStore(path("store")).reports()).records.find((report) => report.node === node);

/** What is to be served stands at the first of these stages. */
async function stage(...stages: Stage[]): Promise<void> {
  const store = new FolderStore(path("store"));
  const { revision, rollout } = await store.head();
  const staged = { ...rollout!, stages: [...stages, { name: "all" }], at: 0, state: "going" as const };
  expect(await store.swap(revision, staged)).toBe(true);
}

describe("once", () => {
  it("brings what is to be served, tells the store, and ends", async () => {
    promote();
    push();
    expect(once()).toMatchObject({ code: 0, out: "", err: expect.stringContaining("generation 2: 2 files") });
    expect(tableIn().generation).toBe(2);
    expect(await reportOf("n1")).toMatchObject({
      listeners: [{ generation: 2, verdict: "unsure", what: "envoy-files=made: written, not proven" }],
    });
    // What is there already is not written again: Envoy would make its filter anew.
    const before = readFileSync(path(FILE));
    expect(once().err).not.toContain("2 files");
    expect(readFileSync(path(FILE))).toEqual(before);
  });

  it.each([
    ["no target", ["follow", "--node", "n1", "--once"], 1, "no targets: name them by --target"],
    ["no node", ["follow", ...TARGET], 2, "--node"],
    ["a target that is none", ["follow", "--node", "n1", "--target", "x"], 2, "envoy-files=FOLDER"],
    ["a proxy that is none", ["follow", "--node", "n1", ...TARGET, "--proxy", "x"], 2, "is no proxy"],
  ])("is refused with %s", (_, args, code, message) => {
    expect(run(args, { env })).toMatchObject({ code, err: expect.stringContaining(message) });
  });

  it("is not done where nothing is pushed, where nothing was pushed to the node, or where a proxy is silent", async () => {
    expect(once("--store", "none")).toMatchObject({
      code: 1,
      err: expect.stringContaining("nothing is pushed"),
    });
    await stage({ name: "canary", nodes: ["n2"] });
    expect(once()).toMatchObject({
      code: 1,
      err: expect.stringContaining("n1: nothing was ever pushed to it"),
    });
    const { code, err } = run(
      ["follow", "--node", "n2", "--once", ...TARGET, "--proxy", "http://127.0.0.1:1"],
      { env },
    );
    expect([code, err]).toEqual([
      1,
      expect.stringContaining("generation 1: unproven: http://127.0.0.1:1: silent, "),
    ]);
  }, 60_000);

  it("that dies at any point leaves the files whole, and the next one brings them up", () => {
    promote();
    push();
    const old = readFileSync(path(FILE));
    let deaths = 0;
    for (let at = 1; ; at += 2) {
      writeFileSync(path(FILE), old);
      const node = ["--import", projectPath("test/support/faulty-fs.mjs")];
      const faults = { FAULT: "kill-half", FAULT_AT: String(at), FAULT_FILE: "/dev/null" };
      const args = [...node, cli, "follow", "--node", "n1", "--once", "--cache", "cache", ...TARGET];
      const ran = spawnSync(process.execPath, args, { cwd: folder, env: { ...env, ...faults } });
      expect([1, 2]).toContain(tableIn().generation);
      if (ran.signal === null) break;
      deaths++;
    }
    expect(deaths).toBeGreaterThan(8);
    writeFileSync(path(FILE), old);
    expect(once()).toMatchObject({ code: 0 });
    expect(tableIn().generation).toBe(2);
  });
});

describe("a node", () => {
  it("gets what the stages say for it, by its name, cluster or locality", async () => {
    promote();
    push();
    await stage(
      { name: "canary", nodes: ["canary-*"] },
      { name: "eu", clusters: ["edge"], localities: ["eu"] },
    );
    const one = await follow("--node-cluster", "edge", "--node-locality", "eu/eqiad");
    await becomes(one, "written");
    expect(tableIn().generation).toBe(1);
    const store = new FolderStore(path("store"));
    const { revision, rollout } = await store.head();
    expect(await store.swap(revision, { ...rollout!, at: 1 })).toBe(true);
    await expect.poll(() => tableIn().generation).toBe(2);
    expect(await one.status<FollowStatus>()).toMatchObject({ node: "n1", wanted: { generation: 2 } });
    await expect.poll(async () => (await reportOf("n1"))?.listeners).toMatchObject([{ generation: 2 }]);
  });

  it("keeps its report in the store as long as it runs, and no longer than its lease", async () => {
    const one = await follow("--lease", "2s");
    await becomes(one, "written");
    await expect.poll(() => reportOf("n1")).toBeDefined();
    const { when } = (await reportOf("n1"))!;
    await expect.poll(async () => (await reportOf("n1"))!.when, { timeout: 5000 }).not.toBe(when);
    expect(await one.stop("SIGKILL")).toBeNull();
    await expect.poll(() => reportOf("n1"), { timeout: 10_000 }).toBeUndefined();
  });

  it("says over HTTP how it stands", async () => {
    const one = await follow();
    await becomes(one, "written");
    expect(await one.get("/healthz")).toEqual({ status: 200, body: "generation 1, written\n" });
    const { digest } = tableIn();
    expect(await one.status<FollowStatus>()).toMatchObject({
      store: { name: "store", trouble: null },
      wanted: { generation: 1, digest },
      why: null,
      unservedSince: null,
      targets: [{ target: "envoy-files=made", state: "has", has: { generation: 1, digest } }],
      report: { sent: expect.any(String), error: null },
    });
    const { body } = await one.get("/metrics");
    for (const line of [
      "pointsman_follow_store_up 1",
      "pointsman_follow_generation 1",
      'pointsman_follow_state{state="written"} 1',
      'pointsman_follow_state{state="proven"} 0',
      "pointsman_follow_unserved_seconds 0",
      "pointsman_follow_writes_total 0",
    ])
      expect(body.split("\n")).toContain(line);
    expect(await one.stop()).toBe(0);
  });
});

describe("what others did", () => {
  it("a newer table that somebody put there stays, is told of once, and is replaced by a newer push", async () => {
    const one = await follow();
    await becomes(one, "written");
    expect(packSmall("new.table", "--strip", "--generation", "5").code).toBe(0);
    expect(run(["put", "new.table", "--into", FILE]).code).toBe(0);
    await becomes(one, "newer", 20_000);
    promote();
    push();
    await expect.poll(() => one.said.match(/left as it is/g)?.length).toBe(2);
    expect(one.said).toContain("has generation 5, and the table is older: 2");
    expect(tableIn().generation).toBe(5);
    expect((await reportOf("n1"))!.listeners[0]!).toMatchObject({ generation: null });
    push("--again", "--generation", "6");
    await becomes(one, "written");
    expect(tableIn().generation).toBe(6);
  });

  it("an older one is replaced", async () => {
    promote();
    push();
    const one = await follow();
    await becomes(one, "written");
    putBack();
    await expect.poll(() => tableIn().generation, { timeout: 20_000 }).toBe(2);
  });

  it("a second one for the same target waits, and says who has it", async () => {
    await follow();
    const { code, err } = once();
    expect(code).toBe(1);
    expect(err).toMatch(
      /^made\/follow: process \d+ on \S+ follows a store for it: wait for that, or remove /,
    );
  });
});

describe("a table that the filter there refuses", () => {
  it("is not written, nor tried again before it is pushed again, by nobody", async () => {
    promote();
    push();
    writeFileSync(path("made/pointsman.wasm"), olderFilter());
    const one = await follow();
    await becomes(one, "refused");
    expect(tableIn().generation).toBe(1);
    const store = new FolderStore(path("store"));
    const { records } = await store.refusals([(await store.head()).rollout!.digest]);
    expect(records).toMatchObject([
      { node: "n1", generation: 2, why: expect.stringContaining("refuses the table") },
    ]);
    expect(await one.stop()).toBe(0);
    // Also where it would be taken now.
    writeFileSync(path("made/pointsman.wasm"), filter);
    expect(once()).toMatchObject({ code: 1, err: expect.stringContaining("generation 2: refused: ") });
    expect(tableIn().generation).toBe(1);
    push("--again");
    expect(once().code).toBe(0);
    expect(tableIn().generation).toBe(3);
  });
});

describe("the store away", () => {
  it("changes nothing, is said once, and what was pushed meanwhile comes when it is back", async () => {
    const one = await follow();
    await becomes(one, "written");
    const rollout = path("store/rollout.json");
    const text = readFileSync(rollout);
    writeFileSync(path("damaged"), "{");
    renameSync(path("damaged"), rollout);
    await expect.poll(async () => (await one.status<FollowStatus>()).store.trouble?.kind).toBe("damaged");
    expect((await one.get("/healthz")).body).toMatch(/^generation 1, written; since 2\S+Z .*rollout.json/);
    expect((await one.get("/metrics")).body).toContain("pointsman_follow_store_up 0\n");
    expect(tableIn().generation).toBe(1);
    writeFileSync(path("whole"), text);
    renameSync(path("whole"), rollout);
    await expect.poll(() => one.said).toContain("store: is there again");
    expect(one.said.match(/rollout\.json/g)).toHaveLength(1);
    promote();
    push();
    await expect.poll(() => tableIn().generation).toBe(2);
  });

  it("at the start, the last good copy is written where files are older, and nothing where there is none", async () => {
    promote();
    push();
    expect(once("--cache", "cache").code).toBe(0);
    putBack();
    writeFileSync(path("store/rollout.json"), "{");
    const without = await follow();
    await expect.poll(async () => (await without.get("/healthz")).body).toContain("nothing to serve; since ");
    expect([(await without.get("/healthz")).status, tableIn().generation]).toEqual([503, 1]);
    await without.stop();
    const one = await follow("--cache", "cache");
    await expect.poll(() => tableIn().generation).toBe(2);
    await becomes(one, "written");
    expect(await one.stop()).toBe(0);
    expect(once("--cache", "cache")).toMatchObject({ code: 1, err: expect.stringContaining("rollout.json") });
  });
});

it("a full disk is tried again until it is not, and told of once", async () => {
  promote();
  push();
  const full = path("full");
  writeFileSync(full, "");
  const node = ["--import", projectPath("test/support/faulty-fs.mjs")];
  const faults = { FAULT: "ENOSPC", FAULT_PATH: "made/", FAULT_WHILE: full };
  const args = ["follow", "--store", "store", "--node", "n1", ...TARGET];
  const one = await Staying.start({ folder, args, node, env: faults });
  following.push(one);
  await becomes(one, "failed");
  await expect
    .poll(async () => (await one.get("/metrics")).body, { timeout: 10_000 })
    .toMatch(/failures_total [3-9]/);
  expect(one.said.match(/not written, and tried again: .*the disk is full/g)).toHaveLength(1);
  expect(tableIn().generation).toBe(1);
  rmSync(full);
  await becomes(one, "written", 20_000);
  expect(tableIn().generation).toBe(2);
  expect(one.said).toContain("envoy-files=made: can be written again");
});

describe("ATS", () => {
  const YAML = "config: { name: pointsman, rootId: main, configuration: TABLE, fail_open: false }\n";
  /** Writes down the generation that it was told of; fails as long as `broken` is there. */
  const RELOAD = `#!/bin/sh\ntest ! -e broken || { echo 'no server' >&2; exit 1; }\necho told >> told\n`;
  const targets = ["--targets", "targets.yaml"];
  const timesTold = () =>
    existsSync(path("told")) ? readFileSync(path("told"), "utf8").split("\n").length - 1 : 0;
  beforeEach(() => {
    mkdirSync(path("ats"));
    writeFileSync(path("ats/p.yaml"), YAML);
    writeFileSync(path("reload.sh"), RELOAD, { mode: 0o755 });
    writeFileSync(
      path("targets.yaml"),
      "targets: [{ kind: ats, file: ats/p.yaml, reload: [./reload.sh] }]\n",
    );
  });
  const generation = () => parseAtsFile(readFileSync(path("ats/p.yaml"), "utf8")).table?.generation ?? null;
  const start = async () => {
    const one = await Staying.start({
      folder,
      args: ["follow", "--store", "store", "--node", "n1", ...targets],
    });
    following.push(one);
    return one;
  };

  it("is told to reload at each table, and at the start, as whoever ran before may have died in between", async () => {
    const one = await start();
    await becomes(one, "written");
    expect([generation(), timesTold()]).toEqual([1, 1]);
    promote();
    push();
    await expect.poll(timesTold).toBe(2);
    expect(generation()).toBe(2);
    await one.stop("SIGKILL");
    await becomes(await start(), "written");
    expect([generation(), timesTold()]).toEqual([2, 3]);
  });

  it("is told again where it could not be told", async () => {
    writeFileSync(path("broken"), "");
    const one = await start();
    await becomes(one, "failed");
    expect(one.said).toContain("written, but not reloaded: ./reload.sh: no server");
    rmSync(path("broken"));
    await becomes(one, "written", 20_000);
    expect([generation(), timesTold()]).toEqual([1, 1]);
  });
});
