/** The bytes of WIKI and of HOST: each key at its place in the hash, with what it leads to. */
import * as L from "../../assembly/layout.ts";
import type { Placed } from "./keyset.ts";
import type { SplitKeys } from "./stems.ts";
import { Writer } from "./writer.ts";

/** WIKI's keys or HOST's, and where each of them lies. */
export interface PlacedKeys extends SplitKeys {
  /** Number of each key's stem. */
  stems: Uint32Array;
  placed: Placed;
}

/** @param values of each key, all of them below `valueCount` */
export function encodeKeys(
  { keys, stems, suffixes, suffixOfKey, placed }: PlacedKeys,
  stemCount: number,
  values: Uint32Array,
  valueCount: number,
  firstSuffix: number,
): Uint8Array {
  const stemBits = bitsFor(stemCount + 1); // one more: all ones means an empty slot
  const suffixBits = bitsFor(suffixes.length);
  const entryBytes = Math.ceil((stemBits + suffixBits + bitsFor(valueCount)) / 8);
  const { slots, displacements, displacementBytes } = placed;
  const size = L.KEYS_BODY + displacements.length * displacementBytes + slots * entryBytes;
  const writer = new Writer(size)
    .u32(keys.length)
    .u32(slots)
    .u32(displacements.length)
    .u32(placed.seed)
    .u8(displacementBytes)
    .u8(entryBytes)
    .u8(stemBits)
    .u8(suffixBits)
    .u16(firstSuffix)
    .u16(suffixes.length);
  for (const displacement of displacements) writer.uint(displacement, displacementBytes);
  // An entry may have more than 32 bits: sums and products, not shifts.
  const [stemUnits, suffixUnits] = [2 ** stemBits, 2 ** suffixBits];
  for (const key of placed.keyOfSlot) {
    const high = key === -1 ? 0 : values[key]! * suffixUnits + suffixOfKey[key]!;
    const stem = key === -1 ? stemUnits - 1 : stems[key]!;
    writer.uint(high * stemUnits + stem, entryBytes);
  }
  return writer.bytes();
}

/** Bits that tell `count` values apart, at least one. */
function bitsFor(count: number): number {
  return Math.max(1, 32 - Math.clz32(Math.max(0, count - 1)));
}
