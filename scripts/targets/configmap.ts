/** A Kubernetes ConfigMap, as a manifest to apply: the one that `render kubernetes` has written, or the table alone. */
import { existsSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import { withLock } from "../disk/lock.ts";
import { sweep, writeWhole } from "../disk/write-whole.ts";
import { Refusal } from "../refusal.ts";
import {
  bytesOf,
  CONFIGMAP_BYTES_AT_MOST,
  configMap as emptyMap,
  manifestText,
  parseTableMap,
  withTable,
} from "../render/configmap.ts";
import { reason } from "../sources/reason.ts";
import type { Table } from "../table/table.ts";
import { checkFits, OF_A_PUSH, orNull, refuseOlder } from "./filter-files.ts";
import { DoesNotFit, type Target } from "./target.ts";

/** What the map is called where `render kubernetes` has not named it. */
const NAME = "pointsman-table";

export function configMap(file: string): Target {
  const manifest = (table: Table) => {
    const written = readWritten(file);
    if (written !== null) {
      refuseOlder(written, file, table, OF_A_PUSH);
      for (const [key, filter] of written.filters) {
        // The map's labels have said which table it holds.
        checkFits({ ...filter, table: null }, `${file}: ${key}`, table, OF_A_PUSH);
      }
    }
    const map = withTable(written?.map ?? emptyMap({ name: NAME }, {}), table);
    const bytes = bytesOf(map);
    if (bytes > CONFIGMAP_BYTES_AT_MOST) throw new DoesNotFit(`${file}: ${tooLarge(bytes)}`);
    return { text: manifestText(map), bytes };
  };
  return {
    name: `configmap=${file}`,
    followed: `${file}.follow`,
    isTold: false,
    has: () => orNull(() => readWritten(file)),
    check: async (table) => {
      manifest(table);
    },
    write: (table) =>
      withLock(file, () => {
        sweep(dirname(file));
        const { text, bytes } = manifest(table);
        writeWhole(file, Buffer.from(text));
        return `written, ${CONFIGMAP_BYTES_AT_MOST - bytes} bytes are left; then: kubectl apply --server-side -f ${file}`;
      }),
  };
}

export function tooLarge(bytes: number): string {
  return `${bytes} bytes, and Kubernetes takes at most ${CONFIGMAP_BYTES_AT_MOST} in a ConfigMap: bring so large a table by files or by a server`;
}

/** What the manifest that is there has; null: there is none. Throws Refusal where it is none of ours. */
function readWritten(file: string): ReturnType<typeof parseTableMap> | null {
  return existsSync(file) ? readTableMap(file) : null;
}

/** Throws Refusal. */
export function readTableMap(file: string): ReturnType<typeof parseTableMap> {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw new Refusal(`${file}: cannot be read: ${reason(error)}; \`render kubernetes\` writes it`);
  }
  try {
    return parseTableMap(text);
  } catch (error) {
    throw new Refusal(
      `${file}: cannot be read: ${(error as Error).message}; \`render kubernetes\` writes such a file`,
    );
  }
}
