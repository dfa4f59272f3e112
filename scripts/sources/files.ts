import { closeSync, constants, openSync, readdirSync, readSync, type Stats, statSync } from "node:fs";
import { getSystemErrorMap } from "node:util";
import { type Place, quote, SourceError } from "./problem.ts";

/** Files and folders that a farm names, read with care: anything may lie there, and a pipe or a device has no end. */

/** More than eight million wikis need. */
export const SOURCE_BYTES_AT_MOST = 256 * 2 ** 20;

/** What cannot be read is an error at `referrer`, the place that named the file. */
export function readBytes(
  file: string,
  referrer: Place = { file },
  atMost: number = SOURCE_BYTES_AT_MOST,
): Buffer {
  try {
    const stats = statSync(file);
    if (!stats.isFile()) throw new Error(`it is ${kindOf(stats)}, not a file`);
    // What was a file a moment ago may be a pipe by now: without this, to open one waits for its writer.
    const descriptor = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      return readAll(descriptor, stats.size, atMost);
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    throw new SourceError(referrer, `cannot read ${quote(file)}: ${reasonOf(error)}`);
  }
}

/** To the end, whatever size the file says that it has: some say 0, and have none. */
function readAll(descriptor: number, size: number, atMost: number): Buffer {
  let buffer = Buffer.allocUnsafe(Math.min(size, atMost) + 1);
  let total = 0;
  for (;;) {
    const length = readSync(descriptor, buffer, total, buffer.length - total, null);
    if (length === 0) return buffer.subarray(0, total);
    total += length;
    if (total > atMost) throw new Error(`it has more than ${atMost / 2 ** 20} MiB, too much for such a file`);
    if (total === buffer.length) buffer = Buffer.concat([buffer], 2 * total);
  }
}

function kindOf(stats: Stats): string {
  if (stats.isDirectory()) return "a folder";
  if (stats.isFIFO()) return "a pipe";
  return stats.isSocket() ? "a socket" : "a device";
}

/** The names in a folder, sorted. */
export function namesIn(folder: string, referrer: Place = { file: folder }): string[] {
  try {
    return readdirSync(folder).sort();
  } catch (error) {
    const isAbsent = (error as NodeJS.ErrnoException).code === "ENOENT";
    const reason = isAbsent ? "there is no such folder" : reasonOf(error);
    throw new SourceError(referrer, `cannot read the folder ${quote(folder)}: ${reason}`);
  }
}

/** Why the system would not do it, in words: never Node's own `ENOENT: …`, which may name a file that nobody gave. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = "code" in error ? error.code : undefined;
  if (code === "ENOENT") return "there is no such file";
  if (code === "EISDIR") return "it is a folder, not a file";
  if (code === "ENOTDIR") return "there is a file where its path needs a folder";
  if (code === "EACCES") return "no permission";
  if (code === "ELOOP") return "its symbolic links go in a circle";
  const known = "errno" in error ? getSystemErrorMap().get(Number(error.errno)) : undefined;
  return known === undefined ? error.message : known[1];
}
