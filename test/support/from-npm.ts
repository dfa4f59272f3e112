/** Programs from npm, in .venv: few tests need them, and as the project's own packages they would double those. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { projectPath } from "./data.ts";

const VENV = projectPath(".venv");

export type Program = { program: string } | { why: string };

/** Whether tests with it are left out here; in CI they run, and fail where it cannot be had. */
export const isAbsent = (found: Program): boolean => "why" in found && !process.env.CI;

export function pathOf(found: Program): string {
  if ("why" in found) throw new Error(found.why);
  return found.program;
}

export const findJest = (): Program => programOf("jest", "30.5.2", "bin/jest.js");

/** Node of another version, for this machine. */
export const findNode = (version: string): Program =>
  programOf(`node-${process.platform}-${process.arch}`, version, "bin/node");

/** The path of a file in a package, fetched where it is not there yet; `why`: there is none. */
function programOf(name: string, version: string, file: string): Program {
  const home = join(VENV, `${name}-${version}`);
  const program = join(home, "node_modules", name, file);
  if (existsSync(program)) return { program };
  mkdirSync(VENV, { recursive: true });
  const work = mkdtempSync(join(VENV, `making-${process.pid}-`));
  try {
    const args = ["--prefix", work, "--ignore-scripts", "--no-audit", "--no-fund", `${name}@${version}`];
    const { status, stderr, error } = spawnSync("npm", ["install", ...args], { cwd: work, encoding: "utf8" });
    if (error || status !== 0) return { why: `${name} ${version} cannot be had: ${error ?? stderr.trim()}` };
    if (!existsSync(home)) renameSync(work, home);
    return { program };
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}
