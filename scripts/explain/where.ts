/** As which proxy a question is asked. */
import { findListener, UnknownListener } from "../table/decide.ts";
import type { Where } from "../table/request.ts";
import type { Table } from "../table/table.ts";

/** As which proxy a question is asked; what is left out is the table's first listener, in the primary data centre. */
export interface AskedAt {
  listener?: string;
  /** Where the proxy is; the listener's own where it is left out. */
  datacentre?: string;
  /** Which data centre is the primary one. */
  primary?: string;
}

/** Throws UnknownListener, which says which listeners there are. */
export function whereOf(table: Table, { listener, datacentre, primary }: AskedAt): Where {
  try {
    const found = findListener(table, listener ?? null);
    const own = datacentre ?? found.datacentre;
    return { listener: found.name, secondary: own !== null && primary !== undefined && own !== primary };
  } catch (error) {
    if (!(error instanceof UnknownListener)) throw error;
    const names = table.listeners.map(({ name }) => name).join(", ");
    throw new UnknownListener(`${error.message}; there are ${names}`);
  }
}
