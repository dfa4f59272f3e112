/** Dblists and the expressions that they are made of. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DATA, DATA_IS_ABSENT, WHY_SKIPPED } from "../../test/support/data.ts";
import { readerOf } from "../../test/support/dblist-reader.ts";
import { problemsOf } from "../../test/support/errors.ts";
import { folderOf } from "../../test/support/folder.ts";
import { DblistReader, driftError } from "./dblist.ts";
import { generatedDblist } from "./generated-dblist.ts";

describe("a list", () => {
  test("has one wiki a line, with comments, blank lines and white space around", () => {
    const { reader } = readerOf({
      "a.dblist": "# NOTE: generated\n\nzuwiki\r\n  enwiki # English\n\taawiki\n#x\n",
    });
    expect(reader.read("a")).toEqual(["aawiki", "enwiki", "zuwiki"]);
  });

  test("is named with or without its ending, or by an absolute path", () => {
    const { reader, root } = readerOf({ "a.dblist": "enwiki\n" });
    for (const name of ["a", "a.dblist", join(root, "a"), join(root, "a.dblist")]) {
      expect(reader.read(name), name).toEqual(["enwiki"]);
    }
  });

  test("may hold nothing but a comment", () => {
    const { reader } = readerOf({ "preinstall.dblist": "# NOTE: generated\n" });
    expect(reader.read("preinstall")).toEqual([]);
    expect(reader.warnings).toEqual([]);
  });

  test("of no bytes at all is read as empty, with a warning", () => {
    const { reader, root } = readerOf({ "a.dblist": "" });
    expect(reader.read("a")).toEqual([]);
    expect(reader.warnings.map((each) => each.message)).toEqual([
      `${root}/a.dblist: the file is empty (0 bytes) and lists no wiki: if that is meant, write a comment in it`,
    ]);
  });

  test("with a wiki twice has it once, and warns with both lines", () => {
    const { reader, root } = readerOf({ "a.dblist": "enwiki\nafwiki\n enwiki\n" });
    expect(reader.read("a")).toEqual(["afwiki", "enwiki"]);
    expect(reader.warnings.map((each) => each.message)).toEqual([
      `${root}/a.dblist:3:2: \`enwiki\` is listed twice, first in line 1: drop one of the two`,
    ]);
  });

  test("names every line that is no wiki ID", () => {
    const { reader, problems } = readerOf({
      "a.dblist": "enwiki\n _wiki\ndewiki frwiki\nall + closed\nacme-Corp\n",
    });
    const shape = "letters, digits, `_` and `-`, beginning with a letter or digit";
    expect(problems(() => reader.read("a"))).toEqual([
      `%/a.dblist:2:2: \`_wiki\` is not a wiki ID: write one wiki a line, of ${shape}`,
      `%/a.dblist:3:1: \`dewiki frwiki\` is not a wiki ID: write one wiki a line, of ${shape}`,
      "%/a.dblist:4:1: `all + closed` is not a wiki ID: an expression begins with `%%`",
    ]);
  });

  test("that is handed out can be changed without changing the reader's own", () => {
    const { reader } = readerOf({ "a.dblist": "enwiki\n" });
    reader.read("a").push("hacked");
    expect(reader.read("a")).toEqual(["enwiki"]);
  });
});

describe("an expression", () => {
  const files = {
    "all.dblist": "aawiki\nbbwiki\nccwiki\n",
    "closed.dblist": "aawiki\n",
    "pre-install.dblist": "ddwiki\n",
    "bare.dbexpr": "all - closed\n",
    "commented.dbexpr": "# why\n\n%% all.dblist & closed.dblist # both\n",
    "line.dblist": "# why\n%% all + pre-install - closed\n",
    "nested.dblist": "%%line & all\n",
  };

  test.each([
    ["all", ["aawiki", "bbwiki", "ccwiki"]],
    ["%% all.dblist + pre-install.dblist - closed.dblist", ["bbwiki", "ccwiki", "ddwiki"]],
    ["all - closed + closed", ["aawiki", "bbwiki", "ccwiki"]],
    ["closed + pre-install & all", ["aawiki"]],
    ["all\t-  closed # - all", ["bbwiki", "ccwiki"]],
    ["%% all # every wiki\n  - closed # but these\n", ["bbwiki", "ccwiki"]],
    ["bare", ["bbwiki", "ccwiki"]],
    ["bare.dbexpr + closed", ["aawiki", "bbwiki", "ccwiki"]],
    ["commented", ["aawiki"]],
    ["line", ["bbwiki", "ccwiki", "ddwiki"]],
    ["nested", ["bbwiki", "ccwiki"]],
  ])("%s is worked out from left to right", (expression, wikis) => {
    expect(readerOf(files).reader.evaluate(expression)).toEqual(wikis);
  });

  test("takes absolute paths", () => {
    const elsewhere = folderOf({ "mine.dblist": "ccwiki\n" });
    const { reader } = readerOf(files);
    expect(reader.evaluate(`all & ${elsewhere}/mine.dblist`)).toEqual(["ccwiki"]);
    expect(reader.read(`${elsewhere}/mine`)).toEqual(["ccwiki"]);
  });

  test.each([
    ["", "expression:1:1: empty expression (``): name at least one list, as in `all`"],
    ["%% # all", "expression:1:1: empty expression (`%% # all`): name at least one list, as in `all`"],
    ["- all", "expression:1:1: expected a list, not `-`: an operator joins two lists"],
    ["all + - closed", "expression:1:7: expected a list, not `-`: an operator joins two lists"],
    ["all -", "expression:1:5: the expression ends with `-`: name a list after it"],
    [
      "all closed",
      "expression:1:5: expected `+`, `-` or `&` before `closed`: an operator stands between two lists, with white space on both sides",
    ],
    [
      "all -closed",
      "expression:1:5: expected `+`, `-` or `&` before `-closed`: an operator stands between two lists, with white space on both sides",
    ],
    [
      "all+closed",
      "expression:1:1: `all+closed` is not the name of a list: put white space around operators",
    ],
    [
      "all - %closed",
      "expression:1:7: `%closed` is not the name of a list: a name has letters, digits, `_`, `-` and `.`",
    ],
    [
      "all - ../closed",
      "expression:1:7: `../closed` leaves the dblists folder by `..`: name a list of the dblists folder, or give an absolute path without `..`",
    ],
    [
      "all - /x/../closed",
      "expression:1:7: `/x/../closed` leaves the dblists folder by `..`: name a list of the dblists folder, or give an absolute path without `..`",
    ],
    ["all - closd", "expression:1:7: unknown list `closd`: did you mean `closed`?"],
    [
      "/x/closed - all",
      "there is no such file, but the dblists folder has a list of that name: write `closed`",
    ],
  ])("that reads %j is refused", (expression, message) => {
    const { reader, problems } = readerOf(files);
    expect(problems(() => reader.evaluate(expression))).toEqual([expect.stringContaining(message)]);
  });

  test("names every list it lacks, where it was named", () => {
    const { reader, problems, root } = readerOf({ ...files, "bad.dblist": "\n  %% nope + all - neither\n" });
    const farm = { file: "farm.yaml", line: 7, column: 10 };
    expect(problems(() => reader.evaluate("all & bad", farm))).toEqual([
      `%/bad.dblist:2:6: unknown list \`nope\`: there is no \`nope.dblist\` in \`${root}\``,
      `%/bad.dblist:2:19: unknown list \`neither\`: there is no \`neither.dblist\` in \`${root}\``,
    ]);
    expect(problems(() => reader.evaluate("all & nope", farm))).toEqual([
      `farm.yaml:7:16: unknown list \`nope\`: there is no \`nope.dblist\` in \`${root}\``,
    ]);
    expect(problems(() => reader.evaluate("all & nope", { file: "farm.yaml", line: 7 }))).toEqual([
      `farm.yaml:7: unknown list \`nope\`: there is no \`nope.dblist\` in \`${root}\``,
    ]);
  });

  test("is the only line of its list", () => {
    const { reader, problems } = readerOf({
      "all.dblist": "aawiki\n",
      "before.dblist": "aawiki\n%% all\n",
      "after.dblist": "%% all\naawiki\n",
      "two.dbexpr": "all\nall\n",
      "none.dbexpr": "# nothing\n",
    });
    const only = "line 1 is an expression, which must be the only line";
    expect(problems(() => reader.read("before"))).toEqual([
      "%/before.dblist:2:1: an expression stands among wikis (`%% all`): write either wikis or one expression",
    ]);
    expect(problems(() => reader.read("after"))).toEqual([
      `%/after.dblist:2:1: unexpected \`aawiki\`: ${only}`,
    ]);
    expect(problems(() => reader.read("two"))).toEqual([`%/two.dbexpr:2:1: unexpected \`all\`: ${only}`]);
    expect(problems(() => reader.read("none"))).toEqual([
      "%/none.dbexpr:1: the file has no expression: write one line, as in `%% all.dblist - closed.dblist`",
    ]);
  });

  test("that leads back to its own list is refused, with the way round", () => {
    const { reader, problems } = readerOf({
      "a.dblist": "%% b\n",
      "b.dbexpr": "%% c - d\n",
      "c.dblist": "%% d + a\n",
      "d.dblist": "enwiki\n",
      "self.dblist": "%% d - self\n",
    });
    const wayOut = "break it";
    expect(problems(() => reader.read("a"))).toEqual([
      `%/c.dblist:1:8: the lists refer to each other in a circle (a → b.dbexpr → c → a): ${wayOut}`,
    ]);
    expect(problems(() => reader.read("self"))).toEqual([
      `%/self.dblist:1:8: the lists refer to each other in a circle (self → self): ${wayOut}`,
    ]);
    expect(reader.read("d")).toEqual(["enwiki"]);
  });

  test("of lists that are each named twice is worked out once each, failing or not", () => {
    const chain = (end: string) => {
      const lists = Array.from({ length: 40 }, (_, i) => [`l${i}.dblist`, `%% l${i + 1} + l${i + 1}\n`]);
      return { ...Object.fromEntries(lists), "l40.dblist": end };
    };
    expect(readerOf(chain("enwiki\n")).reader.read("l0")).toEqual(["enwiki"]);
    const { reader, problems } = readerOf(chain("E N\n"));
    expect(problems(() => reader.read("l0"))).toHaveLength(1);
  });

  test("of lists that refer to each other very deep is refused, not run out of the stack with", () => {
    const deep = (lists: number) => {
      const chain = Array.from({ length: lists }, (_, i) => [`l${i}.dbexpr`, `%% l${i + 1}\n`]);
      return readerOf({ ...Object.fromEntries(chain), [`l${lists}.dblist`]: "enwiki\n" });
    };
    expect(deep(99).reader.read("l0")).toEqual(["enwiki"]);
    const { reader, problems } = deep(200);
    expect(problems(() => reader.read("l0"))).toEqual([
      "%/l99.dbexpr:1:4: lists refer to lists 100 deep, up to `l100.dbexpr`: name the wikis in one of them",
    ]);
  });

  test("agrees with a plain oracle over sets, whatever the lists", () => {
    const wiki = fc.constantFrom("aawiki", "bbwiki", "ccwiki", "ddwiki", "eewiki", "ffwiki");
    const lists = fc.array(fc.array(wiki, { maxLength: 8 }), { minLength: 4, maxLength: 4 });
    const term = fc.record({
      operator: fc.constantFrom("+" as const, "-" as const, "&" as const),
      list: fc.nat({ max: 3 }),
      ending: fc.constantFrom("", ".dblist"),
      space: fc.constantFrom(" ", "  ", "\t"),
    });
    fc.assert(
      fc.property(
        lists,
        fc.array(term, { minLength: 1, maxLength: 8 }),
        fc.boolean(),
        (contents, terms, marked) => {
          const name = (i: number) => `group-${i}`;
          const { reader } = readerOf(
            Object.fromEntries(contents.map((wikis, i) => [`${name(i)}.dblist`, `${wikis.join("\n")}\n`])),
          );
          const written = terms.map(({ operator, list, ending, space }, i) => {
            const named = `${name(list)}${ending}`;
            return i === 0 ? named : `${space}${operator}${space}${named}`;
          });
          expect(reader.evaluate(`${marked ? "%% " : ""}${written.join("")}`)).toEqual(
            oracle(contents, terms),
          );
        },
      ),
      { numRuns: 150 },
    );
  });
});

/** Each wiki by itself: is it in after the last term? */
function oracle(lists: string[][], terms: { operator: "+" | "-" | "&"; list: number }[]): string[] {
  const everyWiki = [...new Set(lists.flat())].sort();
  return everyWiki.filter((wiki) => {
    let isIn = false;
    for (const [i, { operator, list }] of terms.entries()) {
      const listed = lists[list]!.includes(wiki);
      if (i === 0 || operator === "+") isIn = (i > 0 && isIn) || listed;
      else if (operator === "-") isIn = isIn && !listed;
      else isIn = isIn && listed;
    }
    return isIn;
  });
}

describe("a list that cannot be found", () => {
  test("is reported at the place that named it, or the folder", () => {
    const { reader, problems, root } = readerOf({ "all.dblist": "enwiki\n" });
    expect(problems(() => reader.read("zzz", { file: "farm.yaml", line: 3, column: 5 }))).toEqual([
      `farm.yaml:3:5: unknown list \`zzz\`: there is no \`zzz.dblist\` in \`${root}\``,
    ]);
    expect(problemsOf(() => reader.read("zzz"))[0]).toMatch(`${root}: unknown list`);
  });

  test("because there is no folder says so", () => {
    const reader = new DblistReader(join(folderOf({}), "dblists"));
    expect(problemsOf(() => reader.read("all"))[0]).toContain("there is no such dblists folder");
  });

  test("because it is a folder says so", () => {
    const { reader, problems } = readerOf({ "a.dblist/x": "" });
    expect(problems(() => reader.read("a"))[0]).toContain("it is a folder, not a file");
  });
});

test("a folder of lists that is none is called so", () => {
  const root = folderOf({ f: "enwiki\n" });
  const reader = new DblistReader(join(root, "f"));
  expect(problemsOf(() => reader.drifts())).toEqual([
    `${root}/f: cannot read the folder \`${root}/f\`: a part of its path is a file, not a folder`,
  ]);
});

describe("drift", () => {
  const files = {
    "all.dblist": "aawiki\nbbwiki\nccwiki\n",
    "same.dblist": "bbwiki\naawiki\nccwiki\n",
    "same.dbexpr": "%% all\n",
    "stale.dblist": "bbwiki\nzzwiki\n",
    "stale.dbexpr": "%% all.dblist\n",
    "alone.dbexpr": "%% all\n",
  };

  test("between a list and its source names what is missing and what is too much, and reads the list", () => {
    const { reader, root } = readerOf(files);
    const drift = {
      file: join(root, "stale.dblist"),
      expr: join(root, "stale.dbexpr"),
      missing: ["aawiki", "ccwiki"],
      extra: ["zzwiki"],
    };
    expect(reader.drift("stale")).toEqual(drift);
    expect(reader.drift("stale.dbexpr")).toEqual(drift);
    expect(reader.read("stale")).toEqual(["bbwiki", "zzwiki"]);
    expect(reader.drifts()).toEqual([drift]);
    expect(driftError(drift).message).toBe(
      `${root}/stale.dblist: differs from its source stale.dbexpr: it lacks \`aawiki\`, \`ccwiki\`; it has \`zzwiki\`, which the expression does not give: generate the list again (\`pointsman dblist --write\`), or change the expression`,
    );
  });

  test("is not where they agree, or where there is only one of the two", () => {
    const { reader } = readerOf(files);
    expect(reader.drift("same")).toBeNull();
    expect(reader.drift("alone")).toBeNull();
    expect(reader.drift("all")).toBeNull();
  });

  test("of a list that does not exist is an error", () => {
    const { reader, problems } = readerOf(files);
    expect(problems(() => reader.drift("nope"))[0]).toContain("unknown list `nope`");
  });
});

describe("what is to be generated again", () => {
  test("is also a list whose expression names a list that is", () => {
    const { reader, root } = readerOf({
      "all.dblist": "aawiki\nbbwiki\nccwiki\n",
      "one.dblist": "aawiki\n",
      "one.dbexpr": "%% all.dblist - two.dblist\n",
      "two.dblist": "bbwiki\nccwiki\n",
      "two.dbexpr": "%% three\n",
      "three.dblist": "bbwiki\n",
    });
    // By the lists as they lie there, `one` would be what its expression gives.
    expect(reader.evaluate("all - two")).toEqual(["aawiki"]);
    expect(reader.outdated().map(({ file, wikis }) => [file, wikis])).toEqual([
      [join(root, "one.dblist"), ["aawiki", "ccwiki"]],
      [join(root, "two.dblist"), ["bbwiki"]],
    ]);
    expect(reader.drifts().map(({ missing, extra }) => [missing, extra])).toEqual([
      [["ccwiki"], []],
      [[], ["ccwiki"]],
    ]);
  });

  test("is also a list that is broken, and no list of a broken expression", () => {
    const files = { "all.dblist": "aawiki\n", "a.dblist": "<<<<<<< HEAD\naawiki\n", "a.dbexpr": "%% all\n" };
    const { reader, root } = readerOf(files);
    expect(reader.outdated()).toEqual([
      {
        file: join(root, "a.dblist"),
        expr: join(root, "a.dbexpr"),
        wikis: ["aawiki"],
        drift: expect.objectContaining({ message: expect.stringContaining("a.dblist:1: a merge conflict") }),
      },
    ]);
    const broken = readerOf({ ...files, "b.dblist": "aawiki\n", "b.dbexpr": "%% all - al\n" });
    expect(broken.problems(() => broken.reader.outdated())).toEqual([
      "%/b.dbexpr:1:10: unknown list `al`: did you mean `all`?",
    ]);
  });

  test("goes by expressions alone, and they may not lead back to their own list", () => {
    const { reader, problems } = readerOf({
      "a.dblist": "aawiki\n",
      "a.dbexpr": "%% b\n",
      "b.dblist": "aawiki\n",
      "b.dbexpr": "%% a.dblist\n",
    });
    expect(reader.read("a")).toEqual(["aawiki"]);
    expect(problems(() => reader.outdated())).toContain(
      "%/b.dbexpr:1:4: the lists refer to each other in a circle (a.dbexpr → b.dbexpr → a.dbexpr): break it",
    );
  });
});

describe.skipIf(DATA_IS_ABSENT)(`expressions of the real lists${WHY_SKIPPED}`, () => {
  const root = `${DATA}/mediawiki-config/dblists`;
  const files = existsSync(root) ? readdirSync(root).filter((file) => file.endsWith(".dblist")) : [];
  /** Read in the plainest way that there is. */
  const wikisIn = (file: string) =>
    new Set(
      readFileSync(join(root, file), "utf8")
        .split("\n")
        .filter((line) => /^[^#]/.test(line)),
    );

  test("give 5,000 expressions the wikis that plain sets give", () => {
    const sets = new Map(files.map((file) => [file, wikisIn(file)]));
    expect(sets.size).toBeGreaterThan(70);
    const reader = new DblistReader(root);
    const term = fc.record({
      operator: fc.constantFrom("+", "-", "&"),
      file: fc.constantFrom(...files),
      write: fc.constantFrom(
        (file: string) => file,
        (file: string) => file.replace(".dblist", ""),
        (file: string) => join(root, file),
      ),
      space: fc.constantFrom(" ", "   ", "\t"),
    });
    const terms = fc.array(term, { minLength: 1, maxLength: 12 });
    let some = 0;
    fc.assert(
      fc.property(terms, fc.constantFrom("", "%%", "%% "), ([first, ...rest], mark) => {
        let expression = mark + first!.write(first!.file);
        let wikis = sets.get(first!.file)!;
        for (const { operator, file, write, space } of rest) {
          expression += space + operator + space + write(file);
          const list = sets.get(file)!;
          if (operator === "+") wikis = new Set([...wikis, ...list]);
          else wikis = new Set([...wikis].filter((wiki) => list.has(wiki) === (operator === "&")));
        }
        if (wikis.size > 0) some++;
        expect(reader.evaluate(expression)).toEqual([...wikis].sort());
      }),
      { numRuns: 5000 },
    );
    expect(some).toBeGreaterThan(2500);
  }, 60_000);

  test("give each .dblist that has a .dbexpr, byte for byte", () => {
    const expressions = readdirSync(root).filter((file) => file.endsWith(".dbexpr"));
    expect(expressions.length).toBeGreaterThan(5);
    const reader = new DblistReader(root);
    for (const expr of expressions) {
      const text = readFileSync(join(root, expr.replace(".dbexpr", ".dblist")), "utf8");
      expect(generatedDblist(expr, reader.read(expr), ""), expr).toBe(text);
      expect(generatedDblist(expr, reader.read(expr), text), expr).toBe(text);
    }
    expect(reader.outdated()).toEqual([]);
  });
});

describe.skipIf(DATA_IS_ABSENT)(`the real lists${WHY_SKIPPED}`, () => {
  const states = [
    "mediawiki-config",
    ...(existsSync(DATA) ? readdirSync(`${DATA}/trains`) : []).map((d) => `trains/${d}`),
  ];

  test("are there, in eight states", () => {
    expect(states).toHaveLength(8);
  });

  test.each(states)("of %s can all be read, without a warning and without drift", (state) => {
    const root = `${DATA}/${state}/dblists`;
    const reader = new DblistReader(root);
    for (const file of readdirSync(root)) reader.read(file);
    expect(reader.warnings).toEqual([]);
    expect(reader.drifts()).toEqual([]);
    expect(reader.evaluate("%% all.dblist & group0.dblist").length).toBeGreaterThan(100);
  });

  test("are as long as is known", () => {
    const reader = new DblistReader(`${DATA}/mediawiki-config/dblists`);
    expect(reader.read("all")).toHaveLength(1072);
    expect(reader.read("preinstall")).toEqual([]);
    expect(reader.read("testwikis")).toEqual(["testcommonswiki", "testwiki", "testwikidatawiki"]);
    expect(reader.evaluate("group0 + group1 + group2")).toEqual(reader.evaluate("all + preinstall"));
  });
});
