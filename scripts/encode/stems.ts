/** Keys cut into stems and suffixes, and the stems as STEM has them. */
import { STEMS_COUNT_SHIFT } from "../../assembly/layout.ts";
import { grouped } from "../collections/grouped.ts";
import { chooseSuffixes, suffixOf } from "./keyset.ts";
import { Writer } from "./writer.ts";

/** Keys, each split into the stem that it begins with and a suffix. */
export interface SplitKeys {
  /** Sorted. */
  keys: readonly string[];
  /** Characters of each key's stem. */
  stemLengths: Uint32Array;
  /** Longest first. */
  suffixes: readonly string[];
  /** Number of each key's suffix. */
  suffixOfKey: Uint16Array;
}

/** @param keys sorted */
export function splitKeys(keys: readonly string[]): SplitKeys {
  const suffixes = chooseSuffixes(keys);
  const stemLengths = new Uint32Array(keys.length);
  const suffixOfKey = new Uint16Array(keys.length);
  for (let number = 0; number < keys.length; number++) {
    const key = keys[number]!;
    const suffix = suffixOf(key, suffixes);
    suffixOfKey[number] = suffix;
    stemLengths[number] = key.length - suffixes[suffix]!.length;
  }
  return { keys, stemLengths, suffixes, suffixOfKey };
}

export interface Stems {
  /** How many different ones there are. */
  count: number;
  /** Of each set, the number of each key's stem. */
  numbers: Uint32Array[];
  /** STEM's bytes. */
  bytes: Uint8Array;
}

/**
 * The stems of all sets, each once, by length and then by bytes. Sorted keys have sorted stems as far as these are of
 * one length, so that nothing is sorted: the sets are merged.
 * @param check throws for a stem that may not be in a table
 */
export function numberStems(sets: readonly SplitKeys[], check: (stem: string) => void): Stems {
  const longest = sets.reduce(
    (most, { stemLengths }) => stemLengths.reduce((a, b) => Math.max(a, b), most),
    0,
  );
  const cursors = sets.map(({ keys, stemLengths }) => ({
    keys,
    byLength: grouped(stemLengths, longest + 1),
    numbers: new Uint32Array(keys.length),
    at: 0,
    end: 0,
  }));
  const groups: { length: number; count: number }[] = [];
  const text = new Writer(sum(sets.map(({ stemLengths }) => sum(stemLengths))));
  let count = 0;
  for (let length = 0; length <= longest; length++) {
    const first = count;
    for (const cursor of cursors) {
      cursor.at = cursor.byLength.starts[length]!;
      cursor.end = cursor.byLength.starts[length + 1]!;
    }
    for (;;) {
      let least: string | null = null;
      for (const { keys, byLength, at, end } of cursors) {
        if (at === end) continue;
        const stem = keys[byLength.items[at]!]!.slice(0, length);
        if (least === null || stem < least) least = stem;
      }
      if (least === null) break;
      check(least);
      text.text(least);
      for (const cursor of cursors) {
        for (; cursor.at < cursor.end; cursor.at++) {
          const key = cursor.byLength.items[cursor.at]!;
          if (!cursor.keys[key]!.startsWith(least)) break;
          cursor.numbers[key] = count;
        }
      }
      count++;
    }
    if (count > first) groups.push({ length, count: count - first });
  }
  const letters = text.bytes();
  const writer = new Writer(4 + 4 * groups.length + letters.length).u32(groups.length);
  for (const group of groups) writer.u32(((group.count << STEMS_COUNT_SHIFT) | group.length) >>> 0);
  return {
    count,
    numbers: cursors.map(({ numbers }) => numbers),
    bytes: writer.append(letters).bytes(),
  };
}

function sum(numbers: ArrayLike<number>): number {
  let total = 0;
  for (let i = 0; i < numbers.length; i++) total += numbers[i]!;
  return total;
}
