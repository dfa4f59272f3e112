/** Reads what was chosen as a farm, within bounds: a folder may hold anything. */
import { count } from "../../count.ts";
import { quote } from "../../sources/problem.ts";
import type { Chosen } from "../load-farm-part.ts";
import type { FarmFiles } from "./files.ts";

/** Far more than a farm and its lists have. */
const FILES_AT_MOST = 2000;
const BYTES_AT_MOST = 32 * 2 ** 20;

/** Rejects with an Error for the user. Hidden files, and those below hidden folders, are left out. */
export async function readChosen(chosen: readonly Chosen[]): Promise<FarmFiles> {
  const files = new Map<string, Uint8Array>();
  let left = BYTES_AT_MOST;
  for await (const [path, file] of filesOf(chosen)) {
    if (/(?:^|\/)\./.test(path)) continue;
    left -= file.size;
    const wayOut = "choose the farm's files alone";
    if (files.size === FILES_AT_MOST) throw new Error(`more than ${count(FILES_AT_MOST, "file")}: ${wayOut}`);
    if (left < 0) throw new Error(`more than ${BYTES_AT_MOST / 2 ** 20} MiB of files: ${wayOut}`);
    files.set(path, new Uint8Array(await file.arrayBuffer()));
  }
  return files;
}

async function* filesOf(chosen: readonly Chosen[]): AsyncGenerator<[path: string, file: File]> {
  for (const one of chosen) {
    if (one instanceof File) yield [one.webkitRelativePath || one.name, one];
    else if (one.isFile) yield [one.fullPath.slice(1), await fileOf(one as FileSystemFileEntry)];
    else if (!one.name.startsWith(".")) {
      const reader = (one as FileSystemDirectoryEntry).createReader();
      // It gives some at a time, and none at the end.
      for (let some = await entriesOf(reader); some.length > 0; some = await entriesOf(reader))
        yield* filesOf(some);
    }
  }
}

const fileOf = (entry: FileSystemFileEntry) =>
  new Promise<File>((resolve, reject) => entry.file(resolve, reject));

const entriesOf = (reader: FileSystemDirectoryReader) =>
  new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));

/** The farm's own file: farm.yaml, the outermost where there are several; else the only file of YAML. Throws Error. */
export function farmFileOf(files: FarmFiles): string {
  const paths = [...files.keys()].sort((a, b) => a.split("/").length - b.split("/").length);
  const named = paths.find((path) => /(?:^|\/)farm\.ya?ml$/.test(path));
  if (named !== undefined) return named;
  const yaml = paths.filter((path) => /\.ya?ml$/.test(path));
  if (yaml.length === 1) return yaml[0]!;
  const what = yaml.length === 0 ? "no file of YAML" : `${yaml.slice(0, 5).map(quote).join(", ")}`;
  throw new Error(`among ${count(files.size, "file")} there is ${what}: choose farm.yaml and what it names`);
}
