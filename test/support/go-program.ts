/** Programs in Go, built once into `.venv` from modules of theirs or a few lines of our own. */
import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { endWithUs } from "../../scripts/envoy/watchdog.ts";
import { projectPath } from "./data.ts";

export const VENV = projectPath(".venv");
export const NO_GO = "Go is not here: install it (https://go.dev/dl), 1.21 or later";

export interface GoProgram {
  name: string;
  version: string;
  /** What builds it into the folder `bin` of this one: for `go`, in the folder. */
  build: (work: string) => string[];
}

/** Whether there is a Go that can fetch modules. */
export const hasGo = spawnSync("go", ["version"]).status === 0;

/** What is in `.venv` of a program, by its name and version, so that another version is built anew. */
export const home = (name: string, version: string) => join(VENV, `${name}-${version}`);

/** Where it is when it is built. */
export const binaryOf = ({ name, version }: Pick<GoProgram, "name" | "version">) =>
  join(home(name, version), name);

/** In a folder of its own, renamed into place when it is whole. Returns why it cannot. */
export async function buildGo(
  { name, version, build }: GoProgram,
  say: (line: string) => void,
): Promise<string | null> {
  mkdirSync(VENV, { recursive: true });
  const work = mkdtempSync(join(VENV, `making-${process.pid}-`));
  try {
    const failure = await go(build(work), work, say);
    if (failure !== null) return failure;
    rmSync(home(name, version), { recursive: true, force: true });
    renameSync(join(work, "bin"), home(name, version));
    return null;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

const SAYS_EVERY_MS = 30_000;
const LINES_OF_A_FAILURE = 20;

function go(args: string[], work: string, say: (line: string) => void): Promise<string | null> {
  return new Promise((resolve) => {
    // At the lowest priority: whoever waits for it may work meanwhile.
    const child = spawn("nice", ["-n", "10", "go", ...args], {
      cwd: work,
      env: { ...process.env, GOBIN: join(work, "bin"), GOFLAGS: "-mod=mod -buildvcs=false" },
      stdio: ["ignore", "ignore", "pipe"],
      detached: true,
    });
    const callOff = child.pid === undefined ? () => {} : endWithUs(child.pid, work);
    let output = "";
    const begun = Date.now();
    const timer = setInterval(() => {
      say(`${Math.round((Date.now() - begun) / 1000)} s …`);
    }, SAYS_EVERY_MS);
    child.stderr!.on("data", (chunk: Buffer) => {
      output += chunk;
    });
    const end = (failure: string | null) => {
      clearInterval(timer);
      callOff();
      resolve(failure);
    };
    child.on("error", (error) => end(error.message));
    child.on("close", (code) =>
      end(code === 0 ? null : output.trim().split("\n").slice(-LINES_OF_A_FAILURE).join("\n")),
    );
  });
}
