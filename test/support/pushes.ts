/** Pushes by the CLI, to the store of a test's own folder and to what `render` has written there for an Envoy. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { parseFilterFile } from "../../scripts/render/filter-file.ts";
import { folder, packSmall, type Ran, read, run, SMALL } from "./cli.ts";

export const env = { POINTSMAN_STORE: "store", POINTSMAN_WHO: "Zoë <zoe@example>", PATH: process.env.PATH };
export const ask = (...args: string[]): Ran => run(args, { env });
export const push = (reason: string, ...more: string[]) =>
  ask("push", ...SMALL, "--yes", "--reason", reason, ...more);
export const rollback = (...more: string[]) => ask("rollback", ...more);
export const history = () => JSON.parse(ask("history", "--json").out);
export const text = (name: string) => read(name).toString();

/** Where Envoys look, as `render` makes it. */
export function render(): string[] {
  packSmall("t.table", "--strip");
  const fallback = ["--fallback", "127.0.0.1:9", "--clusters", "{cluster}.example:1"];
  expect(run(["render", "envoy", "--table", "t.table", "--out", "envoy", ...fallback]).code).toBe(0);
  rmSync(join(folder, "t.table"));
  return ["--target", "envoy-files=envoy"];
}
export const FILTER = "envoy/pointsman/main/pointsman.json";
export const served = () => {
  const { table } = parseFilterFile(text(FILTER), FILTER);
  return { generation: table!.generation, digest: table!.digest };
};
