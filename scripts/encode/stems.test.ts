/** The texts that keys share. */
import { expect, it } from "vitest";
import { numberStems, type SplitKeys, splitKeys } from "./stems.ts";

/** Keys that are split before their first dot. */
function atDot(...keys: string[]): SplitKeys {
  const lengths = keys.map((key) => key.indexOf("."));
  return {
    keys,
    stemLengths: Uint32Array.from(lengths),
    suffixes: [".x", ".y"],
    suffixOfKey: Uint16Array.from(keys, (key) => (key.endsWith(".x") ? 0 : 1)),
  };
}

it("stems of all sets are numbered by length, then by bytes, each once", () => {
  const sets = [atDot("a.x", "a.y", "ab.x", "c.x"), atDot("ab.y", "b.x"), atDot()];
  const checked: string[] = [];
  const { count, numbers, bytes } = numberStems(sets, (stem) => checked.push(stem));
  expect(checked).toEqual(["a", "b", "c", "ab"]);
  expect(count).toBe(4);
  expect(numbers.map((set) => [...set])).toEqual([[0, 0, 3, 2], [3, 1], []]);
  const groups = [2, 0x301, 0x102].flatMap((u32) => [u32 & 0xff, u32 >> 8, 0, 0]);
  expect([...bytes]).toEqual([...groups, ..."abcab".split("").map((letter) => letter.charCodeAt(0))]);
});

it("a key is split at the longest suffix that fits", () => {
  const keys = Array.from({ length: 50 }, (_, n) => [`l${n}wiki`, `l${n}wikibooks`])
    .flat()
    .sort();
  const { suffixes, suffixOfKey, stemLengths } = splitKeys(keys);
  const parts = keys.map((key, n) => [key.slice(0, stemLengths[n]), suffixes[suffixOfKey[n]!]!]);
  expect(parts.map((both) => both.join(""))).toEqual(keys);
  expect(new Set(parts.map(([stem]) => stem)).size).toBe(50);
});
