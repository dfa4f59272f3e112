/** The check of assembly/check.ts, on bytes in Node. */
import { Checker } from "../../assembly/check.ts";
import type { KeySetShape } from "../../assembly/section-reader.ts";
import { crc32 } from "./crc32.ts";
import { emptyStem, sectionName, type TableBytes } from "./table-bytes.ts";

/** Why a table is refused: one sentence that says what is wrong and where, the same as the filter logs. */
export class TableError extends Error {}

/** `check()` throws TableError. */
export class TableChecker extends Checker {
  private sentence = "";

  constructor(private readonly table: TableBytes) {
    super();
    this.length = table.bytes.length;
  }

  u8(at: number): number {
    return this.table.u8(at);
  }

  u16(at: number): number {
    return this.table.u16(at);
  }

  u32(at: number): number {
    return this.table.u32(at);
  }

  checksumFrom(at: number): number {
    return crc32(this.table.bytes.subarray(at));
  }

  isPrintable(at: number, length: number): boolean {
    const { bytes } = this.table;
    for (let i = at; i < at + length; i++) if (bytes[i]! < 0x20 || bytes[i]! > 0x7e) return false;
    return true;
  }

  firstUnsound(set: KeySetShape, stems: number): number {
    this.keys = 0;
    for (let slot = 0; slot < set.slots; slot++) {
      const stem = this.table.entryField(set, slot, 0, set.stemBits);
      if (stem === emptyStem(set)) continue;
      const suffix = this.table.entryField(set, slot, set.stemBits, set.suffixBits);
      if (stem >= stems || suffix >= set.suffixes || this.table.value(set, slot) >= set.values) return slot;
      this.keys++;
    }
    return set.slots;
  }

  isFilled(set: KeySetShape, slot: number): boolean {
    return slot < set.slots && this.table.entryField(set, slot, 0, set.stemBits) !== emptyStem(set);
  }

  leadToWikis(hosts: KeySetShape, wikis: KeySetShape): boolean {
    for (let slot = 0; slot < hosts.slots; slot++) {
      if (!this.isFilled(hosts, slot)) continue;
      const value = this.table.value(hosts, slot);
      if (value < wikis.slots && !this.isFilled(wikis, value)) return false;
    }
    return true;
  }

  say(text: string): void {
    this.sentence += text;
  }

  sayNumber(number: number): void {
    this.sentence += number;
  }

  saySection(name: number): void {
    this.sentence += sectionName(name);
  }

  refuse(): never {
    throw new TableError(this.sentence);
  }
}
