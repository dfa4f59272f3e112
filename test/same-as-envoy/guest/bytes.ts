// What the proxy hands out, shown byte for byte: other tests' guests read it as UTF-8.
import { slotA, slotB } from "../../support/guest/bytes";

const shownAtMost: u32 = 6000;

/** Printable ASCII as it is, every other byte as \\xNN; of what is long the start, its size and a checksum. */
export function shown(start: usize, size: u32): string {
  const count = min(size, shownAtMost);
  const text = new ArrayBuffer(4 * count);
  let at: usize = changetype<usize>(text);
  for (let i: u32 = 0; i < count; i++) {
    const byte = load<u8>(start + i);
    if (byte >= 32 && byte < 127 && byte !== 92) store<u8>(at++, byte);
    else {
      store<u16>(at, 0x785c);
      store<u8>(at + 2, digit(byte >> 4));
      store<u8>(at + 3, digit(byte & 15));
      at += 4;
    }
  }
  const line = String.UTF8.decodeUnsafe(changetype<usize>(text), at - changetype<usize>(text));
  return size <= shownAtMost
    ? line
    : `${line}... ${size.toString()} bytes, ${checksum(start, size).toString()}`;
}

function digit(value: u8): u8 {
  return value < 10 ? 48 + value : 87 + value;
}

/** FNV-1a */
function checksum(start: usize, size: u32): u32 {
  let hash: u32 = 0x811c9dc5;
  for (let i: u32 = 0; i < size; i++) hash = (hash ^ load<u8>(start + i)) * 0x01000193;
  return hash;
}

/** What lies at the two slots, which is freed. */
export function takenShown(): string {
  const start: usize = load<u32>(slotA);
  if (start === 0) return "";
  const line = shown(start, load<u32>(slotB));
  heap.free(start);
  return line;
}

/** A serialised map at the two slots as `a=1,b=2`; freed. */
export function takenPairsShown(): string {
  const start: usize = load<u32>(slotA);
  if (start === 0) return "";
  const count = load<u32>(start);
  let data = start + 4 + 8 * count;
  let line = "";
  for (let i: u32 = 0; i < count; i++) {
    const nameSize = load<u32>(start + 4 + 8 * i);
    const valueSize = load<u32>(start + 8 + 8 * i);
    if (i > 0) line += ",";
    line += `${shown(data, nameSize)}=${shown(data + nameSize + 1, valueSize)}`;
    data += nameSize + 1 + valueSize + 1;
  }
  heap.free(start);
  return line;
}
