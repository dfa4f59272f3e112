/** A farm's table out of files that are not on a disk, or what the CLI says is wrong with it. */
import { compile } from "../../farm/compile.ts";
import { warnOfElsewhere } from "../../farm/elsewhere.ts";
import { encodeFarm, warnOfLimits } from "../../farm/encode-farm.ts";
import { Farm } from "../../farm/farm.ts";
import { SourceError } from "../../sources/problem.ts";
import { type FarmFiles, useFiles } from "./files.ts";

export interface Compiled {
  /** null where there are errors. */
  table: Uint8Array | null;
  errors: readonly SourceError[];
  warnings: readonly SourceError[];
}

/**
 * As `pointsman pack` does it, names included, but for the guards: there is no table before.
 * @param today as `2026-12-31`, for the expiry of pins
 */
export function compileFiles(files: FarmFiles, farmFile: string, today: string): Compiled {
  useFiles(files);
  try {
    const farm = new Farm(farmFile);
    const compiled = compile(farm, today);
    farm.warnings.unshift(...warnOfElsewhere(farm, compiled.groups, compiled.releases));
    const names = JSON.stringify(compiled.names);
    const table = encodeFarm(farm, compiled.plan, { generation: 1, names });
    warnOfLimits(farm, table);
    return { table: table.bytes, errors: [], warnings: farm.warnings };
  } catch (error) {
    if (!(error instanceof SourceError)) throw error;
    return { table: null, errors: error.problems, warnings: [] };
  }
}
