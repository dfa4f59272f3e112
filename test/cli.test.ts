/** The CLI as people run it: options, exit codes, and what `pack`, `check` and `simulate` print and write. */
import { spawn } from "node:child_process";
import { cpSync, existsSync, readdirSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { HEADER_DIGEST } from "../assembly/layout.ts";
import { cli, edit, folder, home, packSmall, promote, read, run, SMALL, setUpCli } from "./support/cli.ts";
import { DATA, DATA_IS_ABSENT, projectPath, WHY_SKIPPED } from "./support/data.ts";
import { guest } from "./support/guests.ts";
import { basis, wat } from "./support/wat.ts";

setUpCli();

describe("pointsman", () => {
  it("is one file that runs with Node alone, without writing anything beside itself", () => {
    expect(packSmall("t")).toMatchObject({ code: 0, err: "" });
    expect(run(["explain", "--table", "t", "en.wikipedia.org"])).toMatchObject({ code: 0, err: "" });
    expect(readdirSync(join(home, "bin"))).toEqual(["pointsman.mjs"]);
    expect(readdirSync(folder).sort()).toEqual(["farm", "t"]);
  });

  it.each([
    "pack",
    "check",
    "diff",
    "inspect",
    "explain",
    "simulate",
    "render",
    "render envoy",
    "render istio",
    "render kubernetes",
    "render ats",
    "render ats-lua",
    "put",
    "stamp",
    "push",
    "rollback",
    "history",
    "status",
    "freeze",
    "unfreeze",
    "completion",
  ])("%s --help has an example", (command) => {
    const { code, out, err } = run([...command.split(" "), "--help"]);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out).toMatch(new RegExp(`\nExamples?:\n(  .*\n)*?  .*pointsman ${command} `));
  });

  it("--help names the commands and the exit codes", () => {
    const { code, out } = run(["--help"]);
    expect(code).toBe(0);
    for (const command of ["pack", "check", "inspect", "explain"]) expect(out).toContain(`  ${command} `);
    expect(out).toContain("Exit codes: 0 done, 1 refused (a check failed), 2 used wrongly.");
  });

  it.each([
    [[], "Usage:"],
    [["pakc"], "(Did you mean pack?)"],
    [["pack", ...SMALL], "required option '--out <file>' not specified"],
    [["pack", ...SMALL, "--out", "t", "--stirp"], "(Did you mean --strip?)"],
    [["pack", ...SMALL, "--out", "t", "--generation", "0"], "whole number from 1 to 4294967295"],
    [["pack", ...SMALL, "--out", "t", "--generation", "1.5"], "whole number from 1 to 4294967295"],
    [["pack", ...SMALL, "--out", "t", "--generation", "4294967296"], "whole number from 1 to 4294967295"],
    [["check", ...SMALL, "--today", "2026-02-30"], "Write a day as 2026-12-31."],
    [["check", ...SMALL, "--source", "x"], "Write a source as NAME=DIR."],
    [["inspect"], "missing required argument 'table'"],
    [["render", "envo"], "(Did you mean envoy?)"],
    [["render", "envoy", "x", "--fallback", "a:1"], "see `pointsman render envoy --help`"],
    [["explain", ...SMALL], "give either a URL or --stdin, one of them"],
    [["explain", ...SMALL, "--stdin", "en.wikipedia.org"], "give either a URL or --stdin, one of them"],
  ])("used wrongly exits with 2 and says how: %j", (args, why) => {
    const { code, out, err } = run(args);
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err).toContain(why);
    expect(existsSync(join(folder, "t"))).toBe(false);
  });

  it.each([
    [["pack", "--out", "t"], "farm.yaml: there is no such file: name the farm's file by --farm FILE\n"],
    [["check", "--farm", "farm"], "farm: it is a folder, not a file: did you mean `farm/farm.yaml`?\n"],
    [
      ["check", "--farm", "."],
      ".: it is a folder, not a file, and it has no .yaml: name the farm's file by --farm FILE\n",
    ],
    [["check", "--farm", "no.yaml"], "no.yaml: there is no such file: name the farm's file by --farm FILE\n"],
    [["check", ...SMALL, "--source", "x=y"], "farm/farm.yaml: the farm has no source `x`; it has none\n"],
    [["inspect", "no.table"], "no.table: cannot be read: there is no such file\n"],
    [
      ["explain", "--table", "farm/farm.yaml", "x"],
      'farm/farm.yaml: does not begin with "PNTS": not a table\n',
    ],
  ])("refused exits with 1 and says why in a line: %j", (args, why) => {
    expect(run(args)).toEqual({ code: 1, out: "", err: why });
  });

  it("stops in peace when nobody reads on", async () => {
    packSmall("t");
    const child = spawn(process.execPath, [cli, "inspect", "--json", "t"], { cwd: folder, env: {} });
    child.stdout.destroy();
    let err = "";
    child.stderr.on("data", (chunk) => {
      err += chunk;
    });
    const code = await new Promise((resolve) => child.on("close", resolve));
    expect({ code, err }).toEqual({ code: 0, err: "" });
  });
});

describe("pointsman pack", () => {
  it("says what it packed, in a line or as JSON", () => {
    const { out } = packSmall("t");
    const [, bytes, digest] = /^t: (\d+) bytes, 6 wikis, generation 1, digest ([0-9a-f]{32})\n$/.exec(out)!;
    expect(Number(bytes)).toBe(read("t").length);
    expect(JSON.parse(packSmall("t", "--json").out)).toEqual({
      out: "t",
      bytes: Number(bytes),
      wikis: 6,
      generation: 1,
      digest,
      warnings: [],
      changes: ["the same content as generation 1"],
      allowed: [],
    });
  });

  it("gives the same bytes for a copy of the farm elsewhere, at another time, in another place of the world", () => {
    const copy = join(folder, "elsewhere", "deep");
    cpSync(join(folder, "farm"), copy, { recursive: true });
    for (const name of readdirSync(copy)) utimesSync(join(copy, name), 0, 0);
    const wikiversions = JSON.parse(readFileSync(join(copy, "wikiversions.json"), "utf8"));
    const shuffled = Object.fromEntries(Object.entries(wikiversions).reverse());
    writeFileSync(join(copy, "wikiversions.json"), JSON.stringify(shuffled));
    packSmall("a");
    const env = { TZ: "Pacific/Kiritimati", LANG: "tr_TR.UTF-8", LC_ALL: "tr_TR.UTF-8" };
    run(["pack", "--farm", join(copy, "farm.yaml"), "--today", "1999-12-31", "--out", "b"], { env });
    expect(read("b")).toEqual(read("a"));
  });

  it("--strip leaves the names out, and keeps the digest", () => {
    packSmall("named");
    packSmall("stripped", "--strip");
    expect(read("named").toString("latin1")).toContain("farm.yaml:");
    expect(read("stripped").toString("latin1")).not.toContain("farm.yaml");
    expect(read("stripped").length).toBeLessThan(read("named").length);
    const digest = (name: string) => read(name).subarray(HEADER_DIGEST, HEADER_DIGEST + 16);
    expect(digest("stripped")).toEqual(digest("named"));
  });

  it("tells warnings on stderr, and packs", () => {
    edit("farm.yaml", "wiki: handbook }", "wiki: handbok }");
    const { code, out, err } = packSmall("t", "--json");
    expect(code).toBe(0);
    const warning =
      "farm/farm.yaml:24:41: `handbok` is not in wikiversions, so its host has no wiki: remove the host, or correct the wiki's name";
    expect(err).toBe(`warning: ${warning}\n`);
    expect(JSON.parse(out).warnings).toEqual([warning]);
  });

  it("of a farm with errors tells each in a line of its own, and writes nothing", () => {
    edit("farm.yaml", "default: mw-web", "defalt: mw-web");
    edit("farm.yaml", "realm: production", "relam: production");
    expect(packSmall("t")).toEqual({
      code: 1,
      out: "",
      err: "farm/farm.yaml:3:1: unknown key `relam`; did you mean `realm`?\nfarm/farm.yaml:32:3: unknown key `defalt` in `deployments`; did you mean `default`?\n",
    });
    expect(readdirSync(folder)).toEqual(["farm"]);
  });

  it.each([
    ["a folder that is not there", "no/t", "no/t: cannot be written: there is no such folder\n"],
    [
      "a file in the folder's place",
      "file/t",
      "file/t: cannot be written: a part of its path is a file, not a folder",
    ],
    ["a name that ends in a slash, where the rename fails", "t/", "t/: cannot be written: "],
    ["a folder in the file's place", "farm", "farm: cannot be read: it is a folder, not a file"],
  ])("leaves nothing behind where it cannot write: %s", (_, out, why) => {
    writeFileSync(join(folder, "file"), "mine");
    const { code, err } = packSmall(out);
    expect(code).toBe(1);
    expect(err).toContain(why);
    expect(err.split("\n")).toHaveLength(2);
    expect(readdirSync(folder).sort()).toEqual(["farm", "file"]);
    expect(readdirSync(join(folder, "farm")).sort()).toEqual(["farm.yaml", "wikiversions.json"]);
    expect(read("file").toString()).toBe("mine");
  });

  it("puts the new table in the old one's place by a rename", () => {
    packSmall("t");
    const old = readFileSync(join(folder, "t"));
    promote();
    packSmall("t");
    expect(read("t")).not.toEqual(old);
    expect(readdirSync(folder).sort()).toEqual(["farm", "t"]);
  });
});

describe("pointsman check", () => {
  it("tells the releases, and what is remarkable", () => {
    edit("wikiversions.json", '"dewiki": "php-1.47.0-wmf.1"', '"dewiki": "php-1.46.0"');
    edit(
      "farm.yaml",
      "  1.46.0: { version: 1.46.0 }\n",
      "  last: { from: group }\n  1.46.0: { version: 1.46.0 }\n",
    );
    edit("farm.yaml", "default-release: 1.47.0-wmf.1", 'in-no-group: warn\ndefault-release: "1.46.0"');
    edit("farm.yaml", "[commonswiki, wikidatawiki]", "[commonswiki]");
    const { code, out, err } = run(["check", ...SMALL]);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out.replace(/\d+ bytes stripped, \d+ with names/, "N bytes")).toBe(
      [
        "farm small, realm production: 6 wikis",
        "table: N bytes",
        "releases:",
        "  last: 1.46.0, 2 wikis, version from its group: a shortcut",
        "  1.46.0: 1.46.0, 0 wikis",
        "  1.47.0-wmf.1: 1.47.0-wmf.1, 1 wiki",
        "  1.47.0-wmf.2: 1.47.0-wmf.2, 2 wikis",
        "  1.47.0-wmf.3: 1.47.0-wmf.3, 1 wiki",
        "groups whose name is no release's:",
        "  first: 1 wiki on `1.47.0-wmf.3`",
        "  second: 1 wiki on `1.47.0-wmf.2`",
        "not on their group's release, which does not run their version:",
        "  1 wiki (`enwiki`) of last: 1.47.0-wmf.1, on 1.47.0-wmf.1 instead of last",
        "in no group:",
        "  1 wiki (`wikidatawiki`): 1.47.0-wmf.2, on 1.47.0-wmf.2",
        "warnings:",
        "  farm/wikiversions.json:7: `wikidatawiki` is in no group: it goes to 1.47.0-wmf.2, where most wikis of 1.47.0-wmf.2 are",
        "",
      ].join("\n"),
    );
    const report = JSON.parse(run(["check", ...SMALL, "--json"]).out);
    expect(report).toMatchObject({
      farm: "small",
      wikis: 6,
      groupsWithoutRelease: [
        { group: "first", wikis: 1, releases: ["1.47.0-wmf.3"], meant: null },
        { group: "second", wikis: 1, releases: ["1.47.0-wmf.2"], meant: null },
      ],
      moved: [
        {
          wiki: "enwiki",
          group: "last",
          version: "1.47.0-wmf.1",
          groupRelease: "last",
          release: "1.47.0-wmf.1",
        },
      ],
      inNoGroup: [{ wiki: "wikidatawiki", version: "1.47.0-wmf.2", release: "1.47.0-wmf.2" }],
      pins: [],
    });
    expect(report.releases[0]).toEqual({
      name: "last",
      version: "1.46.0",
      wikis: 2,
      fromGroup: true,
      spilled: false,
    });
    expect(report.warnings).toHaveLength(1);
  });

  it("judges pins by the day it is told", () => {
    const pin = "{ wiki: enwiki, release: 1.47.0-wmf.1, reason: T1, expires: 2026-03-01 }";
    edit("farm.yaml", "hosts:", `pins: [${pin}]\n\nhosts:`);
    const ok = run(["check", ...SMALL, "--today", "2026-03-01"]);
    expect(ok.out).toContain("pins:\n  enwiki to 1.47.0-wmf.1 until 2026-03-01: T1\n");
    expect(run(["check", ...SMALL, "--today", "2026-03-02"])).toMatchObject({
      code: 1,
      err: "farm/farm.yaml:21:68: the pin of `enwiki` expired on 2026-03-01: remove it, or give it a later day\n",
    });
  });

  it("gives its overview of a farm that cannot be packed too, then says why", () => {
    edit("wikiversions.json", '"handbook": "php-1.46.0"', '"handbook": "php-1.45.0"');
    edit("farm.yaml", "wikidatawiki]", "wikidatawiki, removedwiki]");
    const { code, out, err } = run(["check", ...SMALL]);
    expect(code).toBe(1);
    expect(out).toBe(
      [
        "farm small, realm production: 6 wikis",
        "table: none can be made",
        "releases:",
        "  1.46.0: 1.46.0, 0 wikis",
        "  1.47.0-wmf.1: 1.47.0-wmf.1, 2 wikis",
        "  1.47.0-wmf.2: 1.47.0-wmf.2, 2 wikis",
        "  1.47.0-wmf.3: 1.47.0-wmf.3, 1 wiki",
        "groups whose name is no release's:",
        "  first: 1 wiki on `1.47.0-wmf.3`",
        "  second: 2 wikis on `1.47.0-wmf.2`",
        "  last: 3 wikis on `1.47.0-wmf.1`",
        "no release runs their version:",
        "  1 wiki (`handbook`): 1.45.0",
        "",
      ].join("\n"),
    );
    expect(err.split("\n").map((line) => line.split(":")[3] ?? line.split(":")[2])).toHaveLength(3);
    expect(err).toContain("`removedwiki` is in group `second` but not in wikiversions: add it there");
    expect(err).toContain("`handbook` runs 1.45.0, which no release has; there are 1.46.0 (1.46.0), ");
    const report = JSON.parse(run(["check", ...SMALL, "--json"]).out);
    expect(report).toMatchObject({
      bytes: null,
      stranded: [{ wiki: "handbook", version: "1.45.0", answered: false }],
    });
    expect(report.errors).toHaveLength(2);
  });

  it("says which wikis the next promotion would strand", () => {
    edit("wikiversions.json", '"dewiki": "php-1.47.0-wmf.1"', '"dewiki": "php-1.47.0-wmf.2"');
    edit("farm.yaml", "  1.47.0-wmf.2: {", "  second: {");
    expect(run(["check", ...SMALL]).out).not.toContain("strand");
    edit("farm.yaml", "  1.47.0-wmf.1: {", "  last: {");
    edit("farm.yaml", "default-release: 1.47.0-wmf.1", "default-release: last");
    expect(run(["check", ...SMALL]).out).toContain(
      "the next promotion would strand them:\n  of second: 1 wiki (`dewiki`) on 1.47.0-wmf.2, which no other release runs\n",
    );
  });

  it("writes nothing", () => {
    run(["check", ...SMALL]);
    expect(readdirSync(folder)).toEqual(["farm"]);
  });
});

describe("pointsman simulate", () => {
  const LINE = '{"authority":"en.wikipedia.org","path":"/"}';

  it("replays requests: a decision a line, the summary apart", () => {
    packSmall("t", "--strip");
    writeFileSync(join(folder, "requests"), `${LINE}\nnonsense\n${LINE}\n`);
    const { code, out, err } = run(["simulate", "--config", "t", "--requests", "requests"]);
    expect(code).toBe(1);
    const lines = out
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(lines.map(({ cluster, error }) => cluster ?? error.slice(0, 8))).toEqual([
      "mw-web-1-47-0-wmf-1",
      "not JSON",
      "mw-web-1-47-0-wmf-1",
    ]);
    expect(err).toContain("2 requests, 1 bad line\nby cluster:\n          2  mw-web-1-47-0-wmf-1\n");
  });

  it("replays an Envoy access log from standard input, and says the summary alone, as JSON", () => {
    packSmall("t", "--strip");
    const input = '{":authority":"x.example",":path":"/w/api.php","response_code":200}\n';
    const { code, out } = run(["simulate", "--config", "t", "--requests", "-", "--summary", "--json"], {
      input,
    });
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ requests: 1, hostsWithoutWiki: { "x.example": 1 } });
  });

  it("tells the lines of a trap by the source map beside the module", () => {
    const traps = `(module ${basis}(func (export "proxy_on_configure") (param i32 i32) (result i32) (unreachable)))`;
    writeFileSync(join(folder, "traps.wasm"), wat(traps));
    const map = { version: 3, sources: ["traps.wat"], names: [], mappings: "AAAA" };
    writeFileSync(join(folder, "traps.wasm.map"), JSON.stringify(map));
    const replay = ["simulate", "--wasm", "traps.wasm", "--requests", "-"];
    const { code, err } = run(replay, { input: "" });
    expect(code).toBe(1);
    expect(err).toMatch(/unreachable\n {2}at proxy_on_configure \(traps\.wat:1:1, 0x[0-9a-f]+\)/);
    writeFileSync(join(folder, "traps.wasm.map"), "null");
    expect(run(replay, { input: "" })).toMatchObject({
      code: 1,
      err: "traps.wasm.map: not a source map: write it anew, or move it away\n",
    });
  });

  it("runs any module with what it is given, and shows its logs and what the client gets", async () => {
    writeFileSync(join(folder, "guest.wasm"), await guest());
    writeFileSync(
      join(folder, "config"),
      "configure: say configured; prop plugin_root_id\nresponse_headers: add 2 x-r 1",
    );
    writeFileSync(join(folder, "vm"), "say started; environ");
    const commands = "prop source.port; prop source.address; prop node.id; reply 403 no body k=v 0";
    const line = { authority: "a", path: "/", client: "192.0.2.1", headers: { "x-do": commands } };
    const input = `${JSON.stringify(line)}\n`;
    const bare = run(["simulate", "--wasm", "guest.wasm", "--requests", "-", "--summary"], { input });
    expect(bare).toMatchObject({
      code: 0,
      err: "",
      out: "1 request\nby cluster:\n          1  (none: answered with 403)\n",
    });
    const more = [
      "--config",
      "config",
      "--vm-config",
      "vm",
      "--root-id",
      "main",
      "--env",
      "A=1",
      "--env",
      "B=x=y",
    ];
    const properties = ["--property", "source.port=80", "--property", 'node.id="7"'];
    const { code, out, err } = run(
      ["simulate", "--wasm", "guest.wasm", ...more, ...properties, "--requests", "-"],
      { input },
    );
    expect([code, err.split("\n").slice(0, 4)]).toEqual([
      0,
      [
        "info: started",
        "info: environ -> 0 0 A=1;B=x=y;",
        "info: configured",
        "info: prop plugin_root_id -> 0 main",
      ],
    ]);
    const { response, logs } = JSON.parse(out);
    expect(response.body).toBe("body");
    expect(response.headers).toEqual(
      expect.arrayContaining([
        [":status", "403"],
        ["k", "v"],
        ["x-r", "1"],
      ]),
    );
    expect(logs).toEqual([
      "info: prop source.port -> 0 P\0\0\0\0\0\0\0",
      "info: prop source.address -> 0 192.0.2.1:0",
      "info: prop node.id -> 0 7",
      expect.stringMatching(/^info: reply/),
      expect.stringMatching(/^info: add 2 x-r 1/),
    ]);
  });

  it("refuses a table that the filter refuses, a file that is not there, and options that do not go together", () => {
    writeFileSync(join(folder, "bad"), "PNTS");
    const refused = run(["simulate", "--config", "bad", "--requests", "-"]);
    expect([refused.code, refused.err]).toEqual([
      1,
      "bad: the configuration was refused: pointsman: table refused: 4 bytes: too short for a table\n",
    ]);
    expect(run(["simulate", "--config", "none", "--requests", "-"]).err).toBe(
      "none: cannot be read: there is no such file\n",
    );
    expect(run(["simulate", "--config", "bad"]).code).toBe(2);
    expect(run(["simulate", "--config", "bad", "--listen", "127.0.0.1:0"]).code).toBe(2);
    expect(run(["simulate", "--config", "bad", "--listen", "nowhere"]).code).toBe(2);
    expect(run(["simulate", "--config", "bad", "--requests", "-", "--profile", "nginx"]).code).toBe(2);
    expect(run(["simulate", "--requests", "-"]).err).toContain("table refused: the configuration is empty");
  });
});

describe.skipIf(DATA_IS_ABSENT)(`the real farm${WHY_SKIPPED}`, () => {
  const farm = [
    "--farm",
    projectPath("examples/wikimedia/farm.yaml"),
    "--source",
    `mediawiki-config=${DATA}/mediawiki-config`,
  ];

  it("packs in under a second, Node's start included", () => {
    const times = Array.from({ length: 3 }, () => {
      const start = performance.now();
      expect(run(["pack", ...farm, "--out", "t"]).code).toBe(0);
      return performance.now() - start;
    });
    expect(Math.min(...times)).toBeLessThan(1000);
  });

  it("is less than 11,995 bytes without names", () => {
    expect(JSON.parse(run(["pack", ...farm, "--strip", "--json", "--out", "t"]).out).bytes).toBeLessThan(
      11_995,
    );
  });
});
