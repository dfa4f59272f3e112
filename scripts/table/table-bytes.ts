import * as L from "../../assembly/layout.ts";

/** A stretch of the table: where it starts and how long it is, in bytes. */
export interface Area {
  start: number;
  length: number;
}

/** WIKI or HOST: a perfect hash over label + suffix. */
export interface KeySet {
  count: number;
  slots: number;
  seed: number;
  buckets: number;
  displacementBytes: number;
  displacements: number;
  entryBytes: number;
  entries: number;
  labelBits: number;
  suffixBits: number;
  firstSuffix: number;
  suffixes: number;
  /** Values are below this. */
  values: number;
}

/** A table's bytes and what can be read of them without knowing more than where the sections lie. */
export class TableBytes {
  private readonly view: DataView;
  private readonly buffer: Buffer;

  constructor(
    readonly bytes: Uint8Array,
    private readonly areas: ReadonlyMap<number, Area>,
  ) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Of a section that is there. */
  area(name: number): Area {
    return this.areas.get(name)!;
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
  key(set: KeySet, slot: number): string | null {
    const label = this.entryField(set, slot, 0, set.labelBits);
    if (label === emptyLabel(set)) return null;
    const suffix = this.entryField(set, slot, set.labelBits, set.suffixBits);
    return this.label(label) + this.string(set.firstSuffix + suffix)!;
  }

  value(set: KeySet, slot: number): number {
    const shift = set.labelBits + set.suffixBits;
    return this.entryField(set, slot, shift, 8 * set.entryBytes - shift);
  }

  /** `width` (1…32) bits of an entry, from bit `shift` on. */
  entryField(set: KeySet, slot: number, shift: number, width: number): number {
    const at = set.entries + slot * set.entryBytes;
    const low = this.uint(at, Math.min(4, set.entryBytes));
    const high = set.entryBytes > 4 ? this.uint(at + 4, set.entryBytes - 4) : 0;
    const shifted =
      shift >= 32 ? high >>> (shift - 32) : shift === 0 ? low : (low >>> shift) | (high << (32 - shift));
    return (width === 32 ? shifted : shifted & ((1 << width) - 1)) >>> 0;
  }

  /** Labels are sorted by length: whole groups are stepped over until the one that holds the number. */
  private label(number: number): string {
    const { start } = this.area(L.SECTION_LABELS);
    const groups = this.u32(start);
    let at = start + L.LABELS_GROUPS + 4 * groups;
    for (let i = 0; i < groups; i++) {
      const group = this.u32(start + L.LABELS_GROUPS + 4 * i);
      const length = group & 0xff;
      const count = group >>> L.LABELS_COUNT_SHIFT;
      if (number < count) return this.text(at + number * length, length);
      number -= count;
      at += length * count;
    }
    throw new Error("a label that was checked is not there");
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

  private text(start: number, length: number): string {
    return this.buffer.toString("latin1", start, start + length);
  }
}

/** The label of an empty slot: all ones. */
export function emptyLabel(set: KeySet): number {
  return (1 << set.labelBits) - 1;
}
