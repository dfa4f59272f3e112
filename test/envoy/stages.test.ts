/** Pushes in stages over five real Envoys with two workers each, behind `pointsman serve`: what stops them, and what does not. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { send } from "../../scripts/envoy/request.ts";
import type { Rollout } from "../../scripts/store/store.ts";
import { projectPath } from "../support/data.ts";
import { FleetUnderTest, type Ran, VERSIONS } from "../support/fleet.ts";

const [OLD, DEAD, SECOND, FIRST] = VERSIONS as [string, string, string, string];
const FARM = `stages:
  canary: { nodes: [envoy-0, envoy-1, envoy-2], bake: 2s }
  half: { nodes: [envoy-3], bake: 2s }
rollout: { proof: 15s, requests: 20, latency: 1000 }
on-stranded: spill
`;
const STAGES = ["--stages", "canary,half,all"];

let fleet: FleetUnderTest;
beforeAll(async () => {
  // For envoy-1 alone one version leads nowhere.
  fleet = await FleetUnderTest.start({
    envoys: 5,
    farm: FARM,
    dead: { 1: `mw-web-${DEAD.replaceAll(".", "-")}` },
  });
});
afterAll(() => fleet.stop());

let load: Load | null = null;
const children: ChildProcess[] = [];
afterEach(async () => {
  await load?.stop();
  load = null;
  for (const child of children.splice(0)) child.kill("SIGKILL");
  for (const { pid } of fleet.envoys) process.kill(pid, "SIGCONT");
});

const push = (...more: string[]) => fleet.run(...pushOf(...more));
const pushOf = (...more: string[]) => [
  ...["push", "--farm", "farm/farm.yaml", "--yes", "--reason", "x", ...STAGES],
  ...[...fleet.proxies(), ...more],
];
const rollout = (): Rollout => JSON.parse(readFileSync(join(fleet.store, "rollout.json"), "utf8")).rollout;
const stands = () => {
  const { state, stages, at } = rollout();
  return `${state} ${stages[at]!.name}`;
};
const five = <T>(...some: T[]) => [...some, ...Array(5 - some.length).fill(some.at(-1))];

/** Requests for testwiki to every Envoy, all the time. */
class Load {
  failed = 0;
  private isOver = false;
  private readonly all = fleet.envoys.map(async ({ port }) => {
    while (!this.isOver) {
      const { status } = await send({ port, host: "test.wikipedia.org" });
      if (status !== 200) this.failed++;
      await sleep(20);
    }
  });

  async stop(): Promise<void> {
    this.isOver = true;
    await Promise.all(this.all);
  }
}

/** A leader that may be killed. */
function start(args: string[]): { child: ChildProcess; done: Promise<Ran> } {
  const child = spawn(process.execPath, [projectPath("build/pointsman.mjs"), ...args], {
    cwd: fleet.folder,
    env: { PATH: process.env.PATH, POINTSMAN_WHO: "me", POINTSMAN_STORE: fleet.store },
    stdio: ["ignore", "ignore", "pipe"],
  });
  children.push(child);
  let err = "";
  child.stderr!.on("data", (chunk) => {
    err += chunk;
  });
  return {
    child,
    done: new Promise((resolve) => child.on("exit", (code) => resolve({ code: code ?? -1, out: "", err }))),
  };
}

test("a table that makes one of three canaries answer 5xx never comes to stage two, and abort takes it back", async () => {
  load = new Load();
  fleet.promote(DEAD);
  const { code, err } = await push();
  expect({ code, err }).toMatchObject({ code: 1, err: expect.stringContaining("proven by 3 proxies") });
  const bad = new RegExp(
    `5xx: .*http://127.0.0.1:${fleet.envoys[1]!.adminPort} \\d+\\.\\d\\d % of \\d+ requests`,
  );
  expect(err).toMatch(bad);
  expect(err).toContain("generation 2 is paused at canary");
  expect([stands(), await fleet.generations()]).toEqual(["paused canary", [2, 2, 2, 1, 1]]);
  expect(await fleet.versions()).toEqual([DEAD, "503", DEAD, FIRST, FIRST]);
  const aborted = fleet.well("abort");
  await expect.poll(() => rollout().generation, { interval: 5, timeout: 10_000 }).toBe(3);
  const begun = Date.now();
  await expect.poll(() => fleet.generations(), { interval: 20, timeout: 10_000 }).toEqual(five(3));
  const took = Date.now() - begun;
  process.stderr.write(`all five prove what was before ${took} ms after it was in the store\n`);
  expect(took).toBeLessThan(2_000);
  await aborted;
  expect(await fleet.versions()).toEqual(five(FIRST));
});

test("without traffic it pauses; with traffic it is resumed, and is done", async () => {
  fleet.promote(SECOND);
  const { code, err } = await push();
  expect(code).toBe(1);
  expect(err).toMatch(
    /unsure: stage canary \(1 of 3\): too few requests to compare: \d+ requests? and \d+ elsewhere/,
  );
  expect(stands()).toBe("paused canary");
  load = new Load();
  const resumed = await fleet.run("resume", ...fleet.proxies());
  expect(resumed).toMatchObject({
    code: 0,
    err: expect.stringContaining("stage all (3 of 3): proven by 5 proxies"),
  });
  expect(resumed.err).toMatch(
    /stage half \(2 of 3\): 5xx: 0\.00 % of \d+ requests; elsewhere 0\.00 % of \d+ requests; mean/,
  );
  expect([stands(), await fleet.generations()]).toEqual(["done all", five(4)]);
  expect(await fleet.versions()).toEqual(five(SECOND));
  expect(load.failed).toBe(0);
});

test("killed in each stage, it stays where it is, and another one goes on from there", async () => {
  load = new Load();
  fleet.promote(FIRST);
  let leader = start(pushOf());
  for (const stage of ["canary", "half", "all"]) {
    await expect.poll(stands, { interval: 20, timeout: 40_000 }).toMatch(`going ${stage}`);
    leader.child.kill("SIGKILL");
    await leader.done;
    const { at } = rollout();
    await sleep(1_500);
    expect(rollout()).toMatchObject({ at, state: "going" });
    const [first, second] = at === 0 ? [3, 5] : at === 1 ? [4, 5] : [5, 5];
    const expected = Array.from({ length: second }, (_, i) => (i < first ? 5 : 4));
    expect(await fleet.generations()).toEqual(expected);
    leader = start(["resume", ...fleet.proxies()]);
  }
  expect(await leader.done).toMatchObject({ code: 0 });
  expect([stands(), await fleet.versions(), load.failed]).toEqual(["done all", five(FIRST), 0]);
});

test("of two pushes one goes on, and the other one has changed nothing", async () => {
  load = new Load();
  fleet.promote(OLD);
  const both = await Promise.all([push(), push()]);
  const [won, lost] = both.sort((a, b) => a.code - b.code);
  expect(won!.code).toBe(0);
  expect(lost).toMatchObject({
    code: 1,
    err: expect.stringMatching(/somebody else was quicker|before you push/),
  });
  expect([rollout().generation, await fleet.versions()]).toEqual([6, five(OLD)]);
});

test("a canary that is stopped holds it, and who comes back is proven", { timeout: 240_000 }, async () => {
  load = new Load();
  fleet.promote(SECOND);
  await load.stop();
  process.kill(fleet.envoys[2]!.pid, "SIGSTOP");
  const nodes = fleet.envoys.flatMap(({ adminPort }, i) => [
    "--proxy",
    `http://127.0.0.1:${adminPort} main node=envoy-${i}`,
  ]);
  const args = [
    ...pushOf().filter((word, i, all) => word !== "--proxy" && all[i - 1] !== "--proxy"),
    ...nodes,
  ];
  const { code, err } = await fleet.run(...args, "--timeout", "2s");
  expect(code).toBe(1);
  expect(err).toContain("unsure: stage canary (1 of 3): after 15s not proven by 1 of 3 proxies\n");
  expect(err).toMatch(/SILENT: no answer within 2 s/);
  expect(await fleet.run("status", ...nodes.slice(0, 4))).toMatchObject({
    code: 0,
    out: expect.stringContaining("wanted: generation 7, paused at canary (1 of 3)"),
  });
  process.kill(fleet.envoys[2]!.pid, "SIGCONT");
  load = new Load();
  const probe = ["--probe", 'test "$1 $POINTSMAN_STAGE" = "probe half"'];
  expect(await fleet.run("resume", ...nodes, ...probe)).toMatchObject({
    code: 1,
    err: expect.stringContaining("stage canary (1 of 3): --probe: it ended with exit code 1\n"),
  });
  expect(stands()).toBe("paused canary");
  const swapped = nodes.map((word) => word.replace("=envoy-1", "=envoy-x").replace("=envoy-2", "=envoy-1"));
  expect(await fleet.run("resume", ...swapped.slice(0, 6))).toMatchObject({
    code: 1,
    err: expect.stringContaining("it says that it is envoy-2, and the list says envoy-1: mend the list"),
  });
  const asks = join(fleet.folder, "asks");
  const led = fleet.run("resume", ...nodes, "--probe", `echo > ${asks}; sleep 4321`);
  await expect.poll(() => existsSync(asks), { timeout: 40_000 }).toBe(true);
  await fleet.well("pause", "--reason", "T5");
  const since = Date.now();
  expect(await led).toMatchObject({ code: 1, err: expect.stringMatching(/paused, by .*: T5\n$/) });
  expect(Date.now() - since).toBeLessThan(10_000);
  expect(await fleet.run("promote", ...nodes, ...probe)).toMatchObject({ code: 0 });
  expect(await fleet.versions()).toEqual(five(SECOND));
});

test("a proxy that a server has seen and nobody names holds its stage, until it is retired", async () => {
  load = new Load();
  fleet.promote(OLD);
  const { generation } = rollout();
  // Without envoy-2, a canary.
  const named = fleet.proxies().filter((_, i) => i !== 4 && i !== 5);
  const args = pushOf().slice(0, -2 * fleet.envoys.length);
  const { code, err } = await fleet.run(...args, ...named);
  expect(code).toBe(1);
  expect(err).toContain(
    "after 15s not proven by 1 of 3 proxies\n  envoy-2: a server has seen it, and it is not in",
  );
  expect(await fleet.run("retire", "envoy-22")).toMatchObject({
    code: 1,
    err: expect.stringContaining("`envoy-2`?"),
  });
  await fleet.well("retire", "envoy-2");
  expect(await fleet.run("resume", ...named)).toMatchObject({
    code: 0,
    err: expect.stringContaining("stage all (3 of 3): proven by 4 proxies"),
  });
  expect(rollout().generation).toBe(generation + 1);
});

test("clusters come first: a table is not sent where one of them is missing", async () => {
  const { generation } = rollout();
  fleet.promote("1.47.0-wmf.9");
  const { code, err } = await push("--allow", "move-changes-version");
  expect(code).toBe(1);
  expect(err).toContain("stage canary (1 of 3): not begun: proxies need their clusters before");
  expect(err).toMatch(/it does not have .*`mw-web-1-47-0-wmf-9`/);
  expect([stands(), rollout().generation]).toEqual(["done all", generation]);
});
