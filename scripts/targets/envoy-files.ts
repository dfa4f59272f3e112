/** Running Envoys of this machine: the files from which they discover the filter, one a listener, and their bootstrap. */
import { dirname, join } from "node:path";
import { count } from "../count.ts";
import { withLock } from "../disk/lock.ts";
import { sweep, writeWhole } from "../disk/write-whole.ts";
import { FILTER_NAME } from "../render/plugin.ts";
import type { Table } from "../table/table.ts";
import { refuseWhatFiltersWould } from "./ask-filter.ts";
import {
  bootstrapsIn,
  filterFilesIn,
  neededFilterFilesIn,
  OF_A_PUSH,
  orNull,
  readEnvoyFile,
  tableOfAll,
  textWith,
} from "./filter-files.ts";
import type { Target } from "./target.ts";

/** For those that a server brings their filters to: no file is discovered, and the push is for their next start. */
const FOR_THE_START = "what Envoy starts with; the table comes to the running one from its server";

/** @param folder what `render envoy --out` has filled */
export function envoyFiles(folder: string): Target {
  const read = () => {
    const bootstraps = bootstrapsIn(folder)
      .map(readEnvoyFile)
      .filter(({ plugins }) => plugins.length > 0);
    const isFromServer = bootstraps.length > 0 && !bootstraps.some(({ readsFiles }) => readsFiles);
    const places = isFromServer ? filterFilesIn(folder) : neededFilterFilesIn(folder);
    const discovered = places.map(({ path }) => readEnvoyFile(path));
    // What Envoy starts with comes last: by then it has what it is to serve.
    return { files: [...discovered, ...bootstraps], isDiscovered: discovered.length > 0 };
  };
  const readWith = (table: Table) => {
    const { files, isDiscovered } = read();
    return {
      files: files.map((file) => ({ ...file, text: textWith(file, table, OF_A_PUSH) })),
      isDiscovered,
    };
  };
  return {
    name: `envoy-files=${folder}`,
    followed: join(folder, "follow"),
    isTold: false,
    has: () => orNull(() => tableOfAll(read().files.flatMap(({ plugins }) => plugins))),
    check: async (table) => refuseWhatFiltersWould(readWith(table).files, table),
    write: (table) =>
      withLock(join(folder, FILTER_NAME), () => {
        const { files, isDiscovered } = readWith(table);
        for (const { path, text } of files) {
          sweep(dirname(path));
          writeWhole(path, Buffer.from(text));
        }
        if (!isDiscovered) return `${count(files.length, "file")}, ${FOR_THE_START}`;
        // An Envoy that watches this folder reads them now, also where a listener's own folder was made anew.
        sweep(join(folder, FILTER_NAME));
        writeWhole(join(folder, FILTER_NAME, "generation"), Buffer.from(`${table.generation}\n`));
        return count(files.length, "file");
      }),
  };
}
