// npm test: lint, the assembly's own functions (as-pect), everything else (vitest). The last line counts them all.
// With arguments (npm test -- test/readers): those of vitest's tests alone.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { stripVTControlCharacters } from "node:util";
import { countAsPect, countCheck, countVitest, lastLines } from "./test-counts.mjs";

const VITEST_REPORT = "build/vitest.json";
const only = process.argv.slice(2);

const isTerminal = process.stdout.isTTY === true;
const env = isTerminal ? process.env : { ...process.env, NO_COLOR: "1" };
if (!isTerminal) delete env.FORCE_COLOR;
const inPlain = (...flags) => (isTerminal ? [] : flags);

function run(command, args, stdio = "inherit") {
  return spawnSync(process.execPath, [`node_modules/${command}`, ...args], { stdio, env, encoding: "utf8" });
}

function lint() {
  console.log("lint: biome and tsc");
  const biome = ["check", "--error-on-warnings", ...inPlain("--colors=off")];
  const tsc = ["--noEmit", ...inPlain("--pretty", "false")];
  return [
    countCheck("lint (biome)", run("@biomejs/biome/bin/biome", biome).status),
    countCheck("lint (tsc)", run("typescript/bin/tsc", tsc).status),
    countCheck("lint (tsc of the page)", run("typescript/bin/tsc", ["-p", "scripts/page", ...tsc]).status),
  ];
}

function runAsPect() {
  console.log("as-pect");
  const { stdout, stderr, status } = run("@as-pect/cli/bin/asp", ["--summary"], ["ignore", "pipe", "pipe"]);
  const output = stripVTControlCharacters(stdout + stderr);
  const part = countAsPect(output, status);
  if (part.failed > 0) process.stdout.write(output);
  return part;
}

function runVitest() {
  rmSync(VITEST_REPORT, { force: true });
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${VITEST_REPORT}`];
  const { status } = run("vitest/vitest.mjs", ["run", ...reporters, ...only]);
  const report = existsSync(VITEST_REPORT) ? JSON.parse(readFileSync(VITEST_REPORT, "utf8")) : null;
  return countVitest(report, status);
}

const parts = only.length === 0 ? [...lint(), runAsPect(), runVitest()] : [runVitest()];
const { lines, code } = lastLines(parts);
for (const line of lines) console.log(line);
process.exitCode = code;
