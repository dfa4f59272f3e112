/** The hashes of a table's keys, as the filter computes them. */
import {
  HASH_LANE_A,
  HASH_LANE_B,
  HASH_LANE_SHIFT,
  HASH_MIX_1,
  HASH_MIX_2,
  HASH_SEED_B,
  SHARE_HASH,
} from "../../assembly/layout.ts";

/** What {@link hashText} is made of, for who writes it in another language. */
export const TEXT_HASH = { seed: HASH_SEED_B, step: SHARE_HASH, mix1: HASH_MIX_1, mix2: HASH_MIX_2 };

/** Finaliser of MurmurHash3: every bit of the input moves every bit of the output. */
export function mix(h: number): number {
  h = Math.imul(h ^ (h >>> 16), HASH_MIX_1);
  h = Math.imul(h ^ (h >>> 13), HASH_MIX_2);
  return (h ^ (h >>> 16)) >>> 0;
}

/** Two independent u32 of a key; `a` gives its bucket, both its slot. Characters are bytes. */
export function hashKey(key: string, seed: number): { a: number; b: number } {
  let a = seed;
  let b = seed ^ HASH_SEED_B;
  const whole = key.length & ~3;
  for (let i = 0; i < whole; i += 4) {
    const word = wordAt(key, i, i + 4);
    a = Math.imul(a ^ word, HASH_LANE_A);
    b = Math.imul(b ^ word, HASH_LANE_B);
    a ^= a >>> HASH_LANE_SHIFT;
    b ^= b >>> HASH_LANE_SHIFT;
  }
  const last = wordAt(key, whole, key.length);
  return {
    a: mix(Math.imul(a ^ last, HASH_LANE_A) ^ key.length),
    b: mix(Math.imul(b ^ last, HASH_LANE_B) ^ key.length),
  };
}

/** At most four bytes as a little-endian u32. Never past the end of the key: the engine would be slow at all of them. */
function wordAt(key: string, from: number, to: number): number {
  let word = 0;
  for (let i = from; i < to; i++) word |= key.charCodeAt(i) << (8 * (i - from));
  return word;
}

/** Where a u32 lies among `count` parts of equal size that all u32 make: `h * count >> 32`, in halves of `h`. */
export function partOf(h: number, count: number): number {
  const low = Math.floor(((h & 0xffff) * count) / 0x10000);
  return Math.floor(((h >>> 16) * count + low) / 0x10000);
}

/** The only slot where a key of that hash may lie, given its bucket's displacement. */
export function slotOf(a: number, b: number, displacement: number, slots: number): number {
  return partOf(mix(b ^ Math.imul(a, 2 * displacement + 1)), slots);
}

/** A u32 of a text, to cut shares by. Characters are bytes. */
export function hashText(text: string): number {
  let a: number = TEXT_HASH.seed;
  for (let i = 0; i < text.length; i++) a = Math.imul(a ^ text.charCodeAt(i), TEXT_HASH.step);
  return mix(a);
}
