/** What somebody may have meant. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { editDistance, suggestionFor, suggestionsFor } from "./suggestion.ts";

describe("nearest", () => {
  test.each([
    ["relases", "releases"],
    ["gruops", "groups"],
    ["pin", "pins"],
  ])("finds what %s was meant to be", (word, meant) => {
    expect(suggestionFor(word, ["releases", "groups", "pins", "sources"])).toBe(meant);
  });

  test("takes a capital letter for the small one", () => {
    expect(suggestionFor("X1", ["s1", "x1"])).toBe("x1");
    expect(suggestionsFor("ENWIKI", ["dewiki", "enwiki", "newiki"], 2)).toEqual(["enwiki", "newiki"]);
  });

  test("finds nothing where nothing is alike", () => {
    expect(suggestionFor("colour", ["releases", "groups", "pins"])).toBeUndefined();
    expect(suggestionFor("x", [])).toBeUndefined();
    expect(suggestionFor("x", ["a", "b", "ab", "xy"])).toBeUndefined();
    expect(suggestionFor("xy", ["a", "x", "ab"])).toBeUndefined();
    expect(suggestionFor("xy", ["a", "xz"])).toBe("xz");
  });
});

describe("editDistance", () => {
  test("counts insertions, deletions, replacements and swaps as one each", () => {
    expect(editDistance("abc", "abc")).toBe(0);
    expect(editDistance("abc", "abcd")).toBe(1);
    expect(editDistance("abc", "ac")).toBe(1);
    expect(editDistance("abc", "axc")).toBe(1);
    expect(editDistance("abc", "acb")).toBe(1);
    expect(editDistance("", "abc")).toBe(3);
  });

  test("is the same in both directions, and 0 only for the same word", () => {
    const word = fc.string({ maxLength: 8, unit: fc.constantFrom("a", "b", "c") });
    fc.assert(
      fc.property(word, word, (a, b) => {
        expect(editDistance(a, b)).toBe(editDistance(b, a));
        expect(editDistance(a, b) === 0).toBe(a === b);
      }),
    );
  });

  test("is beyond a limit where it is without one, and else the same", () => {
    const word = fc.string({ maxLength: 9, unit: fc.constantFrom("a", "b", "c") });
    fc.assert(
      fc.property(word, word, fc.nat({ max: 9 }), (a, b, limit) => {
        const distance = editDistance(a, b);
        const found = editDistance(a, b, limit);
        if (distance <= limit) expect(found).toBe(distance);
        else expect(found).toBeGreaterThan(limit);
      }),
      { numRuns: 5_000 },
    );
  });
});
