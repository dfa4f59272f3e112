/** The farm's table, as every command makes it. */
import { EncodeError, type EncodeOptions, encode } from "../encode/encode.ts";
import { isAlmostFull, limitsOfTable, showLimit } from "../encode/limits.ts";
import type { Plan } from "../plan.ts";
import { SourceError } from "../sources/problem.ts";
import { Table } from "../table/table.ts";
import type { Farm } from "./farm.ts";

/** The farm's table, read back. What no table can hold is an error at the farm file. Throws SourceError. */
export function encodeFarm(farm: Farm, plan: Plan, options: EncodeOptions): Table {
  try {
    return new Table(encode(plan, options));
  } catch (error) {
    if (!(error instanceof EncodeError)) throw error;
    throw new SourceError({ file: farm.file }, error.message);
  }
}

/** What only the finished table tells. */
export function warnOfLimits(farm: Farm, table: Table): void {
  for (const limit of limitsOfTable(table).filter(isAlmostFull))
    farm.warn({ file: farm.file }, showLimit(limit));
}
