/** Two tables, and what changes from one to the other. */
import { Asker } from "./asker.ts";
import { type CompareProps, OfTablesPart } from "./of-tables-part.tsx";
import { type Opened, openTable } from "./opened.ts";
import type { Fields } from "./question-form.ts";
import type { TableFile } from "./what-changes.ts";

/** By the table's bytes: each asker compiles the filter. */
const askers = new WeakMap<Uint8Array, Asker>();

const ask: CompareProps["ask"] = async ({ name, bytes }: TableFile, fields: Fields) => {
  const asker = askers.get(bytes) ?? new Asker(openTable(name, bytes));
  askers.set(bytes, asker);
  return asker.ask(fields);
};

export function Compare({ opened: { name, table, before }, fields }: { opened: Opened; fields: Fields }) {
  const props = { opened: { name, bytes: table.bytes }, before, fields, ask };
  return <OfTablesPart draw={(part, into) => part.compare(into, props)} />;
}
