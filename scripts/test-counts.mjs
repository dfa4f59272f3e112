// What each part of npm test adds to its last lines: counts, and what must be said beside them.

/** A check that is one thing, such as a linter: it passes, or is one failure. */
export function countCheck(name, status) {
  const failed = status === 0 ? 0 : 1;
  return { passed: 1 - failed, failed, skipped: 0, said: failed ? [`${name} failed`] : [] };
}

/** as-pect's summary ends with "[Tests]: passed / all"; without one it has not run. */
export function countAsPect(output, status) {
  const counts = /\[Tests\]:\s*(\d+) \/ (\d+)/.exec(output);
  if (!counts) return countCheck("as-pect", 1);
  const [passed, all] = counts.slice(1).map(Number);
  const failed = Math.max(all - passed, status === 0 ? 0 : 1);
  return { passed, failed, skipped: 0, said: failed ? ["as-pect failed"] : [] };
}

/** @param report vitest's JSON, or null where it wrote none */
export function countVitest(report, status) {
  if (!report) return countCheck("vitest", 1);
  // A file that does not load has no tests to fail.
  const broken = report.testResults.filter((file) => file.status === "failed" && file.message !== "");
  const said = broken.map(({ name }) => `${name} failed outside its tests`);
  let failed = report.numFailedTests + broken.length;
  if (failed === 0 && status !== 0) {
    failed = 1;
    said.push("vitest failed outside its tests");
  }
  const reasons = new Map();
  for (const { status, fullName } of report.testResults.flatMap((file) => file.assertionResults)) {
    const why =
      status === "skipped" || status === "pending" ? /\(skipped: (.*?)\)/.exec(fullName)?.[1] : undefined;
    if (why !== undefined) reasons.set(why, (reasons.get(why) ?? 0) + 1);
  }
  for (const [why, count] of reasons) said.push(`${count} skipped: ${why}`);
  return {
    passed: report.numPassedTests,
    failed,
    skipped: report.numPendingTests + report.numTodoTests,
    said,
  };
}

/** The last lines: what is said, then the counts. */
export function lastLines(parts) {
  const sum = (key) => parts.reduce((total, part) => total + part[key], 0);
  const skipped = sum("skipped") > 0 ? `, ${sum("skipped")} skipped` : "";
  return {
    lines: [
      ...parts.flatMap(({ said }) => said),
      `${sum("passed")} passed, ${sum("failed")} failed${skipped}`,
    ],
    code: sum("failed") > 0 ? 1 : 0,
  };
}
