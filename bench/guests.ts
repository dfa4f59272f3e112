/** The modules that are measured: the files of `bench/guests/`, and the filter with its functions' names. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { compileGuest as compile, FILTER_FLAGS, SDK_FLAGS } from "../test/support/compile-guest.ts";

/** Each does one thing more than the one before, and the first one more than `returns-at-once`. */
export const STEPS = ["step-context-create", "step-delete", "step-response-headers", "step-pairs"] as const;
export type GuestName = "constant" | "look-up" | "returns-at-once" | "sdk-classes" | (typeof STEPS)[number];

/** The SDK's classes want a garbage collector, its own way to abort, and somewhere to log to. */
const FLAGS_OF_SDK = [
  ..."--optimizeLevel 3 --shrinkLevel 1 --noAssert --runtime incremental --exportStart _initialize --transform ascii-text".split(
    " ",
  ),
  ...SDK_FLAGS,
];

/** @returns the .wasm's path in `folder` */
export async function compileGuest(name: GuestName, folder: string): Promise<string> {
  const flags = name === "sdk-classes" ? FLAGS_OF_SDK : FILTER_FLAGS;
  return write(await compile([`bench/guests/${name}.ts`, ...flags]), join(folder, `${name}.wasm`));
}

/** The filter as it is released, and its functions' names. @returns the .wasm's path in `folder` */
export async function compileNamedFilter(folder: string): Promise<string> {
  return write(await compile(["--target", "release", "--debug"]), join(folder, "named.wasm"));
}

async function write(wasm: Uint8Array, path: string): Promise<string> {
  await writeFile(path, wasm);
  return path;
}
