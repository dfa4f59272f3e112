import { describe, expect, it } from "vitest";
import { compileFarm, problemsWith, warningsOf } from "../../test/support/farm-text.ts";

/** Four wikis on one release, so that only groups can be wrong. */
const FOUR = {
  wikiversions: "{ awiki: v1, bwiki: v1, cwiki: v1, dwiki: v1 }",
  releases: "{ one: { version: v1 } }",
};
const groupsOf = (parts: Record<string, string>) =>
  Object.fromEntries(compileFarm({ ...FOUR, ...parts }).groups.ofWiki);

describe("groups", () => {
  it("say who is in them, by hand or by a dblist expression", () => {
    const lists = { "d/x.dblist": "awiki\nbwiki\n", "d/y.dblist": "bwiki\n" };
    const { groups } = compileFarm(
      {
        ...FOUR,
        dblists: "d",
        groups: "{ x: { dblist: '%% x - y' }, rest: { wikis: [bwiki, cwiki, dwiki] } }",
      },
      lists,
    );
    expect(Object.fromEntries(groups.ofWiki)).toEqual({
      awiki: "x",
      bwiki: "rest",
      cwiki: "rest",
      dwiki: "rest",
    });
  });

  it("may nest: the innermost counts, at any depth and in any order of the file", () => {
    const groups = [
      "inner: { wikis: [awiki], within: middle }",
      "outer: { wikis: [awiki, bwiki, cwiki, dwiki] }",
      "middle: { wikis: [awiki, bwiki], within: outer }",
    ];
    const expected = { awiki: "inner", bwiki: "middle", cwiki: "outer", dwiki: "outer" };
    expect(groupsOf({ groups: `{ ${groups.join(", ")} }` })).toEqual(expected);
    expect(groupsOf({ groups: `{ ${groups.reverse().join(", ")} }` })).toEqual(expected);
  });

  it("hold the wikis of the groups within them, whether their own list repeats them or not", () => {
    const { groups } = compileFarm({
      ...FOUR,
      groups: "{ inner: { wikis: [awiki], within: outer }, outer: { wikis: [bwiki, cwiki, dwiki] } }",
    });
    expect([...groups.byName.get("outer")!.wikis].sort()).toEqual(["awiki", "bwiki", "cwiki", "dwiki"]);
    expect([...groups.byName.get("inner")!.wikis]).toEqual(["awiki"]);
  });

  it("that do not nest may not share a wiki", () => {
    expect(
      problemsWith({
        ...FOUR,
        groups: "{ x: { wikis: [awiki, bwiki] }, y: { wikis: [bwiki, cwiki, dwiki] } }",
      }),
    ).toEqual(["farm.yaml:6:41: `bwiki` is in `x` and in `y`: take it out of one, or say `within`"]);
  });

  it("that lie side by side within one may not share a wiki either", () => {
    const groups = [
      "x: { wikis: [awiki], within: all }",
      "y: { wikis: [awiki], within: all }",
      "all: { wikis: [awiki, bwiki, cwiki, dwiki] }",
    ];
    expect(problemsWith({ ...FOUR, groups: `{ ${groups.join(", ")} }` })).toEqual([
      "farm.yaml:6:47: `awiki` is in `x` and in `y`: take it out of one, or say `within`",
    ]);
  });

  it("are refused within a group that there is not", () => {
    expect(
      problemsWith({ groups: "{ first: { wikis: [awiki], within: secnd }, second: { wikis: [bwiki] } }" }),
    ).toEqual(["farm.yaml:6:44: unknown group `secnd`; did you mean `second`?"]);
  });

  it.each([
    ["x: { wikis: [awiki], within: x }", "`x` within `x`"],
    [
      "x: { wikis: [awiki], within: y }, y: { wikis: [bwiki], within: z }, z: { wikis: [], within: x }",
      "`x` within `y` within `z` within `x`",
    ],
    [
      "a: { wikis: [awiki], within: x }, x: { wikis: [bwiki], within: y }, y: { wikis: [], within: x }",
      "`a` within `x` within `y` within `x`",
    ],
  ])("are refused in a circle: %s", (groups, circle) => {
    expect(problemsWith({ groups: `{ ${groups} }` })[0]).toMatch(
      new RegExp(`^farm\\.yaml:6:\\d+: the groups ${circle}: break the circle$`),
    );
  });
});

describe("a wiki in a group that wikiversions does not have", () => {
  const lists = { "d/x.dblist": "awiki\nbwiki\nzwiki\n" };

  it("is an error where it stands", () => {
    expect(problemsWith({ groups: "{ x: { wikis: [awiki, bwiki, zwiki] } }" })).toEqual([
      "farm.yaml:6:38: `zwiki` is in group `x` but not in wikiversions",
    ]);
    expect(problemsWith({ dblists: "d", groups: "{ x: { dblist: x } }" }, lists)).toEqual([
      "farm.yaml:7:24: `zwiki` is in group `x` but not in wikiversions",
    ]);
  });

  it("is left out where the farm ignores such wikis", () => {
    const { groups, plan } = compileFarm(
      { dblists: "d", groups: "{ x: { dblist: x } }", "not-in-wikiversions": "ignore" },
      lists,
    );
    expect([...groups.byName.get("x")!.wikis]).toEqual(["awiki", "bwiki"]);
    expect(plan.wikis.map(({ id }) => id)).toEqual(["awiki", "bwiki"]);
  });
});

describe("a wiki in no group", () => {
  const groups = "{ x: { wikis: [awiki] } }";

  it("is an error at the wiki's own place", () => {
    expect(problemsWith({ groups })).toEqual([
      "farm.yaml:2:35: `bwiki` is in no group: add it to one, or say `in-no-group: warn`",
    ]);
    expect(
      problemsWith(
        { groups, wikiversions: "w.json" },
        { "w.json": '{\n"awiki": "php-1.0",\n"bwiki": "php-1.0"}' },
      ),
    ).toEqual(["w.json:3: `bwiki` is in no group: add it to one, or say `in-no-group: warn`"]);
  });

  it("is a warning where the farm says so", () => {
    const { farm, groups: read } = compileFarm({ groups, "in-no-group": "warn" });
    expect(read.inNoGroup).toEqual(["bwiki"]);
    expect(warningsOf(farm)).toEqual([
      "farm.yaml:2:35: `bwiki` is in no group: it goes to the default release, or the first that runs its version",
    ]);
  });

  it("is nothing to speak of in a farm without groups", () => {
    const { farm, plan } = compileFarm();
    expect(plan.wikis.map(({ group }) => group)).toEqual([null, null]);
    expect(warningsOf(farm)).toEqual([]);
  });
});
