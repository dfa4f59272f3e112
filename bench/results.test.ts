/** The figures in the documents are those of one whole run. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { projectRoot } from "../scripts/project-root.ts";
import { markdownOf, readmeTable } from "./markdown.ts";
import { PARTS, type Results } from "./results.ts";

const read = (file: string) => readFileSync(join(projectRoot(), file), "utf8");
const results: Results = JSON.parse(read("bench/results/results.json"));

it("are those of a whole run", () => {
  expect(results.quick).toBe(false);
  expect(PARTS.filter((part) => results[part] === undefined)).toEqual([]);
  expect(results.requests!.withoutInstructions).toBe(null);
});

it("say the same in every file, and in the README", () => {
  expect(read("bench/results/results.md")).toBe(markdownOf(results));
  expect(read("bench/results/readme.md")).toBe(`${readmeTable(results)}\n`);
  expect(read("README.md")).toContain(`\n${readmeTable(results)}\n`);
});
