/** Reads what docs/*.md say, for the tests that hold them to it: marked blocks, and tables. */
import { readFileSync } from "node:fs";
import { expect } from "vitest";
import { projectPath } from "./data.ts";

export const readDoc = (name: string) => readFileSync(projectPath(`docs/${name}`), "utf8");

/** The fenced blocks of a document that are marked so: `yaml refused`. */
export function blocks(document: string, mark: string): string[] {
  return [...document.matchAll(/^```(.*)\n([\s\S]*?)^```$/gm)]
    .filter(([, found]) => found === mark)
    .map(([, , text]) => text!);
}

/** The rows of every table that has these columns, each row by its column's name. */
export function rows(document: string, ...columns: string[]): Record<string, string>[] {
  const result: Record<string, string>[] = [];
  let head: string[] | null = null;
  for (const line of document.split("\n")) {
    const cells = line.startsWith("|")
      ? line
          .split("|")
          .slice(1, -1)
          .map((cell) => cell.trim())
      : null;
    if (cells === null) head = null;
    else if (head === null) head = cells;
    else if (
      !cells.every((cell) => /^-+:?$/.test(cell)) &&
      columns.every((column) => head!.includes(column))
    ) {
      expect(cells.length, line).toBe(head.length);
      result.push(Object.fromEntries(cells.map((cell, i) => [head![i]!, cell])));
    }
  }
  return result;
}

/** The text of a cell that is code or `(empty)`. */
export function code(cell: string): string {
  return cell === "(empty)" ? "" : /^`(.+)`$/.exec(cell)![1]!;
}
