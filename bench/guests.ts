/** Compiles AssemblyScript: the files of `bench/guests/`, each a module, and the filter with its names. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { projectRoot } from "../scripts/project-root.ts";

/** Each does one thing more than the one before, and the first one more than `returns-at-once`. */
export const STEPS = ["step-context-create", "step-delete", "step-response-headers", "step-pairs"] as const;
export type GuestName = "constant" | "look-up" | "returns-at-once" | "sdk-classes" | (typeof STEPS)[number];

/** As the real filter is compiled. */
const FLAGS =
  "--optimizeLevel 3 --shrinkLevel 1 --noAssert --runtime minimal --use abort= --exportStart _initialize".split(
    " ",
  );
/** The SDK's classes want a garbage collector, its own way to abort, and somewhere to log to. */
const SDK_FLAGS = [
  ..."--optimizeLevel 3 --shrinkLevel 1 --noAssert --runtime incremental --exportStart _initialize".split(
    " ",
  ),
  "test/support/guest/process.ts",
  ..."--use abort=abort_proc_exit --use process=test/support/guest/process/process".split(" "),
];

/** @returns the .wasm's path in `folder` */
export async function compileGuest(name: GuestName, folder: string): Promise<string> {
  const source = join("bench", "guests", `${name}.ts`);
  const flags = name === "sdk-classes" ? SDK_FLAGS : FLAGS;
  return compile([source, "--config", "none", ...flags], join(folder, `${name}.wasm`));
}

/** The filter as it is released, and its functions' names. @returns the .wasm's path in `folder` */
export function compileNamedFilter(folder: string): Promise<string> {
  return compile(["--target", "release", "--debug"], join(folder, "named.wasm"));
}

async function compile(args: string[], out: string): Promise<string> {
  const asc = join("node_modules", "assemblyscript", "bin", "asc.js");
  const { code, output } = await run(process.execPath, [asc, ...args, "--outFile", out]);
  if (code !== 0) throw new Error(`asc ${args.join(" ")} failed\n${output}`);
  return out;
}

function run(command: string, args: string[]): Promise<{ code: number; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: projectRoot(), stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    const collect = (chunk: Buffer) => {
      output += chunk;
    };
    child.stdout.on("data", collect);
    child.stderr.on("data", collect);
    child.on("error", reject);
    child.on("close", (code) => resolve({ code: code ?? 1, output }));
  });
}
