/** The one AssemblyScript compiler of the tests and the bench; what it made is kept by what it was made of. */
import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rename, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { projectRoot } from "../../scripts/project-root.ts";

/** As asconfig.json has the filter compiled. */
export const FILTER_FLAGS: readonly string[] =
  "--optimizeLevel 3 --shrinkLevel 1 --noAssert --runtime minimal --use abort= --exportStart _initialize --transform ascii-text".split(
    " ",
  );

/** For modules on the SDK's classes: its own abort, which logs, and a `process` for its log to write to. */
export const SDK_FLAGS: readonly string[] = [
  "test/support/guest/process.ts",
  ..."--use abort=abort_proc_exit --use process=test/support/guest/process/process".split(" "),
];

/** What a guest can be made of, beside packages. */
const SOURCES = ["assembly", "bench/guests", "test/support/guest", "test/same-as-envoy/guest"];

/** Where compiled guests are kept: asc takes seconds for each. */
const CACHE = "node_modules/.cache/guests";

/** The part of asc's interface that is used here; its own types declare AssemblyScript's globals for the whole project. */
interface Compiler {
  main(
    args: readonly string[],
    files: {
      readFile(name: string, base: string): Promise<string | null>;
      writeFile(name: string, contents: Uint8Array | string): void;
      listFiles(folder: string): string[];
    },
  ): Promise<{ error: Error | null; stderr: { toString(): string } }>;
}

/**
 * Compiles a module; throws what asc has to say.
 * @param args asc's: the entry and flags, by paths from the project's folder; the project's asconfig.json counts only
 *   where they name one of its targets
 * @param texts files that are not there, by path: what stands in them
 */
export async function compileGuest(
  args: readonly string[],
  texts: Readonly<Record<string, string>> = {},
): Promise<Uint8Array> {
  const cache = join(projectRoot(), CACHE);
  const kept = join(cache, `${await hashOf(args, texts)}.wasm`);
  const found = await readFile(kept).catch(() => null);
  if (found !== null) return found;
  const wasm = await compile(args, texts);
  await mkdir(cache, { recursive: true });
  // Test files run side by side: none must read what another has half written.
  const temporary = `${kept}.${process.pid}.${performance.now()}`;
  await writeFile(temporary, wasm);
  await rename(temporary, kept);
  return wasm;
}

async function hashOf(args: readonly string[], texts: Readonly<Record<string, string>>): Promise<string> {
  const root = projectRoot();
  const hash = createHash("sha256").update(JSON.stringify([args, texts]));
  for (const name of ["asconfig.json", "package-lock.json"]) hash.update(await readFile(join(root, name)));
  for (const folder of SOURCES) {
    for (const name of (await readdir(join(root, folder))).sort()) {
      if (name.endsWith(".ts")) hash.update(name).update(await readFile(join(root, folder, name)));
    }
  }
  return hash.digest("hex");
}

async function compile(
  args: readonly string[],
  texts: Readonly<Record<string, string>>,
): Promise<Uint8Array> {
  const asc: Compiler = await import("assemblyscript/asc" as string);
  const root = projectRoot();
  let wasm: Uint8Array | null = null;
  const options = ["--baseDir", root, ...args, "--outFile", "guest.wasm"];
  const { error, stderr } = await asc.main(options, {
    readFile: async (name, base) => {
      // Without a target it would build the filter into the guest.
      if (name.endsWith("asconfig.json") && !args.includes("--target")) return null;
      return texts[name] ?? readFile(resolve(root, base, name), "utf8").catch(() => null);
    },
    writeFile: (_name, contents) => {
      if (contents instanceof Uint8Array) wasm = contents;
    },
    listFiles: () => [],
  });
  if (error !== null || wasm === null) throw new Error(`asc: ${error?.message}\n${stderr.toString()}`);
  return wasm;
}
