/** The train board's model: counts by group and release, what is unusual, and what a hostile table may not fill. */
import { expect, it } from "vitest";
import { bytesOf, plainPlan } from "../../test/support/plans.ts";
import { COLUMNS, ROWS, trainBoard } from "./train-board.ts";

const wiki = (id: string, release: number, group: string | null) => ({ id, release, group, installed: true });

it("counts wikis by group and release, from the oldest version to the newest", () => {
  const names = {
    ...{ farm: "ours", realm: "production", hosts: {}, rewrites: [], patterns: [], paths: [], canonical: [] },
    ...{ newest: null, listeners: [{ routes: [], assets: [], reads: [] }] },
    groups: { group1: "group1.dblist" },
    pins: { bwiki: { reason: "T1", expires: "2027-01-01" } },
    moved: { cwiki: { from: "group1" } },
  };
  const plan = plainPlan({
    releases: [
      { name: "group1", version: "1.47.0-wmf.2" },
      { name: "group0", version: "1.47.0-wmf.10" },
      { name: "spare", version: "1.46.0" },
    ],
    clusters: [["web-1", "web-0", "web-spare"]],
    wikis: [wiki("awiki", 0, "group1"), wiki("bwiki", 1, "group1"), wiki("cwiki", 1, null)],
  });
  const board = trainBoard(bytesOf(plan, JSON.stringify(names)));
  expect(board).toMatchObject({
    ...{ generation: 1, wikis: 3, farm: "ours", more: { releases: 0, groups: 0, wikis: 0 } },
    releases: [
      { release: "group1", version: "1.47.0-wmf.2", wikis: 1 },
      { release: "group0", version: "1.47.0-wmf.10", wikis: 2 },
    ],
    groups: [
      {
        ...{ group: "group1", list: "group1.dblist", wikis: 2 },
        cells: [
          { wikis: 1, off: false },
          { wikis: 1, off: true },
        ],
      },
      {
        ...{ group: null, list: null, wikis: 1 },
        cells: [
          { wikis: 0, off: false },
          { wikis: 1, off: false },
        ],
      },
    ],
  });
  expect(board.notes).toEqual([
    { title: "nothing points to", lines: ["spare: 1.46.0"] },
    { title: "no wiki has the version of", lines: ["spare: 1.46.0"] },
    { title: "pinned", lines: ["bwiki: on group0, until 2027-01-01: T1"] },
    {
      title: "not on their group's release, which does not run their version",
      lines: ["cwiki: on group0, not on group1"],
    },
  ]);
});

it("shows so many rows and columns of a hostile table, and counts the rest", () => {
  const many = Array.from({ length: 100 }, (_, i) => String(i).padStart(3, "0"));
  const plan = plainPlan({
    releases: many.map((name) => ({ name: `r${name}`, version: `1.${name}` })),
    clusters: [many.map((name) => `web-${name}`)],
    wikis: many.map((name, i) => wiki(`w${name}`, i, `g${name}`)),
  });
  const { releases, groups, more } = trainBoard(bytesOf(plan));
  expect([releases.length, groups.length]).toEqual([COLUMNS, ROWS]);
  expect(groups.every(({ cells }) => cells.length === COLUMNS)).toBe(true);
  expect(more).toEqual({ releases: 100 - COLUMNS, groups: 100 - ROWS, wikis: 100 - COLUMNS });
});
