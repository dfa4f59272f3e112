/** Reads what was chosen as a farm, within bounds: a folder may hold anything. */
import { count } from "../../count.ts";
import { quote } from "../../sources/problem.ts";
import type { FarmFiles } from "./files.ts";

/** Far more than a farm and its lists have. */
const FILES_AT_MOST = 2000;
const BYTES_AT_MOST = 32 * 2 ** 20;

/** Rejects with an Error for the user. Hidden files, and those below hidden folders, are left out. */
export async function readChosen(chosen: readonly File[]): Promise<FarmFiles> {
  const files = new Map<string, Uint8Array>();
  let left = BYTES_AT_MOST;
  for (const file of chosen) {
    const path = file.webkitRelativePath || file.name;
    if (/(?:^|\/)\./.test(path)) continue;
    left -= file.size;
    const wayOut = "choose the farm's files alone";
    if (files.size === FILES_AT_MOST) throw new Error(`more than ${count(FILES_AT_MOST, "file")}: ${wayOut}`);
    if (left < 0) throw new Error(`more than ${BYTES_AT_MOST / 2 ** 20} MiB of files: ${wayOut}`);
    files.set(path, new Uint8Array(await file.arrayBuffer()));
  }
  return files;
}

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
