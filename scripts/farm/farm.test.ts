/** A farm with all its sources, good and bad. */
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { problemsOf } from "../../test/support/errors.ts";
import { compileFarm, farmText, problemsWith, TODAY, warningsOf } from "../../test/support/farm-text.ts";
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
      "farm.yaml:7:10: cannot read the folder `conf/dblists`: there is no such folder",
    ]);
    expect(problemsWith({ ...SOURCED, ...RELEASES, groups: "{ g: { dblist: al } }" }, FILES)).toEqual([
      "farm.yaml:8:24: unknown list `al`: did you mean `all`?",
    ]);
  });

  it("are refused where a group has a dblist and the farm no folder of them", () => {
    expect(problemsWith({ groups: "{ g: { dblist: all } }" })).toEqual([
      "farm.yaml:6:24: the farm names a dblist, but no folder of dblists: add `dblists: FOLDER`",
    ]);
  });

  it("a farm file that is not there is named", () => {
    expect(problemsOf(() => new Farm("no/farm.yaml"))).toEqual([
      "no/farm.yaml: there is no such file: name the farm's file by --farm FILE",
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
      "conf/lists/some.dblist: differs from its source some.dbexpr: it lacks `bwiki`: generate the list again (`pointsman dblist --write`), or change the expression",
    ]);
  });
});

describe("a source that is not where it should be", () => {
  it("says how to name it", () => {
    expect(problemsWith({ ...SOURCED, sources: "{ config: nowhere }" }, FILES)).toEqual([
      "farm.yaml:7:10: source `config` is not in `nowhere`: name its folder by --source config=DIR",
    ]);
    expect(problemsWith({ ...SOURCED, sources: "{ config: f }" }, { f: "" })[0]).toContain(
      "farm.yaml:7:10: cannot read the folder `f/lists`: a part of its path is a file, not a folder",
    );
  });

  it("is told from a farm file that is none, or is no text", () => {
    const folder = folderOf({ "farm.yaml": Buffer.from("farm: caf\xe9\n", "latin1") });
    expect(problemsOf(() => new Farm(join(folder, "farm.yaml")))).toEqual([
      `${folder}/farm.yaml:1:10: the byte E9 is not UTF-8: save the file as UTF-8`,
    ]);
    expect(problemsOf(() => new Farm(folder))).toEqual([
      `${folder}: it is a folder, not a file: did you mean \`${folder}/farm.yaml\`?`,
    ]);
  });
});

describe("a farm file that may have been cut off", () => {
  it("is warned about where its last value could have gone on", () => {
    const warned = (text: string) => {
      const folder = folderOf({ "farm.yaml": text });
      return warningsOf(new Farm(join(folder, "farm.yaml")));
    };
    const text = farmText({ farm: "", "default-release": "", z: "" });
    const what =
      "the last line has no newline at its end, so the file may be cut off: restore it, or add a newline";
    expect(warned(`${text}farm: t\ndefault-release: one`)).toEqual([`farm.yaml:5: ${what}`]);
    expect(warned(`${text}farm: t\ndefault-release: one\n`)).toEqual([]);
    expect(warned(`${text}farm: t\ndefault-release: "one"`)).toEqual([]);
  });
});

describe("a version for all wikis that wikiversions does not name", () => {
  const OTHERS = {
    ...SOURCED,
    groups: "",
    "default-version": '{ version: "1.46", dblist: all }',
    releases: '{ one: { version: "1.46" }, next: { version: "1.47" } }',
  };
  const lists = { "conf/lists/all.dblist": "awiki\nbwiki\ncwiki\n" };
  const runs = (wikiversions: string) => {
    const { farm, releases } = compileFarm(OTHERS, { ...lists, "conf/wikiversions.json": wikiversions });
    const placed = releases.placements.map(({ wiki, release }) => [wiki, releases.list[release]!.version]);
    return { runs: Object.fromEntries(placed), farm };
  };

  it("is that of the wikis of its list, but for those that are named", () => {
    const { runs: read, farm } = runs('{\n"bwiki": "1.47"\n}');
    expect(read).toEqual({ awiki: "1.46", bwiki: "1.47", cwiki: "1.46" });
    expect(farm.warnings).toEqual([]);
    expect(farm.placeOfWiki("bwiki").line).toBe(2);
    expect(farm.placeOfWiki("cwiki")).toMatchObject({ file: farm.file, line: 8, column: 29 });
    expect(runs("{}").runs).toEqual({ awiki: "1.46", bwiki: "1.46", cwiki: "1.46" });
  });

  it("is warned about where a wiki that is named is in no list: the wiki that was meant runs another", () => {
    const { runs: read, farm } = runs('{"bwikii": "1.47"}');
    expect(read).toEqual({ awiki: "1.46", bwiki: "1.46", bwikii: "1.47", cwiki: "1.46" });
    expect(warningsOf(farm)).toEqual([
      "farm.yaml:8:45: `bwikii` has a version, and is not in `all`; did you mean `bwiki`?",
    ]);
  });

  it("goes with wikis that the farm names itself", () => {
    const { releases } = compileFarm(
      { ...OTHERS, wikiversions: '{ cwiki: "1.47" }' },
      { ...FILES, ...lists },
    );
    expect(releases.ofWiki).toEqual([0, 0, 1]);
  });

  it("is refused without wikis, without lists and where the file lost all that it had", () => {
    for (const wikiversions of ["{}", '{"awiki": "1.47"}']) {
      const files = { "conf/wikiversions.json": wikiversions, "conf/lists/all.dblist": "# none\n" };
      expect(problemsWith(OTHERS, files)[0]).toBe(
        "farm.yaml:8:45: no wiki is in `all`, which says which wikis there are: write the list again",
      );
    }
    expect(problemsWith({ ...OTHERS, dblists: "" }, FILES)[0]).toContain(
      "no folder of dblists: add `dblists: FOLDER`",
    );
    expect(problemsWith(OTHERS, { ...lists, "conf/wikiversions.json": "" })[0]).toContain(
      "the file is empty",
    );
  });
});

describe("lists with columns", () => {
  it("are read where the farm says so", () => {
    const files = { ...FILES, "conf/lists/all.dblist": "awiki|A|en\nbwiki|B|de\n" };
    const { groups } = compileFarm({ ...SOURCED, ...RELEASES, "dblist-columns": "true" }, files);
    expect([...groups.byName.get("g")!.wikis]).toEqual(["awiki", "bwiki"]);
    expect(problemsWith({ ...SOURCED, ...RELEASES }, files)[0]).toContain(
      "say `dblist-columns: true` in the farm",
    );
  });
});

describe("wikis that are called otherwise than databases", () => {
  const ids = ["acme-corp", "Acme", "3F2504E0-4F89-41D3-9A0C-0305E82C3301"];
  const wikis = { wikiversions: `{ ${ids.map((id) => `${id}: v2`).join(", ")} }` };

  it("may be named wherever a wiki may", () => {
    const hosts = `[${ids.map((id, i) => `{ host: h${i}.example, wiki: ${id} }`).join(", ")}, { host: "{label}.x.example", wiki: "{label}-corp" }]`;
    const { plan, farm } = compileFarm({
      ...wikis,
      hosts,
      groups: `{ g: { wikis: [${ids.join(", ")}] } }`,
      pins: "[{ wiki: acme-corp, release: two, reason: x, expires: 2099-12-31 }]",
    });
    expect(
      plan.hosts.map(({ destination }) => farm.wikis.ids[(destination as { wiki: number }).wiki]),
    ).toEqual(ids);
    expect(plan.patterns).toEqual([
      { kind: "join", prefix: "", suffix: ".x.example", tail: "-corp", dashes: false, path: null },
    ]);
  });

  it("have no host by a rule that would need capitals in it", () => {
    const parts = {
      wikiversions: "{ Acme: v1, acme: v1 }",
      hosts: '[{ host: "{label}.example", wiki: "{label}" }]',
      "canonical-hosts": '[{ host: "{label}.example", wiki: "{label}" }]',
      jobs: "{ field: db, rules: [{ path: /job, deployment: jobs }] }",
    };
    expect(problemsWith(parts)[0]).toContain("`Acme.example` of `Acme` leads to `acme` by the farm's hosts");
  });

  it("keep their dashes: a rule that would turn them all to `_` is refused", () => {
    const hosts = '[{ host: "{label}.example", wiki: "{label}-corp", dashes: underscores }]';
    expect(problemsWith({ ...wikis, hosts })[0]).toContain(
      "the `-` in `{label}-corp` becomes a `_` by `dashes: underscores`: write it so",
    );
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
