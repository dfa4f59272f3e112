/** Wikis whose version no release runs, and those that would be stranded next. */
import { describe, expect, it } from "vitest";
import { compileFarm, problemsWith, releasesOf, warningsOf } from "../../test/support/farm-text.ts";
import { strandedNext } from "./stranded.ts";

const STRANDED = {
  wikiversions: "{ awiki: v1, bwiki: 1.47.0-wmf.10, cwiki: 1.47.0-wmf.9, dwiki: 1.47.0-wmf.10 }",
};

describe("spill: version-named", () => {
  const spill = { ...STRANDED, spill: "version-named" };

  it("creates the missing releases, in the order of versions", () => {
    const spilled = compileFarm(spill);
    expect(spilled.plan.releases).toEqual([
      { name: "one", version: "v1" },
      { name: "two", version: "v2" },
      { name: "1.47.0-wmf.9", version: "1.47.0-wmf.9" },
      { name: "1.47.0-wmf.10", version: "1.47.0-wmf.10" },
    ]);
    expect(releasesOf(spilled)).toEqual({
      awiki: "one",
      bwiki: "1.47.0-wmf.10",
      cwiki: "1.47.0-wmf.9",
      dwiki: "1.47.0-wmf.10",
    });
    expect([...spilled.releases.spilled]).toEqual(["1.47.0-wmf.9", "1.47.0-wmf.10"]);
  });

  it("has no dots of a version in the names of clusters", () => {
    expect(compileFarm(spill).plan.clusters).toEqual([
      ["web-one", "web-two", "web-1-47-0-wmf-9", "web-1-47-0-wmf-10"],
    ]);
    expect(
      compileFarm({ ...spill, cluster: "outbound|80||mw-{release}.svc|{deployment}" }).plan.clusters,
    ).toEqual([
      [
        "outbound|80||mw-one.svc|web",
        "outbound|80||mw-two.svc|web",
        "outbound|80||mw-1-47-0-wmf-9.svc|web",
        "outbound|80||mw-1-47-0-wmf-10.svc|web",
      ],
    ]);
  });

  it("warns of each release that it adds, with its wikis and a cluster that has to run", () => {
    expect(warningsOf(compileFarm(spill).farm)).toEqual([
      "farm.yaml:6:8: 1 wiki (`cwiki`) on 1.47.0-wmf.9, which no release of the farm runs: a release was added for it; make sure that its clusters run, as `web-1-47-0-wmf-9`",
      "farm.yaml:6:8: 2 wikis (`bwiki`, `dwiki`) on 1.47.0-wmf.10, which no release of the farm runs: a release was added for it; make sure that its clusters run, as `web-1-47-0-wmf-10`",
    ]);
  });

  it("creates none that is not missing", () => {
    const { releases, farm } = compileFarm({ spill: "version-named" });
    expect(releases.spilled.size).toBe(0);
    expect(warningsOf(farm)).toEqual([]);
  });

  it("is for fifty wikis, or as many as the farm says", () => {
    expect(releasesOf(compileFarm({ ...spill, "spill-at-most": "3" }))).toMatchObject({
      cwiki: "1.47.0-wmf.9",
    });
    const problems = problemsWith({ ...spill, "spill-at-most": "2" });
    expect(problems).toHaveLength(2);
    expect(problems[0]).toMatch(
      /^farm\.yaml:2:\d+: `cwiki` runs 1\.47\.0-wmf\.9, which no release has.*; `spill` is for at most 2 wikis, and 3 have no release \(`spill-at-most`\)$/,
    );
    const many = Array.from({ length: 51 }, (_, i) => `x${i}wiki: v9`);
    const farm = (wikis: string[]) => ({
      spill: "version-named",
      wikiversions: `{ awiki: v1, ${wikis.join(", ")} }`,
    });
    expect(compileFarm(farm(many.slice(1))).releases.spilled.size).toBe(1);
    expect(problemsWith(farm(many))).toHaveLength(1);
  });

  it("is refused where a release of that name runs another version", () => {
    const wikiversions = "{ awiki: v1, bwiki: v9 }";
    const releases = "{ one: { version: v1 }, v9: { version: v2 } }";
    expect(problemsWith({ spill: "version-named", wikiversions, releases })).toEqual([
      "farm.yaml:3:35: release `v9` runs another version than its name says: correct the one or the other",
    ]);
  });

  it("may make the default release, so that a farm of one release a version can be said", () => {
    const { plan, farm } = compileFarm({
      spill: "version-named",
      wikiversions: "{ awiki: v1, bwiki: v2 }",
      releases: "{}",
      "default-release": "v2",
    });
    expect(plan.releases.map(({ name }) => name)).toEqual(["v1", "v2"]);
    expect(plan.defaultRelease).toBe(1);
    expect(warningsOf(farm)).toEqual([]);
  });

  it("says which releases there are where the default release is none of them", () => {
    expect(problemsWith({ spill: "version-named", releases: "{}", "default-release": "v9" })).toEqual([
      "farm.yaml:4:18: unknown release `v9`; did you mean `v1`? A release that `spill` adds exists only while a wiki runs its version",
    ]);
  });
});

describe("on-stranded", () => {
  const reply = { ...STRANDED, "on-stranded": "reply" };

  it("spill: adds releases as `spill` does, for so many wikis as the farm says", () => {
    const spilled = compileFarm({ ...STRANDED, "on-stranded": "spill" });
    expect([...spilled.releases.spilled]).toEqual(["1.47.0-wmf.9", "1.47.0-wmf.10"]);
    expect(warningsOf(spilled.farm)[0]).toMatch(/^farm\.yaml:6:14: 1 wiki \(`cwiki`\) on 1\.47\.0-wmf\.9/);
    const [problem] = problemsWith({ ...STRANDED, "on-stranded": "spill", "stranded-at-most": "2" });
    expect(problem).toMatch(
      /; `on-stranded: spill` is for at most 2 wikis, and 3 have no release \(`stranded-at-most`\)$/,
    );
  });

  it("reply: these wikis get the farm's answer, all others their release, with a loud warning", () => {
    const { farm, plan, releases } = compileFarm({
      ...reply,
      "stranded-reply": "{ status: 503, body: wait a bit }",
    });
    expect(plan.wikis.map(({ id, installed }) => [id, installed])).toEqual([
      ["awiki", true],
      ["bwiki", false],
      ["cwiki", false],
      ["dwiki", false],
    ]);
    expect(plan.wikiless.notInstalled).toEqual({ reply: 0 });
    expect(plan.replies).toEqual([{ status: 503, body: "wait a bit" }]);
    expect(releases.answered).toEqual(new Set(["bwiki", "cwiki", "dwiki"]));
    expect(warningsOf(farm)[0]).toBe(
      "farm.yaml:6:14: 1 wiki (`cwiki`) on 1.47.0-wmf.9, which no release of the farm runs: ANSWERED WITH 503 by the proxies",
    );
  });

  it("reply: they still have no release of another version, whatever a proxy might do", () => {
    const { plan } = compileFarm(reply);
    const versions = plan.wikis.map(({ release }) => plan.releases[release]!.version);
    expect(versions).toEqual(["v1", "1.47.0-wmf.10", "1.47.0-wmf.9", "1.47.0-wmf.10"]);
  });

  it("reply: changes nothing where no wiki is stranded", () => {
    expect(compileFarm({ "on-stranded": "reply" }).plan).toEqual(compileFarm().plan);
  });

  it("reply: for so many wikis as the farm says", () => {
    const [problem] = problemsWith({ ...reply, "stranded-at-most": "2" });
    expect(problem).toMatch(/; `on-stranded: reply` is for at most 2 wikis, and 3 have no release/);
  });

  it("reply: is refused beside another answer for wikis that are not installed", () => {
    const lists = { "d/x.dblist": "" };
    const farm = (other: string) => ({
      ...reply,
      dblists: "d",
      "stranded-reply": "{ status: 503, body: b }",
      "without-wiki": `{ not-installed: { dblist: x${other} } }`,
    });
    expect(compileFarm(farm(", status: 503, body: b"), lists).plan.replies).toHaveLength(1);
    for (const other of ["", ", release: one", ", status: 404, body: b", ", status: 503, body: c"]) {
      expect(problemsWith(farm(other), lists)).toEqual([
        "farm.yaml:6:14: a table has one answer for these and for wikis that are not installed: say the same `status` and `body` in `stranded-reply` and in `without-wiki.not-installed`, or `on-stranded: spill`",
      ]);
    }
  });

  it("is asked for what is too much for `spill`", () => {
    const both = { ...reply, spill: "version-named", "spill-at-most": "2" };
    expect(compileFarm(both).releases.answered.size).toBe(3);
    expect(compileFarm({ ...both, "spill-at-most": "3" }).releases.answered.size).toBe(0);
  });
});

describe("the next promotion", () => {
  const next = (parts: Record<string, string>) => strandedNext(compileFarm(parts).releases);
  const train = {
    wikiversions: "{ awiki: v2, bwiki: v1, cwiki: v1 }",
    groups: "{ g1: { wikis: [awiki, cwiki] }, g2: { wikis: [bwiki] } }",
    releases: "{ g1: { version: v2 }, g2: { version: v1 } }",
    "default-release": "g2",
  };

  it("strands a wiki that only another group's release still serves", () => {
    expect(next(train)).toEqual([{ release: "g2", version: "v1", wikis: ["cwiki"] }]);
  });

  it("strands a wiki of no group, and none that another release serves as well", () => {
    const groups = "{ g1: { wikis: [awiki] }, g2: { wikis: [bwiki] } }";
    const lonely = { ...train, groups, "in-no-group": "warn" };
    expect(next(lonely)).toEqual([{ release: "g2", version: "v1", wikis: ["cwiki"] }]);
    const releases = "{ g1: { version: v2 }, g2: { version: v1 }, old: { version: v1 } }";
    expect(next({ ...lonely, releases })).toEqual([]);
  });

  it("strands none of a farm that has no groups", () => {
    expect(next({ ...train, groups: "{}" })).toEqual([]);
  });

  it("strands none of a release that is there for its version", () => {
    const releases = "{ g1: { version: v2 }, v1: { version: v1 } }";
    expect(next({ ...train, releases, "default-release": "g1" })).toEqual([]);
  });
});
