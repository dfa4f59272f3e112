/** `pointsman mwscript` and `foreachwiki`: plans of scripts, word for word what was given, and never through a shell. */
import { spawnSync } from "node:child_process";
import { chmodSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { Farm } from "../scripts/farm/farm.ts";
import type { ScriptPart } from "../scripts/wiki/script-plan.ts";
import { folder, type Ran, run, setUpCli } from "./support/cli.ts";
import { DATA, DATA_IS_ABSENT, projectPath, WHY_SKIPPED } from "./support/data.ts";
import { readDoc, rows } from "./support/documents.ts";
import { VALUES, writeScriptFarm } from "./support/script-farm.ts";
import { valuesText } from "./support/values-files.ts";

setUpCli();

beforeEach(writeScriptFarm);

const TABLE = ["--table", "t", ...VALUES];
const imageOf = (version: string) =>
  `docker-registry.discovery.wmnet/restricted/mediawiki-cli:${version}-2026-08-20-081205-publish`;
const HOSTILE = [
  "a b",
  '"',
  "'",
  "; touch broken",
  "$(touch broken)",
  "`touch broken`",
  "line\nline\n",
  "",
  "*",
  "--",
  "--json",
  "-0",
  "{}",
  "{wiki}",
  "\\",
  "\u001b[2J\u202e",
  "é😀",
  "x".repeat(100_000),
];

const mwscript = (words: string[], options: string[] = ["--json"], env: NodeJS.ProcessEnv = {}) =>
  run(["mwscript", ...TABLE, ...options, "--", ...words], { env });
const lines = ({ out }: Ran) =>
  out
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line));

describe("pointsman mwscript", () => {
  it("prints where a script runs, and with what", () => {
    const { code, out, err } = mwscript(["s.php", "awiki", "x"]);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    const plan = JSON.parse(out);
    expect(plan).toEqual({
      wiki: "awiki",
      release: "early",
      version: "1.47.0-wmf.1",
      image: imageOf("1.47.0-wmf.1"),
      webserver_image: "2026-08-20-081205-webserver",
      values_file: "releases/mw-script-early-eqiad.yaml",
      script: "s.php",
      file: "maintenance/s.php",
      mode: "maintenance",
      forced: null,
      argv: ["s.php", "--wiki=awiki", "x"],
      env: {},
      generation: 7,
      digest: expect.stringMatching(/^[0-9a-f]{32}$/),
    });
    const section = readDoc("scripts.md").split("## Scripts")[1]!;
    const told = rows(section, "member", "what").flatMap(({ member }) => member!.split(", "));
    const names = told.map((name) => name.replaceAll("`", ""));
    expect(names).toEqual(expect.arrayContaining([...Object.keys(plan), "releases", "count", "wikis"]));
    expect(mwscript(["s.php", "awiki", "a\nb"], []).out).toMatch(
      /^wiki {12}awiki\nrelease {9}early\n(.+\n)+argv {12}\["s.php","--wiki=awiki","a\\nb"\]\n$/,
    );
  });

  it("gives each word as it came, in JSON and to a program by xargs -0", () => {
    const words = ["s.php", "--wiki=awiki", ...HOSTILE];
    expect(JSON.parse(mwscript(words).out).argv).toEqual(words);
    const { code, out } = mwscript(words, ["--null"]);
    expect(code).toBe(0);
    expect(out).toBe([imageOf("1.47.0-wmf.1"), ...words].map((word) => `${word}\0`).join(""));
    const show = "process.stdout.write(JSON.stringify(process.argv.slice(1)))";
    const ran = spawnSync("xargs", ["-0", process.execPath, "-e", show, "--"], {
      input: out,
      encoding: "utf8",
    });
    expect(JSON.parse(ran.stdout)).toEqual([imageOf("1.47.0-wmf.1"), ...words]);
  });

  it("takes the version that is forced, on the first release that runs it", () => {
    const forced = { FORCE_MW_VERSION: "1.47.0-wmf.10" };
    expect(lines(mwscript(["s.php", "awiki"], ["--json"], forced))).toMatchObject([
      { wiki: "awiki", release: "late", image: imageOf("1.47.0-wmf.10"), forced: "FORCE_MW_VERSION" },
    ]);
    expect(lines(mwscript(["s.php", "bwiki"], ["--json"], forced))).toMatchObject([{ release: "spare" }]);
    const back = ["s.php", "awiki", "--force-version", "1.47.0-wmf.1"];
    expect(lines(mwscript(back, ["--json"], forced))).toMatchObject([
      { release: "early", forced: "--force-version", argv: ["s.php", "--wiki=awiki"] },
    ]);
    expect(mwscript(["s.php", "awiki", "--force-version", "1.1"])).toMatchObject({
      code: 1,
      out: expect.stringContaining(
        "--force-version: no release runs `1.1`: there are 1.47.0-wmf.1, 1.47.0-wmf.10",
      ),
    });
  });

  it("takes the wiki from the environment, or a default for scripts that need none", () => {
    const env = { MW_WIKI: "bwiki" };
    expect(lines(mwscript(["s.php", "--x"], ["--json"], env))).toMatchObject([
      { wiki: "bwiki", env, argv: ["s.php", "--x"] },
    ]);
    expect(lines(mwscript(["purgeList.php"]))).toMatchObject([
      { wiki: null, release: "late", argv: ["purgeList.php"], env: {} },
    ]);
    const named = { wiki: "awiki", release: "early", argv: ["purgeList.php", "--wiki=awiki"] };
    expect(lines(mwscript(["purgeList.php"], ["--json", "--default-wiki", "awiki"]))).toMatchObject([named]);
    expect(lines(mwscript(["purgeList.php"], ["--json"], { POINTSMAN_DEFAULT_WIKI: "awiki" }))).toMatchObject(
      [named],
    );
  });

  it("refuses a wiki, an image and words that are none", () => {
    expect(mwscript(["s.php", "awikki"])).toMatchObject({
      code: 1,
      out: expect.stringContaining("`awikki` is no wiki of the table: did you mean `awiki` or `bwiki`?"),
    });
    for (const word of HOSTILE.filter((one) => one !== "" && !one.startsWith("--")))
      expect(mwscript(["s.php", word]), word.slice(0, 20)).toMatchObject({
        code: 1,
        out: expect.stringMatching(/^\{"errors":\[\{"message":"`.* is no wiki of the table/),
      });
    rmSync(join(folder, "releases/mw-script-early-eqiad.yaml"));
    expect(mwscript(["s.php", "awiki"])).toMatchObject({
      code: 1,
      out: expect.stringContaining("cannot read `releases/mw-script-early-eqiad.yaml`"),
    });
    expect(run(["mwscript", "--table", "t", "-0", "--", "s.php", "awiki"])).toEqual({
      code: 1,
      out: "",
      err: "--null: no image is known: name the values files by --values\n",
    });
    for (const [words, message] of [
      [[], "missing required argument 'script'"],
      [["s.php"], "name a wiki right after the script"],
      [["s.php", "awiki", "a\ufffd"], "word 3 is not UTF-8"],
    ] as const)
      expect(mwscript([...words])).toMatchObject({ code: 2, out: "", err: expect.stringContaining(message) });
  });

  it("needs no -- where its options stand before the script", () => {
    expect(lines(run(["mwscript", ...TABLE, "--json", "s.php", "awiki", "--table", "x"]))).toMatchObject([
      { argv: ["s.php", "--wiki=awiki", "--table", "x"] },
    ]);
  });
});

const foreachwiki = (...args: string[]) => run(["foreachwiki", ...TABLE, ...args]);

describe("pointsman foreachwiki", () => {
  beforeEach(() => writeFileSync(join(folder, "lists/l.dblist"), "bwiki\nconstructor\nawiki\ngonewiki\n"));

  it("prints a plan for each image, with its wikis", () => {
    const ran = foreachwiki("l", "s.php", "--x", "y z");
    expect(ran).toMatchObject({
      code: 0,
      err: "warning: 1 wiki is not in the table, and left out (`gonewiki`)\n",
    });
    expect(lines(ran)).toEqual([
      {
        image: imageOf("1.47.0-wmf.1"),
        webserver_image: "2026-08-20-081205-webserver",
        values_file: "releases/mw-script-early-eqiad.yaml",
        version: "1.47.0-wmf.1",
        releases: ["early"],
        script: "s.php",
        file: "maintenance/s.php",
        mode: "maintenance",
        forced: null,
        argv: ["s.php", "--wiki={wiki}", "--x", "y z"],
        count: 1,
        wikis: ["awiki"],
        generation: 7,
        digest: expect.stringMatching(/^[0-9a-f]{32}$/),
      },
      expect.objectContaining({
        image: imageOf("1.47.0-wmf.10"),
        releases: ["late", "spare"],
        count: 2,
        wikis: ["bwiki", "constructor"],
      }),
    ]);
    const byRelease = lines(run(["foreachwiki", "l", "s.php"]));
    expect(byRelease).toMatchObject([
      { image: null, releases: ["early"], wikis: ["awiki"] },
      { image: null, releases: ["late"], wikis: ["constructor"] },
      { image: null, releases: ["spare"], wikis: ["bwiki"] },
    ]);
  });

  it("gives xargs -0 the image and each word as it came, a wiki after the other", () => {
    const { code, out } = foreachwiki("-0", "l - gone", "s.php", ...HOSTILE);
    expect({ code, out }).toEqual({ code: 1, out: "" });
    writeFileSync(join(folder, "lists/gone.dblist"), "gonewiki\n");
    const ran = foreachwiki("-0", "l - gone", "s.php", ...HOSTILE);
    expect(ran).toMatchObject({ code: 0, err: "" });
    const runner = join(folder, "runner");
    writeFileSync(runner, `#!${process.execPath}\nconsole.log(JSON.stringify(process.argv.slice(2)));\n`);
    chmodSync(runner, 0o755);
    const size = String(HOSTILE.length + 3);
    const { stdout } = spawnSync("xargs", ["-0", "-n", size, runner], { input: ran.out, encoding: "utf8" });
    expect(
      stdout
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line)),
    ).toEqual([
      [imageOf("1.47.0-wmf.1"), "s.php", "--wiki=awiki", ...HOSTILE],
      [imageOf("1.47.0-wmf.10"), "s.php", "--wiki=bwiki", ...HOSTILE],
      [imageOf("1.47.0-wmf.10"), "s.php", "--wiki=constructor", ...HOSTILE],
    ]);
  });

  it("forces a version on all of them", () => {
    expect(lines(foreachwiki("l", "s.php", "--force-version", "1.47.0-wmf.1", "x"))).toMatchObject([
      { releases: ["early"], count: 3, forced: "--force-version", argv: ["s.php", "--wiki={wiki}", "x"] },
    ]);
  });

  it("refuses a list that is not there, one without wikis, and an image of another version", () => {
    expect(foreachwiki("no", "s.php")).toMatchObject({
      code: 1,
      out: "",
      err: expect.stringContaining("`no`"),
    });
    expect(foreachwiki("l - l", "s.php")).toMatchObject({
      code: 1,
      out: "",
      err: "the list has no wiki of the table: nothing is to be run\n",
    });
    writeFileSync(join(folder, "releases/mw-script-late-eqiad.yaml"), valuesText("1.47.0-wmf.1"));
    expect(foreachwiki("l", "s.php")).toMatchObject({
      code: 1,
      out: "",
      err: expect.stringContaining("has not the version 1.47.0-wmf.10, which release `late` runs"),
    });
    expect(foreachwiki("l")).toMatchObject({
      code: 2,
      err: expect.stringContaining("missing required argument"),
    });
  });
});

describe.skipIf(DATA_IS_ABSENT)(`of the real farm${WHY_SKIPPED}`, () => {
  const SOURCES = [
    ...["--farm", projectPath("examples/wikimedia/farm.yaml")],
    ...["--source", `mediawiki-config=${DATA}/mediawiki-config`],
  ];

  it("each wiki of a list is in one part, as dblist --partition has it", () => {
    const values = ["--values", "releases:mw-script-{release}-eqiad.yaml"];
    const parts: ScriptPart[] = lines(run(["foreachwiki", ...SOURCES, ...values, "all - closed", "s.php"]));
    const lists = new Farm(SOURCES[1]!, { "mediawiki-config": `${DATA}/mediawiki-config` }).dblists!;
    expect(parts.flatMap(({ wikis }) => wikis).sort()).toEqual(lists.evaluate("all - closed"));
    const partition = run([
      "dblist",
      ...SOURCES,
      ...values,
      "all - closed",
      "--partition",
      "image",
      "--json",
    ]);
    expect(parts.map(({ image, count, wikis }) => ({ image, count, wikis }))).toEqual(
      JSON.parse(partition.out).parts,
    );
  });
});
