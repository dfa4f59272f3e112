/** Gateways of Istio's: the manifests that bring them the filter, one a listener, for somebody else to apply. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { count } from "../count.ts";
import { withLock } from "../disk/lock.ts";
import { sweep, writeWhole } from "../disk/write-whole.ts";
import { Refusal } from "../refusal.ts";
import { type IstioFile, parseIstioFile } from "../render/istio/manifest-file.ts";
import { readWithin } from "../sources/files.ts";
import { reason } from "../sources/reason.ts";
import type { Table } from "../table/table.ts";
import { checkFits, OF_A_PUSH, orNull, tableOfAll } from "./filter-files.ts";
import { DoesNotFit, type Target } from "./target.ts";

/** As `render istio --out` names them. */
const FILE = /^filter-.+\.(json|ya?ml)$/;
/** Several objects, of which Kubernetes takes 1.4 MiB each. */
const BYTES_AT_MOST = 64 * 2 ** 20;

/** @param folder what `render istio --out` has filled */
export function istioManifests(folder: string): Target {
  const readWith = (table: Table) =>
    readAll(folder).map(({ path, file }) => {
      for (const plugin of file.plugins) checkFits(plugin, path, table, OF_A_PUSH);
      return { path, text: textWith(path, file, table) };
    });
  return {
    name: `istio=${folder}`,
    followed: join(folder, "follow"),
    isTold: false,
    has: () => orNull(() => tableOfAll(readAll(folder).flatMap(({ file }) => file.plugins))),
    check: async (table) => {
      readWith(table);
    },
    write: (table) =>
      withLock(join(folder, "filter"), () => {
        const files = readWith(table);
        sweep(folder);
        for (const { path, text } of files) writeWhole(path, Buffer.from(text));
        const apply = ["kubectl apply --server-side", ...files.map(({ path }) => `-f ${path}`)].join(" ");
        return `${count(files.length, "file")} written; then: ${apply}`;
      }),
  };
}

/** Throws Refusal. */
function readAll(folder: string): { path: string; file: IstioFile }[] {
  let names: string[];
  try {
    names = readdirSync(folder).filter((name) => FILE.test(name));
  } catch (error) {
    throw new Refusal(`${folder}: cannot be read: ${reason(error)}`);
  }
  if (names.length === 0) {
    const wanted = join(folder, "filter-LISTENER.yaml");
    throw new Refusal(
      `${folder}: there is no ${wanted}: \`pointsman render istio --out ${folder}\` writes it`,
    );
  }
  return names.sort().map((name) => {
    const path = join(folder, name);
    try {
      return { path, file: parseIstioFile(readWithin(path, BYTES_AT_MOST).toString(), name) };
    } catch (error) {
      throw new Refusal(`${path}: ${reason(error)}; \`pointsman render istio --out\` writes such files`);
    }
  });
}

/** Throws Refusal. */
function textWith(path: string, file: IstioFile, table: Table): string {
  try {
    return file.with(table);
  } catch (error) {
    throw error instanceof RangeError ? new DoesNotFit(`${path}: ${error.message}`) : error;
  }
}
