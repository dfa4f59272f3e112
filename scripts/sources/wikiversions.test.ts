/** wikiversions.json, good and bad. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DATA, DATA_IS_ABSENT, WHY_SKIPPED } from "../../test/support/data.ts";
import { problemsOf } from "../../test/support/errors.ts";
import { folderOf } from "../../test/support/folder.ts";
import { SourceError } from "./problem.ts";
import { readWikiversions } from "./wikiversions.ts";

function fileOf(content: string | Buffer): string {
  return join(folderOf({ "wv.json": content }), "wv.json");
}

function problems(content: string | Buffer): string[] {
  const file = fileOf(content);
  return problemsOf(() => readWikiversions(file)).map((each) => each.replaceAll(file, "wv.json"));
}

/** What a SourceError says, or nothing where there is none. */
function outcome(step: () => unknown): string {
  try {
    step();
    return "";
  } catch (error) {
    if (error instanceof SourceError) return error.message;
    throw error;
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

describe("wikiversions", () => {
  test("maps each wiki to its version and line, in the order of the file", () => {
    const file = fileOf('{\n  "zuwiki": "php-1.47.0-wmf.16",\n  "aawiki": "php-master"\n}\n');
    expect([...readWikiversions(file)]).toEqual([
      ["zuwiki", { version: "1.47.0-wmf.16", line: 2 }],
      ["aawiki", { version: "master", line: 3 }],
    ]);
  });

  test("may be laid out in any way that is JSON", () => {
    const layouts = [
      '{"aawiki":"php-master","bbwiki":"php-master"}',
      '\n\n    {\n"aawiki"\n:\n"php-master"\n,"bbwiki":"php-master"}',
      '{\r\n\t"aawiki"\t:\t"php-master",\r\n\t"bbwiki": "php-master"\r\n}',
      '{"aa\\u0077iki": "php\\u002dmaster", "bbwiki": "php-master"}',
    ];
    for (const layout of layouts) {
      const wikis = readWikiversions(fileOf(layout));
      expect(
        [...wikis].map(([wiki, { version }]) => [wiki, version]),
        layout,
      ).toEqual([
        ["aawiki", "master"],
        ["bbwiki", "master"],
      ]);
    }
  });

  test("refuses a wiki that stands twice, naming both lines, even with the same version", () => {
    expect(
      problems('{\n"aawiki": "php-master",\n"bbwiki": "php-master",\n "aa\\u0077iki": "php-master"\n}'),
    ).toEqual(["wv.json:4:2: `aawiki` stands twice, first in line 2: keep the right one"]);
  });

  test("refuses a double even where the first value, which JSON.parse forgets, is no string", () => {
    expect(problems('{"aawiki": 1,\n"aawiki": "php-master"}')).toEqual([
      'wv.json:1:12: `1` is not a string: write "1.47.0" or the like',
      "wv.json:2:1: `aawiki` stands twice, first in line 1: keep the right one",
    ]);
    expect(problems('{"aawiki": {"x": "y"},\n"aawiki": "php-master"}')[0]).toContain(
      'wv.json:1:12: a version is not a string (`{"x": "y"},`)',
    );
  });

  test("names every bad entry at once", () => {
    const wikis =
      '"_a": "php-master",\n"bbwiki": "1.47.0-wmf.1",\n"ccwiki": "php-1.47.0-wmf,1",\n"": "php-master",\n"Acme-3": "php-"';
    expect(problems(`{\n${wikis}\n}`)).toEqual([
      "wv.json:2:1: `_a` is not a wiki ID: use letters, digits, `_` and `-`, beginning with a letter or digit",
      "wv.json:4:11: `php-1.47.0-wmf,1` is not a version: use letters, digits, `.`, `_`, `-`, beginning with a letter or digit",
      "wv.json:5:1: `` is not a wiki ID: use letters, digits, `_` and `-`, beginning with a letter or digit",
      "wv.json:6:11: `php-` is not a version: use letters, digits, `.`, `_`, `-`, beginning with a letter or digit",
      "wv.json:3:11: `1.47.0-wmf.1` begins without `php-`, and others with it: write it before every version",
    ]);
  });

  test.each(["branch_cut_pretest", "1.36.0-maamedia.1", "1.22wmf10", "REL1_43-fork", "1.47.0-wmf.16", "7"])(
    "takes %s for a version, with `php-` and without",
    (version) => {
      for (const prefix of ["php-", ""]) {
        const [[, read] = []] = readWikiversions(fileOf(`{"acme-Corp": "${prefix}${version}"}`));
        expect(read?.version).toBe(version);
      }
    },
  );

  test("refuses a version that is marked otherwise than the others of its file", () => {
    expect(problems('{"aawiki": "1.46", "bbwiki": "php-1.46", "ccwiki": "1.47"}')).toEqual([
      "wv.json:1:30: `php-1.46` begins with `php-`, and others without it: leave it out",
    ]);
    expect(problems('{"aawiki": "1.1", "bbwiki": "1.2", "ccwiki": "php-1", "ddwiki": "php-1"}')).toEqual([
      "wv.json:1:12: `1.1` and 1 more begin without `php-`, and others with it: write it before every version",
    ]);
    expect(problems('{"aawiki": "php-1.46", "bbwiki": "hp-1.46"}')).toEqual([
      "wv.json:1:34: `hp-1.46` begins without `php-`, and others with it: write it before every version",
    ]);
  });

  test("may have none, where it is said that there are others", () => {
    expect(readWikiversions(fileOf("{}\n"), undefined, true).size).toBe(0);
    expect(problemsOf(() => readWikiversions(fileOf("\n"), undefined, true))[0]).toContain(
      "the file is empty",
    );
  });

  test("knows one special name, which is refused, and not dropped", () => {
    expect([...readWikiversions(fileOf('{"toString": "1", "constructor": "1"}')).keys()]).toEqual([
      "toString",
      "constructor",
    ]);
    expect(problems('{"aawiki": "1", "__proto__": "1"}')[0]).toContain("`__proto__` is not a wiki ID");
  });

  test("calls a merge conflict one", () => {
    const merged = '{\n"aawiki": "1",\n<<<<<<< HEAD\n"bbwiki": "1"\n=======\n"bbwiki": "2"\n>>>>>>> x\n}';
    expect(problems(merged)[0]).toMatch(/^wv\.json:3: a merge conflict: keep one/);
  });

  test.each([
    ["", "wv.json:1:1: the file is empty: it must be a JSON object of wiki → version"],
    [" \n", "wv.json:1:1: the file is empty: it must be a JSON object of wiki → version"],
    ["{}\n", "wv.json:1:1: the file has no wiki (`{}`): a farm needs at least one"],
    ["[]", 'wv.json:1:1: not a JSON object (`[]`): write { "wiki": "version", … }'],
    ["null", 'wv.json:1:1: not a JSON object (`null`): write { "wiki": "version", … }'],
    ['{"aawiki": null}', 'wv.json:1:12: `null` is not a string: write "1.47.0" or the like'],
    [
      '{"aawiki": ["php-master"]}',
      'wv.json:1:12: a version is not a string (`["php-master"]}`): write "1.47.0" or the like',
    ],
  ])("refuses %j, which has no wikis", (content, message) => {
    expect(problems(content)).toEqual([message]);
  });

  test.each([
    ['{\n"aawiki": "php-master",\n}', "wv.json:3:1:"],
    ['{\n"aawiki": "php-master"\n"bbwiki": "php-master"}', "wv.json:3:1:"],
    ['{\n"aawiki": php-master\n}', "wv.json:2:11:"],
    ['{\n"aawiki": "php-master", "bbwiki": \n}', "wv.json:2:33:"],
    ['{\n"aawiki": "php-master"', "wv.json:2:23:"],
    ["{\n'aawiki': 'php-master'\n}", "wv.json:2:1:"],
    ['{\n"aawiki": "php-master", # no comments\n"bbwiki": "php-master"\n}', "wv.json:2:25:"],
    ["aawiki: php-master\n", "wv.json:1:1:"],
    ['{"aawiki": "php-\\x31"}', "wv.json:1:18:"],
  ])("refuses %j, which is YAML at best, at the right place", (content, place) => {
    expect(problems(content)).toEqual([expect.stringMatching(`^${place} not valid JSON: .*\\(.+\\)$`)]);
  });

  test("blames the place that named a file which is not there", () => {
    const file = join(folderOf({}), "none.json");
    expect(problemsOf(() => readWikiversions(file, { file: "farm.yaml", line: 4 }))[0]).toMatch(
      /^farm\.yaml:4: cannot/,
    );
  });

  test("reads back whatever wikis are written, and finds any double", () => {
    const wiki = fc.string({ unit: fc.constantFrom(..."ab1A"), minLength: 1, maxLength: 3 });
    const version = fc.constantFrom("1.47.0-wmf.1", "1.47.0-wmf.16", "master");
    fc.assert(
      fc.property(fc.array(fc.tuple(wiki, version), { minLength: 1, maxLength: 8 }), (pairs) => {
        const file = fileOf(
          `{${pairs.map(([id, runs]) => `\n${JSON.stringify(id)}: "php-${runs}"`).join(",")}\n}`,
        );
        const doubles = pairs.filter(([id], i) => pairs.findIndex(([other]) => other === id) < i);
        if (doubles.length > 0) {
          expect(problemsOf(() => readWikiversions(file))).toHaveLength(doubles.length);
          return;
        }
        const read = [...readWikiversions(file)].map(([id, each]) => [id, each.version, each.line]);
        expect(read).toEqual(pairs.map(([id, runs], i) => [id, runs, i + 2]));
      }),
      { numRuns: 100 },
    );
  });

  test("gives an answer or a SourceError, whatever is done to the bytes of a good file", () => {
    const good = '{\n    "aawiki": "php-1.47.0-wmf.16",\n    "bbwiki": "php-master"\n}\n';
    const change = fc.tuple(fc.nat({ max: good.length }), fc.nat({ max: 3 }), fc.string({ maxLength: 3 }));
    fc.assert(
      fc.property(change, ([start, length, put]) => {
        const file = fileOf(good.slice(0, start) + put + good.slice(start + length));
        const told = outcome(() => readWikiversions(file));
        if (isJson(readFileSync(file, "utf8"))) expect(told).not.toContain("not valid JSON");
        else expect(told).toMatch(/:\d+:\d+: (not valid JSON|the file is empty)/);
      }),
      { numRuns: 300 },
    );
  });
});

describe.skipIf(DATA_IS_ABSENT)(`the real wikiversions${WHY_SKIPPED}`, () => {
  test("have the wikis and versions that are known", () => {
    const wikis = readWikiversions(`${DATA}/mediawiki-config/wikiversions.json`);
    expect(wikis.size).toBe(1072);
    expect(wikis.get("aawiki")).toEqual({ version: "1.47.0-wmf.16", line: 2 });
    expect(wikis.get("zuwiktionary")).toEqual({ version: "1.47.0-wmf.16", line: 1073 });
  });

  test("of the beta cluster run master", () => {
    const wikis = readWikiversions(`${DATA}/mediawiki-config/wikiversions-labs.json`);
    expect(wikis.size).toBe(47);
    expect(new Set([...wikis.values()].map(({ version }) => version))).toEqual(new Set(["master"]));
  });

  test("of every train can be read", () => {
    const trains = readdirSync(`${DATA}/trains`);
    expect(trains).toHaveLength(7);
    for (const train of trains) {
      const file = `${DATA}/trains/${train}/wikiversions.json`;
      const parsed: Record<string, string> = JSON.parse(readFileSync(file, "utf8"));
      const read = [...readWikiversions(file)].map(([wiki, { version }]) => [wiki, `php-${version}`]);
      expect(Object.fromEntries(read), train).toEqual(parsed);
    }
  });

  test("are read in less than 50 ms", () => {
    const file = `${DATA}/mediawiki-config/wikiversions.json`;
    const times = Array.from({ length: 5 }, () => {
      const start = performance.now();
      readWikiversions(file);
      return performance.now() - start;
    });
    expect(Math.min(...times)).toBeLessThan(50);
  });
});
