/** As which proxy a question is asked. */
import { findListener, UnknownListener } from "../table/decide.ts";
import type { Where } from "../table/request.ts";
import { type DataCentres, isSecondary } from "../table/secondary.ts";
import type { Table } from "../table/table.ts";

/** As which proxy a question is asked; what is left out is the table's first listener, in the primary data centre. */
export interface AskedAt extends DataCentres {
  listener?: string;
}

/** Throws UnknownListener, which says which listeners there are. */
export function whereOf(table: Table, { listener, ...at }: AskedAt): Where {
  try {
    const found = findListener(table, listener ?? null);
    return { listener: found.name, secondary: isSecondary(found, at) };
  } catch (error) {
    if (!(error instanceof UnknownListener)) throw error;
    const names = table.listeners.map(({ name }) => name).join(", ");
    throw new UnknownListener(`${error.message}; there are ${names}`);
  }
}
