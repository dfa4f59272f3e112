import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { problemsOf } from "../../test/support/errors.ts";
import { farmText, problemsWith, TODAY, warningsOf } from "../../test/support/farm-text.ts";
import { folderOf } from "../../test/support/folder.ts";
import { compile } from "./compile.ts";
import { Farm } from "./farm.ts";

const SOURCED = {
  sources: "{ config: conf }",
  wikiversions: "config:wikiversions.json",
  dblists: "config:lists",
  groups: "{ g: { dblist: all } }",
};
const FILES = {
  "conf/wikiversions.json": '{"awiki": "php-1.0.0", "bwiki": "php-1.0.0"}',
  "conf/lists/all.dblist": "awiki\nbwiki\n",
};
const RELEASES = { releases: "{ one: { version: 1.0.0 } }" };

describe("a farm's sources", () => {
  it("lie in folders beside the farm file", () => {
    const folder = folderOf({ ...FILES, "farm.yaml": farmText({ ...SOURCED, ...RELEASES }) });
    const farm = new Farm(join(folder, "farm.yaml"));
    expect(compile(farm, TODAY).plan.wikis.map(({ id, group }) => [id, group])).toEqual([
      ["awiki", "g"],
      ["bwiki", "g"],
    ]);
  });

  it("lie elsewhere where --source says so", () => {
    const folder = folderOf({
      ...FILES,
      "farm.yaml": farmText({ ...SOURCED, ...RELEASES }),
      "other/wikiversions.json": '{"cwiki": "php-1.0.0"}',
      "other/lists/all.dblist": "cwiki\n",
    });
    const farm = new Farm(join(folder, "farm.yaml"), { config: join(folder, "other") });
    expect(compile(farm, TODAY).plan.wikis.map(({ id }) => id)).toEqual(["cwiki"]);
  });

  it("are refused where --source names one that the farm has not", () => {
    const folder = folderOf({ ...FILES, "farm.yaml": farmText({ ...SOURCED, ...RELEASES }) });
    const file = join(folder, "farm.yaml");
    expect(problemsOf(() => new Farm(file, { confg: folder }))).toEqual([
      `${file}: the farm has no source \`confg\`; it has \`config\``,
    ]);
  });

  it("are refused where the farm names one that it does not declare", () => {
    expect(problemsWith({ ...SOURCED, wikiversions: "confg:wikiversions.json" }, FILES)).toEqual([
      "farm.yaml:2:15: unknown source `confg`: did you mean `config`?",
    ]);
    expect(problemsWith({ wikiversions: "elsewhere:w.json" }, FILES)).toEqual([
      "farm.yaml:2:15: unknown source `elsewhere`: name it under `sources`",
    ]);
  });

  it("are refused at the farm's line where a file or folder is not there", () => {
    expect(problemsWith({ ...SOURCED, wikiversions: "config:versions.json" }, FILES)).toEqual([
      "farm.yaml:2:15: cannot read `conf/versions.json`: there is no such file",
    ]);
    expect(problemsWith({ ...SOURCED, ...RELEASES, dblists: "config:dblists" }, FILES)).toEqual([
      "farm.yaml:7:10: there is no such folder as `conf/dblists`",
    ]);
    expect(problemsWith({ ...SOURCED, ...RELEASES, groups: "{ g: { dblist: al } }" }, FILES)).toEqual([
      "farm.yaml:8:24: unknown list `al`: did you mean `all`?",
    ]);
  });

  it("are refused where a group has a dblist and the farm no folder of them", () => {
    expect(problemsWith({ groups: "{ g: { dblist: all } }" })).toEqual([
      "farm.yaml:6:24: a dblist, but no folder of dblists: say `dblists: FOLDER`",
    ]);
  });

  it("a farm file that is not there is named", () => {
    expect(problemsOf(() => new Farm("no/farm.yaml"))).toEqual([
      "no/farm.yaml: there is no such file: say by --farm FILE where the farm is",
    ]);
  });

  it("a farm without any wiki is refused", () => {
    expect(problemsWith({ wikiversions: "{}" })).toEqual(["farm.yaml:2:15: the farm has no wikis"]);
  });

  it("a dblist that differs from its dbexpr is a warning", () => {
    const folder = folderOf({
      ...FILES,
      "conf/lists/some.dblist": "awiki\n",
      "conf/lists/some.dbexpr": "%% all\n",
      "farm.yaml": farmText({ ...SOURCED, ...RELEASES }),
    });
    const farm = new Farm(join(folder, "farm.yaml"));
    compile(farm, TODAY);
    expect(warningsOf(farm).map((text) => text.replace(`${folder}/`, ""))).toEqual([
      "conf/lists/some.dblist: differs from its source some.dbexpr: it lacks `bwiki`; generate the list again, or change the expression",
    ]);
  });
});

describe("the order of wikiversions.json", () => {
  it("does not count", () => {
    const plans = [
      '{"awiki": "php-1.0.0", "bwiki": "php-2.0.0", "cwiki": "php-1.0.0"}',
      '{"cwiki": "php-1.0.0", "bwiki": "php-2.0.0", "awiki": "php-1.0.0"}',
    ].map((wikiversions) => {
      const folder = folderOf({
        "w.json": wikiversions,
        "farm.yaml": farmText({
          wikiversions: "w.json",
          releases: "{ one: { version: 1.0.0 }, two: { version: 2.0.0 } }",
        }),
      });
      const { plan, names } = compile(new Farm(join(folder, "farm.yaml")), TODAY);
      return JSON.stringify([plan, names]);
    });
    expect(plans[0]).toBe(plans[1]);
  });
});
