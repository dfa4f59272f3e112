/** Which of two versions is the newer one. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { problemsOf } from "../../test/support/errors.ts";
import { compareVersions, VersionOrder } from "./version-order.ts";

/** From the oldest to the newest. */
const ORDERED = [
  "1.9",
  "1.22wmf2",
  "1.22wmf10",
  "1.22.0-rc.0",
  "1.22",
  "1.36.0",
  "1.36.0-maamedia.1",
  "1.36.0-maamedia.2",
  "1.36.1",
  "1.43.0-alpha",
  "1.43.0-wmf.1",
  "1.43.0-wmf.28",
  "1.43.0-beta.1",
  "1.43.0-rc.0",
  "1.43.0-rc2",
  "1.43.0-rc.10",
  "1.43.0",
  "1.43.10",
  "REL1_43",
  "REL1_43-fork",
  "1.44.0-wmf.1",
  "REL1_44",
  "1.47.0-wmf.2",
  "1.47.0-wmf.16",
  "1.47.0-wmf.16.1",
  "1.47.0-wmf.16-2",
  "2026.08.18",
  "4f2a9c1",
  "branch_cut_pretest",
  "master",
];

describe("compareVersions", () => {
  it("orders versions by number, then by stage, then by what follows; names without a number by letters", () => {
    const sorted = [...ORDERED].sort(compareVersions);
    expect(sorted.indexOf("1.47.0-wmf.16-2")).toBeGreaterThan(sorted.indexOf("1.47.0-wmf.16"));
    const plain = (versions: string[]) => versions.filter((version) => !version.startsWith("1.47.0-wmf.16"));
    expect(plain(sorted)).toEqual(plain(ORDERED));
  });

  it.each([
    ["1.46.0", "1.46.0-rc.0"],
    ["1.46", "1.46.0-wmf.3"],
    ["1.10", "1.9"],
    ["1.46.0-RC.2", "1.46.0-rc.1"],
    ["v1.46", "1.45.9"],
    ["1.46.0", "1.46"],
    ["1.46-lts", "1.46"],
    ["REL1_46", "1.46.12"],
  ])("has %s above %s", (newer, older) => {
    expect(compareVersions(newer, older)).toBeGreaterThan(0);
    expect(compareVersions(older, newer)).toBeLessThan(0);
  });

  it("is an order: of any three, however odd, none is before itself", () => {
    const part = fc.constantFrom(
      "1",
      "2",
      "10",
      "043",
      "1e400",
      "9".repeat(400),
      ".",
      "-",
      "_",
      "wmf",
      "rc",
      "x",
      "REL",
      "v",
    );
    const version = fc.oneof(
      fc.constantFrom(...ORDERED),
      fc.array(part, { minLength: 1, maxLength: 5 }).map((parts) => parts.join("")),
    );
    fc.assert(
      fc.property(version, version, version, (a, b, c) => {
        expect(Math.sign(compareVersions(a, b)) + Math.sign(compareVersions(b, a))).toBe(0);
        expect(compareVersions(a, b) === 0).toBe(a === b);
        if (compareVersions(a, b) <= 0 && compareVersions(b, c) <= 0) {
          expect(compareVersions(a, c)).toBeLessThanOrEqual(0);
        }
      }),
      { numRuns: 3000 },
    );
  });
});

describe("a stated order", () => {
  const place = { file: "farm.yaml", line: 1 };

  it("gives names without a number their places, above all versions with one", () => {
    const order = new VersionOrder(["fork", "master"]);
    expect(["master", "1.46", "fork", "1.47"].sort((a, b) => order.compare(a, b))).toEqual([
      "1.46",
      "1.47",
      "fork",
      "master",
    ]);
  });

  it("or around them, where `*` says so, and moves a version with a number as well", () => {
    const order = new VersionOrder(["legacy", "1.99", "*", "master"]);
    expect(["master", "1.47", "legacy", "1.99", "1.46"].sort((a, b) => order.compare(a, b))).toEqual([
      "legacy",
      "1.99",
      "1.46",
      "1.47",
      "master",
    ]);
  });

  it("is asked for where a name has no number, unless it is alone", () => {
    new VersionOrder(["master"]).check(["master", "1.46"], place);
    new VersionOrder().check(["1.45", "1.46", "REL1_43"], place);
    new VersionOrder().check(["fork", "fork"], place);
    expect(problemsOf(() => new VersionOrder(["master"]).check(["master", "fork", "1.46"], place))).toEqual([
      "farm.yaml:1: the farm does not say which of `master`, `fork`, `1.46` is newer: add `fork` to `version-order`, which orders names without a number",
    ]);
  });
});
