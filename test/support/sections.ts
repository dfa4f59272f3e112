/** Sections written by hand, for tables that the encoder would not make. */
import * as L from "../../assembly/layout.ts";
import { Writer } from "../../scripts/encode/writer.ts";
import type { EmitKind } from "../../scripts/plan.ts";
import type { Table } from "../../scripts/table/table.ts";
import { EMIT_KINDS } from "../../scripts/table/wire.ts";

/** Every text of STRS, by its number. */
export function stringsOf(table: Table): string[] {
  const section = Buffer.from(table.section(L.SECTION_STRINGS)!);
  const count = section.readUInt32LE(0);
  const text = section.subarray(L.STRINGS_ENDS + 4 * count).toString("latin1");
  const end = (number: number) => (number < 0 ? 0 : section.readUInt32LE(L.STRINGS_ENDS + 4 * number));
  return Array.from({ length: count }, (_, number) => text.slice(end(number - 1), end(number)));
}

/** HDRS's bytes. @param names numbers in STRS */
export function headerBytes(names: readonly number[]): Uint8Array {
  const writer = new Writer().u32(names.length);
  for (const name of names) writer.u16(name);
  return writer.bytes();
}

/** EMIT's bytes; `header` is a number in HDRS. */
export function emitBytes(emit: readonly { kind: EmitKind; header: number }[]): Uint8Array {
  const writer = new Writer().u32(emit.length);
  for (const { kind, header } of emit) writer.u8(EMIT_KINDS[kind]).u8(header);
  return writer.bytes();
}
