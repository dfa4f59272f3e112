/**
 * Bounds-checked access to a guest's linear memory.
 *
 * Addresses and sizes are unsigned 32-bit numbers, and texts byte strings.
 */
import { byteStringOf } from "./bytes.ts";

/** The largest serialised map that a host reads, in pairs and in bytes (proxy-wasm-cpp-host, limits.h). */
const maxPairs = 1024;
const maxPairsBytes = 1024 * 1024;

/** A header or trailer: name, value; both byte strings. */
export type Pair = readonly [name: string, value: string];

export class GuestMemory {
  readonly #memory: WebAssembly.Memory;
  #bytes = new Uint8Array(0);
  #view = new DataView(new ArrayBuffer(0));

  /** @internal */
  constructor(memory: WebAssembly.Memory) {
    this.#memory = memory;
  }

  /** Size of the linear memory in bytes. */
  get size(): number {
    return this.#memory.buffer.byteLength;
  }

  /** The whole memory, valid until the guest next runs: growing detaches it. */
  get bytes(): Uint8Array {
    this.#refresh();
    return this.#bytes;
  }

  /** Growing the memory detaches the old buffer, so views are made anew when it changed. */
  #refresh(): void {
    const { buffer } = this.#memory;
    if (buffer !== this.#view.buffer) {
      this.#bytes = new Uint8Array(buffer);
      this.#view = new DataView(buffer);
    }
  }

  contains(address: number, size: number): boolean {
    this.#refresh();
    return address + size <= this.#bytes.length;
  }

  /** The byte string at an address, or null if any of it lies outside. */
  string(address: number, size: number): string | null {
    this.#refresh();
    if (address + size > this.#bytes.length) return null;
    return byteStringOf(this.#bytes, address, address + size);
  }

  /** The byte string from an address to the next NUL, or to the end of the memory. */
  cString(address: number): string {
    this.#refresh();
    const end = this.#bytes.indexOf(0, address);
    return byteStringOf(this.#bytes, address, end < 0 ? this.#bytes.length : end);
  }

  /** A copy of the bytes at an address, or null if any lie outside. */
  copy(address: number, size: number): Uint8Array | null {
    this.#refresh();
    if (address + size > this.#bytes.length) return null;
    return this.#bytes.slice(address, address + size);
  }

  u32(address: number): number | null {
    this.#refresh();
    return address + 4 > this.#view.byteLength ? null : this.#view.getUint32(address, true);
  }

  /** Writes a little-endian u32; false if it would lie outside. */
  setU32(address: number, value: number): boolean {
    this.#refresh();
    if (address + 4 > this.#view.byteLength) return false;
    this.#view.setUint32(address, value, true);
    return true;
  }

  setU64(address: number, value: bigint): boolean {
    this.#refresh();
    if (address + 8 > this.#view.byteLength) return false;
    this.#view.setBigUint64(address, value, true);
    return true;
  }

  /** Writes bytes or a byte string; false if any would lie outside. */
  write(address: number, value: Uint8Array | string): boolean {
    this.#refresh();
    if (address + value.length > this.#bytes.length) return false;
    if (typeof value === "string") this.#writeString(address, value);
    else this.#bytes.set(value, address);
    return true;
  }

  /** Writes a serialised map of `pairsSize(pairs)` bytes (specification, "Serialization"). */
  writePairs(address: number, pairs: readonly Pair[]): boolean {
    this.#refresh();
    if (address + pairsSize(pairs) > this.#bytes.length) return false;
    this.#view.setUint32(address, pairs.length, true);
    let sizes = address + 4;
    let data = sizes + pairs.length * 8;
    for (const [name, value] of pairs) {
      this.#view.setUint32(sizes, name.length, true);
      this.#view.setUint32(sizes + 4, value.length, true);
      sizes += 8;
      data = this.#writeTerminated(data, name);
      data = this.#writeTerminated(data, value);
    }
    return true;
  }

  #writeTerminated(address: number, value: string): number {
    this.#writeString(address, value);
    this.#bytes[address + value.length] = 0;
    return address + value.length + 1;
  }

  #writeString(address: number, value: string): void {
    for (let i = 0; i < value.length; i++) this.#bytes[address + i] = value.charCodeAt(i);
  }

  /**
   * Reads a serialised map: `outside` if the range is not in memory, null if its content contradicts its size or
   * goes beyond what hosts accept. No bytes, or one zero byte, are the empty map.
   */
  pairs(address: number, size: number): Pair[] | null | "outside" {
    this.#refresh();
    if (address + size > this.#bytes.length) return "outside";
    if (size === 0 || (size === 1 && this.#bytes[address] === 0)) return [];
    if (size < 4 || size > maxPairsBytes) return null;
    const count = this.#view.getUint32(address, true);
    const end = address + size;
    let sizes = address + 4;
    let data = sizes + count * 8;
    if (count > maxPairs || data > end) return null;
    const pairs: Pair[] = [];
    for (let i = 0; i < count; i++, sizes += 8) {
      const nameEnd = data + this.#view.getUint32(sizes, true);
      const valueEnd = nameEnd + 1 + this.#view.getUint32(sizes + 4, true);
      if (valueEnd + 1 > end) return null;
      if (this.#bytes[nameEnd] !== 0 || this.#bytes[valueEnd] !== 0) return null;
      pairs.push([
        byteStringOf(this.#bytes, data, nameEnd),
        byteStringOf(this.#bytes, nameEnd + 1, valueEnd),
      ]);
      data = valueEnd + 1;
    }
    return pairs;
  }
}

/** Bytes that a map takes when serialised: count, sizes, and each name and value with a NUL after it. */
export function pairsSize(pairs: readonly Pair[]): number {
  let size = 4;
  for (const [name, value] of pairs) size += 8 + name.length + 1 + value.length + 1;
  return size;
}

/** A list of pairs as the bytes that `proxy_get_header_map_pairs` returns; for tests and tools. */
export function serializePairs(pairs: readonly Pair[]): Uint8Array {
  const pages = Math.ceil(pairsSize(pairs) / 65536) + 1;
  const memory = new GuestMemory(new WebAssembly.Memory({ initial: pages }));
  memory.writePairs(0, pairs);
  return memory.bytes.subarray(0, pairsSize(pairs));
}
