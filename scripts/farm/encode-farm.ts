/** The farm's table, as every command makes it. */
import { EncodeError, type EncodeOptions, encode } from "../encode/encode.ts";
import { isAlmostFull, limitsOfTable, showLimit } from "../encode/limits.ts";
import type { Plan } from "../plan.ts";
import { SourceError } from "../sources/problem.ts";
import { Table } from "../table/table.ts";
import type { Farm } from "./farm.ts";

/** The farm's table, read back. What no table can hold is an error at the farm file. Throws SourceError. */
export function encodeFarm(farm: Farm, plan: Plan, options: EncodeOptions): Table {
  const table = encoded(farm, plan, options);
  options.progress?.("checking the table");
  checkVersions(table, farm);
  return table;
}

function encoded(farm: Farm, plan: Plan, options: EncodeOptions): Table {
  try {
    return new Table(encode(plan, options));
  } catch (error) {
    if (!(error instanceof EncodeError)) throw error;
    throw new SourceError({ file: farm.file }, error.message);
  }
}

/** What no packing may get wrong, read back from the bytes: no wiki is on a release of another version. */
function checkVersions(table: Table, farm: Farm): void {
  const versions = Array.from({ length: table.releaseCount }, (_, i) => table.release(i).version);
  for (const [i, wiki] of farm.wikis.ids.entries()) {
    const slot = table.find(table.wikis, wiki);
    if (slot === -1) throw new Error(`bug: ${wiki} was not packed`);
    if (versions[table.releaseOf(slot)] !== farm.wikis.versions[i])
      throw new Error(`bug: ${wiki} was packed to a release of another version`);
  }
  const { count } = table.wikis;
  const { length } = farm.wikis.ids;
  if (count !== length) throw new Error(`bug: ${count} wikis were packed, the farm has ${length}`);
}

/** What only the finished table tells. */
export function warnOfLimits(farm: Farm, table: Table): void {
  for (const limit of limitsOfTable(table).filter(isAlmostFull))
    farm.warn({ file: farm.file }, showLimit(limit));
}
