/** A table as a store has it: verified whenever it is read. */
import { SourceError } from "../sources/problem.ts";
import { TableError } from "../table/check.ts";
import { digestHolds } from "../table/digest.ts";
import { Table } from "../table/table.ts";

/** @param file where it lies, for errors. Throws SourceError. */
export function readTable(bytes: Uint8Array, digest: string, file: string): Table {
  let table: Table;
  try {
    table = new Table(bytes);
  } catch (error) {
    if (!(error instanceof TableError)) throw error;
    throw new SourceError({ file }, error.message);
  }
  if (table.digest === digest && digestHolds(table)) return table;
  throw new SourceError(
    { file },
    "its content is not what its name says: a push of the same content mends it",
  );
}
