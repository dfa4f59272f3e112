/** A table's bytes: numbers, strings and keys, as far as they can be read by places alone. */
import * as L from "../../assembly/layout.ts";
import type { KeySetShape } from "../../assembly/section-reader.ts";

/** A section: where it starts and how long it is, in bytes. */
export interface Area {
  name: number;
  start: number;
  length: number;
}

/** `0x53525453` → `STRS`, as errors show a section's name. */
export function sectionName(name: number): string {
  const letters = [name, name >>> 8, name >>> 16, name >>> 24].map((n) => n & 0xff);
  return letters.map((c) => (c > 0x20 && c < 0x7f ? String.fromCharCode(c) : "?")).join("");
}

/** A table's bytes and what can be read of them without knowing more than where the sections lie. */
export class TableBytes {
  private readonly view: DataView;
  private readonly known = new Map<number, Area>();

  constructor(readonly bytes: Uint8Array) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Every section, in the directory's order. */
  areas(): Area[] {
    return Array.from({ length: this.u16(L.HEADER_SECTIONS) }, (_, i) => {
      const at = L.HEADER_BYTES + i * L.DIRECTORY_ENTRY;
      const start = this.u32(at + L.DIRECTORY_OFFSET);
      return { name: this.u32(at), start, length: this.u32(at + L.DIRECTORY_LENGTH) };
    });
  }

  /** Of a section that is there. */
  area(name: number): Area {
    if (this.known.size === 0) for (const area of this.areas()) this.known.set(area.name, area);
    return this.known.get(name)!;
  }

  /** Text of string `number`; null for NONE. */
  string(number: number): string | null {
    if (number === L.NONE) return null;
    const ends = this.area(L.SECTION_STRINGS).start + L.STRINGS_ENDS;
    const bytes = ends + 4 * this.u32(ends - L.STRINGS_ENDS);
    const start = number === 0 ? 0 : this.u32(ends + 4 * (number - 1));
    return this.text(bytes + start, this.u32(ends + 4 * number) - start);
  }

  /** Key in a slot, null for an empty one. */
  key(set: KeySetShape, slot: number): string | null {
    const stem = this.entryField(set, slot, 0, set.stemBits);
    if (stem === emptyStem(set)) return null;
    const suffix = this.entryField(set, slot, set.stemBits, set.suffixBits);
    return this.stem(stem) + this.string(set.firstSuffix + suffix)!;
  }

  value(set: KeySetShape, slot: number): number {
    const shift = set.stemBits + set.suffixBits;
    return this.entryField(set, slot, shift, 8 * set.entryBytes - shift);
  }

  /** `width` (1…32) bits of an entry, from bit `shift` on. */
  entryField(set: KeySetShape, slot: number, shift: number, width: number): number {
    const at = set.entries + slot * set.entryBytes;
    const low = this.uint(at, Math.min(4, set.entryBytes));
    const high = set.entryBytes > 4 ? this.uint(at + 4, set.entryBytes - 4) : 0;
    const shifted =
      shift >= 32 ? high >>> (shift - 32) : shift === 0 ? low : (low >>> shift) | (high << (32 - shift));
    return (width === 32 ? shifted : shifted & ((1 << width) - 1)) >>> 0;
  }

  /** Stems are sorted by length: whole groups are stepped over until the one that holds the number. */
  private stem(number: number): string {
    const { start } = this.area(L.SECTION_STEMS);
    const groups = this.u32(start);
    let at = start + L.STEMS_GROUPS + 4 * groups;
    for (let i = 0; i < groups; i++) {
      const group = this.u32(start + L.STEMS_GROUPS + 4 * i);
      const length = group & 0xff;
      const count = group >>> L.STEMS_COUNT_SHIFT;
      if (number < count) return this.text(at + number * length, length);
      number -= count;
      at += length * count;
    }
    throw new Error("a stem that was checked is not there");
  }

  u8(at: number): number {
    return this.view.getUint8(at);
  }

  u16(at: number): number {
    return this.view.getUint16(at, true);
  }

  u32(at: number): number {
    return this.view.getUint32(at, true);
  }

  /** @param bytes 1…4 */
  uint(at: number, bytes: number): number {
    if (bytes === 4) return this.u32(at);
    if (bytes === 3) return this.u16(at) | (this.u8(at + 2) << 16);
    return bytes === 2 ? this.u16(at) : this.u8(at);
  }

  protected text(start: number, length: number): string {
    let text = "";
    for (let at = start; at < start + length; at++) text += String.fromCharCode(this.bytes[at]!);
    return text;
  }
}

/** The stem of an empty slot: all ones. */
export function emptyStem(set: KeySetShape): number {
  return (1 << set.stemBits) - 1;
}
