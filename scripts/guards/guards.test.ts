/** What each guard finds between two tables, at its limit and past it. */
import { describe, expect, it } from "vitest";
import { compileFarm } from "../../test/support/farm-text.ts";
import { diff } from "../diff/diff.ts";
import { DEFAULT_LIMITS, type GuardLimits, type GuardName } from "../farm/guard-limits.ts";
import { VersionOrder } from "../farm/version-order.ts";
import type { Plan } from "../plan.ts";
import { type Finding, guard, judge, showAllowed } from "./guards.ts";

const RELEASES = { old: "1.47.0-wmf.9", new: "1.47.0-wmf.10", other: "1.47.0-wmf.10" };

/** The plan of a farm in which these wikis run these versions, each in the group and on the release of this name. */
function table(
  wikis: Record<string, string>,
  {
    releases = RELEASES,
    more = {},
  }: { releases?: Record<string, string>; more?: Record<string, string> } = {},
): Plan {
  const names = Object.keys(releases);
  const of = (name: string) => Object.keys(wikis).filter((wiki) => wikis[wiki] === name);
  const groups = names.map((name) => `"${name}": { wikis: [${of(name).join(", ")}] }`);
  const { plan } = compileFarm({
    wikiversions: `{ ${Object.entries(wikis)
      .map(([wiki, name]) => `${wiki}: "${releases[name]}"`)
      .join(", ")} }`,
    groups: `{ ${groups.join(", ")} }`,
    releases: `{ ${names.map((name) => `"${name}": { version: "${releases[name]}" }`).join(", ")} }`,
    "default-release": JSON.stringify(names[0]),
    ...more,
  });
  return plan;
}

/** So many wikis of one name, on a release. */
const some = (count: number, name: string, release: string) =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`${name}${100 + i}wiki`, release]));
const order = new VersionOrder();
const guarded = (old: Plan, next: Plan, limits: GuardLimits): Finding[] =>
  guard(
    diff(old, next, (a, b) => order.tell(a, b)),
    limits,
  );
/** What one guard says. */
const finder =
  (name: GuardName) =>
  (old: Plan, next: Plan, limits: Partial<GuardLimits> = {}): string | undefined =>
    guarded(old, next, { ...DEFAULT_LIMITS, ...limits }).find((one) => one.guard === name)?.what;
/** Each release keeps ten wikis. */
const KEPT = { ...some(10, "o", "old"), ...some(10, "n", "new"), ...some(10, "p", "other") };

describe("guard wikis-change-release", () => {
  const found = finder("wikis-change-release");
  const at = (count: number, release: string) => table({ ...KEPT, ...some(count, "x", release) });

  it("finds more wikis on another release than may be, and says how most of them went", () => {
    expect(found(at(20, "new"), at(20, "other"))).toBe(undefined);
    expect(found(at(21, "new"), at(21, "other"))).toBe(
      "21 wikis change release (`x100wiki`, `x101wiki`, `x102wiki`, `x103wiki`, `x104wiki` and 16 more; 21 from new to other), and at most 20 may",
    );
  });

  it("has a limit, or is off", () => {
    const two = [at(2, "new"), at(2, "other")] as const;
    expect(found(...two, { "wikis-change-release": 1 })).toMatch(/^2 wikis .* and at most 1 may$/);
    expect(found(...two, { "wikis-change-release": 2 })).toBe(undefined);
    expect(found(at(90, "new"), at(90, "other"), { "wikis-change-release": "off" })).toBe(undefined);
  });

  it("counts wikis whose version changes too", () => {
    expect(found(at(21, "old"), at(21, "new"))).toMatch(/^21 wikis/);
  });

  it("counts no promotion to a release that is named by its version, and still a move between two", () => {
    const releases = { "1.9": "1.9", "1-10": "1.10", "1.10": "1.10" };
    const on = (release: string) =>
      table({ ...some(5, "a", "1.9"), ...some(30, "x", release) }, { releases });
    expect(found(on("1.9"), on("1-10"))).toBe(undefined);
    expect(found(on("1.9"), on("1.10"))).toBe(undefined);
    expect(found(on("1-10"), on("1.10"))).toMatch(/^30 wikis/);
  });
});

describe("guard move-changes-version", () => {
  const found = finder("move-changes-version");
  const at = (count: number, release: string, releases = RELEASES) =>
    table({ ...KEPT, ...some(count, "x", release) }, { releases });

  it("finds more wikis on another version than may be, where no release went on to it", () => {
    expect(found(at(5, "old"), at(5, "new"))).toBe(undefined);
    expect(found(at(6, "old"), at(6, "new"))).toBe(
      "6 wikis get another version while no release does (`x100wiki`, `x101wiki`, `x102wiki`, `x103wiki`, `x104wiki` and 1 more; 6 from old, 1.47.0-wmf.9, to new, 1.47.0-wmf.10), and at most 5 may",
    );
    expect(found(at(6, "old"), at(6, "new"), { "move-changes-version": 6 })).toBe(undefined);
  });

  it("finds nothing where the version stays, or where a release of theirs changes its own", () => {
    expect(found(at(6, "new"), at(6, "other"))).toBe(undefined);
    const promoted = { ...RELEASES, old: RELEASES.new };
    expect(found(at(6, "old"), at(6, "new", promoted))).toBe(undefined);
  });

  it("finds no promotion to a release that is named by its version", () => {
    const releases = { "1.9": "1.9", "1.10": "1.10" };
    const on = (release: string) => table({ ...some(5, "a", "1.9"), ...some(9, "x", release) }, { releases });
    expect(found(on("1.9"), on("1.10"))).toBe(undefined);
  });
});

describe("guard release-empties", () => {
  const found = finder("release-empties");

  it("finds a release that served wikis and serves none", () => {
    const x = (release: string) => table({ ...some(9, "n", "new"), ...some(3, "x", release) });
    expect(found(x("other"), x("new"))).toBe(
      "1 release has no wiki left (other, which served 3), and at most 0 may",
    );
    expect(found(x("other"), x("new"), { "release-empties": 1 })).toBe(undefined);
    expect(found(x("new"), x("other"))).toBe(undefined);
  });

  it("finds none that is named by the version that all its wikis have left, but one that they left otherwise", () => {
    const releases = { "1.9": "1.9", "1.10": "1.10", other: "1.9" };
    const x = (release: string) => table(some(3, "x", release), { releases });
    expect(found(x("1.9"), x("1.10"))).toBe(undefined);
    expect(found(x("1.9"), x("other"))).toBe(
      "1 release has no wiki left (1.9, which served 3), and at most 0 may",
    );
  });
});

describe("guard wikis-vanish", () => {
  const found = finder("wikis-vanish");
  const all = { ...KEPT, ...some(3, "x", "new") };
  const without = (count: number) => table(Object.fromEntries(Object.entries(all).slice(0, 33 - count)));

  it("finds three wikis that are gone, and more than one in a hundred", () => {
    expect(found(table(all), without(2))).toBe(undefined);
    expect(found(table(all), without(3))).toBe(
      "3 of 33 wikis are gone (`x100wiki`, `x101wiki`, `x102wiki`), which is 9.1 %, and at most 1 % may",
    );
    const many = some(400, "y", "new");
    expect(found(table({ ...all, ...many }), table({ ...KEPT, ...many }))).toBe(undefined);
  });

  it("has a limit in per cent", () => {
    expect(found(table(all), without(3), { "wikis-vanish": 10 })).toBe(undefined);
  });
});

describe("guard version-goes-back", () => {
  const found = finder("version-goes-back");
  const goes = (back: number, forward: number) =>
    found(
      table({ ...KEPT, ...some(back, "x", "new"), ...some(forward, "y", "old") }),
      table({ ...KEPT, ...some(back, "x", "old"), ...some(forward, "y", "new") }),
    );

  it("finds more wikis on an older version than may be while others go forward", () => {
    expect(goes(5, 1)).toBe(undefined);
    expect(goes(6, 1)).toBe(
      "6 wikis go back to an older version (`x100wiki`, `x101wiki`, `x102wiki`, `x103wiki`, `x104wiki` and 1 more; 6 from 1.47.0-wmf.10 to 1.47.0-wmf.9) while others go forward (1), and at most 5 may",
    );
  });

  it("finds nothing in a rollback of many, in which none goes forward", () => {
    expect(goes(90, 0)).toBe(undefined);
  });

  it("finds nothing where nobody can tell which of two versions is newer", () => {
    const releases = { old: "1.9", new: "1.10", other: "master" };
    const at = (x: string, y: string) =>
      table({ ...KEPT, ...some(9, "x", x), ...some(1, "y", y) }, { releases });
    expect(found(at("other", "old"), at("new", "new"))).toBe(undefined);
    expect(found(at("new", "old"), at("old", "new"))).toMatch(/^9 wikis/);
  });
});

describe("guard source-shrinks", () => {
  const found = finder("source-shrinks");
  const left = (count: number) =>
    table({ ...some(10, "o", "old"), ...some(10, "n", "new"), ...some(count, "p", "other") });
  const hosts = (count: number) => {
    const all = Array.from({ length: count }, (_, i) => `{ host: h${i}.example, wiki: n100wiki }`);
    return table(KEPT, { more: { hosts: count === 0 ? "" : `[${all.join(", ")}]` } });
  };

  it("finds a group that lost half of its wikis, or all", () => {
    expect(found(left(10), left(6))).toBe(undefined);
    expect(found(left(10), left(5))).toBe(
      "1 source is empty or much smaller (the wikis of other: 10 before, 5 now), and less than 50 % may be lost",
    );
    expect(found(left(1), left(0))).toContain("the wikis of other: 1 before, 0 now");
  });

  it("finds no few that became fewer", () => {
    expect(found(left(3), left(1))).toBe(undefined);
  });

  it("finds hosts that are gone, and has a limit in per cent", () => {
    expect(found(hosts(10), hosts(4))).toContain("the exact hosts: 10 before, 4 now");
    expect(found(hosts(10), hosts(4), { "source-shrinks": 61 })).toBe(undefined);
    expect(found(hosts(10), hosts(0), { "source-shrinks": 100 })).toContain("10 before, 0 now");
  });
});

describe("a finding", () => {
  const found: Finding[] = [
    { guard: "release-empties", what: "one" },
    { guard: "wikis-vanish", what: "two" },
  ];

  it("is refused, or allowed by its guard's name with the reason, as a history keeps it", () => {
    expect(judge(found, [], null)).toEqual({ allowed: [], refused: found });
    const { allowed, refused } = judge(found, [{ guard: "wikis-vanish", why: null }], "closed");
    expect(refused).toEqual([found[0]]);
    expect(allowed).toEqual([{ guard: "wikis-vanish", what: "two", why: "closed" }]);
    expect(judge(found, [{ guard: "wikis-vanish", why: "own" }], "closed").allowed[0]!.why).toBe("own");
    expect(showAllowed(allowed[0]!)).toBe("guard wikis-vanish, allowed (closed): two");
    expect(showAllowed({ ...found[1]!, why: null })).toBe("guard wikis-vanish, allowed: two");
  });
});

describe("guards", () => {
  it("find nothing between tables that route alike", () => {
    expect(guarded(table(KEPT), table(KEPT), DEFAULT_LIMITS)).toEqual([]);
  });
});
