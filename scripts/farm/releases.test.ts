import { describe, expect, it } from "vitest";
import { compileFarm, problemsWith, releasesOf } from "../../test/support/farm-text.ts";

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
      "farm.yaml:3:28: a values file: say in `version-from-image` where its version is",
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
      expect(releases.fromGroup).toEqual(["all"]);
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
      "farm.yaml:3:26: which is the newer of `master`, `1.46`? state in `version-order` where `master` stands, without a number",
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

  it("else the first release of its version in the farm's order, and the names say whence it was moved", () => {
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
    expect(releasesOf(compileFarm({ ...TRAIN, releases: otherFirst }))).toMatchObject({ cwiki: "other" });
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

  it("the default release where it is in no group and the version fits, else the first that fits", () => {
    const none = {
      groups: "{ g: { wikis: [] } }",
      "in-no-group": "warn",
      releases: "{ first: { version: v2 }, dflt: { version: v2 }, one: { version: v1 } }",
      "default-release": "dflt",
    };
    expect(releasesOf(compileFarm(none))).toEqual({ awiki: "one", bwiki: "dflt" });
  });

  it("nowhere if no release has its version: an error that lists wikis, versions and releases", () => {
    const wikiversions = "{ awiki: v1, bwiki: v2, cwiki: v3, dwiki: v4 }";
    expect(problemsWith({ wikiversions })).toEqual([
      "farm.yaml:2:46: `cwiki` runs v3, which no release has; there are one (v1), two (v2)",
      "farm.yaml:2:57: `dwiki` runs v4, which no release has; there are one (v1), two (v2)",
    ]);
  });
});

describe("spill: version-named", () => {
  const spill = { spill: "version-named", wikiversions: "{ awiki: v1, bwiki: v10, cwiki: v9, dwiki: v10 }" };

  it("creates the missing releases, in the order of versions", () => {
    const spilled = compileFarm(spill);
    expect(spilled.plan.releases.map(({ name, version }) => [name, version])).toEqual([
      ["one", "v1"],
      ["two", "v2"],
      ["v9", "v9"],
      ["v10", "v10"],
    ]);
    expect(releasesOf(spilled)).toEqual({ awiki: "one", bwiki: "v10", cwiki: "v9", dwiki: "v10" });
    expect(spilled.plan.clusters).toEqual([["web-one", "web-two", "web-v9", "web-v10"]]);
    expect([...spilled.releases.spilled].sort()).toEqual(["v10", "v9"]);
  });

  it("creates none that is not missing", () => {
    expect(compileFarm({ spill: "version-named" }).releases.spilled).toEqual([]);
  });

  it("is refused where a release of that name runs another version", () => {
    expect(problemsWith({ ...spill, releases: "{ one: { version: v1 }, v9: { version: v2 } }" })).toEqual([
      "farm.yaml:3:35: release `v9` runs another version than its name says",
    ]);
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
      "farm.yaml:7:16: `bwik` is not in wikiversions; did you mean `bwiki`?",
    ]);
  });

  it("to a release that there is not is an error", () => {
    expect(problemsWith(pinned(pin({ release: "othr" })))).toEqual([
      "farm.yaml:7:32: unknown release `othr`; did you mean `other`?",
    ]);
  });

  it("to a release of another version is an error", () => {
    expect(problemsWith(pinned(pin({ release: "g1" })))).toEqual([
      "farm.yaml:7:32: `bwiki` runs v2, release `g1` runs v1: a wiki goes only where its own version runs",
    ]);
  });

  it("may stand once for a wiki", () => {
    expect(problemsWith(pinned(pin({}), pin({ release: "g2" })))[0]).toMatch(
      /^farm\.yaml:7:\d+: `bwiki` is pinned twice$/,
    );
  });
});
