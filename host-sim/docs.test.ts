/** The simulator's document against its code. */
import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { callTable } from "./call-table.ts";

const docs = await readFile(new URL("../docs/host-sim.md", import.meta.url), "utf8");

const strip = (code: string): string =>
  code.replace(/\s+/g, "").replaceAll(",)", ")").replaceAll(",]", "]").replaceAll(",}", "}");

test("the documented table of calls is the one that the simulator runs by", () => {
  expect(docs).toContain(`\n${callTable()}\n`);
});

test("the documented example is a test that passes", async () => {
  const sample = /```ts\n([\s\S]*?)```/.exec(docs)?.[1] ?? "";
  const body = sample
    .slice(sample.indexOf("test("))
    .replace('await readFile("filter.wasm")', "await guest()");
  expect(body.split("\n").length).toBeLessThanOrEqual(13);
  const example = strip(await readFile(new URL("example.test.ts", import.meta.url), "utf8"));
  // The test's own time limit stands at the end of the call.
  expect(example).toContain(strip(body).replace(/\}\);$/, "}"));
});

test("every profile and every file that the documentation names is there", async () => {
  const names = [...docs.matchAll(/`(host-sim\/[\w./-]+)`/g)].map(([, name]) => name ?? "");
  expect(names.length).toBeGreaterThan(0);
  for (const name of names) {
    await expect(readFile(new URL(`../${name}`, import.meta.url)), name).resolves.toBeDefined();
  }
});
