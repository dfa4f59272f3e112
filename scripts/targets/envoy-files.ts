/** Running Envoys of this machine: the files from which they discover the filter, one a listener. */
import { dirname, join } from "node:path";
import { count } from "../count.ts";
import { withLock } from "../disk/lock.ts";
import { sweep, writeWhole } from "../disk/write-whole.ts";
import { FILTER_NAME } from "../render/bootstrap.ts";
import type { Table } from "../table/table.ts";
import { checkFits, filterFilesIn, OF_A_PUSH, readFilterFile } from "./filter-files.ts";
import type { Target } from "./target.ts";

/** @param folder what `render envoy --out` has filled */
export function envoyFiles(folder: string): Target {
  const texts = (table: Table) =>
    filterFilesIn(folder).map(({ path }) => {
      const old = readFilterFile(path);
      checkFits(old, path, table, OF_A_PUSH);
      return { path, text: old.with(table) };
    });
  return {
    name: `envoy-files=${folder}`,
    check: texts,
    write: (table) =>
      withLock(join(folder, FILTER_NAME), () => {
        const files = texts(table);
        for (const { path, text } of files) {
          sweep(dirname(path));
          writeWhole(path, Buffer.from(text));
        }
        // An Envoy that watches this folder reads them now, also where a listener's own folder was made anew.
        sweep(join(folder, FILTER_NAME));
        writeWhole(join(folder, FILTER_NAME, "generation"), Buffer.from(`${table.generation}\n`));
        return count(files.length, "file");
      }),
  };
}
