import { spawn, spawnSync } from "node:child_process";
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { HEADER_DIGEST } from "../assembly/layout.ts";
import { writeChecksum } from "../scripts/encode/container.ts";
import { DATA, DATA_IS_ABSENT, projectPath, WHY_SKIPPED } from "./support/data.ts";

/** The built file, copied alone into an empty folder: it needs Node and nothing else. */
let cli: string;
let home: string;
/** A new folder for each test, with a copy of the small farm in `farm/`. */
let folder: string;

beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), "pointsman-cli-"));
  mkdirSync(join(home, "bin"));
  cli = join(home, "bin", "pointsman.mjs");
  copyFileSync(projectPath("build/pointsman.mjs"), cli);
});

afterAll(() => rmSync(home, { recursive: true }));

beforeEach(() => {
  folder = mkdtempSync(join(home, "test-"));
  cpSync(projectPath("examples/small"), join(folder, "farm"), { recursive: true });
});

interface Ran {
  code: number | null;
  out: string;
  err: string;
}

/** Runs the CLI in the test's folder, with no environment but `env`. */
function run(
  args: string[],
  { input = "", env = {} }: { input?: string; env?: NodeJS.ProcessEnv } = {},
): Ran {
  const { status, stdout, stderr, error } = spawnSync(process.execPath, [cli, ...args], {
    cwd: folder,
    env,
    input,
    encoding: "utf8",
    maxBuffer: 2 ** 28,
  });
  if (error) throw error;
  return { code: status, out: stdout, err: stderr };
}

const read = (name: string) => readFileSync(join(folder, name));
const SMALL = ["--farm", "farm/farm.yaml"];
const packSmall = (out: string, ...more: string[]) => run(["pack", ...SMALL, "--out", out, ...more]);

/** Changes a file of the farm's copy. */
function edit(name: string, from: string, to: string): void {
  const file = join(folder, "farm", name);
  const text = readFileSync(file, "utf8");
  if (!text.includes(from)) throw new Error(`${name} has no ${from}`);
  writeFileSync(file, text.replace(from, to));
}

/** testwiki moves to the version of the second group: other content. */
const promote = () => edit("wikiversions.json", "1.47.0-wmf.3", "1.47.0-wmf.2");

describe("pointsman", () => {
  it("is one file that runs with Node alone, without writing anything beside itself", () => {
    expect(packSmall("t")).toMatchObject({ code: 0, err: "" });
    expect(run(["explain", "--table", "t", "en.wikipedia.org"])).toMatchObject({ code: 0, err: "" });
    expect(readdirSync(join(home, "bin"))).toEqual(["pointsman.mjs"]);
    expect(readdirSync(folder).sort()).toEqual(["farm", "t"]);
  });

  it.each(["pack", "check", "inspect", "explain", "simulate", "render", "put", "stamp"])(
    "%s --help has an example",
    (command) => {
      const { code, out, err } = run([command, "--help"]);
      expect({ code, err }).toEqual({ code: 0, err: "" });
      expect(out).toMatch(new RegExp(`\nExamples?:\n(  .*\n)*?  .*pointsman ${command} `));
    },
  );

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
    [["check", ...SMALL, "--today", "2026-02-30"], "A day looks like 2026-12-31."],
    [["check", ...SMALL, "--source", "x"], "A source looks like NAME=DIR."],
    [["inspect"], "missing required argument 'table'"],
    [["explain", ...SMALL], "ask about one URL, or with --stdin about lines"],
    [["explain", ...SMALL, "--stdin", "en.wikipedia.org"], "ask about one URL, or with --stdin about lines"],
  ])("used wrongly exits with 2 and says how: %j", (args, why) => {
    const { code, out, err } = run(args);
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err).toContain(why);
    expect(existsSync(join(folder, "t"))).toBe(false);
  });

  it.each([
    [["pack", "--out", "t"], "farm.yaml: cannot read `farm.yaml`: there is no such file\n"],
    [["check", "--farm", "no.yaml"], "no.yaml: cannot read `no.yaml`: there is no such file\n"],
    [["check", ...SMALL, "--source", "x=y"], "farm/farm.yaml: the farm has no source `x`; it has none\n"],
    [
      ["inspect", "no.table"],
      "no.table: cannot be read: ENOENT: no such file or directory, open 'no.table'\n",
    ],
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
      "farm/farm.yaml:24:41: `handbok` is not in wikiversions, so its host has no wiki; did you mean `handbook`?";
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
    ["a folder that is not there", "no/t", "no/t: cannot be written: ENOENT"],
    ["a file in the folder's place", "file/t", "file/t: cannot be written: ENOTDIR"],
    ["a name that ends in a slash, where the rename fails", "t/", "t/: cannot be written: "],
    ["a folder in the file's place", "farm", "farm: cannot be read: EISDIR"],
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

describe("the generation", () => {
  const generationOf = (out: string) => JSON.parse(run(["inspect", "--json", out]).out).generation;

  it("is 1 first, the same for the same content, and one more for other content", () => {
    packSmall("t");
    expect(generationOf("t")).toBe(1);
    const first = read("t");
    packSmall("t");
    expect(read("t")).toEqual(first);
    promote();
    packSmall("t");
    expect(generationOf("t")).toBe(2);
  });

  it("stays when only the names change", () => {
    packSmall("t", "--generation", "5");
    packSmall("t", "--strip");
    expect(generationOf("t")).toBe(5);
  });

  it("may be given where no table is, and where the content is the old one", () => {
    packSmall("t", "--generation", "7");
    expect(generationOf("t")).toBe(7);
    expect(packSmall("t", "--generation", "3").code).toBe(0);
    expect(generationOf("t")).toBe(3);
  });

  it("may be given above the old one with other content, and not at or below it", () => {
    packSmall("t", "--generation", "7");
    const old = read("t");
    promote();
    for (const generation of ["6", "7"]) {
      expect(packSmall("t", "--generation", generation)).toEqual({
        code: 1,
        out: "",
        err: `generation ${generation} is not above the old table's 7, and the content differs\n`,
      });
      expect(read("t")).toEqual(old);
    }
    expect(packSmall("t", "--generation", "8").code).toBe(0);
    expect(generationOf("t")).toBe(8);
  });

  it("has a last one, after which nothing is written", () => {
    packSmall("t", "--generation", "4294967295");
    const old = read("t");
    expect(packSmall("t").code).toBe(0);
    promote();
    expect(packSmall("t")).toMatchObject({
      code: 1,
      err: "the old table has the last generation there is\n",
    });
    expect(read("t")).toEqual(old);
  });

  it("is not guessed from a table that cannot be read, which stays as it is", () => {
    for (const content of ["", "not a table", "PNTS".repeat(20)]) {
      writeFileSync(join(folder, "t"), content);
      const { code, err } = packSmall("t", "--generation", "9");
      expect(code).toBe(1);
      expect(err).toMatch(/^t: .*; nothing was written: move it away, or choose another --out\n$/);
      expect(read("t").toString()).toBe(content);
    }
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
        "  1.47.0-wmf.1: 1.47.0-wmf.1, 1 wikis",
        "  1.47.0-wmf.2: 1.47.0-wmf.2, 2 wikis",
        "  1.47.0-wmf.3: 1.47.0-wmf.3, 1 wikis",
        "not on their group's release, which does not run their version:",
        "  enwiki (last): 1.47.0-wmf.1, on 1.47.0-wmf.1 instead of last",
        "in no group:",
        "  wikidatawiki: 1.47.0-wmf.2, on 1.47.0-wmf.2",
        "warnings:",
        "  farm/wikiversions.json:7: `wikidatawiki` is in no group: it goes to the default release, or the first that runs its version",
        "",
      ].join("\n"),
    );
    const report = JSON.parse(run(["check", ...SMALL, "--json"]).out);
    expect(report).toMatchObject({
      farm: "small",
      wikis: 6,
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
    expect(run(["check", ...SMALL, "--today", "2026-03-02"])).toEqual({
      code: 1,
      out: "",
      err: "farm/farm.yaml:21:68: the pin of `enwiki` expired on 2026-03-01: remove it, or give it a later day\n",
    });
  });

  it("writes nothing", () => {
    run(["check", ...SMALL]);
    expect(readdirSync(folder)).toEqual(["farm"]);
  });
});

describe("pointsman inspect", () => {
  it("prints what is in a table", () => {
    packSmall("t");
    const { code, out } = run(["inspect", "t"]);
    expect(code).toBe(0);
    for (const line of [
      "generation 1, digest ",
      "6 wikis, 3 exact hosts\n",
      "  x-mw-wiki: the wiki\n",
      "  1.47.0-wmf.1: 1.47.0-wmf.1, 2 wikis, the default\n",
      "  path at or under /w/api.php → mw-api\n",
      "  no host name, or an IP address → passes through\n",
      "  {label}.wikipedia.org → {label}wiki\n",
      "  *.handbook.example.com → handbook\n",
    ]) {
      expect(out).toContain(line);
    }
    packSmall("s", "--strip");
    expect(run(["inspect", "s"]).out).toContain("6 wikis, 3 exact hosts, no names: stripped\n");
  });

  it("prints everything as JSON", () => {
    packSmall("t");
    const contents = JSON.parse(run(["inspect", "--json", "t"]).out);
    expect(contents).toMatchObject({
      bytes: read("t").length,
      generation: 1,
      digestHolds: true,
      farm: "small",
      listeners: [{ name: null, trust: "edge", deployment: "mw-web" }],
      defaultRelease: "1.47.0-wmf.1",
      hosts: [
        { host: "commons.wikimedia.org", target: "commonswiki" },
        { host: "handbook.example.com", target: "handbook" },
        { host: "www.wikidata.org", target: "wikidatawiki" },
      ],
    });
    expect(contents.wikis[0]).toEqual({ wiki: "commonswiki", release: "1.47.0-wmf.2", group: "second" });
    expect(contents.wikis).toHaveLength(6);
  });

  it.each([
    ["", "t: 0 bytes: too short for a table\n"],
    ["x".repeat(100), 't: does not begin with "PNTS": not a table\n'],
  ])("refuses garbage: %s", (content, err) => {
    writeFileSync(join(folder, "t"), content);
    expect(run(["inspect", "t"])).toEqual({ code: 1, out: "", err });
  });

  it("refuses a damaged table, and shows one whose digest is wrong, with exit code 1", () => {
    packSmall("t");
    const table = read("t");
    table[HEADER_DIGEST]! ^= 1;
    writeFileSync(join(folder, "t"), table);
    expect(run(["inspect", "t"])).toMatchObject({
      code: 1,
      out: "",
      err: "t: the checksum is wrong: the table is damaged\n",
    });
    writeChecksum(table);
    writeFileSync(join(folder, "t"), table);
    const { code, out, err } = run(["inspect", "t"]);
    expect({ code, err }).toEqual({ code: 1, err: "t: the digest does not fit the content\n" });
    expect(out).toContain("generation 1");
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
    expect(err).toContain("2 requests, 1 bad lines\nby cluster:\n          2  mw-web-1-47-0-wmf-1\n");
  });

  it("replays an Envoy access log from standard input, and says the summary alone, as JSON", () => {
    packSmall("t", "--strip");
    const input = '{":authority":"x.example",":path":"/w/api.php","response_code":200}\n';
    const { code, out } = run(["simulate", "--config", "t", "--requests", "-", "--summary", "--json"], {
      input,
    });
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ requests: 1, unknownHosts: { "x.example": 1 } });
  });

  it("refuses a table that the filter refuses, a file that is not there, and options that do not go together", () => {
    writeFileSync(join(folder, "bad"), "PNTS");
    const refused = run(["simulate", "--config", "bad", "--requests", "-"]);
    expect([refused.code, refused.err]).toEqual([
      1,
      "bad: the configuration was refused: pointsman: table refused: 4 bytes: too short for a table\n",
    ]);
    expect(run(["simulate", "--config", "none", "--requests", "-"]).err).toMatch(
      /^none: cannot be read: ENOENT/,
    );
    expect(run(["simulate", "--config", "bad"]).code).toBe(2);
    expect(run(["simulate", "--config", "bad", "--listen", "127.0.0.1:0"]).code).toBe(2);
    expect(run(["simulate", "--config", "bad", "--listen", "nowhere"]).code).toBe(2);
    expect(run(["simulate", "--config", "bad", "--requests", "-", "--profile", "nginx"]).code).toBe(2);
  });
});

const LARGER = `
farm: larger
wikiversions: { awiki: "1" }
releases: { one: { version: "1" } }
default-release: one
hosts: [{ host: "{label}.example", wiki: "{label}wiki" }]
canonical-hosts: [{ host: "{label}.example", wiki: "{label}wiki" }]
deployments: { default: web }
jobs: { field: db, rules: [{ method: POST, path: /job, deployment: job }] }
debug: { header: x-debug, option: backend, backends: { dbg: {} } }
reads: { suffix: -ro, deployments: [web], rules: [{ method: POST, primary: true }, { share: 1 }] }
listeners:
  edge: { trust: edge, jobs: true, debug: true, reads: true }
  mesh: { trust: internal, deployment: api }
`;

describe("pointsman explain", () => {
  const ask = (lines: unknown[], ...args: string[]) => {
    const input = lines.map((line) => (typeof line === "string" ? line : JSON.stringify(line))).join("\n");
    const ran = run(["explain", ...(args.length > 0 ? args : SMALL), "--stdin"], { input });
    return {
      ...ran,
      answers: ran.out
        .split("\n")
        .slice(0, -1)
        .map((line) => JSON.parse(line)),
    };
  };

  it("says in a few lines where a URL goes, and why", () => {
    const { code, out } = run(["explain", ...SMALL, "https://zh.wikipedia.org/w/api.php"]);
    expect(code).toBe(0);
    expect(out).toBe(
      [
        "wiki        -",
        "group       -",
        "release     1.47.0-wmf.1",
        "version     1.47.0-wmf.1",
        "deployment  mw-api",
        "cluster     mw-api-1-47-0-wmf-1",
        "why         the host matches {label}.wikipedia.org → {label}wiki (farm.yaml:26): zhwiki is no wiki of the table; the default release 1.47.0-wmf.1; deployment mw-api: path at or under /w/api.php (farm.yaml:35)",
        "header      x-mw-cluster: mw-api-1-47-0-wmf-1",
        "header      x-mw-release: 1.47.0-wmf.1",
        "",
      ].join("\n"),
    );
    const json = JSON.parse(run(["explain", ...SMALL, "--json", "test.wikipedia.org"]).out);
    expect(Object.keys(json).sort()).toEqual(
      [
        "wiki",
        "group",
        "version",
        "release",
        "deployment",
        "cluster",
        "host",
        "status",
        "headers",
        "why",
      ].sort(),
    );
    expect(json).toMatchObject({ wiki: "testwiki", group: "first", release: "1.47.0-wmf.3" });
  });

  it("asks as a listener, in a data centre, with a method, headers and a body", () => {
    const farm = join(folder, "larger.yaml");
    writeFileSync(farm, LARGER);
    const cluster = (...args: string[]) => {
      const { code, out } = run(["explain", "--farm", farm, "--json", ...args]);
      return { code, cluster: JSON.parse(out || "{}").cluster };
    };
    expect(cluster("a.example")).toEqual({ code: 0, cluster: "web-one" });
    expect(cluster("--listener", "mesh", "a.example")).toEqual({ code: 0, cluster: "api-one" });
    expect(cluster("--datacentre", "b", "--primary", "a", "a.example")).toEqual({
      code: 0,
      cluster: "web-ro-one",
    });
    expect(cluster("--datacentre", "b", "--primary", "a", "-X", "POST", "a.example").cluster).toBe("web-one");
    expect(cluster("-X", "POST", "--body", '{"db":"awiki"}', "x.example/job").cluster).toBe("job-one");
    expect(cluster("-H", "X-Debug: backend=dbg; log", "a.example").cluster).toBe("dbg-one");
    const shown = run([
      "explain",
      "--farm",
      farm,
      "-X",
      "POST",
      "--body",
      '{"db":"awiki"}',
      "x.example/job",
    ]).out;
    expect(shown).toContain("host        a.example\n");
    expect(run(["explain", "--farm", farm, "--listener", "mash", "a.example"])).toMatchObject({
      code: 1,
      err: expect.stringContaining('the table has no listener "mash"; there are edge, mesh'),
    });
    expect(run(["explain", "--farm", farm, "-H", "X-Debug", "a.example"])).toMatchObject({
      code: 2,
      err: expect.stringContaining("A header looks like 'NAME: VALUE'."),
    });
  });

  it("asks a packed table as well, stripped or not", () => {
    packSmall("t", "--strip");
    rmSync(join(folder, "farm"), { recursive: true });
    const { code, out } = run(["explain", "--table", "t", "www.wikidata.org"]);
    expect(code).toBe(0);
    expect(out).toContain("why         the host is a fixed one: wiki wikidatawiki; in second: release");
  });

  it("answers lines in order, and a bad one in its place, with exit code 1", () => {
    const { code, err, answers } = ask([
      { authority: "de.wikipedia.org", path: "/" },
      "{oops",
      { authority: null, path: "/" },
      "",
      { authority: "www.wikidata.org", path: "/w/api.php", method: "POST", body: "x" },
    ]);
    expect({ code, err }).toEqual({ code: 1, err: "" });
    expect(answers.map((answer) => answer.error ?? answer.wiki)).toEqual([
      "dewiki",
      expect.stringMatching(/^not JSON: /),
      null,
      expect.stringMatching(/^not JSON: /),
      "wikidatawiki",
    ]);
    expect(answers[2]).toEqual({
      wiki: null,
      group: null,
      version: null,
      release: null,
      deployment: null,
      cluster: null,
      host: null,
      status: null,
      headers: {},
      why: "not ours, passes through: no host name, or an IP address",
    });
  });

  it("exits with 0 where no line is bad, and where there is none", () => {
    expect(ask([{ authority: "en.wikipedia.org", path: "/" }]).code).toBe(0);
    expect(ask([])).toMatchObject({ code: 0, out: "" });
  });

  it("takes headers as values or lists, and none that a client sends has any effect", () => {
    const plain = { authority: "en.wikipedia.org", path: "/" };
    const { code, answers } = ask([
      plain,
      {
        ...plain,
        headers: { "x-mw-cluster": "evil", "X-MW-Wiki": ["evil", "worse"], "x-mw-release": "evil" },
      },
      { ...plain, authority: "localhost", headers: { "x-mw-cluster": ["evil"] } },
      { ...plain, authority: "nobody.example", headers: { "x-mw-wiki": "evil" } },
      { ...plain, authority: null, headers: { Host: "de.wikipedia.org" } },
      { ...plain, headers: { host: "de.wikipedia.org" } },
    ]);
    expect(code).toBe(0);
    expect(answers[0].headers).toEqual({
      "x-mw-cluster": "mw-web-1-47-0-wmf-1",
      "x-mw-release": "1.47.0-wmf.1",
      "x-mw-wiki": "enwiki",
    });
    expect(answers[1]).toEqual(answers[0]);
    expect(answers[2].headers).toEqual({});
    expect(answers[3].headers).toEqual({
      "x-mw-cluster": "mw-web-1-47-0-wmf-1",
      "x-mw-release": "1.47.0-wmf.1",
    });
    expect(answers.slice(4).map(({ wiki }) => wiki)).toEqual(["dewiki", "enwiki"]);
  });

  it("takes a line for a line whatever is in it: CRLF, U+2028, UTF-8 across chunks, no line end at the end", () => {
    const paths = ["/\u2028", "/\u0085\u2029", `/${"é".repeat(100_000)}`];
    const lines = paths.map((path) => `${JSON.stringify({ authority: "en.wikipedia.org", path })}\r`);
    const { code, answers } = ask(lines);
    expect(code).toBe(0);
    expect(answers.map(({ wiki }) => wiki)).toEqual(["enwiki", "enwiki", "enwiki"]);
  });

  it("answers 20,000 lines, the first before the last is asked", async () => {
    packSmall("t", "--strip");
    const child = spawn(process.execPath, [cli, "explain", "--table", "t", "--stdin"], {
      cwd: folder,
      env: {},
    });
    const line = (i: number) =>
      `${JSON.stringify({ authority: i % 2 ? "de.wikipedia.org" : "x", path: `/${i}` })}\n`;
    let out = "";
    const firstAnswer = new Promise((resolve) => child.stdout.once("data", resolve));
    child.stdout.setEncoding("utf8").on("data", (chunk) => {
      out += chunk;
    });
    const closed = new Promise((resolve) => child.on("close", resolve));
    child.stdin.write(line(0));
    await firstAnswer;
    for (let i = 1; i < 20_000; i++) child.stdin.write(line(i));
    child.stdin.end();
    expect(await closed).toBe(0);
    const answers = out.trimEnd().split("\n");
    expect(answers).toHaveLength(20_000);
    const wrong = answers.findIndex((text, i) => JSON.parse(text).wiki !== (i % 2 ? "dewiki" : null));
    expect(wrong).toBe(-1);
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
