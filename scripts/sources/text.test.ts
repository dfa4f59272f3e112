import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { problemsOf } from "../../test/support/errors.ts";
import { folderOf } from "../../test/support/folder.ts";
import { LineIndex, readText } from "./text.ts";

describe("readText", () => {
  test("blames the place that named a file which is not there", () => {
    const file = join(folderOf({}), "none");
    expect(problemsOf(() => readText(file, { file: "farm.yaml", line: 3, column: 9 }))).toEqual([
      `farm.yaml:3:9: cannot read \`${file.slice(0, 80)}\`: there is no such file`,
    ]);
  });

  test("says that a folder is one", () => {
    expect(problemsOf(() => readText(folderOf({})))[0]).toContain("it is a folder, not a file");
  });
});

describe("LineIndex", () => {
  test("counts lines that end in any of the three ways", () => {
    const text = "a\nb\r\nc\rd";
    const lines = new LineIndex(text);
    expect(["a", "b", "c", "d"].map((char) => lines.at(text.indexOf(char)))).toEqual([
      { line: 1, column: 1 },
      { line: 2, column: 1 },
      { line: 3, column: 1 },
      { line: 4, column: 1 },
    ]);
    expect(lines.restOfLine(2)).toBe("b");
  });

  test("agrees with counting from the start", () => {
    const text = fc.string({ unit: fc.constantFrom("a", "\n", "é", "\r\n"), maxLength: 30 });
    fc.assert(
      fc.property(text, fc.nat({ max: 30 }), (content, offset) => {
        const before = content.slice(0, offset);
        if (before.endsWith("\r")) return;
        const rows = before.split(/\r\n|\n/);
        const at = Math.min(offset, content.length);
        expect(new LineIndex(content).at(at)).toEqual({ line: rows.length, column: rows.at(-1)!.length + 1 });
      }),
    );
  });
});
