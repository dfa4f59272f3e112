/** Text files: encodings, and signs of damage. */
import { execFileSync } from "node:child_process";
import { symlinkSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { problemsOf } from "../../test/support/errors.ts";
import { folderOf } from "../../test/support/folder.ts";
import { LineIndex, readText } from "./text.ts";

const contentOf = (content: string | Buffer) => readText(join(folderOf({ f: content }), "f"));
const problemsIn = (content: string | Buffer) => {
  const file = join(folderOf({ f: content }), "f");
  return problemsOf(() => readText(file)).map((problem) => problem.replaceAll(file, "f"));
};

describe("readText", () => {
  test("blames the place that named a file which is not there", () => {
    const file = join(folderOf({}), "none");
    expect(problemsOf(() => readText(file, { file: "farm.yaml", line: 3, column: 9 }))).toEqual([
      `farm.yaml:3:9: cannot read \`${file.slice(0, 80)}\`: there is no such file`,
    ]);
  });

  test("says what is there instead of a file, without waiting for its end", () => {
    const folder = folderOf({ f: "" });
    execFileSync("mkfifo", [join(folder, "pipe")]);
    symlinkSync("circle", join(folder, "circle"));
    const reasons = ["", "pipe", "/dev/zero", "circle", "f/x", "n".repeat(300)].map((name) => {
      const file = name.startsWith("/") ? name : join(folder, name);
      return problemsOf(() => readText(file))[0]!.replace(/^.*?: cannot read `.*`: /, "");
    });
    expect(reasons).toEqual([
      "it is a folder, not a file",
      "it is a pipe, not a file",
      "it is a device, not a file",
      "its links lead in a circle",
      "a part of its path is a file, not a folder",
      "name too long",
    ]);
  });

  test("refuses a file past a size, one that says that it has none as well", () => {
    const file = join(folderOf({ f: "a".repeat(2 ** 20 + 1) }), "f");
    const what = "it has more than 1 MiB, which is too much for such a file";
    expect(problemsOf(() => readText(file, { file: "f" }, 2 ** 20))).toEqual([
      `f: cannot read \`${file}\`: ${what}`,
    ]);
    expect(problemsOf(() => readText("/proc/self/maps", { file: "f" }, 16))[0]).toContain("it has more than");
  });

  test("drops a byte order mark, and nothing else", () => {
    expect(contentOf("\u{feff}a\u{feff}\n")).toBe("a\u{feff}\n");
  });

  test.each([
    [Buffer.from("a: 1\nb: caf\xe9\n", "latin1"), "f:2:7: the byte E9 is not UTF-8: save the file as UTF-8"],
    [Buffer.from("é\u{fffd}\n\u{fffd}", "utf8").subarray(0, -1), "f:2:1: the byte EF is not UTF-8"],
    [Buffer.from("\u{feff}a: 1\n", "utf16le"), "f:1:1: the text is UTF-16: save it as UTF-8"],
    [Buffer.from("1f8b0800000000", "hex"), "f:1:1: the file is compressed by gzip: unpack it"],
    ["a: 1\n\0\0\0", "f:2:1: a zero byte: the file is damaged, restore it"],
  ])("says where %j is no text", (content, message) => {
    expect(problemsIn(content)[0]).toContain(message);
  });

  test("finds the first byte that is not UTF-8 in any bytes", () => {
    const good = fc.string({ unit: fc.constantFrom("a", "é", "\u{fffd}", "\u{10348}", "\n"), maxLength: 12 });
    fc.assert(
      fc.property(good, fc.constantFrom("80", "c3", "f0", "ff", "e282"), good, (before, bad, after) => {
        const bytes = Buffer.concat([
          Buffer.from(before),
          Buffer.from(bad, "hex"),
          Buffer.from(`\n${after}`),
        ]);
        const lines = before.split("\n");
        const place = `f:${lines.length}:${lines.at(-1)!.length + 1}`;
        expect(problemsIn(bytes)).toEqual([
          `${place}: the byte ${bad.slice(0, 2).toUpperCase()} is not UTF-8: save the file as UTF-8`,
        ]);
      }),
      { numRuns: 100 },
    );
  });

  test.each([
    ["a\n<<<<<<< HEAD\nb\n=======\nc\n>>>>>>> x\n", "f:2: a merge conflict"],
    ["a\r\nb\r\n=======\r\nc\r\n", "f:3: a merge conflict"],
    [">>>>>>> 0123abc (a subject)", "f:1: a merge conflict"],
  ])("calls the merge conflict in %j one", (content, message) => {
    const wayOut =
      "keep one of the two sides, and remove the lines that begin with `<<<<<<<`, `=======` and `>>>>>>>`";
    expect(problemsIn(content)).toEqual([`${message}: ${wayOut}`]);
  });

  test("takes no line of a comment or a text for a merge conflict", () => {
    const text = "# =======\n # <<<<<<< HEAD\na: |\n  =======\n========\n======= x\n";
    expect(contentOf(text)).toBe(text);
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
