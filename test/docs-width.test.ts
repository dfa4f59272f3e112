/** Prose in documents is wrapped, so that a diff shows the sentence that changed. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { projectPath } from "./support/data.ts";

const WIDTH = 120;

const documents = [
  "README.md",
  "CONTRIBUTING.md",
  ...["docs", "examples"].flatMap((folder) =>
    readdirSync(projectPath(folder), { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".md"))
      .map((name) => join(folder, name)),
  ),
];

/** What is wrapped: not code, not a row of a table, and not a line that is one word, as a link may be. */
function wideLines(text: string): string[] {
  let inCode = false;
  return text.split("\n").flatMap((line, index) => {
    if (/^\s*```/.test(line)) inCode = !inCode;
    else if (!inCode && !line.startsWith("|") && line.length > WIDTH && /\S\s/.test(line))
      return [`line ${index + 1}: ${line.length} characters`];
    return [];
  });
}

test.each(documents)("%s is wrapped", (document) => {
  expect(wideLines(readFileSync(projectPath(document), "utf8"))).toEqual([]);
});
