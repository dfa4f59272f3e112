/** Traps tell lines of the sources. */
import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { projectPath } from "../test/support/data.ts";
import { ats102, envoy140, type LoadOptions, Vm } from "./index.ts";

const debug = await readFile(projectPath("build/pointsman.debug.wasm"));
const sourceMap = await readFile(projectPath("build/pointsman.debug.wasm.map"), "utf8");

/** The frames of the filter, which is stopped while it starts. */
async function framesOf(options: LoadOptions): Promise<string[]> {
  const error: Error = await Vm.load(debug, { turns: 300, ...options }).catch((error) => error);
  const [message, ...frames] = error.message.split("\n  ");
  expect(message).toContain("_initialize did not end within 300 turns of loops and calls");
  return frames;
}

test("a trap's frames have file, line and column by the module's source map", async () => {
  const frames = await framesOf({ sourceMap });
  const maker = frames.findIndex((frame) => frame.startsWith("at assembly/load/MemoryChecker#constructor "));
  const [, file, line, column] = /\((assembly\/load\.ts):(\d+):(\d+), 0x[0-9a-f]+\)$/.exec(
    frames[maker + 1]!,
  )!;
  const lines = (await readFile(projectPath(file!), "utf8")).split("\n");
  expect(lines[Number(line) - 1]!.slice(Number(column) - 1)).toMatch(/^new MemoryChecker\b/);
  expect(frames.some((frame) => /\(~lib\/rt\/\w+\.ts:\d+:\d+, 0x/.test(frame))).toBe(true);
});

test("without a map they have offsets, and on a host with a bound on the stack names alone", async () => {
  for (const frame of await framesOf({ profile: envoy140 }))
    expect(frame).toMatch(/^at \S+ \(0x[0-9a-f]+\)$/);
  for (const frame of await framesOf({ profile: ats102, sourceMap })) expect(frame).toMatch(/^at \S+$/);
});

test.each(["{", "null", '{"version":3}'])("%s is refused: no source map", async (sourceMap) => {
  await expect(Vm.load(debug, { sourceMap })).rejects.toThrow(/^not a source map: /);
});
