/** `push`: from a farm to a store and to this machine's targets, and what is refused. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { digestHolds } from "../scripts/table/digest.ts";
import { Table } from "../scripts/table/table.ts";
import { folder, promote, read, SMALL, setUpCli } from "./support/cli.ts";
import { twoReleases } from "./support/farm-text.ts";
import { ask, env, FILTER, history, push, render, served, text } from "./support/pushes.ts";

setUpCli();

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
    expect(digestHolds(new Table(read(file)))).toBe(true);
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
    // Nothing that moves a cursor: on a terminal such characters are shown, not obeyed.
    expect(on("n\n").stdout).toMatch(
      /^nothing was pushed before\r\nPush generation 1 to store\? \[y\/N\] n?\r?\n?nothing was pushed\r\n$/m,
    );
    const ended = on("\u{4}"); // Ctrl-D
    expect(ended.stdout).toMatch(/\nnothing was pushed\r\n$/);
    expect({ status: ended.status, hasStack: ended.stdout.includes("    at ") }).toEqual({
      status: 1,
      hasStack: false,
    });
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
    expect(push("more")).toEqual({
      code: 1,
      out: "",
      err: "the store has generation 4294967295, the highest one: begin a new store\n",
    });
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
      "generation 12 is not above the store's 12: give a higher one",
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
