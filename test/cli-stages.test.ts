/** `push --stages`, `pause`, `resume`, `promote`, `abort` as people say them, where no proxy answers or none is looked at. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { cli, edit, folder, promote, type Ran, read, SMALL, setUpCli } from "./support/cli.ts";
import { ask, env, history, push, rollback, text } from "./support/pushes.ts";

setUpCli();

/** Nobody listens there. */
const DEAD = "http://127.0.0.1:9 node=edge-1 cluster=edge";
const STAGES = `stages:
  canary: { nodes: ["edge-*"], bake: 1s }
  slow: { clusters: [edge], bake: 1h }
  none: { clusters: [mesh] }
rollout: { proof: 1s }
`;
const rollout = () => JSON.parse(text("store/rollout.json")).rollout;
const staged = (stages: string, ...more: string[]) => push("second", "--stages", stages, ...more);
const stands = () => {
  const { generation, state, stages, at } = rollout();
  return `${generation} ${state} ${stages[at].name}`;
};

beforeEach(() => {
  writeFileSync(join(folder, "farm/farm.yaml"), `${text("farm/farm.yaml")}${STAGES}`);
  push("first");
  promote();
  writeFileSync(join(folder, "store/proxies.txt"), `${DEAD}\n`);
});

let children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children) child.kill("SIGKILL");
  children = [];
});

/** Runs beside us. */
function start(...args: string[]): { child: ChildProcess; done: Promise<Ran> } {
  const child = spawn(process.execPath, [cli, ...args], { cwd: folder, env });
  children.push(child);
  let [out, err] = ["", ""];
  child.stdout.on("data", (chunk) => {
    out += chunk;
  });
  child.stderr.on("data", (chunk) => {
    err += chunk;
  });
  return { child, done: new Promise((resolve) => child.on("close", (code) => resolve({ code, out, err }))) };
}
const lead = () =>
  start("push", ...SMALL, "--yes", "--reason", "second", "--stages", "slow,all", "--force=T1");

async function until(there: () => boolean): Promise<void> {
  for (const end = Date.now() + 10_000; !there(); await sleep(20))
    if (Date.now() > end) throw new Error("it never came");
}

describe("a push in stages", () => {
  it("pauses where a proxy of its stage is silent, and everybody can see why", () => {
    const { code, out, err } = staged("canary,all");
    expect({ code, out }).toEqual({ code: 1, out: "" });
    expect(err).toContain("stage canary (1 of 2): generation 2 for 1 proxy\n");
    expect(err).toContain("unsure: stage canary (1 of 2): after 1s not proven by 1 of 1 proxy\n");
    expect(err).toContain("  http://127.0.0.1:9: SILENT: it does not answer: ");
    expect(err).toMatch(
      /generation 2 is paused at canary: `pointsman resume` tries again, promote begins all/,
    );
    expect(rollout()).toMatchObject({
      state: "paused",
      at: 0,
      previous: { generation: 1 },
      stages: [
        { name: "canary", nodes: ["edge-*"], bake: 1 },
        { name: "all", bake: 60 },
      ],
      limits: { proof: 1, errors: 1, latency: 1.5, requests: 100 },
      said: { who: "Zoë <zoe@example>", why: expect.stringContaining("unsure: stage canary") },
    });
    const shown = /generation 2, paused at canary \(1 of 2\), .*, by Zoë <zoe@example>: unsure: stage canary/;
    expect(ask("history").out).toMatch(shown);
    expect(ask("history").out).toContain("   in stages canary, all\n");
    expect(ask("status", "--proxy", DEAD).out).toMatch(shown);
  });

  it("is not overtaken by another push, not by one of the same content either, before it is with all", () => {
    staged("canary,all");
    const refused = {
      code: 1,
      err: expect.stringMatching(/store: generation 2, paused at canary .* before you push\n$/),
    };
    expect(push("third")).toMatchObject(refused);
    edit("wikiversions.json", "1.47.0-wmf.2", "1.47.0-wmf.1");
    expect(push("third")).toMatchObject(refused);
    expect(ask("promote", "--reason", "T1").code).toBe(1);
    expect(stands()).toBe("2 paused all");
    expect(push("third").code).toBe(0);
    expect(stands()).toBe("3 done all");
  });

  it("is resumed and promoted from where it stands", () => {
    staged("canary,slow,all");
    expect(ask("resume")).toMatchObject({ code: 1, err: expect.stringContaining("stage canary (1 of 3)") });
    expect(stands()).toBe("2 paused canary");
    expect(ask("promote")).toMatchObject({ code: 1, err: expect.stringContaining("stage slow (2 of 3)") });
    expect(ask("promote").code).toBe(1);
    expect(ask("promote", "--reason", "T1")).toEqual({
      code: 0,
      out: expect.stringMatching(/^store: generation 2, done, digest .*, by Zoë <zoe@example>: T1\n$/),
      err: "",
    });
    for (const word of ["resume", "promote", "pause", "abort"]) {
      expect(ask(word)).toMatchObject({
        code: 1,
        err: expect.stringContaining("there is nothing left of it"),
      });
    }
  });

  it("is aborted: the whole fleet is to have what was before, under a new number", () => {
    staged("canary,all");
    const { digest } = rollout().previous;
    expect(ask("abort", "--reason", "searches fail").code).toBe(0);
    expect(rollout()).toMatchObject({ generation: 3, digest, stages: [{ name: "all" }], state: "done" });
    expect(history().entries[0]).toMatchObject({
      kind: "rollback",
      of: 1,
      why: "generation 2 is aborted at canary: searches fail",
    });
  });

  it("is rolled back, to its own content too, for the whole fleet at once", () => {
    staged("canary,all");
    const { digest } = rollout();
    expect(rollback("2").code).toBe(0);
    expect(rollout()).toMatchObject({ generation: 3, digest, stages: [{ name: "all" }], state: "done" });
  });

  it("goes no further where it is aborted and nothing was before", () => {
    const own = ["--store", "new"];
    const alone = "http://127.0.0.1:9/metrics node=edge-1";
    expect(staged("canary,all", ...own, "--proxy", DEAD)).toMatchObject({
      code: 1,
      err: expect.stringContaining("stage canary (1 of 2): not begun: proxies need their clusters before"),
    });
    expect(existsSync(join(folder, "new"))).toBe(false);
    staged("canary,all", ...own, "--proxy", alone);
    const { out } = ask("abort", ...own, "--json");
    expect(JSON.parse(out).rollout).toMatchObject({ generation: 1, state: "aborted", at: 0, previous: null });
    expect(ask("resume", ...own).code).toBe(1);
    edit("wikiversions.json", "1.47.0-wmf.2", "1.47.0-wmf.1");
    staged("canary,all", ...own, "--proxy", alone);
    expect(JSON.parse(text("new/rollout.json")).rollout).toMatchObject({ generation: 2, previous: null });
  });

  it("goes through without a look where it is forced, with why in the history", () => {
    const { code, err } = staged("canary,all", "--force", "T1: no metrics");
    expect({ code, err }).toMatchObject({ code: 0, err: expect.not.stringContaining("proven") });
    expect(stands()).toBe("2 done all");
    expect(history().entries[0]).toMatchObject({ stages: ["canary", "all"], forced: "T1: no metrics" });
    expect(ask("history").out).toContain("   forced: T1: no metrics\n");
  });

  it("announces its steps, in words that no shell reads, and does not mind a command that fails", () => {
    const command = 'printf "%s|" "$1" "$2" "$3" "$POINTSMAN_STATE" "$POINTSMAN_PUSHED_WHY" >> said; false';
    const args = ["--stages", "canary,all", "--force", "x", "--announce", command];
    const { code, err } = push("$(touch here) `touch here`; 'x'", ...args);
    expect(code).toBe(0);
    expect(err).toContain("warning: --announce: it ended with exit code 1\n");
    const why = "$(touch here) `touch here`; 'x'";
    const said = [
      ["begins", "canary", "2", "going", why],
      ["begins", "all", "2", "going", why],
      ["done", "all", "2", "done", why],
    ];
    expect(read("said").toString()).toBe(
      said
        .flat()
        .map((word) => `${word}|`)
        .join(""),
    );
    expect(existsSync(join(folder, "here"))).toBe(false);
  });

  it.each([
    [
      "canery,all",
      "there is no stage `canery`; there are canary, slow, none, all, shares as 10%: did you mean `canary`?",
    ],
    [
      "canary,50%",
      "the last stage, `50%`, is not the whole fleet: some proxies would never get the table: say --stages canary,50%,all",
    ],
    ["0%,all", "there is no stage `0%`"],
    ["none,all", "none of the 1 proxy is in stage none, so it would show nothing"],
    ["0.001%,all", "none of the 1 proxy is in stage 0.001%, so it would show nothing"],
  ])("of %s is refused, and nothing is pushed", (stages, why) => {
    expect(staged(stages)).toMatchObject({ code: 1, err: expect.stringContaining(why) });
    expect(stands()).toBe("1 done all");
  });

  it.each([
    ["--stages", "canary,,all"],
    ["--stages", "canary,canary,all"],
    ["--proxy", DEAD],
    ["--force", "x"],
  ])("is used wrongly: %s %s", (...args) => {
    expect(push("second", ...args).code).toBe(2);
    expect(stands()).toBe("1 done all");
  });
});

describe("who leads a push in stages", () => {
  it.each([
    ["pause", ["--reason", "T2"], "stage slow (1 of 2): paused, by Zoë <zoe@example>: T2\n", "2 paused slow"],
    ["abort", [], "stage slow (1 of 2): over: generation 3 is to be served now, by Zoë", "3 done all"],
    ["rollback", [], "stage slow (1 of 2): over: generation 3 is to be served now, by Zoë", "3 done all"],
  ])("ends by itself when somebody says %s", async (word, args, line, where) => {
    const { done } = lead();
    await until(() => stands() === "2 going slow");
    expect(ask(word, ...args).code).toBe(0);
    const { code, out, err } = await done;
    expect({ code, out }).toEqual({ code: 1, out: "" });
    expect(err).toContain(line);
    expect(stands()).toBe(where);
  });

  it("takes what it has started with it when it is ended", async () => {
    const { child, done } = start(
      ...["push", ...SMALL, "--yes", "--reason", "second", "--stages", "slow,all", "--force=T1"],
      ...["--announce", "sleep 4321 & echo $! > pid; wait"],
    );
    await until(() => existsSync(join(folder, "pid")) && read("pid").length > 0);
    const pid = Number(read("pid"));
    child.kill("SIGTERM");
    await done;
    const isThere = () => /^State:\s+[^Z]/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
    await until(() => !existsSync(`/proc/${pid}`) || !isThere());
    expect(child.signalCode).toBe("SIGTERM");
  });

  it("may die: another one goes on from there, and a promote needs no leader", async () => {
    const { child, done } = lead();
    await until(() => stands() === "2 going slow");
    child.kill("SIGKILL");
    await done;
    expect(stands()).toBe("2 going slow");
    const second = start("resume");
    await sleep(500);
    expect(ask("promote").code).toBe(0);
    expect(stands()).toBe("2 done all");
    expect(await second.done).toMatchObject({ code: 0 });
  });
});
