import { HASH_LANE_A, HASH_LANE_B, HASH_MIX_1, HASH_MIX_2, HASH_SEED_B } from "../../assembly/layout.ts";

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
  for (let i = 0; i < key.length; i++) {
    const byte = key.charCodeAt(i);
    a = Math.imul(a ^ byte, HASH_LANE_A);
    b = Math.imul(b ^ byte, HASH_LANE_B);
  }
  return { a: mix(a), b: mix(b) };
}

/** The only slot where a key of that hash may lie, given its bucket's displacement. */
export function slotOf(a: number, b: number, displacement: number, slots: number): number {
  return mix(b ^ Math.imul(a, 2 * displacement + 1)) % slots;
}

/** A u32 of a text, to cut shares by. Characters are bytes. */
export function hashText(text: string): number {
  let a: number = HASH_SEED_B;
  for (let i = 0; i < text.length; i++) a = Math.imul(a ^ text.charCodeAt(i), HASH_LANE_A);
  return mix(a);
}
