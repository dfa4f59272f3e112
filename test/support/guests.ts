/** For the simulator's own tests: builds AssemblyScript guests, and shortens what every test does. */
import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rename, writeFile } from "node:fs/promises";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { Pair } from "../../host-sim/memory.ts";
import type { RootContext, RootOptions } from "../../host-sim/root.ts";
import { type LoadOptions, Vm } from "../../host-sim/vm.ts";

/** The part of asc's interface that is used here. */
interface Asc {
  readonly version: string;
  main(
    args: readonly string[],
    files: {
      readFile(name: string, base: string): Promise<string | null>;
      writeFile(name: string, contents: Uint8Array | string): void;
      listFiles(directory: string): string[];
    },
  ): Promise<{ error: Error | null; stderr: { toString(): string } }>;
}

// Not a literal: asc's own types declare a global `console` that has only `log`, for the whole project.
const ascModule: string = "assemblyscript/asc";
const { main, version }: Asc = await import(ascModule);

const here = dirname(fileURLToPath(import.meta.url));
const project = dirname(dirname(here));

/** Turns `abort` into a bare trap, so that nothing is imported for it. */
export const bareAbort: readonly string[] = ["--use", "abort="];

/** For modules on the SDK's classes: its own abort, which logs, and a `process` for its log to write to. */
export const sdkFlags: readonly string[] = [
  "test/support/guest/process.ts",
  "--use",
  "abort=abort_proc_exit",
  "--use",
  "process=test/support/guest/process/process",
];

/** Where compiled guests are kept by what they were made of: asc takes seconds for each. */
const cache = join(project, "node_modules/.cache/host-sim");

/** Compiles one file of `guest/`, or the `source` given in its place; throws what asc has to say. */
export async function buildGuest(file: string, flags = bareAbort, source?: string): Promise<Uint8Array> {
  const hash = createHash("sha256").update(JSON.stringify([version, file, flags, source ?? null]));
  for (const name of (await readdir(join(here, "guest"), { recursive: true })).sort()) {
    if (name.endsWith(".ts")) hash.update(name).update(await readFile(join(here, "guest", name)));
  }
  const kept = join(cache, `${hash.digest("hex")}.wasm`);
  try {
    return await readFile(kept);
  } catch {
    const wasm = await compile(file, flags, source);
    await mkdir(cache, { recursive: true });
    // Test files run side by side: none must read what another has half written.
    const temporary = `${kept}.${process.pid}.${performance.now()}`;
    await writeFile(temporary, wasm);
    await rename(temporary, kept);
    return wasm;
  }
}

async function compile(
  file: string,
  flags: readonly string[],
  source: string | undefined,
): Promise<Uint8Array> {
  const entry = relative(project, join(here, "guest", file));
  let wasm: Uint8Array | null = null;
  const args = [entry, "--outFile", "guest.wasm", "--optimize", "--runtime", "incremental", ...flags];
  const { error, stderr } = await main(["--baseDir", project, ...args], {
    readFile: async (name, base) => {
      // The project's own asconfig.json is about its filter: asc would build that into the guest.
      if (name.endsWith("asconfig.json")) return null;
      if (source !== undefined && name === entry) return source;
      return readFile(resolve(project, base, name), "utf8").catch(() => null);
    },
    writeFile: (_name, contents) => {
      if (contents instanceof Uint8Array) wasm = contents;
    },
    listFiles: () => [],
  });
  if (error !== null || wasm === null) throw new Error(`asc: ${error?.message}\n${stderr.toString()}`);
  return wasm;
}

export const simple: readonly Pair[] = [
  [":authority", "en.example"],
  [":path", "/wiki/Cat?action=view"],
  [":method", "GET"],
  [":scheme", "https"],
];

/** `guest/guest.ts`: it does what its configuration and the header `x-do` say. */
export const guest = (): Promise<Uint8Array> => buildGuest("guest.ts");

/** The same with the calls that only proxy-wasm-cpp-host offers. */
export const guestWithExtras = (): Promise<Uint8Array> =>
  buildGuest("guest.ts", [...bareAbort, "--use", "EXTRAS=1"]);

/** How long a test may wait for asc, in milliseconds: it compiles only what is not in the cache. */
export const buildTimeout = 120_000;

export async function startGuest(
  script: string,
  options: LoadOptions & RootOptions = {},
): Promise<{ vm: Vm; root: RootContext }> {
  const vm = await Vm.load(await guest(), options);
  return { vm, root: vm.createRoot({ ...options, configuration: script }) };
}

/** What a guest logged since the last look. */
export const said = (vm: Vm): string[] => vm.logs.splice(0).map(({ text }) => text);

/** The simple request with commands for the guest. */
export const doing = (commands: string, ...more: Pair[]): { headers: Pair[] } => ({
  headers: [...simple, ...more, ["x-do", commands]],
});
