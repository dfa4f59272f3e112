/** Every path of this project that a document or a comment names is there: a move takes its mentions along. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join, normalize } from "node:path";
import { expect, test } from "vitest";
import { projectPath } from "./support/data.ts";

const FOLDERS = ["assembly", "bench", "docs", "examples", "host-sim", "scripts", "test"];

const files = [".", ".ci", "build", ...FOLDERS].flatMap((folder) =>
  readdirSync(projectPath(folder), { recursive: folder !== ".", encoding: "utf8" }).map((name) =>
    join(folder, name),
  ),
);
const fileNames = new Set(files.map((file) => basename(file)));
const documents = ["README.md", "CONTRIBUTING.md", ...files.filter((file) => /^docs\/.*\.md$/.test(file))];
const code = files.filter((file) => /\.(tsx?|mjs)$/.test(file) && !file.startsWith("build"));

/** A file, a folder, a pattern of some, or a test as vitest takes it: `test/readers`. */
function isThere(path: string): boolean {
  const [before] = path.split("*");
  if (before !== path) return files.some((file) => file.startsWith(before!));
  return existsSync(projectPath(path)) || existsSync(projectPath(`${path}.test.ts`));
}

const missingIn = (text: string): string[] =>
  [...text.matchAll(new RegExp(`(?<![\\w./-])(?:${FOLDERS.join("|")})/[\\w.*/-]*[\\w*/]`, "g"))]
    .map(([path]) => path)
    .filter((path) => !isThere(path));

test.each(documents)("%s names no path that is not there", (document) => {
  const text = readFileSync(projectPath(document), "utf8");
  const named = [...text.matchAll(/`([\w-]+\.(?:tsx?|mjs))`/g)].map(([, name]) => name!);
  const linked = [...text.matchAll(/\]\((?!\w+:)([^)#\s]+)/g)].map(([, link]) =>
    normalize(join(dirname(document), link!)),
  );
  expect([
    ...missingIn(text),
    ...named.filter((name) => !fileNames.has(name)),
    ...linked.filter((path) => !existsSync(projectPath(path))),
  ]).toEqual([]);
});

test("no comment names a path that is not there", () => {
  const comment = /^\s*(?:\/\/|\/?\*+) .*|\/\*\* .*/gm;
  const missing = code.flatMap((file) =>
    [...readFileSync(projectPath(file), "utf8").matchAll(comment)].flatMap(([line]) =>
      missingIn(line).map((path) => `${file}: ${path}`),
    ),
  );
  expect(missing).toEqual([]);
});
