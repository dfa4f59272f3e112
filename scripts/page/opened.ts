/** The table that the page asks: that of the small farm until another file is opened. */
import small from "../../build/small.table";
import { type Names, parseNames } from "../farm/names.ts";
import { Table } from "../table/table.ts";
import { WatchedBytes } from "../table/watched-bytes.ts";
import type { TableFile } from "./what-changes.ts";

export interface Opened {
  /** The file's name. */
  name: string;
  table: Table;
  /** Through which the table reads. */
  raw: WatchedBytes;
  /** null for a stripped table: it does not know lines of the farm file. */
  names: Names | null;
  /** What it was before its farm was edited on the page; null where it was not. */
  before: TableFile | null;
}

/** Throws TableError. @param name of its file */
export function openTable(name: string, bytes: Uint8Array, before: TableFile | null = null): Opened {
  const raw = new WatchedBytes(bytes);
  const table = new Table(bytes, raw);
  return { name, table, raw, names: table.names && parseNames(table.names), before };
}

export const BUILT_IN: Opened = openTable("examples/small", small);
