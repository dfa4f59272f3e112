/** Our subset of YAML, and places in it. */
import fc from "fast-check";
import { dump } from "js-yaml";
import { describe, expect, test } from "vitest";
import { problemsOf } from "../../test/support/errors.ts";
import { folderOf } from "../../test/support/folder.ts";
import { SourceError } from "./problem.ts";
import { loadYaml } from "./yaml.ts";

const problems = (text: string) => problemsOf(() => loadYaml("f.yaml", text));

describe("the schema", () => {
  test("keeps as text what YAML 1.1 would have made a boolean, a date or a number to the base of 60", () => {
    const text = "[no, yes, on, off, 2026-08-18, 12:30, 1_000, 1.47.0]";
    expect(loadYaml("f", text).value).toEqual([
      "no",
      "yes",
      "on",
      "off",
      "2026-08-18",
      "12:30",
      "1_000",
      "1.47.0",
    ]);
  });

  test("knows the scalars of YAML 1.2's core", () => {
    expect(loadYaml("f", "[true, null, ~, 10, 1.47, 0x1f]").value).toEqual([true, null, null, 10, 1.47, 31]);
  });

  test("knows no merge keys, unless asked to", () => {
    const text = "a: &a {x: 1}\nb:\n  <<: *a\n  y: 2\n";
    expect(loadYaml("f", text).value).toEqual({ a: { x: 1 }, b: { "<<": { x: 1 }, y: 2 } });
    expect(loadYaml("f", text, { merge: true }).value).toEqual({ a: { x: 1 }, b: { x: 1, y: 2 } });
  });
});

test("a file is read when no text is given", () => {
  const folder = folderOf({ "farm.yaml": "a: 1\n" });
  expect(loadYaml(`${folder}/farm.yaml`).value).toEqual({ a: 1 });
});

describe("positionOf", () => {
  const text = `# a farm
groups:
  group0: "%% group0"
  'g 1':   [aawiki, {deep: 'x y'}]
empty:
base: &base
  inner: 7
copy: *base
block: |
    line one
    line two
list:
  - first
  -
  - - nested
`;
  const yaml = loadYaml("farm.yaml", text);

  test.each([
    [[], "value", "2:1", "groups:"],
    [["groups"], "key", "2:1", "groups"],
    [["groups"], "value", "3:3", 'group0: "%% group0"'],
    [["groups", "group0"], "key", "3:3", "group0"],
    [["groups", "group0"], "value", "3:11", '"%% group0"'],
    [["groups", "g 1"], "key", "4:3", "'g 1'"],
    [["groups", "g 1", 0], "value", "4:13", "aawiki"],
    [["groups", "g 1", 1, "deep"], "value", "4:28", "'x y'"],
    [["empty"], "value", "5:6", ""],
    [["copy"], "value", "8:7", "*base"],
    [["copy", "inner"], "value", "7:10", "7"],
    [["block"], "value", "10:5", "line one"],
    [["list", 0], "value", "13:5", "first"],
    [["list", 2, 0], "value", "15:7", "nested"],
  ] as const)("finds the source of %j, its %s", (path, what, place, source) => {
    const { line, column, text: shown } = yaml.positionOf(path, what);
    expect([`${line}:${column}`, shown]).toEqual([place, source]);
  });

  test.each([
    [["nope"], "2:1"],
    [["groups", "nope"], "2:1"],
    [["groups", "group0", "nope"], "3:3"],
    [["list", 9], "12:1"],
    [["list", "x"], "12:1"],
  ])("places %j, which is not there, at what is around it", (path, place) => {
    const { line, column } = yaml.positionOf(path);
    expect(`${line}:${column}`).toBe(place);
    expect(yaml.placeOf(path)).toEqual({ file: "farm.yaml", line, column });
  });

  test("tells the keys in the order of the file, which an object does not keep", () => {
    const source = loadYaml("f", "x: &x {b: 1, 10: 2, a: 3, 9: 4}\ny: [*x]");
    expect(Object.keys((source.value as { x: object }).x)).toEqual(["9", "10", "b", "a"]);
    expect(source.keysOf(["x"])).toEqual(["b", "10", "a", "9"]);
    expect(source.keysOf(["y", 0])).toEqual(["b", "10", "a", "9"]);
    expect(source.keysOf([])).toEqual(["x", "y"]);
    expect(source.keysOf(["nope"])).toEqual([]);
  });

  test("finds every scalar of whatever document, written in whatever style", () => {
    const key = fc.string({ unit: fc.constantFrom(..."ab:# '\"-é\n"), minLength: 1, maxLength: 5 });
    const { tree } = fc.letrec((tie) => ({
      leaf: fc.oneof(key, fc.nat(), fc.constant(null), fc.boolean()),
      tree: fc.oneof(
        { maxDepth: 3 },
        tie("leaf"),
        fc.array(tie("tree"), { minLength: 1, maxLength: 3 }),
        fc.dictionary(key, tie("tree"), { minKeys: 1, maxKeys: 3 }),
      ),
    }));
    const flowLevel = fc.constantFrom(-1, 0, 2);
    fc.assert(
      fc.property(tree, flowLevel, fc.boolean(), (value, flow, forceQuotes) => {
        const written = dump(value, { flowLevel: flow, forceQuotes, scalarStyleRules: undefined });
        const source = loadYaml("f", written);
        expect(source.value).toEqual(value);
        for (const [path, leaf] of leaves(value, [])) {
          const { text: found } = source.positionOf(path);
          if (typeof leaf === "string" && leaf.includes("\n")) continue;
          // On a line of its own, this would begin a document instead.
          if (/^---(\s|$)/.test(found)) continue;
          expect(loadYaml("f", found || "null").value, `${written} at ${JSON.stringify(path)}`).toEqual(leaf);
        }
      }),
      { numRuns: 300 },
    );
  });
});

function* leaves(value: unknown, path: (string | number)[]): Generator<[(string | number)[], unknown]> {
  if (Array.isArray(value)) for (const [i, each] of value.entries()) yield* leaves(each, [...path, i]);
  else if (typeof value === "object" && value !== null) {
    for (const [key, each] of Object.entries(value)) yield* leaves(each, [...path, key]);
  } else yield [path, value];
}

describe("what is refused", () => {
  test("is every duplicate key, naming both lines", () => {
    expect(problems("a: 1\nb: {c: 1, 'c': 2}\n\"a\": 3\na: 4\n")).toEqual([
      "f.yaml:2:11: key `c` stands twice, first in line 2: keep one",
      "f.yaml:3:1: key `a` stands twice, first in line 1: keep one",
      "f.yaml:4:1: key `a` stands twice, first in line 1: keep one",
    ]);
  });

  test.each([
    ["", "f.yaml:1:1: the file is empty"],
    ["# only a comment\n", "f.yaml:1:1: the file is empty"],
    ["a: 1\n---\nb: 2\n", "f.yaml:3:1: this is a second YAML document"],
    ["a: [1\n", "f.yaml:2:1: not valid YAML: deficient indentation"],
    ["a: 'x\n", "f.yaml:"],
    [
      "a:\n\tb: 1\n",
      "f.yaml:2:1: not valid YAML: tab characters must not be used in indentation (`\\tb: 1`)",
    ],
    ["a: b: c\n", "f.yaml:1:"],
    ["a: !secret x\n", "f.yaml:1:4: not valid YAML: unknown scalar tag !<!secret> (`!secret x`)"],
    ["? [a]\n: b\n", "f.yaml:1:"],
    ["a: *nope\n", "f.yaml:1:4: `*nope` stands for nothing: no `&` anchor has that name before it"],
    ["a: &x [1, *x]\n", "f.yaml:1:11: `*x` stands for something that contains it: write it out"],
    [`a: ${"[".repeat(200)}${"]".repeat(200)}`, "f.yaml:1:"],
    ["16: a\n0x10: b\n", "f.yaml:2:1: not valid YAML: duplicated mapping key (`0x10: b`)"],
  ])("is %j, with its place", (text, message) => {
    expect(problems(text)).toEqual([expect.stringContaining(message)]);
  });

  test("is a document of a few aliases that stand for a billion values, and quickly", () => {
    const levels = Array.from({ length: 9 }, (_, i) => `l${i + 1}: &l${i + 1} [${`*l${i}, `.repeat(10)}]`);
    const start = performance.now();
    expect(problems(`l0: &l0 ha\n${levels.join("\n")}\n`)).toEqual([
      expect.stringMatching(/^f\.yaml:\d+:\d+: up to `\*l\d`, aliases stand for more than 100000 values/),
    ]);
    expect(performance.now() - start).toBeLessThan(1000);
  });

  test("is not a large document without aliases", () => {
    const hosts = Array.from({ length: 150_000 }, (_, i) => `- h${i}.example`).join("\n");
    expect(loadYaml("f", hosts).value).toHaveLength(150_000);
  });

  test("is told by nothing but a SourceError, whatever the text", () => {
    const bits = fc.constantFrom(
      "a",
      ": ",
      "- ",
      "\n",
      "  ",
      "&x ",
      "*x",
      "{",
      "}",
      "[",
      "]",
      ",",
      "'",
      '"',
      "|",
      "?",
      "---\n",
      "!t ",
      "\t",
      "#",
      "<<",
    );
    fc.assert(
      fc.property(fc.array(bits, { maxLength: 12 }), (parts) => {
        const text = parts.join("");
        for (const merge of [false, true]) {
          try {
            const { line } = loadYaml("f", text, { merge }).positionOf(["a"]);
            expect(line).toBeGreaterThan(0);
          } catch (error) {
            expect(error, JSON.stringify(text)).toBeInstanceOf(SourceError);
          }
        }
      }),
      { numRuns: 1000 },
    );
  });
});
