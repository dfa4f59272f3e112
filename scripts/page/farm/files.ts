/** The files of the farm that is edited, in the place of `scripts/sources/files.ts`: the page has no disk. */
import { type Place, quote, SourceError } from "../../sources/problem.ts";

/** By path, relative to where the farm's folder is, with `/`. */
export type FarmFiles = ReadonlyMap<string, Uint8Array>;

let files: FarmFiles = new Map();

/** The files that are there from now on. */
export function useFiles(given: FarmFiles): void {
  files = given;
}

export function readBytes(file: string, referrer: Place = { file }): Uint8Array {
  const bytes = files.get(placeOf(file));
  if (bytes !== undefined) return bytes;
  const why = isFolder(file) ? "it is a folder, not a file" : "there is no such file";
  throw new SourceError(referrer, `cannot read ${quote(file)}: ${why}`);
}

export const exists = (path: string): boolean => files.has(placeOf(path)) || isFolder(path);

export const isFolder = (path: string): boolean => !files.has(placeOf(path)) && namesOf(path).length > 0;

/** The names in a folder, sorted. */
export function namesIn(folder: string, referrer: Place = { file: folder }): string[] {
  const names = namesOf(folder);
  if (names.length > 0) return names.sort();
  throw new SourceError(referrer, `cannot read the folder ${quote(folder)}: there is no such folder`);
}

function namesOf(folder: string): string[] {
  if (isFlat()) return /\.\w+$/.test(folder) ? [] : [...files.keys()];
  const start = folder === "." ? "" : `${placeOf(folder)}/`;
  const inside = [...files.keys()].filter((path) => path.startsWith(start));
  return [...new Set(inside.map((path) => path.slice(start.length).split("/")[0]!))];
}

/** Of files that were chosen one by one nobody knows the folder: a path is the file of its name, and all are in each. */
const isFlat = (): boolean => ![...files.keys()].some((path) => path.includes("/"));

function placeOf(path: string): string {
  const bare = path.replace(/^(?:\.?\/)+|\/+$/g, "");
  return isFlat() ? bare.replace(/^.*\//, "") : bare;
}
