/** The files from which Envoys discover the filter, as `render` has written them: which there are, and what fits them. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { Refusal } from "../refusal.ts";
import { parseEnvoyFile } from "../render/envoy-file.ts";
import { type EnvoyFile, type FilterFile, type Held, parseFilterFile } from "../render/filter-file.ts";
import { FILTER_NAME } from "../render/plugin.ts";
import { readWithin } from "../sources/files.ts";
import { reason } from "../sources/reason.ts";
import { findListener, UnknownListener } from "../table/decide.ts";
import type { Table } from "../table/table.ts";
import { DoesNotFit, type Has, HasNewer } from "./target.ts";

const ENDS = ["json", "yaml", "yml"];
const NAMES = ENDS.map((end) => `${FILTER_NAME}.${end}`);
/** Enough for a bootstrap with the largest table for each of five listeners; Node has no longer texts. */
const ENVOY_FILE_BYTES_AT_MOST = 2 ** 29 - 2 ** 20;
const BOOTSTRAPS = ENDS.map((end) => `envoy.${end}`);

export interface NamedFile {
  /** The folder's name, which is the listener's where `render` made it. */
  listener: string;
  path: string;
}

/** Of each listener, in a folder that `render envoy --out` has filled. Throws Refusal. */
export function filterFilesIn(folder: string): NamedFile[] {
  const root = join(folder, FILTER_NAME);
  let listeners: string[] = [];
  try {
    listeners = readdirSync(root).sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT")
      throw new Refusal(`${root}: cannot be read: ${reason(error)}`);
  }
  return listeners.flatMap((listener) =>
    NAMES.map((name) => ({ listener, path: join(root, listener, name) })).filter(({ path }) =>
      existsSync(path),
    ),
  );
}

/** The same, of which there is one at least. Throws Refusal. */
export function neededFilterFilesIn(folder: string): NamedFile[] {
  const files = filterFilesIn(folder);
  if (files.length > 0) return files;
  const wanted = join(folder, FILTER_NAME, "LISTENER", NAMES[0]!);
  throw new Refusal(`${folder}: there is no ${wanted}: \`pointsman render envoy --out ${folder}\` writes it`);
}

/** Bootstraps in such a folder, which have the tables that Envoy starts with: which of them it starts with, we do not know. */
export function bootstrapsIn(folder: string): string[] {
  return BOOTSTRAPS.map((name) => join(folder, name)).filter((path) => existsSync(path));
}

/** `-` is standard input. Throws Refusal. */
export function readFilterFile(name: string): FilterFile {
  return filterFileOf(readText(name), name);
}

/** Throws Refusal. */
export function filterFileOf(text: string, name: string): FilterFile {
  return refusing(name, () => parseFilterFile(text, name));
}

export interface NamedEnvoyFile extends EnvoyFile {
  path: string;
}

/** One that Envoy discovers its filter from, or its bootstrap. `-` is standard input. Throws Refusal. */
export function readEnvoyFile(path: string): NamedEnvoyFile {
  const text = readText(path);
  return { path, ...refusing(path, () => parseEnvoyFile(text, path)) };
}

function readText(name: string): string {
  try {
    return readWithin(name, ENVOY_FILE_BYTES_AT_MOST).toString();
  } catch (error) {
    throw noFilterFile(name, `cannot be read: ${reason(error)}`);
  }
}

function refusing<T>(name: string, step: () => T): T {
  try {
    return step();
  } catch (error) {
    throw noFilterFile(name, (error as Error).message);
  }
}

function noFilterFile(name: string, why: string): Refusal {
  return new Refusal(`${name}: ${why}; \`render --out\` writes such files`);
}

/** The file's text with the table. Throws Refusal. */
export function textWith(file: NamedEnvoyFile, table: Table, said: Said): string {
  for (const plugin of file.plugins) checkFits(plugin, file.path, table, said);
  return refusing(file.path, () => file.with(table));
}

/** How a refusal names the table that is to be put there, and how to go back to it if it is older. */
export interface Said {
  table: string;
  goBack: (file: string, there: number) => string;
}

export type Holds = Pick<Held, "listener" | "clusterHeader" | "table">;

/** Throws Refusal where the filter would refuse the table, or the fleet's alerts would. */
export function checkFits(old: Holds, name: string, table: Table, said: Said): void {
  try {
    findListener(table, old.listener);
  } catch (error) {
    if (!(error instanceof UnknownListener)) throw error;
    throw new DoesNotFit(`${name}: is for listener "${old.listener}", and ${said.table}: ${error.message}`);
  }
  const emitted = table.emit.find(({ kind }) => kind === "cluster")!.name;
  if (old.clusterHeader !== null && old.clusterHeader !== emitted) {
    throw new DoesNotFit(
      `${name}: the proxy routes by "${old.clusterHeader}", and ${said.table} sets "${emitted}"; \`render\` writes a proxy for it`,
    );
  }
  if (old.table) refuseOlder(old.table, name, table, said);
}

/** Throws Refusal where a newer table is there, or another one of the same generation. */
export function refuseOlder({ generation, digest }: Has, name: string, table: Table, said: Said): void {
  if (generation < table.generation || (generation === table.generation && digest === table.digest)) return;
  const what =
    generation === table.generation
      ? `has another table of generation ${generation}`
      : `has generation ${generation}, and ${said.table} is older: ${table.generation}`;
  throw new HasNewer(`${name}: ${what}; ${said.goBack(name, generation)}`);
}

/** The table that all of these have; null: one has none, or another one. */
export function tableOfAll(plugins: readonly Pick<Holds, "table">[]): Has | null {
  const [first = null, ...rest] = plugins.map(({ table }) => table);
  const isOfAll = rest.every(
    (table) => table?.generation === first?.generation && table?.digest === first?.digest,
  );
  return isOfAll ? first : null;
}

/** What is there, where it can be read; null: it cannot, and a check says why. */
export function orNull<T>(read: () => T): T | null {
  try {
    return read();
  } catch (error) {
    if (error instanceof Refusal) return null;
    throw error;
  }
}

/** Of a table that a push brings. */
export const OF_A_PUSH: Said = {
  table: "the table",
  goBack: (_, there) => `is it another store's, or was ours made anew? Then say --generation ${there + 1}`,
};
