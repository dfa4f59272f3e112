/** `pointsman versions`: over farms, tables and stores, and over a real train. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { folder, packSmall, run, SMALL, setUpCli } from "./support/cli.ts";
import { DATA, DATA_IS_ABSENT, WHY_SKIPPED } from "./support/data.ts";
import { blocks, readDoc } from "./support/documents.ts";
import { farmText } from "./support/farm-text.ts";
import { farmByGroup } from "./support/values-files.ts";

setUpCli();

const LEFT_OVER = farmText({
  wikiversions: "{ awiki: 1.10, bwiki: 1.9, cwiki: 1.10 }".replace(/1\.\d+/g, '"$&"'),
  groups: "{ early: { wikis: [awiki] }, late: { wikis: [bwiki] } }",
  "in-no-group": "warn",
  releases:
    '{ early: { version: "1.10" }, late: { version: "1.9" }, spare: { version: "1.10" }, old: { version: "1.8" }, ' +
    'entry: { version: "1.9" }, files: { version: "1.11" } }',
  "default-release": "entry",
  assets: "[{ path: { prefix: /static/ }, release: files }, { path: { prefix: /w/ }, release: files }]",
});

beforeEach(() => writeFileSync(join(folder, "farm.yaml"), LEFT_OVER));

const TABLE = `version  group  release  wikis
1.9      late   late         1
1.10     early  early        1
1.10     -      early        1
nothing points to:
  spare: 1.10
  old: 1.8
no wiki is on:
  entry: 1.9, the default release
  files: 1.11, 2 rules of assets or previews
no wiki has the version of:
  old: 1.8
  files: 1.11
`;

describe("pointsman versions", () => {
  it("counts by version, group and release, and tells which releases are left over", () => {
    const said = `farm t, realm production: 3 wikis, 2 versions, 6 releases\n${TABLE}`;
    const err = expect.stringMatching(
      /^warning: farm\.yaml:\S+ `cwiki` is in no group: it goes to early, .*\n$/,
    );
    expect(run(["versions"])).toEqual({ code: 0, out: said, err });
    const { wikis, counts, releases } = JSON.parse(run(["versions", "--json"]).out);
    expect(wikis).toBe(3);
    expect(counts).toEqual([
      { version: "1.9", group: "late", release: "late", wikis: 1 },
      { version: "1.10", group: "early", release: "early", wikis: 1 },
      { version: "1.10", group: null, release: "early", wikis: 1 },
    ]);
    expect(releases.find((one: { release: string }) => one.release === "files")).toEqual({
      release: "files",
      version: "1.11",
      wikis: 0,
      default: false,
      rules: 2,
      versionHasWikis: false,
      unused: false,
    });
    const unused = releases.filter((one: { unused: boolean }) => one.unused);
    expect(unused.map((one: { release: string }) => one.release)).toEqual(["spare", "old"]);
  });

  it("says the same of the farm's table, stripped or not, and of what a store is to serve", () => {
    run(["pack", "--out", "t", "--generation", "7"]);
    run(["pack", "--out", "stripped", "--strip"]);
    const title = (name: string) => `generation ${name}: 3 wikis, 2 versions, 6 releases\n${TABLE}`;
    expect(run(["versions", "--table", "t"])).toEqual({ code: 0, out: title("7 (t)"), err: "" });
    expect(run(["versions", "--table", "stripped"]).out).toBe(title("1 (stripped)"));
    expect(run(["push", "--store", "s", "--yes", "--reason", "test"]).code).toBe(0);
    expect(run(["versions", "--store", "s"]).out).toMatch(
      /^generation 1, done, digest [0-9a-f]{32}: 3 wikis, 2 versions, 6 releases\n/,
    );
    expect(run(["versions", "--store", "s"]).out).toContain(TABLE);
  });

  it("has nothing left over to tell of where each release has wikis", () => {
    const { out } = run(["versions", ...SMALL]);
    expect(out.split("\n")).toHaveLength(7);
    expect(out).toContain("\n1.46.0        last    1.46.0            1\n");
  });

  it("is asked of one thing, which is there", () => {
    packSmall("t");
    for (const [args, message] of [
      [["--table", "t", "--farm", "farm.yaml"], "error: --farm: no farm is read\n"],
      [["--table", "t", "--store", "s"], "cannot be used with"],
    ] as const)
      expect(run(["versions", ...args])).toMatchObject({ code: 2, err: expect.stringContaining(message) });
    expect(run(["versions", "--store", "none"])).toMatchObject({ code: 1, out: "" });
    writeFileSync(join(folder, "farm.yaml"), LEFT_OVER.replace('bwiki: "1.9"', 'bwiki: "1.7"'));
    expect(run(["versions", "--json"])).toMatchObject({
      code: 1,
      out: expect.stringMatching(
        /^\{"errors":\[\{"message":"farm\.yaml:2:.*`bwiki` runs 1\.7, which no release has/,
      ),
    });
  });

  it.skipIf(DATA_IS_ABSENT)(`tells of a real train what docs/scripts.md shows${WHY_SKIPPED}`, () => {
    writeFileSync(join(folder, "farm.yaml"), farmByGroup());
    const state = `${DATA}/trains/2026-05-06T16-wiki-closed-mid-train`;
    const { code, out } = run(["versions", "--source", `mediawiki-config=${state}`]);
    expect(code).toBe(0);
    expect(blocks(readDoc("scripts.md"), "text")).toEqual([out]);
  });
});
