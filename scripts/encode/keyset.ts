/** Places keys in a perfect hash, and finds the suffixes that many of them end with. */
import { MAX_STRING_BYTES } from "../../assembly/layout.ts";
import { grouped } from "../collections/grouped.ts";
import { hashKey, partOf, slotOf } from "../table/hash.ts";

/** Where every key of a perfect hash lies. */
export interface Placed {
  slots: number;
  seed: number;
  /** 1, 2 or 4. */
  displacementBytes: number;
  displacements: Uint32Array;
  /** Key number in each slot, -1 for an empty one. */
  keyOfSlot: Int32Array;
}

const KEYS_A_BUCKET = 3;
const SEEDS_TO_TRY = 64;
const PROGRESS_EVERY = 4096;

/**
 * Compress-hash-displace: the keys of a bucket share one displacement, found by trying, the fullest buckets
 * first, that sends all of them to free slots. About 3 % of the slots stay empty, which keeps the search short.
 * The same keys give the same result on any machine: seeds are tried from 0 up.
 */
export function placeKeys(
  keys: readonly string[],
  progress: (done: number, of: number) => void = () => {},
): Placed {
  if (keys.length === 0) {
    const none = { slots: 0, seed: 0, displacementBytes: 1 };
    return { ...none, displacements: new Uint32Array(0), keyOfSlot: new Int32Array(0) };
  }
  // A byte a displacement suffices for a wiki farm; with many buckets, some would need more than 255 tries.
  for (const displacementBytes of keys.length <= 4096 ? [1, 2, 4] : [2, 4]) {
    for (let seed = 0; seed < SEEDS_TO_TRY; seed++) {
      const placed = tryToPlace(keys, seed, displacementBytes, progress);
      if (placed) return placed;
    }
  }
  throw new Error(`no perfect hash found for ${keys.length} keys`);
}

function tryToPlace(
  keys: readonly string[],
  seed: number,
  displacementBytes: number,
  progress: (done: number, of: number) => void,
): Placed | null {
  const slots = keys.length + Math.max(1, keys.length >>> 5);
  const buckets = Math.ceil(keys.length / KEYS_A_BUCKET);
  const hashA = new Uint32Array(keys.length);
  const hashB = new Uint32Array(keys.length);
  for (let number = 0; number < keys.length; number++) {
    const hash = hashKey(keys[number]!, seed);
    hashA[number] = hash.a;
    hashB[number] = hash.b;
  }
  const bucketOfKey = hashA.map((hash) => partOf(hash, buckets));
  const members = grouped(bucketOfKey, buckets);
  // In the order of the members: what is tried together lies together.
  const a = members.items.map((key) => hashA[key]!);
  const b = members.items.map((key) => hashB[key]!);
  const sizes = new Uint32Array(buckets);
  for (const bucket of bucketOfKey) sizes[bucket]!++;
  const fullest = sizes.reduce((most, size) => Math.max(most, size), 0);
  const fullestFirst = grouped(
    sizes.map((size) => fullest - size),
    fullest + 1,
  ).items;

  const displacements = new Uint32Array(buckets);
  const keyOfSlot = new Int32Array(slots).fill(-1);
  const isTaken = new Uint8Array(slots); // a byte a slot: what is tried all over again stays in the cache
  const most = displacementBytes === 4 ? 0xffffff : 256 ** displacementBytes - 1;
  for (let done = 0; done < buckets; done++) {
    if (done % PROGRESS_EVERY === 0) progress(done, buckets);
    const bucket = fullestFirst[done]!;
    const [from, to] = [members.starts[bucket]!, members.starts[bucket + 1]!];
    checkDifferent(from, to);
    let displacement = 0;
    for (; displacement <= most; displacement++) {
      if (claimSlots(from, to, displacement)) break;
    }
    if (displacement > most) return null;
    displacements[bucket] = displacement;
    for (let i = from; i < to; i++) keyOfSlot[slotOfMember(i, displacement)] = members.items[i]!;
  }
  return { slots, seed, displacementBytes, displacements, keyOfSlot };

  /** Equal keys are in the same bucket, and no displacement would ever part them. */
  function checkDifferent(from: number, to: number): void {
    for (let i = from; i < to; i++) {
      for (let j = from; j < i; j++) {
        if (a[i] === a[j] && keys[members.items[i]!] === keys[members.items[j]!])
          throw new Error("a key occurs twice");
      }
    }
  }

  function slotOfMember(i: number, displacement: number): number {
    return slotOf(a[i]!, b[i]!, displacement, slots);
  }

  /** For the members of a bucket, if all their slots are free. */
  function claimSlots(from: number, to: number, displacement: number): boolean {
    for (let i = from; i < to; i++) {
      const slot = slotOfMember(i, displacement);
      if (isTaken[slot] === 1) {
        for (let j = from; j < i; j++) isTaken[slotOfMember(j, displacement)] = 0;
        return false;
      }
      isTaken[slot] = 1;
    }
    return true;
  }
}

/** Slot of each key. */
export function slotsOf({ keyOfSlot }: Placed, keys: number): Uint32Array {
  const slots = new Uint32Array(keys);
  for (let slot = 0; slot < keyOfSlot.length; slot++) {
    if (keyOfSlot[slot] !== -1) slots[keyOfSlot[slot]!] = slot;
  }
  return slots;
}

/** Slot of a key, -1 where it is none of those that were placed. @param keys as they were placed */
export function slotOfKey(placed: Placed, keys: readonly string[], key: string): number {
  if (keys.length === 0) return -1;
  const { a, b } = hashKey(key, placed.seed);
  const displacement = placed.displacements[partOf(a, placed.displacements.length)]!;
  const slot = slotOf(a, b, displacement, placed.slots);
  return keys[placed.keyOfSlot[slot]!] === key ? slot : -1;
}

const SAMPLE = 2048;
const CANDIDATES = 16;
const MOST_SUFFIXES = 15;

/**
 * Suffixes that many keys end with, longest first, "" last: a key is stored as stem + suffix, and stems are
 * shared (`de` + `wiki`, `de` + `wikibooks`), so the aim is few bytes of distinct stems. Greedy, on a sample
 * of the keys, which bounds the time for a farm of any size.
 */
export function chooseSuffixes(keys: readonly string[]): string[] {
  const step = Math.ceil(keys.length / SAMPLE) || 1;
  const sample = keys.filter((_, i) => i % step === 0);
  const counts = new Map<string, number>();
  for (const key of sample) {
    for (let start = 1; start < key.length; start++) {
      const suffix = key.slice(start);
      counts.set(suffix, (counts.get(suffix) ?? 0) + 1);
    }
  }
  // Where "ikisource" occurs, "wikisource" does: of such a chain only the longest is worth a try.
  const chained = new Set<string>();
  for (const [suffix, count] of counts) {
    if (counts.get(suffix.slice(1)) === count) chained.add(suffix.slice(1));
  }
  const candidates = [...counts]
    .filter(([suffix, count]) => count > 2 && suffix.length <= MAX_STRING_BYTES && !chained.has(suffix))
    .sort(([s, m], [t, n]) => n * t.length - m * s.length || (s < t ? -1 : 1))
    .map(([suffix]) => suffix);

  let chosen: string[] = [];
  let bytes = stemBytes(sample, chosen);
  while (chosen.length < MOST_SUFFIXES) {
    let best: { suffix: string; bytes: number } | null = null;
    for (const suffix of candidates.filter((s) => !chosen.includes(s)).slice(0, CANDIDATES)) {
      const withIt = stemBytes(sample, [...chosen, suffix]) + suffix.length + 4;
      if (withIt < (best?.bytes ?? bytes)) best = { suffix, bytes: withIt };
    }
    if (!best) break;
    chosen = [...chosen, best.suffix];
    bytes = best.bytes;
  }
  return [...chosen.sort((s, t) => t.length - s.length || (s < t ? -1 : 1)), ""];
}

/** Number of the suffix that a key is split at: the longest that fits. */
export function suffixOf(key: string, suffixes: readonly string[]): number {
  return suffixes.findIndex((suffix) => key.endsWith(suffix));
}

function stemBytes(keys: readonly string[], chosen: readonly string[]): number {
  const suffixes = [...chosen].sort((s, t) => t.length - s.length);
  const stems = new Set<string>();
  let bytes = 0;
  for (const key of keys) {
    const suffix = suffixes.find((s) => key.endsWith(s)) ?? "";
    const stem = key.slice(0, key.length - suffix.length);
    if (stems.has(stem)) continue;
    stems.add(stem);
    bytes += stem.length;
  }
  return bytes;
}
