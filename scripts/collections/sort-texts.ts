/** Sorts many texts by their bytes without copying them. */
import { byteStringOf, bytesOf } from "../../host-sim/bytes.ts";
import { grouped } from "./grouped.ts";

export interface Sorted {
  /** The texts, sorted. They lie in memory one after another: to walk over very many is then several times as fast. */
  texts: string[];
  /** The number that each had; of equal texts the first stands first. */
  order: Uint32Array;
}

/**
 * A radix sort: it tells the order itself, so that what belongs to the texts can follow, and a million take a fraction
 * of the time that comparing them does.
 * @param texts of characters up to U+00FF
 */
export function sortTexts(texts: readonly string[]): Sorted {
  const bytes = bytesOf(texts.join(""));
  const starts = new Uint32Array(texts.length + 1);
  for (let n = 0; n < texts.length; n++) starts[n + 1] = starts[n]! + texts[n]!.length;
  const order = orderOf(bytes, starts);
  return { texts: laidOut(bytes, starts, order), order };
}

/** Two places at a time, the last ones first. */
function orderOf(bytes: Uint8Array, starts: Uint32Array): Uint32Array {
  const lengths = new Uint32Array(starts.length - 1);
  for (let n = 0; n < lengths.length; n++) lengths[n] = starts[n + 1]! - starts[n]!;
  const longest = lengths.reduce((most, length) => Math.max(most, length), 0);
  const byLength = grouped(lengths, longest + 1);
  const order = byLength.items;
  const sorted = new Uint32Array(order.length);
  const column = new Uint16Array(order.length);
  for (let place = (longest - 1) & ~1; place >= 0; place -= 2) {
    // From here on are the texts that reach the place: those that end there, then the longer ones, sorted by their rest.
    const from = byLength.starts[place + 1]!;
    // The places' bytes side by side: looked for in all of the text, each would be waited for.
    for (let n = 0; n < column.length; n++) {
      const at = starts[n]! + place;
      column[n] = (bytes[at]! << 8) | (at + 1 < starts[n + 1]! ? bytes[at + 1]! : 0);
    }
    const next = new Uint32Array(0x10001);
    for (let i = from; i < order.length; i++) next[column[order[i]!]! + 1]!++;
    next[0] = from;
    for (let value = 1; value < 0x10000; value++) next[value]! += next[value - 1]!;
    for (let i = from; i < order.length; i++) sorted[next[column[order[i]!]!]!++] = order[i]!;
    order.set(sorted.subarray(from), from);
  }
  return order;
}

function laidOut(bytes: Uint8Array, starts: Uint32Array, order: Uint32Array): string[] {
  const ordered = new Uint8Array(bytes.length);
  const ends = new Uint32Array(order.length);
  let end = 0;
  for (let i = 0; i < order.length; i++) {
    const n = order[i]!;
    for (let at = starts[n]!; at < starts[n + 1]!; at++) ordered[end++] = bytes[at]!;
    ends[i] = end;
  }
  const text = byteStringOf(ordered);
  const texts: string[] = [];
  for (let i = 0; i < ends.length; i++) texts.push(text.slice(i === 0 ? 0 : ends[i - 1], ends[i]));
  return texts;
}
