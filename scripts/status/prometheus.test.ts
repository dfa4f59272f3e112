/** Prometheus' text: what scrapers write is read back, and whatever else comes is a sentence, never a wrong number. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parsePrometheus } from "./prometheus.ts";

const parse = (text: string, wanted = /^a/) => {
  const samples = parsePrometheus(text, wanted);
  return typeof samples === "string"
    ? samples
    : samples.map(({ name, labels, value }) => [name, Object.fromEntries(labels), value]);
};

describe("a text of metrics", () => {
  it.each([
    ["a 1", ["a", {}, 1]],
    ["a{} 75557863725914", ["a", {}, 75557863725914]],
    ["a 7.5557863725914e+13", ["a", {}, 75557863725914]],
    ['a{x="y"} 0', ["a", { x: "y" }, 0]],
    ['  a { x = "y" , z="" , } +5 1700000000000', ["a", { x: "y", z: "" }, 5]],
    ['a{x="\\"\\\\\\n}"} -1', ["a", { x: '"\\\n}' }, -1]],
    ["a 1\r", ["a", {}, 1]],
    ['a 1 # {trace_id="x"} 1', ["a", {}, 1]],
    ["a +Inf", ["a", {}, Number.POSITIVE_INFINITY]],
    ["a -inf", ["a", {}, Number.NEGATIVE_INFINITY]],
    ["a NaN", ["a", {}, Number.NaN]],
  ])("has the sample: %j", (line, sample) => {
    expect(parse(`# HELP a b\n${line}\n\n# EOF`)).toEqual([sample]);
  });

  it.each([
    "a",
    "a ",
    "a{ 1",
    'a{x="y} 1',
    'a{x="y" z="1"} 1',
    'a{x="1",x="2"} 1',
    "a{x=y} 1",
    "a 1 2 3",
    "a 0x10",
    "a 1_000",
    "a 1,5",
    "a one",
    'a{x="y"}',
  ])("is refused where a metric of ours is none: %j", (line) => {
    expect(parse(`b 1\n${line}`)).toBe(`line 2 is no metric: \`${line}\``);
  });

  it("may have anything in the lines of others", () => {
    expect(parse('b{x="\n<html>\nb b b b\na 1\n\0\n{')).toEqual([["a", {}, 1]]);
  });

  it("gives back what a scraper writes, whatever stands in labels", () => {
    const label = fc.string({ unit: "binary" }).map((text) => text.replaceAll("\r", ""));
    const name = fc.stringMatching(/^[a-zA-Z_][a-zA-Z0-9_]{0,9}$/);
    const sample = fc.record({ labels: fc.dictionary(name, label), value: fc.maxSafeNat() });
    const escaped = (text: string) =>
      text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
    fc.assert(
      fc.property(fc.array(sample), (samples) => {
        const text = samples.map(({ labels, value }) => {
          const inside = Object.entries(labels).map(([key, one]) => `${key}="${escaped(one)}"`);
          return `a{${inside.join(",")}} ${value}\n`;
        });
        const expected = samples.map(({ labels, value }) => [
          "a",
          Object.fromEntries(Object.entries(labels)),
          value,
        ]);
        expect(parse(text.join(""))).toEqual(expected);
      }),
    );
  });

  it("never throws, and every number in it stood there", () => {
    const piece = fc.constantFrom(
      "a",
      "{",
      "}",
      '"',
      "\\",
      ",",
      "=",
      " ",
      "\n",
      "1",
      "x",
      "NaN",
      "#",
      "\r",
      "e",
      "+",
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => {
        const samples = parsePrometheus(pieces.join(""), /^a/);
        if (typeof samples === "string") expect(samples).toMatch(/^line \d+ is no metric: /);
        else for (const { value } of samples) expect(typeof value).toBe("number");
      }),
      { numRuns: 2000 },
    );
  });

  it("is read in no time, however large and whatever its lines are", () => {
    const started = Date.now();
    const others = `${'b{x="y"} 1\n'.repeat(1_000_000)}a 1`;
    expect(parse(others)).toEqual([["a", {}, 1]]);
    for (const long of [
      `a{x="${"\\".repeat(2 ** 22)}`,
      `a{${'x="y",'.repeat(2 ** 19)}`,
      `a${" ".repeat(2 ** 22)}`,
    ])
      expect(parse(long)).toMatch(/^line 1 is no metric: `a.{79}`$/);
    // Below the limit of a line.
    for (const long of [
      `a{x="${"\\".repeat(60_000)}`,
      `a{${'x="y",'.repeat(9_000)}`,
      `a${" ".repeat(60_000)}x`,
    ])
      expect(parse(long)).toMatch(/^line 1 is no metric: /);
    expect(Date.now() - started).toBeLessThan(10_000);
  });
});
