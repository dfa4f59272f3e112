/** The bytes of a file that a person gives for a table. */
import { MAX_TABLE_BYTES } from "../../assembly/layout.ts";

/** Rejects where it is larger than any table; whether it is one, is not looked at. */
export async function readTableFile(file: File): Promise<Uint8Array> {
  if (file.size > MAX_TABLE_BYTES) throw new Error(`it has more than ${MAX_TABLE_BYTES} bytes`);
  return new Uint8Array(await file.arrayBuffer());
}
