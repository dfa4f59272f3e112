/** The last line of `npm test` counts everything that ran. */
import { expect, test } from "vitest";
import { countAsPect, countCheck, countVitest, lastLines, type VitestReport } from "./test-counts.mjs";

const counts = {
  numPassedTests: 2,
  numFailedTests: 0,
  numPendingTests: 0,
  numTodoTests: 0,
};
const file = { name: "a.test.ts", status: "passed", message: "", assertionResults: [] };
const report: VitestReport = { ...counts, testResults: [file] };
const lint = countCheck("lint (biome)", 0);
const asPect = countAsPect("[Tests]: 3 / 3", 0);

test("what passes is counted, linters too", () => {
  expect(lastLines([lint, asPect, countVitest(report, 0)])).toEqual({
    lines: ["6 passed, 0 failed"],
    code: 0,
  });
});

test("a failed lint is a failure that is said last", () => {
  expect(lastLines([countCheck("lint (tsc)", 2), countVitest(report, 0)])).toEqual({
    lines: ["lint (tsc) failed", "2 passed, 1 failed"],
    code: 1,
  });
  expect(lastLines([countCheck("lint (biome)", null)]).code).toBe(1);
});

test.each([
  ["[Tests]: 2 / 3", 1, [2, 1]],
  ["[Tests]: 3 / 3", 1, [3, 1]],
  ["does not compile", 1, [0, 1]],
  ["does not say", 0, [0, 1]],
])("as-pect that says %j and ends with %d", (output, status, [passed, failed]) => {
  expect(countAsPect(output, status)).toMatchObject({ passed, failed, said: ["as-pect failed"] });
});

test("vitest that ends badly is never without a failure", () => {
  const failed = { ...report, numFailedTests: 1, testResults: [{ ...file, status: "failed" }] };
  expect(lastLines([countVitest(failed, 1)])).toEqual({ lines: ["2 passed, 1 failed"], code: 1 });
  const broken = { ...report, testResults: [{ ...file, status: "failed", message: "no such module" }] };
  expect(lastLines([countVitest(broken, 1)])).toEqual({
    lines: ["a.test.ts failed outside its tests", "2 passed, 1 failed"],
    code: 1,
  });
  expect(lastLines([countVitest(report, 1)])).toEqual({
    lines: ["vitest failed outside its tests", "2 passed, 1 failed"],
    code: 1,
  });
  expect(lastLines([countVitest(null, 1)])).toEqual({
    lines: ["vitest failed", "0 passed, 1 failed"],
    code: 1,
  });
});

test("why tests were skipped is said before the counts", () => {
  const skipped = (fullName: string) => ({ status: "skipped", fullName });
  const assertionResults = [
    skipped("the real farm (skipped: ../shared/data is not here) packs"),
    skipped("the real lists (skipped: ../shared/data is not here) are read"),
    skipped("another"),
    { status: "passed", fullName: "a refusal says (skipped: nothing)" },
  ];
  const some = { ...report, numPendingTests: 3, testResults: [{ ...file, assertionResults }] };
  expect(lastLines([countVitest(some, 0)])).toEqual({
    lines: ["2 skipped: ../shared/data is not here", "2 passed, 0 failed, 3 skipped"],
    code: 0,
  });
});
