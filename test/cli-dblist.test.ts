/** `pointsman dblist` as people and cron run it: over the real lists, and over lists that drifted or are hostile. */
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  cpSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { cli, folder, home, type Ran, read, run, setUpCli } from "./support/cli.ts";
import { DATA, DATA_IS_ABSENT, projectPath, WHY_SKIPPED } from "./support/data.ts";
import { readDoc } from "./support/documents.ts";
import { farmText } from "./support/farm-text.ts";

setUpCli();

const LISTS: Record<string, string> = {
  "all.dblist": "# NOTE: ours\nawiki\nbwiki\n",
  "closed.dblist": "bwiki\n",
  "open.dblist": "# NOTE: ours too\nawiki\n",
  "open.dbexpr": "%% all.dblist - closed.dblist\n",
};

beforeEach(() => {
  mkdirSync(join(folder, "lists"));
  for (const [name, text] of Object.entries(LISTS)) put(name, text);
  writeFileSync(join(folder, "farm.yaml"), farmText({ dblists: "lists" }));
});

const put = (name: string, text: string) => writeFileSync(join(folder, "lists", name), text);
const dblist = (...args: string[]): Ran => run(["dblist", ...args]);
const done = (out: string): Ran => ({ code: 0, out, err: "" });

describe("pointsman dblist", () => {
  it("prints an expression's wikis, one a line, in one argument or many", () => {
    expect(dblist("all")).toEqual(done("awiki\nbwiki\n"));
    expect(dblist("%% all.dblist - closed")).toEqual(done("awiki\n"));
    expect(dblist("all", "-", "closed")).toEqual(done("awiki\n"));
    expect(dblist(`${folder}/lists/all.dblist & ${folder}/lists/closed`)).toEqual(done("bwiki\n"));
    expect(dblist("closed - all")).toEqual(done(""));
    expect(dblist("all", "--count")).toEqual(done("2\n"));
    expect(JSON.parse(dblist("all - closed", "--json").out)).toEqual({
      expression: "all - closed",
      count: 1,
      wikis: ["awiki"],
    });
    expect(JSON.parse(dblist("all", "--json", "--count").out)).toEqual({ expression: "all", count: 2 });
  });

  it("prints the lists, how many wikis each has, and those that a wiki is in", () => {
    expect(dblist("--list")).toEqual(done("all\nclosed\nopen\n"));
    expect(dblist("--list", "--count")).toEqual(done("all\t2\nclosed\t1\nopen\t1\n"));
    expect(JSON.parse(dblist("--list", "--json").out).lists).toContainEqual({ list: "open", count: 1 });
    expect(dblist("--of", "awiki")).toEqual(done("all\nopen\n"));
    expect(dblist("--of", "awiki", "--count")).toEqual(done("2\n"));
    expect(JSON.parse(dblist("--of", "bwiki", "--json").out)).toEqual({
      wiki: "bwiki",
      count: 2,
      lists: ["all", "closed"],
    });
    expect(dblist("--of", "zzz")).toMatchObject({ code: 1, out: "", err: "`zzz` is in no list\n" });
    expect(dblist("--of", "awikii").err).toBe("`awikii` is in no list: did you mean `awiki`?\n");
  });

  it("tells what is odd in a list that it read, and reads no other", () => {
    put("closed.dblist", "bwiki\nbwiki\n");
    expect(dblist("closed")).toMatchObject({
      code: 0,
      out: "bwiki\n",
      err: "warning: lists/closed.dblist:2:1: `bwiki` is listed twice, first in line 1: drop one of the two\n",
    });
    expect(dblist("all")).toEqual(done("awiki\nbwiki\n"));
  });

  it("is told one thing to print", () => {
    for (const args of [[], ["all", "--list"], ["--check", "--write"], ["--of", "awiki", "--list"]])
      expect(dblist(...args), args.join(" ")).toMatchObject({
        code: 2,
        err: "error: name what to print, and one thing: an expression, --list, --of, --check or --write\n",
      });
    expect(dblist("--check", "--count")).toMatchObject({ code: 2, err: expect.stringContaining("--count") });
  });

  it("reads neither wikiversions, where nobody asks for them, nor what editors hide among the lists", () => {
    symlinkSync("who@host.1", join(folder, "lists/.#open.dbexpr"));
    put(".open.dblist", "awiki\n");
    writeFileSync(join(folder, "versions.json"), "<<<<<<< HEAD\n");
    const farm = farmText({ dblists: "lists", wikiversions: "versions.json" });
    writeFileSync(join(folder, "farm.yaml"), farm);
    expect(dblist("all - closed")).toEqual(done("awiki\n"));
    expect(dblist("--list")).toEqual(done("all\nclosed\nopen\n"));
    expect(dblist("--of", "bwiki")).toEqual(done("all\nclosed\n"));
    expect(dblist("--check").code).toBe(0);
    expect(dblist("all", "--partition", "version")).toMatchObject({
      code: 1,
      out: "",
      err: expect.stringMatching(/^versions\.json:1: a merge conflict/),
    });
  });

  it("parts wikis, a part after the other, with a warning for those that have none", () => {
    put("gone.dblist", "cwiki\n");
    expect(dblist("all + gone", "--partition", "version")).toEqual({
      code: 0,
      out: "v1\tawiki\nv2\tbwiki\n-\tcwiki\n",
      err: "warning: 1 wiki is not in wikiversions (`cwiki`)\n",
    });
    expect(dblist("all", "--partition", "release", "--count")).toEqual(done("one\t1\ntwo\t1\n"));
    expect(JSON.parse(dblist("all", "--partition", "release", "--json").out)).toEqual({
      expression: "all",
      count: 2,
      parts: [
        { release: "one", count: 1, wikis: ["awiki"] },
        { release: "two", count: 1, wikis: ["bwiki"] },
      ],
    });
    expect(dblist("closed", "--partition", "group").err).toBe("warning: 1 wiki is in no group (`bwiki`)\n");
    expect(dblist("all", "--partition", "image")).toMatchObject({ code: 1, out: "" });
  });

  it("is told of images where it needs them", () => {
    for (const [args, message] of [
      [["all", "--partition", "wiki"], "Allowed choices are image, release, version, group."],
      [["all", "--partition", "image", "--values", "x.yaml"], "Write {release} in the place"],
      [
        ["all", "--partition", "group", "--values", "{release}.yaml"],
        "--values: it is where --partition image",
      ],
      [["--list", "--partition", "group"], "--partition: --list parts no wikis"],
    ] as const)
      expect(dblist(...args), args.join(" ")).toMatchObject({
        code: 2,
        err: expect.stringContaining(message),
      });
  });

  it("needs a farm that has lists", () => {
    writeFileSync(join(folder, "farm.yaml"), farmText());
    expect(dblist("all")).toEqual({
      code: 1,
      out: "",
      err: "farm.yaml: the farm has no folder of dblists: say `dblists: FOLDER`\n",
    });
  });
});

describe("a hostile expression is one plain sentence:", () => {
  const ESCAPE = "\u{1b}[31m\u{9b}\u{202e}";
  const MESSAGES: [what: string, expression: string, message: string][] = [
    ["nothing", "", "expression:1:1: empty expression (``): name at least one list"],
    ["spaces", "   ", "expression:1:1: empty expression"],
    ["a missing list", "all - closd", "expression:1:7: unknown list `closd`: did you mean `closed`?"],
    ["a name with a space", "all - 'closed ones'", "expression:1:7: `'closed` is not the name of a list"],
    [
      "control characters",
      `all - ${ESCAPE}`,
      "expression:1:7: `\\u{1b}[31m\\u{9b}\\u{202e}` is not the name",
    ],
    ["a line feed in a name", "all -\nclosed\u{b}", "`closed\\u{b}` is not the name of a list"],
    ["a way out of the folder", "all + ../../etc/passwd", "leaves the dblists folder by `..`"],
    ["another file", "/etc/passwd", "unknown list `/etc/passwd`: there is no `/etc/passwd.dblist`"],
    ["a list that is in itself", "self", "lists/self.dblist:1:10: the lists refer to each other in a circle"],
    ["lists 200 deep", "deep0", "lists refer to lists 100 deep, up to `deep100"],
    ["a long name", "x".repeat(100_000), "unknown list `xxx"],
    ["no end", "all +", "expression:1:5: the expression ends with `+`: name a list after it"],
    ["a shell's words", "all; rm -rf /", "expression:1:1: `all;` is not the name of a list"],
  ];

  it.each(MESSAGES)("%s", (_, expression, message) => {
    put("self.dblist", "%% all + self\n");
    for (let i = 0; i < 200; i++) put(`deep${i}.dblist`, `%% deep${i + 1}\n`);
    const { code, out, err } = dblist(expression);
    expect({ code, out }).toEqual({ code: 1, out: "" });
    expect(err).toContain(message);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that there are none is what is checked
    expect(err).toMatch(/^[^\0-\x1f\x7f-\x9f\u202e]{1,400}\n$/);
  });

  it("ten thousand operators are worked out", () => {
    expect(dblist(`all${" - closed + closed".repeat(5_000)}`)).toEqual(done("awiki\nbwiki\n"));
  });
});

describe("drift", () => {
  const DRIFT =
    "lists/open.dblist: differs from its source open.dbexpr: it has `bwiki`, which the expression does not give";

  it("is told by --check, with 1", () => {
    const fine = "every generated list is what its expression gives";
    expect(dblist("--check")).toEqual(done(`${fine}\n`));
    expect(JSON.parse(dblist("--check", "--json").out)).toEqual({ outdated: [] });
    expect(dblist("--write")).toEqual(done(`${fine}: nothing was written\n`));
    put("open.dblist", "awiki\nbwiki\n");
    expect(dblist("--check")).toMatchObject({ code: 1, out: "", err: expect.stringContaining(DRIFT) });
    const { code, out } = dblist("--check", "--json");
    expect(code).toBe(1);
    expect(JSON.parse(out).outdated).toEqual([
      {
        file: "lists/open.dblist",
        expr: "lists/open.dbexpr",
        count: 1,
        missing: [],
        extra: ["bwiki"],
        broken: null,
      },
    ]);
  });

  it("is mended by --write, which keeps the mode, a link and the header", () => {
    put("real.dblist", "# NOTE: ours too\n\nbwiki\n");
    chmodSync(join(folder, "lists/real.dblist"), 0o640);
    const link = join(folder, "lists/linked.dblist");
    symlinkSync("real.dblist", link);
    put("linked.dbexpr", "all\n");
    put("bare.dblist", "bwiki\n");
    put("bare.dbexpr", "open + linked\n");
    expect(dblist("--write")).toEqual(
      done(
        "lists/bare.dblist: 2 wikis, 1 added (`awiki`)\nlists/linked.dblist: 2 wikis, 1 added (`awiki`)\n",
      ),
    );
    expect(readlinkSync(link)).toBe("real.dblist");
    expect(read("lists/real.dblist").toString()).toBe("# NOTE: ours too\nawiki\nbwiki\n");
    expect(statSync(link).mode & 0o777).toBe(0o640);
    expect(read("lists/bare.dblist").toString()).toBe(
      "# NOTE: This file is automatically generated from bare.dbexpr. " +
        "Do not edit it directly, run 'composer manage-dblist' instead.\nawiki\nbwiki\n",
    );
    expect(read("lists/open.dblist").toString()).toBe(LISTS["open.dblist"]);
    expect(dblist("--check").code).toBe(0);
  });

  it("of a list that is a link out of the folder is refused before any other is written", () => {
    writeFileSync(join(folder, "elsewhere"), "bwiki\n");
    symlinkSync("../elsewhere", join(folder, "lists/z.dblist"));
    put("z.dbexpr", "all\n");
    put("open.dblist", "bwiki\n");
    const { code, err } = dblist("--write");
    expect(code).toBe(1);
    expect(err).toMatch(/^lists\/z\.dblist: is a link to .*elsewhere, outside of the dblists folder: /);
    expect(read("elsewhere").toString()).toBe("bwiki\n");
    expect(read("lists/open.dblist").toString()).toBe("bwiki\n");
    expect(lstatSync(join(folder, "lists/z.dblist")).isSymbolicLink()).toBe(true);
  });

  it("of a list with columns is refused, as no expression gives them back", () => {
    writeFileSync(join(folder, "farm.yaml"), farmText({ dblists: "lists", "dblist-columns": "true" }));
    put("open.dblist", "bwiki|Wikipedia\n");
    expect(dblist("--write")).toMatchObject({
      code: 1,
      err: expect.stringContaining("its lines have columns"),
    });
    expect(read("lists/open.dblist").toString()).toBe("bwiki|Wikipedia\n");
  });

  it("of an expression that is broken, or in a circle, writes nothing", () => {
    put("open.dblist", "bwiki\n");
    put("z.dblist", "awiki\n");
    for (const expression of ["all - nowhere\n", "%% z + all\n"]) {
      put("z.dbexpr", expression);
      expect(dblist("--write")).toMatchObject({ code: 1, err: expect.stringContaining("lists/z.dbexpr:1:") });
      expect(read("lists/open.dblist").toString()).toBe("bwiki\n");
    }
  });
});

describe.skipIf(DATA_IS_ABSENT)(`over the real lists${WHY_SKIPPED}`, () => {
  const FARM = ["--farm", projectPath("examples/wikimedia/farm.yaml")];
  const SOURCE = ["--source", `mediawiki-config=${DATA}/mediawiki-config`];
  const ask = (...args: string[]) => dblist(...args, ...FARM, ...SOURCE).out;

  it("a group is what is left of all", () => {
    expect(ask("all", "--count")).toBe("1072\n");
    expect(ask("%% all.dblist + preinstall.dblist - group0.dblist - group1.dblist")).toBe(ask("group2"));
    expect(ask("--of", "enwiki").split("\n")).toEqual(expect.arrayContaining(["group2", "s1", "wikipedia"]));
    expect(ask("--list").split("\n")).toContain("group1-wikipedia");
  });

  it("is parted by the image of scripts, which the example has", () => {
    const image = ["--partition", "image", "--values", "releases:mw-script-{release}-eqiad.yaml"];
    const { parts } = JSON.parse(ask("testwikis + s1", ...image, "--json"));
    expect(parts).toEqual([
      {
        image:
          "docker-registry.discovery.wmnet/restricted/mediawiki-cli:1.47.0-wmf.16-2026-08-20-081205-publish",
        count: 4,
        wikis: ["enwiki", "testcommonswiki", "testwiki", "testwikidatawiki"],
      },
    ]);
    const counts = ask("all", "--partition", "group", "--count").trim().split("\n");
    expect(counts).toEqual(["testwikis\t3", "group0\t173", "group1\t550", "group2\t346"]);
  });

  it("what docs/scripts.md asks is answered", () => {
    cpSync(projectPath("examples/wikimedia"), folder, { recursive: true });
    for (const link of [join(home, "mediawiki-config"), join(folder, "mediawiki-config")])
      symlinkSync(`${DATA}/mediawiki-config`, link);
    const blocks = readDoc("scripts.md").matchAll(/^```sh (?:dblist|partition)\n([\s\S]*?)^```$/gm);
    const lines = [...blocks].flatMap(([, text]) => text!.trim().split("\n"));
    expect(lines.length).toBeGreaterThan(4);
    for (const line of lines) {
      const shell = `pointsman() { node '${cli}' "$@"; }; ${line}`;
      const { status, stdout, stderr } = spawnSync("bash", ["-c", shell], { cwd: folder, encoding: "utf8" });
      expect({ status, stderr }, line).toEqual({ status: 0, stderr: "" });
      expect(stdout.trim(), line).toMatch(/^(?:\d+|[a-z]\S*(?:\n\S+)+|(?:\S+\t\S+\n?)+)$/);
    }
  });

  it("all that drifted is written as it was, byte for byte", () => {
    const copy = join(folder, "config");
    cpSync(`${DATA}/mediawiki-config`, copy, { recursive: true });
    const names = readdirSync(join(copy, "dblists")).filter((name) => name.endsWith(".dbexpr"));
    const files = names.map((name) => join(copy, "dblists", name.replace(".dbexpr", ".dblist")));
    const before = files.map((file) => readFileSync(file, "utf8"));
    const spoil = [
      (text: string) => text.replace(/\nz.*/, ""),
      () => "",
      (text: string) => `<<<<<<< HEAD\n${text}`,
      (text: string) => `${text}nosuchwiki\n`,
    ];
    for (const [i, file] of files.entries()) writeFileSync(file, spoil[i % spoil.length]!(before[i]!));
    const source = ["--source", `mediawiki-config=${copy}`];
    expect(dblist("--check", ...FARM, ...source).code).toBe(1);
    const { code, out } = dblist("--write", ...FARM, ...source);
    expect(code).toBe(0);
    expect(out.trim().split("\n")).toHaveLength(files.length);
    expect(files.map((file) => readFileSync(file, "utf8"))).toEqual(before);
    expect(dblist("--check", ...FARM, ...source).code).toBe(0);
  });
});
