/** Reads the bytes of a source, within a bound. On the page, `scripts/page/farm/files.ts` stands in for this file. */
import {
  closeSync,
  constants,
  existsSync,
  openSync,
  readdirSync,
  readSync,
  type Stats,
  statSync,
} from "node:fs";
import { type Place, quote, SourceError } from "./problem.ts";
import { reason } from "./reason.ts";

/** Files and folders that a farm names, read with care: anything may lie there, and a pipe or a device has no end. */

/** More than eight million wikis need. */
export const SOURCE_BYTES_AT_MOST = 256 * 2 ** 20;

/** `-` is standard input. What cannot be read is an error at `referrer`, the place that named the file. */
export function readBytes(file: string, referrer: Place = { file }, atMost?: number): Buffer {
  try {
    return readWithin(file, atMost);
  } catch (error) {
    throw new SourceError(referrer, `cannot read ${quote(file)}: ${reason(error)}`);
  }
}

/** Throws what the system says, or that it is no file or too large. */
export function readWithin(file: string, atMost: number = SOURCE_BYTES_AT_MOST): Buffer {
  if (file === "-") return readToEnd(0, 0, atMost);
  const stats = statSync(file);
  if (!stats.isFile()) throw new Error(`it is ${kindOf(stats)}, not a file`);
  // What was a file a moment ago may be a pipe by now: without this, to open one waits for its writer.
  const descriptor = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    return readToEnd(descriptor, stats.size, atMost);
  } finally {
    closeSync(descriptor);
  }
}

/** To the end, whatever size the file says that it has: some say 0, and have none. */
export function readToEnd(descriptor: number, size = 0, atMost: number = SOURCE_BYTES_AT_MOST): Buffer {
  let buffer = Buffer.allocUnsafe(Math.min(size, atMost) + 1);
  let total = 0;
  for (;;) {
    const length = readSync(descriptor, buffer, total, buffer.length - total, null);
    if (length === 0) return buffer.subarray(0, total);
    total += length;
    if (total > atMost)
      throw new Error(`it has more than ${atMost / 2 ** 20} MiB, which is too much for such a file`);
    if (total === buffer.length) buffer = Buffer.concat([buffer], 2 * total);
  }
}

function kindOf(stats: Stats): string {
  if (stats.isDirectory()) return "a folder";
  if (stats.isFIFO()) return "a pipe";
  return stats.isSocket() ? "a socket" : "a device";
}

export const exists = (path: string): boolean => existsSync(path);

export const isFolder = (path: string): boolean => existsSync(path) && statSync(path).isDirectory();

/** The names in a folder, sorted. */
export function namesIn(folder: string, referrer: Place = { file: folder }): string[] {
  try {
    return readdirSync(folder).sort();
  } catch (error) {
    const isAbsent = (error as NodeJS.ErrnoException).code === "ENOENT";
    const why = isAbsent ? "there is no such folder" : reason(error);
    throw new SourceError(referrer, `cannot read the folder ${quote(folder)}: ${why}`);
  }
}
