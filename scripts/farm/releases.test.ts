/** Releases: their versions, and the wikis that each serves. */
import { describe, expect, it } from "vitest";
import { compileFarm, problemsWith, releasesOf, warningsOf } from "../../test/support/farm-text.ts";

/** A train of two groups; the third wiki is the one that each test holds back or takes ahead. */
const TRAIN = {
  wikiversions: "{ awiki: v1, bwiki: v2, cwiki: v2 }",
  releases: "{ g1: { version: v1 }, g2: { version: v2 }, other: { version: v2 } }",
  "default-release": "g2",
  groups: "{ g1: { wikis: [awiki, cwiki] }, g2: { wikis: [bwiki] } }",
};

describe("a release's version", () => {
  const images = { "version-from-image": "{ key: app.image, pattern: '^(\\d+\\.\\d+\\.\\d+)-' }" };

  it("is stated", () => {
    expect(compileFarm().plan.releases).toEqual([
      { name: "one", version: "v1" },
      { name: "two", version: "v2" },
    ]);
  });

  it("is read from its values file", () => {
    const { plan } = compileFarm(
      {
        wikiversions: "{ awiki: 1.0.0 }",
        releases: "{ one: { values: helm/one.yaml } }",
        ...images,
      },
      { "helm/one.yaml": "app:\n  image: registry/mediawiki:1.0.0-2026-08-18\n" },
    );
    expect(plan.releases).toEqual([{ name: "one", version: "1.0.0" }]);
  });

  it("is refused from a values file that is not there, or that no pattern reads", () => {
    expect(problemsWith({ releases: "{ one: { values: one.yaml } }", ...images })).toEqual([
      "farm.yaml:3:28: cannot read `one.yaml`: there is no such file",
    ]);
    expect(problemsWith({ releases: "{ one: { values: one.yaml } }" })).toEqual([
      "farm.yaml:3:28: the release has a values file: say in `version-from-image` where the version is in it",
    ]);
  });

  it("is refused from an unknown source", () => {
    expect(problemsWith({ releases: "{ one: { values: 'charts:one.yaml' } }", ...images })).toEqual([
      "farm.yaml:3:28: unknown source `charts`: name it under `sources`",
    ]);
  });

  it("is what most of its group runs, the groups within it included; of two that tie, the older", () => {
    const of = (wikiversions: string) => {
      const { releases, plan } = compileFarm({
        wikiversions,
        groups: "{ all: { wikis: [awiki, bwiki] }, test: { wikis: [cwiki, dwiki], within: all } }",
        releases:
          "{ all: { from: group }, v9: { version: '1.9' }, v10: { version: '1.10' }, v8: { version: '1.8' } }",
        "default-release": "all",
      });
      expect([...releases.inferred]).toEqual([["all", { wikis: expect.any(Number), of: 4 }]]);
      return plan.releases[0]!.version;
    };
    expect(of("{ awiki: '1.9', bwiki: '1.10', cwiki: '1.10', dwiki: '1.8' }")).toBe("1.10");
    expect(of("{ awiki: '1.10', bwiki: '1.9', cwiki: '1.10', dwiki: '1.9' }")).toBe("1.9");
  });

  it("is refused from a group that there is not, or that has no wikis", () => {
    const groups = "{ grp0: { wikis: [awiki, bwiki] }, none: { wikis: [] } }";
    expect(problemsWith({ groups, releases: "{ grp1: { from: group }, none: { from: group } }" })).toEqual([
      "farm.yaml:3:27: there is no group `grp1` to take the version from; did you mean `grp0`?",
      "farm.yaml:3:50: group `none` has no wikis: state the release's `version`",
      "farm.yaml:4:18: unknown release `one`; did you mean `none`?",
    ]);
  });

  it("is refused where two tie and it is not known which is the older", () => {
    const parts = {
      wikiversions: '{ awiki: master, bwiki: "1.46" }',
      groups: "{ all: { wikis: [awiki, bwiki] } }",
      releases: '{ all: { from: group }, m: { version: master }, n: { version: "1.46" } }',
      "default-release": "all",
    };
    expect(problemsWith(parts)).toEqual([
      "farm.yaml:3:26: the farm does not say which of `master`, `1.46` is newer: add `master` to `version-order`, which orders names without a number",
    ]);
    for (const [order, version] of [
      ["[master]", "1.46"],
      ['[master, "*"]', "master"],
    ]) {
      expect(compileFarm({ ...parts, "version-order": order! }).plan.releases[0]!.version).toBe(version);
    }
  });
});

describe("a wiki goes to", () => {
  it("its group's release if that runs its version", () => {
    const train = compileFarm({ ...TRAIN, wikiversions: "{ awiki: v1, bwiki: v2, cwiki: v1 }" });
    expect(releasesOf(train)).toEqual({ awiki: "g1", bwiki: "g2", cwiki: "g1" });
    expect(train.releases.placements.map(({ why }) => why)).toEqual([null, null, null]);
    expect(train.names.moved).toEqual({});
  });

  it("its group's release even where one before it has the same version", () => {
    const releases = "{ other: { version: v2 }, g1: { version: v1 }, g2: { version: v2 } }";
    expect(releasesOf(compileFarm({ ...TRAIN, releases }))).toMatchObject({ bwiki: "g2" });
  });

  it("else the release of its version that has most wikis, and the names say whence it was moved", () => {
    const train = compileFarm(TRAIN);
    expect(releasesOf(train)).toEqual({ awiki: "g1", bwiki: "g2", cwiki: "g2" });
    expect(train.releases.placements[2]).toEqual({
      wiki: "cwiki",
      group: "g1",
      release: 1,
      why: "version",
      preferred: 0,
    });
    expect(train.names.moved).toEqual({ cwiki: { from: "g1" } });
    const otherFirst = "{ other: { version: v2 }, g1: { version: v1 }, g2: { version: v2 } }";
    expect(releasesOf(compileFarm({ ...TRAIN, releases: otherFirst }))).toMatchObject({ cwiki: "g2" });
  });

  it("the first of those that have as many, but rather the default release", () => {
    const none = {
      wikiversions: "{ awiki: v1, cwiki: v2 }",
      groups: "{ g1: { wikis: [awiki, cwiki] } }",
      releases: "{ g1: { version: v1 }, p: { version: v2 }, q: { version: v2 } }",
    };
    expect(releasesOf(compileFarm({ ...none, "default-release": "g1" }))).toMatchObject({ cwiki: "p" });
    expect(releasesOf(compileFarm({ ...none, "default-release": "q" }))).toMatchObject({ cwiki: "q" });
  });

  it("before that, the release of the nearest group around its own that runs its version", () => {
    const nested = {
      wikiversions: "{ awiki: v1, bwiki: v2, cwiki: v2, dwiki: v2, ewiki: v1 }",
      groups:
        "{ t: { wikis: [awiki], within: g0 }, g0: { wikis: [bwiki], within: g1 }, g1: { wikis: [ewiki] }, big: { wikis: [cwiki, dwiki] } }",
      releases:
        "{ big: { version: v2 }, t: { version: v0 }, g0: { version: v2 }, g1: { version: v1 }, z: { version: v1 } }",
      "default-release": "big",
    };
    expect(releasesOf(compileFarm(nested))).toMatchObject({ awiki: "g1", bwiki: "g0" });
    const wikiversions = nested.wikiversions.replace("awiki: v1", "awiki: v2");
    expect(releasesOf(compileFarm({ ...nested, wikiversions }))).toMatchObject({ awiki: "g0" });
  });

  it("the largest release of its version where releases state last week's versions, not the smallest", () => {
    const stale = {
      wikiversions: "{ twiki: v2, awiki: v2, bwiki: v2, cwiki: v2, dwiki: v2 }",
      groups: "{ test: { wikis: [twiki] }, g1: { wikis: [awiki, bwiki] }, g2: { wikis: [cwiki, dwiki] } }",
      releases: "{ test: { version: v2 }, g1: { version: v2 }, g2: { version: v1 } }",
      "default-release": "g2",
    };
    expect(releasesOf(compileFarm(stale))).toMatchObject({ twiki: "test", cwiki: "g1", dwiki: "g1" });
  });

  it("the release of the nearest group around its own that has one", () => {
    const nested = {
      wikiversions: "{ awiki: v1 }",
      groups: "{ test: { wikis: [awiki], within: g1 }, g1: { wikis: [] } }",
      releases: "{ other: { version: v1 }, g1: { version: v1 } }",
      "default-release": "other",
    };
    const { releases, plan } = compileFarm(nested);
    expect(plan.wikis).toEqual([{ id: "awiki", release: 1, group: "test", installed: true }]);
    expect(releases.placements[0]!.why).toBe(null);
  });

  it("the first of its version where its group has no release, which is no move", () => {
    const { releases, plan } = compileFarm({
      groups: "{ g: { wikis: [awiki, bwiki] } }",
    });
    expect(plan.wikis.map(({ release }) => release)).toEqual([0, 1]);
    expect(releases.placements.map(({ why, preferred }) => [why, preferred])).toEqual([
      [null, null],
      [null, null],
    ]);
  });

  it("where most wikis of its version are, where it is in no group", () => {
    const left = {
      wikiversions: "{ awiki: v2, bwiki: v2, cwiki: v2, lonely: v2 }",
      groups: "{ small: { wikis: [awiki] }, large: { wikis: [bwiki, cwiki] } }",
      "in-no-group": "warn",
      releases: "{ small: { version: v2 }, large: { version: v2 }, other: { version: v2 } }",
    };
    const farm = compileFarm({ ...left, "default-release": "other" });
    expect(releasesOf(farm)).toMatchObject({ lonely: "large" });
    expect(warningsOf(farm.farm)).toEqual([
      "farm.yaml:2:58: `lonely` is in no group: it goes to large, where most wikis of v2 are",
    ]);
  });

  it("the default release where it is in no group and no other has wikis of its version", () => {
    const none = {
      groups: "{ g: { wikis: [] } }",
      "in-no-group": "warn",
      releases: "{ first: { version: v2 }, dflt: { version: v2 }, one: { version: v1 } }",
      "default-release": "dflt",
    };
    expect(releasesOf(compileFarm(none))).toEqual({ awiki: "one", bwiki: "dflt" });
  });

  it("nowhere if no release has its version: an error a version, with what there is and what to do", () => {
    const wikiversions = "{ awiki: v1, bwiki: v2, cwiki: v3, dwiki: v4, ewiki: v4 }";
    const wayOut = "or say `on-stranded: spill` or `reply`";
    expect(problemsWith({ wikiversions })).toEqual([
      `farm.yaml:2:46: \`cwiki\` runs v3, which no release has; there are one (v1), two (v2): state a release of that version, put the wiki on one of those, ${wayOut}`,
      `farm.yaml:2:57: 2 wikis run v4, which no release has (\`dwiki\`, \`ewiki\`); there are one (v1), two (v2): state a release of that version, put the wikis on one of those, ${wayOut}`,
    ]);
  });

  it("nowhere, and the error says which version was inferred, and from how many wikis", () => {
    const [problem] = problemsWith({
      wikiversions: "{ awiki: v1, bwiki: v1, cwiki: v0 }",
      groups: "{ g: { wikis: [awiki, bwiki, cwiki] } }",
      releases: "{ g: { from: group } }",
      "default-release": "g",
    });
    expect(problem).toContain(
      "`cwiki` runs v0, which no release has; there are g (v1, inferred: 2 of its group's 3 wikis run it)",
    );
    expect(
      problemsWith({
        wikiversions: "{ awiki: v1, bwiki: v2 }",
        groups: "{ g: { wikis: [awiki] }, h: { wikis: [bwiki] } }",
        releases: "{ g: { from: group } }",
        "default-release": "g",
      })[0],
    ).toContain("there are g (v1, inferred: 1 of its group's 1 wiki runs it)");
  });
});

describe("the default release", () => {
  it("is one of the releases", () => {
    expect(problemsWith({ "default-release": "tow" })).toEqual([
      "farm.yaml:4:18: unknown release `tow`; did you mean `two`?",
    ]);
    expect(problemsWith({ "default-release": "group2" })).toEqual([
      "farm.yaml:4:18: unknown release `group2`; there are `one`, `two`",
    ]);
    expect(compileFarm({ "default-release": "two" }).plan.defaultRelease).toBe(1);
  });
});

describe("the order of releases", () => {
  it("is that of the file, also where names look like numbers", () => {
    const { plan } = compileFarm({
      releases: '{ zed: { version: v1 }, 10: { version: v1 }, "2": { version: v2 }, a: { version: v2 } }',
      "default-release": "a",
    });
    expect(plan.releases.map(({ name }) => name)).toEqual(["zed", "10", "2", "a"]);
    expect(plan.wikis.map(({ release }) => plan.releases[release]!.name)).toEqual(["zed", "a"]);
  });
});

describe("a pin", () => {
  const pin = (parts: Record<string, string>) => {
    const entries = { wiki: "bwiki", release: "other", reason: "T123", expires: "2026-06-15", ...parts };
    return `{ ${Object.entries(entries)
      .map(([key, value]) => `${key}: ${value}`)
      .join(", ")} }`;
  };
  const pinned = (...pins: string[]) => ({ ...TRAIN, pins: `[${pins.join(", ")}]` });

  it("wins over the group's release, also on its last day", () => {
    const farm = compileFarm(pinned(pin({})));
    expect(releasesOf(farm)).toEqual({ awiki: "g1", bwiki: "other", cwiki: "g2" });
    expect(farm.releases.placements[1]!.why).toBe("pin");
    expect(farm.names.pins).toEqual({ bwiki: { reason: "T123", expires: "2026-06-15" } });
    expect(farm.names.moved).toEqual({ cwiki: { from: "g1" } });
  });

  it("that expired is an error", () => {
    expect(problemsWith(pinned(pin({ expires: "2026-06-14" })))).toEqual([
      "farm.yaml:7:62: the pin of `bwiki` expired on 2026-06-14: remove it, or give it a later day",
    ]);
  });

  it("of a wiki that there is not is an error", () => {
    expect(problemsWith(pinned(pin({ wiki: "bwik" })))).toEqual([
      "farm.yaml:7:16: `bwik` is not in wikiversions: remove the pin, or correct the wiki's name",
    ]);
  });

  it("to a release that there is not is an error", () => {
    expect(problemsWith(pinned(pin({ release: "othr" })))).toEqual([
      "farm.yaml:7:32: unknown release `othr`; did you mean `other`?",
    ]);
  });

  it("to a release of another version is an error", () => {
    expect(problemsWith(pinned(pin({ release: "g1" })))).toEqual([
      "farm.yaml:7:32: `bwiki` runs v2, release `g1` runs v1: pin the wiki to a release of its own version",
    ]);
  });

  it("may stand once for a wiki", () => {
    expect(problemsWith(pinned(pin({}), pin({ release: "g2" })))[0]).toMatch(
      /^farm\.yaml:7:\d+: `bwiki` is pinned twice: keep one pin$/,
    );
  });
});
