/** `pointsman diff` as people run it, and what `pack` says in short of what it replaces. */
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { cli, edit, folder, packSmall, promote, read, run, setUpCli } from "./support/cli.ts";

setUpCli();

describe("pointsman diff", () => {
  it("says nothing but that the content is the same, and exits with 0", () => {
    packSmall("old", "--generation", "7");
    packSmall("new", "--generation", "8", "--strip");
    expect(run(["diff", "old", "new"])).toEqual({
      code: 0,
      out: "generation 8 (new): the same content as generation 7 (old)\n",
      err: "",
    });
    expect(run(["diff", "new", "farm/farm.yaml"])).toEqual({
      code: 0,
      out: "farm farm/farm.yaml: the same content as generation 8 (new)\n",
      err: "",
    });
    expect(run(["diff", "--markdown", "old", "new"]).out).toBe(
      "## generation 8 (`new`): the same content as generation 7 (`old`)\n\n",
    );
    expect(JSON.parse(run(["diff", "--json", "old", "new"]).out).same).toBe(true);
  });

  it("says what is different of tables with names and without, and of farms, and exits with 1", () => {
    packSmall("old", "--strip");
    promote();
    const difference = [
      "releases:",
      "  1.47.0-wmf.3 has no wikis left, and had 1",
      "moves:",
      "  1 wiki from 1.47.0-wmf.3 to 1.47.0-wmf.2: 1.47.0-wmf.3 → 1.47.0-wmf.2, OLDER: a rollback (`testwiki`)",
      "",
    ].join("\n");
    expect(run(["diff", "old", "farm/farm.yaml"])).toEqual({
      code: 1,
      out: `generation 1 (old) → farm farm/farm.yaml\n${difference}`,
      err: "",
    });
    packSmall("new", "--generation", "2");
    expect(run(["diff", "old", "new"])).toEqual({
      code: 1,
      out: `generation 1 (old) → generation 2 (new)\n${difference}`,
      err: "",
    });
    expect(run(["diff", "old", "new", "--markdown"]).out).toContain(
      "### moves\n\n- 1 wiki from `1.47.0-wmf.3` to `1.47.0-wmf.2`: ",
    );
  });

  it("takes what Envoy discovers, a table on standard input, and the warnings of a farm", () => {
    packSmall("t", "--strip");
    run([
      "render",
      "envoy",
      "--table",
      "t",
      "--clusters",
      "{cluster}.example:80",
      "--fallback",
      "127.0.0.1:1",
      "--out",
      "envoy",
    ]);
    const same = { code: 0, out: "generation 1 (t): the same content as generation 1 (FILE)\n", err: "" };
    const file = readdirSync(folder, { recursive: true, encoding: "utf8" }).find((one) =>
      one.endsWith("pointsman.json"),
    )!;
    expect(run(["diff", file, "t"])).toEqual({ ...same, out: same.out.replace("FILE", file) });
    const { status, stdout } = spawnSync(process.execPath, [cli, "diff", "-", "t"], {
      cwd: folder,
      input: read("t"),
      encoding: "utf8",
    });
    expect({ status, stdout }).toEqual({ status: 0, stdout: same.out.replace("FILE", "-") });
    edit("farm.yaml", "wiki: handbook }", "wiki: handbok }");
    expect(run(["diff", "t", "farm/farm.yaml"]).err).toMatch(
      /^warning: farm\/farm.yaml:24:41: `handbok` is not/,
    );
  });

  it("orders versions as the farm does, where one of the two is a farm", () => {
    packSmall("old");
    edit(
      "farm.yaml",
      "wikiversions: wikiversions.json",
      'wikiversions: wikiversions.json\nversion-order: ["*", main]',
    );
    edit("farm.yaml", "{ version: 1.46.0 }", "{ version: main }");
    edit("wikiversions.json", "php-1.46.0", "php-main");
    expect(run(["diff", "old", "farm/farm.yaml"]).out).toContain("  1.46.0: 1.46.0 → main, newer, 1 wiki\n");
    packSmall("new");
    expect(run(["diff", "old", "new"]).out).toContain(
      "  1.46.0: 1.46.0 → main, newer or older: nobody can tell",
    );
    expect(run(["diff", "old", "farm/farm.yaml", "--json"]).out).toContain('"direction":"newer"');
    expect(run(["diff", "old", "new", "--json"]).out).toContain('"direction":"changed"');
  });

  it.each([
    [["no.table", "t"], "no.table: cannot be read: there is no such file\n"],
    [["t", "no.yaml"], "no.yaml: cannot be read: there is no such file\n"],
    [["t", "farm"], "farm: cannot be read: it is a folder, not a file\n"],
    [
      ["farm/wikiversions.json", "t"],
      /^farm\/wikiversions.json: the file is not a filter with its configuration: /,
    ],
    [["t"], "error: missing required argument 'new'\n"],
    [
      ["-", "-"],
      "error: two files are -, and standard input can be only one of them: name a file for the other\n",
    ],
    [["t", "t", "--source", "a=b"], "error: --source: neither of the two is a farm\n"],
    [["t", "t", "--json", "--markdown"], "error: --markdown: --json is another form of the same\n"],
    [["t", "farm/farm.yaml", "--source", "a=b"], "farm/farm.yaml: the farm has no source `a`; it has none\n"],
  ])("that cannot compare exits with 2, not with the answer 1: %j", (args, why) => {
    packSmall("t");
    const { code, out, err } = run(["diff", ...args]);
    expect({ code, out }).toEqual({ code: 2, out: "" });
    if (typeof why === "string") expect(err).toBe(why);
    else expect(err).toMatch(why);
  });

  it("that cannot compare says so as JSON too", () => {
    const { code, out } = run(["diff", "--json", "no.table", "t"]);
    expect(code).toBe(2);
    expect(JSON.parse(out)).toEqual({
      errors: [{ message: "no.table: cannot be read: there is no such file" }],
    });
  });

  it("as JSON has every name, under the keys that the docs give", () => {
    packSmall("old");
    promote();
    const { code, out } = run(["diff", "--json", "old", "farm/farm.yaml"]);
    const found = JSON.parse(out);
    expect(code).toBe(1);
    expect(Object.keys(found)).toEqual([
      "same",
      "releases",
      "moves",
      "wikis",
      "clusters",
      "groups",
      "hosts",
      "rules",
    ]);
    expect(found).toMatchObject({
      same: false,
      releases: [],
      moves: [
        {
          from: "1.47.0-wmf.3",
          to: "1.47.0-wmf.2",
          before: "1.47.0-wmf.3",
          after: "1.47.0-wmf.2",
          wikis: ["testwiki"],
        },
      ],
      wikis: { added: [], removed: [] },
      clusters: { added: [], removed: [] },
      groups: [],
    });
  });
});

describe("pointsman pack", () => {
  it("says in short what changes against the table that it replaces", () => {
    expect(packSmall("t").out).toMatch(/^t: .*, generation 1, digest \S+\n$/);
    promote();
    expect(packSmall("t").out).toMatch(
      /^t: .*, generation 2, digest \S+\n {2}1 wiki moves \(1 to an OLDER version\); 1 release without wikis\n$/,
    );
    expect(packSmall("t").out).toMatch(
      /^t: .*, generation 2, digest \S+\n {2}the same content as generation 2\n$/,
    );
    edit("wikiversions.json", '"testwiki": "php-1.47.0-wmf.2"', '"testwiki": "php-1.47.0-wmf.3"');
    expect(JSON.parse(packSmall("t", "--json").out)).toMatchObject({
      changes: ["1 wiki moves"],
      allowed: [],
    });
  });

  it("keeps with a finding why it was let pass", () => {
    edit(
      "farm.yaml",
      "last: { wikis: [dewiki, enwiki, handbook] }",
      "last: { wikis: [dewiki, enwiki, handbook] }\n  none: { wikis: [] }",
    );
    packSmall("t");
    edit("farm.yaml", "realm: production", "realm: production\nguards: { wikis-change-release: 0 }");
    edit("farm.yaml", "releases:\n", "releases:\n  other: { version: 1.47.0-wmf.3 }\n");
    edit("farm.yaml", "first: { wikis: [testwiki] }", "other: { wikis: [testwiki] }");
    expect(packSmall("t").err).toContain(
      "guard wikis-change-release: 1 wiki changes release (`testwiki`; 1 from",
    );
    const allow = [
      "--allow",
      "wikis-change-release",
      "--allow",
      "release-empties",
      "--allow",
      "source-shrinks",
    ];
    const { out, err } = packSmall("t", ...allow, "--reason", "a slot of its own", "--json");
    expect(err).toContain("warning: guard wikis-change-release, allowed (a slot of its own): 1 wiki changes");
    expect(JSON.parse(out).allowed).toContainEqual({
      guard: "wikis-change-release",
      what: expect.stringMatching(/^1 wiki changes release/),
      why: "a slot of its own",
    });
    expect(packSmall("t", "--reason", "none")).toMatchObject({
      code: 2,
      err: "error: --reason: it needs --allow\n",
    });
  });
});
