/** The table around its sections: header, directory, checksum, digest. */
import * as L from "../../assembly/layout.ts";
import { crc32 } from "../table/crc32.ts";
import { digestOf, type Section } from "../table/digest.ts";
import { Table } from "../table/table.ts";

/** @param generation 1…2^32−1 */
export function assemble(sections: readonly Section[], generation: number): Uint8Array {
  return layOut(sections, generation, digestOf(sections));
}

/** @param digest of `DIGEST_BYTES` bytes, which no reader checks when it opens a table */
export function layOut(sections: readonly Section[], generation: number, digest: Uint8Array): Uint8Array {
  const bodyStart = L.HEADER_BYTES + sections.length * L.DIRECTORY_ENTRY;
  const length = sections.reduce((sum, section) => sum + section.bytes.length, bodyStart);
  const table = new Uint8Array(length);
  const view = new DataView(table.buffer);
  view.setUint32(L.HEADER_MAGIC, L.MAGIC, true);
  view.setUint32(L.HEADER_LENGTH, length, true);
  view.setUint16(L.HEADER_VERSION, L.LAYOUT_VERSION, true);
  view.setUint16(L.HEADER_SECTIONS, sections.length, true);
  view.setUint32(L.HEADER_GENERATION, generation, true);
  table.set(digest, L.HEADER_DIGEST);
  let offset = bodyStart;
  for (const [i, { name, bytes }] of sections.entries()) {
    const entry = L.HEADER_BYTES + i * L.DIRECTORY_ENTRY;
    view.setUint32(entry, name, true);
    view.setUint32(entry + L.DIRECTORY_OFFSET, offset, true);
    view.setUint32(entry + L.DIRECTORY_LENGTH, bytes.length, true);
    table.set(bytes, offset);
    offset += bytes.length;
  }
  writeChecksum(table);
  return table;
}

/** A copy of the table in another generation. @param generation 1…2^32−1 */
export function withGeneration(table: Uint8Array, generation: number): Uint8Array {
  const copy = new Uint8Array(table); // a Buffer's slice would share its memory
  new DataView(copy.buffer).setUint32(L.HEADER_GENERATION, generation, true);
  writeChecksum(copy);
  return copy;
}

/** The same table under another number. */
export function inGeneration(table: Table, generation: number): Table {
  return table.generation === generation ? table : new Table(withGeneration(table.bytes, generation));
}

/** Makes the checksum true again after bytes were changed in place. */
export function writeChecksum(table: Uint8Array): void {
  const view = new DataView(table.buffer, table.byteOffset, table.byteLength);
  view.setUint32(L.HEADER_CHECKSUM, crc32(table.subarray(L.CHECKSUM_FROM)), true);
}
