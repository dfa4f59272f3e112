/** Every file begins with a sentence that says what it is. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { projectPath } from "./support/data.ts";

const FOLDERS = [".", "assembly", "bench", "host-sim", "scripts", "test"];

test.each(FOLDERS)("every file of %s says first what it is", (folder) => {
  const files = readdirSync(projectPath(folder), { recursive: folder !== ".", encoding: "utf8" })
    .filter((name) => /(?<!\.d)\.(?:tsx?|m?js)$/.test(name))
    .map((name) => join(folder, name));
  expect(files.length).toBeGreaterThan(0);
  expect(files.filter((file) => !hasOpening(readFileSync(projectPath(file), "utf8")))).toEqual([]);
});

/** A comment before any code, whose first paragraph is at least one whole sentence. */
function hasOpening(text: string): boolean {
  const [comment = ""] = /^(?:#!.*\n)?(?:\/\*\*[\s\S]*?\*\/|(?:\/\/.*\n)+)/.exec(text) ?? [];
  const [first = ""] = comment.split(/\n \*\n|\n\/\/\n/);
  return /\w.*[.?:]\W*$/s.test(first);
}
