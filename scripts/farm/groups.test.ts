/** Groups: which wikis are in which. */
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
  const WAYS_OUT = "add it there, take it out of the list, or say `not-in-wikiversions: warn`";

  it("is an error where it stands", () => {
    expect(problemsWith({ groups: "{ x: { wikis: [awiki, bwiki, zwiki] } }" })).toEqual([
      `farm.yaml:6:38: \`zwiki\` is in group \`x\` but not in wikiversions: ${WAYS_OUT}`,
    ]);
    expect(problemsWith({ dblists: "d", groups: "{ x: { dblist: x } }" }, lists)).toEqual([
      `d/x.dblist:3: \`zwiki\` is in group \`x\` but not in wikiversions: ${WAYS_OUT}`,
    ]);
  });

  it("is told at the line of the list in which an expression has it, however deep", () => {
    const deep = { "d/y.dblist": "awiki\n", "d/all.dbexpr": "%% y + x", "d/x.dblist": "# x\nbwiki\nzwiki\n" };
    const [problem] = problemsWith({ dblists: "d", groups: "{ x: { dblist: all } }" }, deep);
    expect(problem).toMatch(/^d\/x\.dblist:3: `zwiki` is in group `x`/);
  });

  it("is told once for all of a group, with how many there are and the first of them", () => {
    const wikis = Array.from({ length: 30 }, (_, i) => `x${i}wiki`);
    const groups = `{ x: { wikis: [awiki, bwiki, ${wikis.join(", ")}] } }`;
    expect(problemsWith({ groups })).toEqual([
      "farm.yaml:6:38: 30 wikis (`x0wiki`, `x1wiki`, `x2wiki`, `x3wiki`, `x4wiki` and 25 more) are in group `x` but not in wikiversions: add them there, take them out of the list, or say `not-in-wikiversions: warn`",
    ]);
  });

  it("is a warning where the farm says so, and left out", () => {
    const { farm, plan } = compileFarm(
      { dblists: "d", groups: "{ x: { dblist: x } }", "not-in-wikiversions": "warn" },
      lists,
    );
    expect(warningsOf(farm)).toEqual([
      "d/x.dblist:3: `zwiki` is in group `x` but not in wikiversions: no release serves it",
    ]);
    expect(plan.wikis.map(({ id }) => id)).toEqual(["awiki", "bwiki"]);
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
        { groups, wikiversions: "w.json", releases: "{ one: { version: '1.0' } }" },
        { "w.json": '{\n"awiki": "php-1.0",\n"bwiki": "php-1.0"}' },
      ),
    ).toEqual(["w.json:3: `bwiki` is in no group: add it to one, or say `in-no-group: warn`"]);
  });

  it("is told once for all of them, with how many there are and the first of them", () => {
    const wikis = Array.from({ length: 9 }, (_, i) => `x${i}wiki`);
    const wikiversions = `{ awiki: v1, ${wikis.map((wiki) => `${wiki}: v1`).join(", ")} }`;
    const first = "`x0wiki`, `x1wiki`, `x2wiki`, `x3wiki`, `x4wiki` and 4 more";
    expect(problemsWith({ groups, wikiversions })).toEqual([
      `farm.yaml:2:36: 9 wikis are in no group (${first}): add them to one, or say \`in-no-group: warn\``,
    ]);
    expect(warningsOf(compileFarm({ groups, wikiversions, "in-no-group": "warn" }).farm)).toEqual([
      `farm.yaml:2:36: 9 wikis are in no group (${first}): they go to one, where most wikis of v1 are`,
    ]);
  });

  it("is a warning where the farm says so, which says where it goes", () => {
    const { farm, groups: read } = compileFarm({ groups, "in-no-group": "warn" });
    expect(read.inNoGroup).toEqual(["bwiki"]);
    expect(warningsOf(farm)).toEqual([
      "farm.yaml:2:35: `bwiki` is in no group: it goes to two, where most wikis of v2 are",
    ]);
  });

  it("is nothing to speak of in a farm without groups", () => {
    const { farm, plan } = compileFarm();
    expect(plan.wikis.map(({ group }) => group)).toEqual([null, null]);
    expect(warningsOf(farm)).toEqual([]);
  });
});
