/** Good files, spoilt in every way: refused, or the same. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { folderOf } from "../../test/support/folder.ts";
import { DblistReader } from "./dblist.ts";
import { readHostsFile } from "./hosts-file.ts";
import { SourceError } from "./problem.ts";
import { readVersionFromValues } from "./values-file.ts";
import { readWikiversions } from "./wikiversions.ts";
import { loadYaml } from "./yaml.ts";

/** What programs, editors, merges and disks leave in files. */
const SPOILT = [
  "\0",
  "\r",
  "\u{feff}",
  "\u{2028}",
  "\u{1b}[31m",
  "<<<<<<< HEAD\n",
  "=======\n",
  "__proto__",
  "constructor",
  "#",
  '"',
  "{",
  "[[[[[[[[",
  "%%",
  "|",
  ": ",
  "\t",
  "\n",
  " ".repeat(10_000),
  "[".repeat(10_000),
  "*a &a",
  "\u{d800}",
];

const READERS: [name: string, good: string, read: (file: string, folder: string) => unknown][] = [
  ["f.json", '{\n  "aawiki": "php-1.1",\n  "bbwiki": "php-1.2"\n}\n', (file) => readWikiversions(file)],
  ["f.tsv", "# ours\na.example\taawiki\nbücher.example\tbbwiki # b\n", (file) => readHostsFile(file)],
  [
    "f.dblist",
    "# ours\naawiki\nbbwiki # b\n",
    (_, folder) => new DblistReader(folder, { columns: true }).read("f"),
  ],
  ["f.dbexpr", "# ours\n%% g + g - g\n", (_, folder) => new DblistReader(folder).read("f.dbexpr")],
  ["f.yaml", "a: { b: [1, x] }\nc: &d\n  - e\n", (file) => loadYaml(file).lostKeys],
  [
    "v.yaml",
    "main_app:\n  image: m:1.2-x\n",
    (file) => readVersionFromValues(file, { key: "main_app.image", pattern: "^(.*)-" }),
  ],
];

describe("whatever is done to a good file", () => {
  test.each(READERS)(
    "%s is read, or is a SourceError that shows no control character",
    (name, good, read) => {
      const folder = folderOf({ "g.dblist": "ccwiki\n" });
      const file = join(folder, name);
      const change = fc.tuple(fc.nat({ max: good.length }), fc.nat({ max: 12 }), fc.constantFrom(...SPOILT));
      const changes = fc.array(change, { minLength: 1, maxLength: 3 });
      fc.assert(
        fc.property(changes, (all) => {
          let text = good;
          for (const [start, length, put] of all)
            text = text.slice(0, start) + put + text.slice(start + length);
          writeFileSync(file, text);
          const started = performance.now();
          try {
            read(file, folder);
          } catch (error) {
            if (!(error instanceof SourceError)) throw error;
            for (const { message } of error.problems) expect(message).not.toMatch(/[\p{Cc}\u{2028}]/u);
          }
          expect(performance.now() - started).toBeLessThan(2000);
        }),
        { numRuns: 300 },
      );
    },
  );
});
