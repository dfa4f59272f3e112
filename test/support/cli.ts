/** The CLI as its tests run it: the built file alone, in a folder of the test's own with a copy of the small farm. */
import { spawnSync } from "node:child_process";
import { copyFileSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach } from "vitest";
import { projectPath } from "./data.ts";

/** The built file, copied alone into an empty folder: it needs Node and nothing else. */
export let cli: string;
export let home: string;
/** A new folder for each test, with a copy of the small farm in `farm/`. */
export let folder: string;

/** Makes the folders, in a file of tests that runs the CLI: call it once, outside of tests. */
export function setUpCli(): void {
  beforeAll(() => {
    home = mkdtempSync(join(tmpdir(), "pointsman-cli-"));
    mkdirSync(join(home, "bin"));
    cli = join(home, "bin", "pointsman.mjs");
    copyFileSync(projectPath("build/pointsman.mjs"), cli);
  });

  afterAll(() => rmSync(home, { recursive: true }));

  beforeEach(() => {
    folder = mkdtempSync(join(home, "test-"));
    cpSync(projectPath("examples/small"), join(folder, "farm"), { recursive: true });
  });
}

export interface Ran {
  code: number | null;
  out: string;
  err: string;
}

/** Runs the CLI in the test's folder, with no environment but `env`. */
export function run(
  args: string[],
  { input = "", env = {} }: { input?: string; env?: NodeJS.ProcessEnv } = {},
): Ran {
  const { status, stdout, stderr, error } = spawnSync(process.execPath, [cli, ...args], {
    cwd: folder,
    env,
    input,
    encoding: "utf8",
    maxBuffer: 2 ** 28,
  });
  if (error) throw error;
  return { code: status, out: stdout, err: stderr };
}

export const read = (name: string) => readFileSync(join(folder, name));
export const SMALL = ["--farm", "farm/farm.yaml"];
export const packSmall = (out: string, ...more: string[]) => run(["pack", ...SMALL, "--out", out, ...more]);

/** Changes a file of the farm's copy. */
export function edit(name: string, from: string, to: string): void {
  const file = join(folder, "farm", name);
  const text = readFileSync(file, "utf8");
  if (!text.includes(from)) throw new Error(`${name} has no ${from}`);
  writeFileSync(file, text.replace(from, to));
}

/** testwiki moves to the version of the second group: other content. */
export const promote = () => edit("wikiversions.json", "1.47.0-wmf.3", "1.47.0-wmf.2");
