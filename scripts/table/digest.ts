/** The digest of a table's routing content; apart from the table's reader, which needs no SHA-256. */
import { sha256 } from "@noble/hashes/sha2.js";
import * as L from "../../assembly/layout.ts";
import { hexOf, type Table } from "./table.ts";

export interface Section {
  /** Four ASCII letters as a little-endian u32. */
  name: number;
  bytes: Uint8Array;
}

export const isOptional = (name: number): boolean => (name & L.OPTIONAL_BIT) !== 0;

/** SHA-256, cut to `DIGEST_BYTES`, over the required sections' names and bytes: the same routing, the same digest. */
export function digestOf(sections: readonly Section[]): Uint8Array {
  const hash = sha256.create();
  const head = new DataView(new ArrayBuffer(8));
  for (const { name, bytes } of sections) {
    if (isOptional(name)) continue;
    head.setUint32(0, name, true);
    head.setUint32(4, bytes.length, true);
    hash.update(new Uint8Array(head.buffer));
    hash.update(bytes);
  }
  return hash.digest().subarray(0, L.DIGEST_BYTES);
}

/** The digest is true: not checked on opening, since the checksum already guards against accidents. */
export function digestHolds(table: Table): boolean {
  const sections = table.sections.map(({ name }) => ({ name, bytes: table.section(name)! }));
  return hexOf(digestOf(sections)) === table.digest;
}
