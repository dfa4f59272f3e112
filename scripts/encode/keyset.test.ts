/** The perfect hash over a set of keys. */
import { describe, expect, it } from "vitest";
import { hashKey, partOf, slotOf } from "../table/hash.ts";
import { chooseSuffixes, placeKeys, slotOfKey, suffixOf } from "./keyset.ts";

const keysUpTo = (count: number) => Array.from({ length: count }, (_, i) => `key${i.toString(36)}wiki`);

/** Every key lies in its one possible slot, and every other slot is empty. */
function checkPlaces(keys: string[]): void {
  const { slots, seed, displacements, displacementBytes, keyOfSlot } = placeKeys(keys);
  expect(keyOfSlot).toHaveLength(slots);
  expect(slots).toBeLessThanOrEqual(2 * keys.length);
  let wrong = 0;
  for (const [number, key] of keys.entries()) {
    const { a, b } = hashKey(key, seed);
    const displacement = displacements[partOf(a, displacements.length)]!;
    if (displacement >= 256 ** displacementBytes) wrong++;
    if (keyOfSlot[slotOf(a, b, displacement, slots)] !== number) wrong++;
  }
  expect(wrong).toBe(0);
  expect(keyOfSlot.filter((key) => key === -1)).toHaveLength(slots - keys.length);
}

describe("a perfect hash", () => {
  it("of no keys has no slots", () => {
    expect(placeKeys([])).toMatchObject({ slots: 0, displacements: new Uint32Array(0) });
  });

  it.each([1, 2, 3, 31, 32, 33, 100, 4096, 4097, 10_000])("of %d keys places each", (count) => {
    checkPlaces(keysUpTo(count));
  });

  it("of 200,000 keys is found in seconds", { timeout: 20_000 }, () => {
    const start = performance.now();
    checkPlaces(keysUpTo(200_000));
    expect(performance.now() - start).toBeLessThan(10_000);
  });

  it("takes one byte a displacement for a wiki farm", () => {
    expect(placeKeys(keysUpTo(1000)).displacementBytes).toBe(1);
  });

  it("is the same for the same keys", () => {
    expect(placeKeys(keysUpTo(500))).toEqual(placeKeys(keysUpTo(500)));
  });

  it("tells the slot of a key, and of no other", () => {
    const keys = keysUpTo(100);
    const placed = placeKeys(keys);
    for (const [number, key] of keys.entries()) {
      expect(placed.keyOfSlot[slotOfKey(placed, keys, key)]).toBe(number);
    }
    expect(slotOfKey(placed, keys, "key")).toBe(-1);
    expect(slotOfKey(placeKeys([]), [], "key")).toBe(-1);
  });

  it("of a key that occurs twice is an error, not an endless search", () => {
    expect(() => placeKeys(["a", "b", "a"])).toThrow("a key occurs twice");
  });
});

describe("suffixes", () => {
  it("end with the empty one, so that every key can be split", () => {
    expect(chooseSuffixes([])).toEqual([""]);
    expect(chooseSuffixes(["a"])).toEqual([""]);
  });

  it("are those that let stems be shared, longest first", () => {
    const stems = Array.from({ length: 50 }, (_, i) => `l${i}`);
    const keys = stems.flatMap((stem) => [`${stem}wiki`, `${stem}wikibooks`]);
    const suffixes = chooseSuffixes(keys);
    expect(suffixes).toContain("wiki");
    expect(suffixes).toContain("wikibooks");
    expect(suffixes.map((suffix) => suffix.length)).toEqual(
      suffixes.map((suffix) => suffix.length).sort((a, b) => b - a),
    );
    const shared = new Set(keys.map((key) => key.replace(suffixes[suffixOf(key, suffixes)]!, "")));
    expect(shared.size).toBe(50);
  });

  it("split a key at the longest that fits", () => {
    const suffixes = ["wikibooks", "books", ""];
    expect(["enwikibooks", "ebooks", "en"].map((key) => suffixOf(key, suffixes))).toEqual([0, 1, 2]);
  });
});
