// The filter's own table and look-up without a proxy around it: loads a table, then looks up a list of keys many times.

import { loadTable } from "../../assembly/load";
import { find, Table } from "../../assembly/table";

let table: Table | null = null;

/** @returns room for `size` bytes, and 8 more */
export function take(size: u32): usize {
  return heap.alloc(size + 8);
}

/** @param bytes from `take` */
export function open(bytes: usize, length: u32): bool {
  table = loadTable(0, bytes, length);
  return table != null;
}

/**
 * Looks up each of `count` keys, `rounds` times. A key is a u16 length and its bytes.
 * @returns how many were found
 */
export function lookUp(keys: usize, count: u32, rounds: u32): u32 {
  const mine = table!;
  let found: u32 = 0;
  for (let round: u32 = 0; round < rounds; round++) {
    let at = keys;
    for (let i: u32 = 0; i < count; i++) {
      const length: u32 = load<u16>(at);
      if (find(mine, mine.hosts, at + 2, length) >= 0) found++;
      at += 2 + length;
    }
  }
  return found;
}

/** The same loop without the look-up. */
export function walk(keys: usize, count: u32, rounds: u32): u32 {
  let sum: u32 = 0;
  for (let round: u32 = 0; round < rounds; round++) {
    let at = keys;
    for (let i: u32 = 0; i < count; i++) {
      const length: u32 = load<u16>(at);
      sum += load<u8>(at + 2);
      at += 2 + length;
    }
  }
  return sum;
}
