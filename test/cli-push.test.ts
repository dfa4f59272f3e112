/** `push`, `rollback`, `history`, `freeze`: from a farm to a store and to this machine's targets, and what is refused. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseFilterFile } from "../scripts/render/filter-file.ts";
import { Table } from "../scripts/table/table.ts";
import { edit, folder, packSmall, promote, type Ran, read, run, SMALL } from "./support/cli.ts";
import { twoReleases } from "./support/farm-text.ts";

const env = { POINTSMAN_STORE: "store", POINTSMAN_WHO: "Zoë <zoe@example>", PATH: process.env.PATH };
const ask = (...args: string[]): Ran => run(args, { env });
const push = (reason: string, ...more: string[]) =>
  ask("push", ...SMALL, "--yes", "--reason", reason, ...more);
const rollback = (...more: string[]) => ask("rollback", ...more);
const history = () => JSON.parse(ask("history", "--json").out);
const text = (name: string) => read(name).toString();

/** Where Envoys look, as `render` makes it. */
function render(): string[] {
  packSmall("t.table", "--strip");
  const fallback = ["--fallback", "127.0.0.1:9", "--clusters", "{cluster}.example:1"];
  expect(run(["render", "envoy", "--table", "t.table", "--out", "envoy", ...fallback]).code).toBe(0);
  rmSync(join(folder, "t.table"));
  return ["--target", "envoy-files=envoy"];
}
const FILTER = "envoy/pointsman/main/pointsman.json";
const served = () => {
  const { table } = parseFilterFile(text(FILTER), FILTER);
  return { generation: table!.generation, digest: table!.digest };
};

describe("a push", () => {
  it("is in the store, in the history and at the targets", () => {
    const targets = render();
    expect(push("first", ...targets)).toEqual({
      code: 0,
      out: expect.stringMatching(/^store: generation 1, digest [0-9a-f]{32}\nenvoy-files=envoy: 2 files\n$/),
      err: "nothing was pushed before\n",
    });
    promote();
    const { code, out } = push("second", ...targets, "--json");
    const answer = JSON.parse(out);
    expect({ code, ...answer }).toEqual({
      code: 0,
      kind: "push",
      generation: 2,
      digest: served().digest,
      same: false,
      before: { generation: 1, digest: expect.any(String) },
      changes: [expect.stringContaining("1 wiki moves")],
      warnings: [],
      allowed: [],
      targets: [{ target: "envoy-files=envoy", said: "2 files", error: null }],
    });
    expect(served().generation).toBe(2);
    expect(new Table(read(`store/tables/${answer.digest}.table`)).digest).toBe(answer.digest);
    const { rollout, entries } = history();
    expect(rollout).toEqual({
      digest: answer.digest,
      generation: 2,
      previous: answer.before,
      stages: [{ name: "all" }],
      at: 0,
      state: "done",
      who: "Zoë <zoe@example>",
      why: "second",
    });
    expect(entries[0]).toEqual({
      generation: 2,
      digest: answer.digest,
      when: expect.stringMatching(/^\d{4}-\d{2}-\d{2}T[\d:.]+Z$/),
      who: "Zoë <zoe@example>",
      why: "second",
      kind: "push",
      sources: [{ name: "farm", path: join(folder, "farm") }],
      allowed: [],
    });
    expect(entries[1]).toMatchObject({ generation: 1, why: "first" });
  });

  it("of what is to be served already is told so, and brings it to targets that lack it", () => {
    const targets = render();
    push("first", ...targets);
    const before = text("store/history.jsonl");
    rmSync(join(folder, "envoy"), { recursive: true });
    render();
    const place = JSON.parse(text(FILTER));
    place.resources[0].typed_config.config.configuration.value = "TABLE";
    writeFileSync(join(folder, FILTER), JSON.stringify(place));
    expect(push("again", ...targets)).toMatchObject({
      code: 0,
      out: expect.stringContaining("store: has generation 1 already"),
    });
    expect(served().generation).toBe(1);
    expect(text("store/history.jsonl")).toBe(before);
    expect(push("again", ...targets, "--again")).toMatchObject({
      out: expect.stringContaining("store: generation 2"),
      err: expect.stringContaining("same content as generation 1\n"),
    });
    expect(served().generation).toBe(2);
  });

  it("mends a table that is damaged in the store, and is refused for another until that is allowed", () => {
    const versions = read("farm/wikiversions.json");
    push("first");
    const [name] = readdirSync(join(folder, "store/tables"));
    const file = `store/tables/${name}`;
    writeFileSync(join(folder, file), read(file).subarray(0, 99));
    promote();
    const { code, err } = push("second");
    expect(code).toBe(1);
    expect(err).toContain(`guard unreadable: what is to be served now cannot be compared with: ${file}: `);
    expect(err).toContain("nothing was pushed\n");
    expect(push("second", "--allow", "unreadable").code).toBe(0);
    writeFileSync(join(folder, "farm/wikiversions.json"), versions);
    expect(push("third").code).toBe(0);
    expect(new Table(read(file)).digestHolds()).toBe(true);
  });

  it("is not made where nobody can be asked, and --yes was not said", () => {
    expect(ask("push", ...SMALL, "--reason", "x")).toEqual({
      code: 1,
      out: "",
      err: "nothing was pushed before\nnothing was pushed: there is no terminal to ask on: say --yes\n",
    });
    expect(existsSync(join(folder, "store"))).toBe(false);
  });

  it("asks on a terminal", () => {
    const { command } = { command: `${process.execPath} '${join(folder, "../bin/pointsman.mjs")}'` };
    const on = (answer: string) =>
      spawnSync("script", ["-qec", `${command} push ${SMALL.join(" ")} --reason x`, "/dev/null"], {
        cwd: folder,
        env: { ...process.env, ...env },
        input: answer,
        encoding: "utf8",
      });
    if (on("n\n").error) return; // no `script` on this machine
    expect(existsSync(join(folder, "store"))).toBe(false);
    expect(on("n\n").stdout).toContain("Push generation 1 to store? [y/N]");
    expect(on("y\n").status).toBe(0);
    expect(history().entries.length).toBe(1);
  });

  it("is refused by guards, by name, and what is allowed is in the history with its reason", () => {
    const farm = (first: number) => writeFileSync(join(folder, "farm/farm.yaml"), twoReleases(first));
    farm(30);
    push("first");
    farm(51);
    const { code, err } = push("second");
    expect(code).toBe(1);
    expect(err).toMatch(/guard wikis-change-release: .*; if it is meant, say --allow wikis-change-release\n/);
    expect(err).toMatch(/nothing was pushed\n$/);
    const names = [...err.matchAll(/--allow ([a-z-]+)/g)].map(([, name]) => name!);
    const allow = names.flatMap((name, i) => ["--allow", i === 0 ? `${name}=it is given up` : name]);
    const { out } = push("second", ...allow, "--json");
    const expected = names.map((guard, i) => ({
      guard,
      what: expect.any(String),
      why: i === 0 ? "it is given up" : "second",
    }));
    expect(JSON.parse(out).allowed).toEqual(expected);
    expect(history().entries[0].allowed).toEqual(expected);
    expect(ask("history").out).toContain(`   allowed ${names[0]}: `);
  });

  it("has none after the last generation", () => {
    push("last", "--generation", "4294967295");
    expect(push("last").out).toMatch(/^store: has generation 4294967295 already/);
    promote();
    expect(push("more")).toEqual({ code: 1, out: "", err: "the store has the last generation there is\n" });
  });

  it("changes nothing where a target cannot take the table", () => {
    const targets = render();
    push("first", ...targets, "--generation", "12");
    promote();
    const others: [string, string[], string][] = [
      [
        "another store",
        ["--store", "other"],
        "has generation 12, and the table is older: 1; is it another store's, or was ours made anew? Then say --generation 13",
      ],
      [
        "no folder of Envoy's",
        ["--target", "envoy-files=farm"],
        "farm: there is no farm/pointsman/LISTENER/pointsman.json",
      ],
      [
        "no plugin's YAML",
        ["--target", "ats=farm/farm.yaml"],
        "farm/farm.yaml: no plugin with its configuration: config",
      ],
      ["no ConfigMap", ["--target", "configmap=farm/farm.yaml"], "farm/farm.yaml: cannot be read: "],
    ];
    for (const [, more, why] of others) {
      const { code, err } = push("second", ...targets, ...more);
      expect({ code, err }).toEqual({ code: 1, err: expect.stringContaining(why) });
    }
    expect(served().generation).toBe(12);
    expect(history().entries.length).toBe(1);
    expect(existsSync(join(folder, "other"))).toBe(false);
    expect(push("second", ...targets, "--store", "other", "--generation", "13").code).toBe(0);
    expect(served().generation).toBe(13);
    expect(push("second", "--generation", "12", "--again").err).toContain(
      "generation 12 is not above the store's 12",
    );
  });

  it("tells of a target that could not be written, and the same push mends it", () => {
    const targets = render();
    push("first", ...targets);
    promote();
    mkdirSync(join(folder, "cm"));
    const both = [...targets, "--target", "configmap=gone/cm.json"];
    const { code, out, err } = push("second", ...both, "--json");
    expect(code).toBe(1);
    expect(JSON.parse(out).targets).toEqual([
      { target: "envoy-files=envoy", said: "2 files", error: null },
      {
        target: "configmap=gone/cm.json",
        said: null,
        error: "gone/cm.json: cannot be written: there is no such folder",
      },
    ]);
    expect(err).toContain("generation 2 is in the store and in 1 of 2 targets");
    expect(history().rollout.state).toBe("going");
    mkdirSync(join(folder, "gone"));
    expect(push("second", ...both).code).toBe(0);
    expect(history().rollout).toMatchObject({ state: "done", generation: 2 });
    expect(JSON.parse(text("gone/cm.json")).metadata.labels["pointsman-generation"]).toBe("2");
  });

  it("takes its targets from the store's folder, with paths from there on", () => {
    render();
    mkdirSync(join(folder, "store"));
    const yaml = "targets:\n  - { kind: envoy-files, folder: ../envoy }\n";
    writeFileSync(join(folder, "store/targets.yaml"), yaml);
    expect(push("first")).toMatchObject({ code: 0, out: expect.stringContaining("envoy: 2 files\n") });
    expect(served().generation).toBe(1);
    writeFileSync(join(folder, "store/targets.yaml"), "targets: [{ kind: envoyfiles, folder: x }]\n");
    expect(push("x")).toMatchObject({
      code: 1,
      err: expect.stringMatching(/^store\/targets.yaml:1:\d+: .*`envoy-files`/),
    });
  });
});

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
    const why = "store/freeze.json: `until`: must be a time as `2026-12-31T18:00:00.000Z`";
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
      err: expect.stringMatching(/^store\/rollout.json: not JSON: /),
    });
    expect(JSON.parse(push("second", "--json").out).errors[0].file).toBe("store/rollout.json");
    rmSync(join(folder, "store/rollout.json"));
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
});

it("every file of a store that the documents name is there", () => {
  push("first");
  ask("freeze", "--until", "1h", "--reason", "x");
  const document = readFileSync(new URL("../docs/push.md", import.meta.url), "utf8");
  for (const name of readdirSync(join(folder, "store"))) expect(document).toContain(`\`${name}`);
});
