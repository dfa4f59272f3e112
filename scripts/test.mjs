// npm test: lint, the assembly's own functions (as-pect), everything else (vitest). The last line counts.
// With arguments (npm test -- test/readers): those of vitest's tests alone.
import { spawnSync } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";
import { stripVTControlCharacters } from "node:util";

const VITEST_REPORT = "build/vitest.json";
const only = process.argv.slice(2);
let failed = false;

function run(command, args, stdio = "inherit") {
  const script = [`node_modules/${command}`, ...args];
  const result = spawnSync(process.execPath, script, { stdio, encoding: "utf8" });
  if (result.status !== 0) failed = true;
  return result;
}

function lint() {
  console.log("lint: biome and tsc");
  run("@biomejs/biome/bin/biome", ["check", "--error-on-warnings"]);
  run("typescript/bin/tsc", ["--noEmit"]);
}

/** as-pect's summary ends with "[Tests]: passed / all". */
function runAsPect() {
  console.log("as-pect");
  const { stdout, stderr } = run("@as-pect/cli/bin/asp", ["--summary"], ["ignore", "pipe", "pipe"]);
  const text = stripVTControlCharacters(stdout);
  const counts = /\[Tests\]:\s*(\d+) \/ (\d+)/.exec(text);
  if (!counts || failed) process.stdout.write(text + stderr);
  if (!counts) failed = true;
  const [passed, all] = counts ? counts.slice(1).map(Number) : [0, 1];
  return { passed, failed: all - passed, skipped: 0 };
}

function runVitest() {
  rmSync(VITEST_REPORT, { force: true });
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${VITEST_REPORT}`];
  run("vitest/vitest.mjs", ["run", ...reporters, ...only]);
  const report = JSON.parse(readFileSync(VITEST_REPORT, "utf8"));
  if (!report.success) failed = true;
  return {
    passed: report.numPassedTests,
    failed: report.numFailedTests,
    skipped: report.numPendingTests + report.numTodoTests,
  };
}

if (only.length === 0) lint();
const results = only.length === 0 ? [runAsPect(), runVitest()] : [runVitest()];
const sum = (key) => results.reduce((total, result) => total + result[key], 0);
const skipped = sum("skipped") > 0 ? `, ${sum("skipped")} skipped` : "";
console.log(`${sum("passed")} passed, ${sum("failed")} failed${skipped}`);
process.exit(failed || sum("failed") > 0 ? 1 : 0);
