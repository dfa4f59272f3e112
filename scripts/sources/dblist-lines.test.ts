/** Lines of a dblist: comments, blanks, columns. */
import { describe, expect, test } from "vitest";
import { readerOf } from "../../test/support/dblist-reader.ts";
import { problemsOf } from "../../test/support/errors.ts";
import { folderOf } from "../../test/support/folder.ts";
import { DblistReader } from "./dblist.ts";

describe("a list", () => {
  test("loses no wiki after a line end that is none", () => {
    for (const end of ["\r", "\u{2028}", "\v"]) {
      const { reader, problems } = readerOf({
        "a.dblist": `# these${end}enwiki\n`,
        "b.dblist": `enwiki${end}dewiki\n`,
      });
      if (end === "\r")
        expect(problems(() => reader.read("a"))[0]).toContain("%/a.dblist:1:1: `# these\\renwiki`");
      else expect(reader.read("a")).toEqual([]);
      expect(problems(() => reader.read("b"))[0]).toContain("%/b.dblist:1:1: `enwiki\\");
    }
  });

  test("whose last line does not end is warned about: half a wiki may be another", () => {
    const { reader, root } = readerOf({ "a.dblist": "afwiki\nenwiki" });
    expect(reader.read("a")).toEqual(["afwiki", "enwiki"]);
    expect(reader.warnings.map((each) => each.message)).toEqual([
      `${root}/a.dblist:2: the last line has no newline at its end, so the file may be cut off: restore it, or add a newline`,
    ]);
  });

  test("is read in time, however long its blanks are", () => {
    const { reader, problems } = readerOf({ "a.dblist": `${" ".repeat(500_000)}a${" ".repeat(500_000)}b\n` });
    expect(problems(() => reader.read("a"))[0]).toContain("is not a wiki ID");
  });

  test("may have columns after the wiki, where the reader is told so", () => {
    const list = "# db|name|language\nenwiki|Wikipedia|en\ncswiki | C# wiki |cs\ndewiki\n";
    const root = folderOf({
      "a.dblist": list,
      "b.dblist": "|Wikipedia|en\n",
      "e.dblist": "%% a - c\n",
      "c.dblist": "enwiki|x\n",
    });
    const reader = new DblistReader(root, { columns: true });
    expect(reader.read("a")).toEqual(["cswiki", "dewiki", "enwiki"]);
    expect(reader.read("e")).toEqual(["cswiki", "dewiki"]);
    expect(problemsOf(() => reader.read("b"))[0]).toContain("b.dblist:1:1: `` is not a wiki ID");
    expect(problemsOf(() => new DblistReader(root).read("c"))).toEqual([
      `${root}/c.dblist:1:1: \`enwiki|x\` is not a wiki ID: where lines have columns, say \`dblist-columns: true\` in the farm`,
    ]);
  });
});
