// Text, pairs and output slots of the test guest.

/** Where host calls put their outputs: two words, and one of 64 bits. */
export const slotA: usize = memory.data(8, 8);
export const slotB: usize = memory.data(8, 8);
export const slot64: usize = memory.data(8, 8);

/** The argument "-" stands for nothing. */
export function text(argument: string): ArrayBuffer {
  return argument == "-" ? new ArrayBuffer(0) : String.UTF8.encode(argument);
}

export function address(bytes: ArrayBuffer): usize {
  return changetype<usize>(bytes);
}

/** `0x0a04` are those bytes; anything else is text. */
export function bytes(word: string): ArrayBuffer {
  if (!word.startsWith("0x")) return text(word);
  const size = word.length / 2 - 1;
  const value = new ArrayBuffer(size);
  for (let i = 0; i < size; i++) {
    store<u8>(address(value) + i, <u8>U32.parseInt(word.substring(2 + 2 * i, 4 + 2 * i), 16));
  }
  return value;
}

/** What the host left at the two slots, which is freed: it came from proxy_on_memory_allocate. */
export function taken(): string {
  const at = load<u32>(slotA);
  const size = load<u32>(slotB);
  if (at == 0) return "";
  const value = String.UTF8.decodeUnsafe(at, size);
  heap.free(at);
  return value;
}

/** `a=1,b=2` as a serialised map; "-" as no bytes at all. */
export function pairs(argument: string): ArrayBuffer {
  if (argument == "-") return new ArrayBuffer(0);
  const items = argument.split(",");
  let size = 4;
  for (let i = 0; i < items.length; i++) size += 8 + String.UTF8.byteLength(items[i]) + 1;
  const map = new ArrayBuffer(size);
  const start = changetype<usize>(map);
  store<u32>(start, items.length);
  let data = start + 4 + 8 * items.length;
  for (let i = 0; i < items.length; i++) {
    const cut = items[i].indexOf("=");
    const name = String.UTF8.encode(items[i].substring(0, cut));
    const value = String.UTF8.encode(items[i].substring(cut + 1));
    store<u32>(start + 4 + 8 * i, name.byteLength);
    store<u32>(start + 8 + 8 * i, value.byteLength);
    memory.copy(data, changetype<usize>(name), name.byteLength);
    data += name.byteLength + 1;
    memory.copy(data, changetype<usize>(value), value.byteLength);
    data += value.byteLength + 1;
  }
  return map;
}

/** A serialised map at the two slots as `a=1,b=2`; freed. */
export function takenPairs(): string {
  const start: usize = load<u32>(slotA);
  if (start == 0) return "";
  const count = load<u32>(start);
  let data = start + 4 + 8 * count;
  let list = "";
  for (let i: u32 = 0; i < count; i++) {
    const nameSize = load<u32>(start + 4 + 8 * i);
    const valueSize = load<u32>(start + 8 + 8 * i);
    if (i > 0) list += ",";
    list += `${String.UTF8.decodeUnsafe(data, nameSize)}=`;
    list += String.UTF8.decodeUnsafe(data + nameSize + 1, valueSize);
    data += nameSize + 1 + valueSize + 1;
  }
  heap.free(start);
  return list;
}
