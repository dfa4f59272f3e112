/** `rollback`, `freeze`, `history`: back to what was served, what holds pushes, and what a store tells of itself. */
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { edit, folder, promote, run, SMALL, setUpCli } from "./support/cli.ts";
import { ask, history, push, render, rollback, served } from "./support/pushes.ts";

setUpCli();

describe("a rollback", () => {
  it("is a new generation of the content before, without a farm and through a freeze", () => {
    const targets = render();
    push("first", ...targets);
    const first = served();
    promote();
    push("second", ...targets);
    expect(ask("freeze", "--until", "2h", "--reason", "incident").code).toBe(0);
    rmSync(join(folder, "farm"), { recursive: true });
    expect(rollback(...targets)).toEqual({
      code: 0,
      out: expect.stringMatching(
        new RegExp(
          `^store: generation 3, digest ${first.digest}\n  1 wiki moves\\b.*\nenvoy-files=envoy: 2 files\n$`,
        ),
      ),
      err: "",
    });
    expect(served()).toEqual({ generation: 3, digest: first.digest });
    expect(history().entries[0]).toMatchObject({
      kind: "rollback",
      of: 1,
      generation: 3,
      why: "back to generation 1",
    });
  });

  it("said twice does not bring back what was bad", () => {
    push("first");
    promote();
    push("bad");
    rollback();
    const { code, err } = rollback();
    expect(code).toBe(1);
    expect(err).toContain("generation 3 is a rollback already, to the content of 1: say the generation");
    expect(err).toMatch(/\n {2}2 {2}[0-9a-f]{12} {2}Zoë <zoe@example>: bad\n/);
    expect(rollback("2", "--reason", "it was not bad").code).toBe(0);
    expect(history().entries[0]).toMatchObject({ generation: 4, of: 2, why: "it was not bad" });
    expect(rollback("2").out).toContain("store: has generation 4 already");
  });

  it("is not held up by a target that cannot take it", () => {
    const targets = render();
    push("first", ...targets);
    const { digest } = served();
    promote();
    push("bad", ...targets);
    const { code, err } = rollback("--target", "envoy-files=gone", ...targets);
    expect({ code, err }).toEqual({
      code: 1,
      err: expect.stringMatching(
        /^envoy-files=gone: .*\ngeneration 3 is in the store and in 1 of 2 targets: /,
      ),
    });
    expect(history().rollout).toMatchObject({ generation: 3, digest, state: "going" });
    expect(served()).toEqual({ generation: 3, digest });
  });

  it("that lacks a target says how to go on: said again without a number, it would be refused", () => {
    push("first");
    promote();
    push("bad");
    const target = ["--target", "configmap=gone/cm.json"];
    const { code, err } = rollback(...target);
    expect({ code, err }).toEqual({
      code: 1,
      err: `${target[1]}: gone/cm.json: cannot be written: there is no such folder\ngeneration 3 is in the store and in 0 of 1 target: once that is mended, say \`pointsman rollback 3\`\n`,
    });
    mkdirSync(join(folder, "gone"));
    expect(rollback("3", ...target).code).toBe(0);
    expect(history().rollout).toMatchObject({ state: "done", generation: 3 });
  });

  it("goes past pushes of the same content", () => {
    push("first");
    promote();
    push("bad");
    push("bad again", "--again");
    rollback();
    expect(history().entries[0]).toMatchObject({ generation: 4, of: 1 });
  });

  it.each([
    [[], "there is no content before that of generation 1\n"],
    [["7"], "the history has no generation 7\n  1  "],
  ])("where there is nothing to go back to: %j", (args, why) => {
    push("first");
    expect(rollback(...args)).toMatchObject({ code: 1, out: "", err: expect.stringContaining(why) });
  });
});

describe("a freeze", () => {
  it("lets targets be mended, as a push of what is to be served already does", () => {
    const targets = render();
    push("first");
    ask("freeze", "--until", "2h", "--reason", "x");
    expect(push("mend", ...targets)).toMatchObject({ code: 0, out: expect.stringContaining("2 files") });
    promote();
    expect(push("other", ...targets)).toMatchObject({
      code: 1,
      err: expect.stringContaining("guard frozen"),
    });
  });

  it("holds pushes, with its reason, until it is over or somebody allows it", () => {
    push("first");
    promote();
    expect(ask("freeze", "--until", "2199-12-31", "--reason", "holidays").out).toBe(
      "frozen until 2200-01-01T00:00:00Z by Zoë <zoe@example>: holidays\n",
    );
    expect(push("second")).toEqual({
      code: 1,
      out: "",
      err: `against generation 1:
  1 wiki moves (1 to an OLDER version); 1 release without wikis
guard frozen: frozen until 2200-01-01T00:00:00Z by Zoë <zoe@example>: holidays; if it is meant, say --allow frozen
nothing was pushed
`,
    });
    expect(ask("history").out).toContain("frozen until 2200-01-01T00:00:00Z");
    expect(push("second", "--allow", "frozen=T1").code).toBe(0);
    expect(history().entries[0].allowed).toEqual([
      { guard: "frozen", what: expect.stringContaining("holidays"), why: "T1" },
    ]);
    edit("wikiversions.json", "1.47.0-wmf.2", "1.47.0-wmf.3");
    expect(ask("unfreeze").out).toMatch(/^no longer frozen until 2200-01-01/);
    expect(push("third").code).toBe(0);
    expect(ask("unfreeze").out).toBe("it was not frozen\n");
  });

  it.each(["yesterday", "2026-02-30", "2020-01-01", "1e3h", "2199-12-31T18:00", "-1h"])(
    "until %s is none",
    (until) => {
      mkdirSync(join(folder, "store"));
      expect(ask("freeze", `--until=${until}`, "--reason", "x").code).toBe(2);
    },
  );

  it.each([
    ["2199-12-31T18:00+02:00", "2199-12-31T16:00:00.000Z"],
    ["2199-12-31T18:00:30Z", "2199-12-31T18:00:30.000Z"],
  ])("until %s", (until, expected) => {
    mkdirSync(join(folder, "store"));
    expect(JSON.parse(ask("freeze", "--until", until, "--reason", "x", "--json").out).freeze.until).toBe(
      expected,
    );
  });

  it("that is damaged stops pushes, and can be taken away", () => {
    push("first");
    writeFileSync(join(folder, "store/freeze.json"), '{"until": "soon"}');
    promote();
    const why =
      "store/freeze.json: `until`: must be a time as `2026-12-31T18:00:00.000Z`: `pointsman unfreeze` takes it away";
    expect(push("second")).toMatchObject({ code: 1, err: expect.stringContaining(why) });
    expect(ask("history")).toMatchObject({ code: 1, err: `warning: ${why}\n` });
    expect(ask("unfreeze").code).toBe(0);
    expect(push("second").code).toBe(0);
  });
});

describe("used wrongly", () => {
  it.each([
    [["push", ...SMALL, "--yes"], "required option '--reason <text>' not specified"],
    [
      ["push", ...SMALL, "--yes", "--reason", "x", "--allow", "frosty"],
      "There is no guard `frosty`; there are ",
    ],
    [
      ["push", ...SMALL, "--yes", "--reason", "x", "--target", "envoy"],
      "A target looks like envoy-files=FOLDER",
    ],
    [["push", ...SMALL, "--yes", "--reason", " "], "A reason has 1 to 1000 characters"],
    [["rollback", "first"], "A generation is a whole number"],
    [["history", "--last", "0"], "So many are a whole number from 1."],
  ])("is told, and exits with 2: %j", (args, why) => {
    expect(ask(...args)).toMatchObject({ code: 2, out: "", err: expect.stringContaining(why) });
  });

  it.each([["history"], ["rollback"], ["unfreeze"], ["freeze", "--until", "1h", "--reason", "x"]])(
    "a store that is not there is not made: %s",
    (...args) => {
      const why = "store: there is no such store: the first `pointsman push` makes it\n";
      expect(ask(...args)).toEqual({ code: 1, out: "", err: why });
      expect(run(args)).toMatchObject({ code: 2, err: expect.stringContaining("--store <place>") });
    },
  );

  it("a store of another kind is told, and a damaged rollout is with its file", () => {
    expect(push("x", "--store", "zk://x").err).toContain(
      "zk://x: there is no such kind of store: it is a folder, or etcd://",
    );
    push("first");
    writeFileSync(join(folder, "store/rollout.json"), "{");
    promote();
    expect(push("second")).toMatchObject({
      code: 1,
      err: expect.stringMatching(/^store\/rollout.json: not JSON: .*: restore it, or move it away, /),
    });
    expect(JSON.parse(push("second", "--json").out).errors[0].file).toBe("store/rollout.json");
    rmSync(join(folder, "store/rollout.json"));
    expect(ask("history").out).toMatch(/^generation 1, digest \w{32}, by the history alone: /);
    expect(push("second").code).toBe(0);
    expect(history().rollout).toMatchObject({ generation: 2, previous: { generation: 1 } });
  });
});

it("who acts is whom the environment says, else whom git knows, else the user", () => {
  const who = (env: NodeJS.ProcessEnv): string => {
    const args = ["push", ...SMALL, "--store", "store", "--yes", "--again", "--reason", "x"];
    expect(run(args, { env: { PATH: process.env.PATH, ...env } }).code).toBe(0);
    return history().entries[0].who;
  };
  writeFileSync(join(folder, ".gitconfig"), "[user]\nname = Git\nemail = git@example\n");
  const HOME = folder;
  expect(who({ POINTSMAN_WHO: "ci", USER: "user", HOME })).toBe("ci");
  expect(who({ USER: "user", HOME })).toBe("Git <git@example>");
  expect(who({ USER: "user", HOME: "/nowhere", GIT_CONFIG_NOSYSTEM: "1" })).toBe("user");
});

it("the history says of which commits the sources are, and what is not committed", () => {
  const git = (...args: string[]) =>
    spawnSync("git", ["-C", join(folder, "farm"), "-c", "user.name=x", "-c", "user.email=x@y", ...args], {
      encoding: "utf8",
    });
  git("init", "-q");
  git("add", "-A");
  git("commit", "-qm", "x");
  const commit = git("rev-parse", "HEAD").stdout.trim();
  push("first");
  promote();
  push("second");
  const [second, first] = history().entries;
  expect([first.sources[0].commit, second.sources[0].commit]).toEqual([commit, `${commit}+`]);
  expect(ask("history").out).toContain(`   from farm ${commit.slice(0, 12)}+\n`);
});

it("diff compares generations with each other, and with a farm", () => {
  push("first");
  promote();
  push("second");
  const { code, out } = ask("diff", "1", "2");
  expect({ code, out }).toEqual({
    code: 1,
    out: expect.stringMatching(/^generation 1 \(store\) → generation 2 \(store\)\n/),
  });
  expect(ask("diff", "2", "farm/farm.yaml")).toMatchObject({
    code: 0,
    out: "farm farm/farm.yaml: the same content as generation 2 (store)\n",
  });
  expect(ask("diff", "2", "7").err).toContain("the history has no generation 7\n  2  ");
  expect(run(["diff", "1", "2"]).err).toContain("1: cannot be read: there is no such file");
});

it("the history has a line for each, whatever people say", () => {
  push("first\nline\n2  2026-01-01T00:00:00Z  push  000000000000  nobody: x");
  expect(ask("history").out.trimEnd().split("\n").length).toBe(2);
  // Where the generations are listed to choose from, too.
  expect(rollback("9").err.trimEnd().split("\n").length).toBe(2);
});

it("every file of a store that the documents name is there", () => {
  push("first");
  ask("freeze", "--until", "1h", "--reason", "x");
  const document = readFileSync(new URL("../docs/push.md", import.meta.url), "utf8");
  for (const name of readdirSync(join(folder, "store"))) expect(document).toContain(`\`${name}`);
});
