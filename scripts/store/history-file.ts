/**
 * The history in a folder: a line of JSON a generation, in a file that only grows. Who appends may die in the middle of a
 * line: that line is left out by who reads it, and cut off by who appends next.
 */
import { closeSync, fsyncSync, ftruncateSync, openSync, readFileSync, writeSync } from "node:fs";
import { count } from "../count.ts";
import { Refusal } from "../refusal.ts";
import { SourceError } from "../sources/problem.ts";
import { reason } from "../sources/reason.ts";
import { parseRecord } from "./record.ts";
import { type Entry, entrySchema, type History } from "./store.ts";

export interface HistoryFile extends History {
  /** How many bytes are whole lines; null: all, and the last one ends. */
  whole: number | null;
}

const NEWLINE = 10;

/** An absent file is an empty one. Throws Refusal where it cannot be read. */
export function readHistory(file: string): HistoryFile {
  const bytes = readIfThere(file);
  const warnings: string[] = [];
  const entries: Entry[] = [];
  const leaveOut = (line: number, what: string) =>
    warnings.push(new SourceError({ file, line }, what).message);
  let line = 0;
  let start = 0;
  for (let end = bytes.indexOf(NEWLINE); end !== -1; end = bytes.indexOf(NEWLINE, start)) {
    line++;
    const entry = parseRecord(entrySchema, bytes.toString("utf8", start, end));
    start = end + 1;
    if (typeof entry === "string") leaveOut(line, `left out: ${entry}`);
    else if (entry.generation <= (entries.at(-1)?.generation ?? 0)) {
      leaveOut(
        line,
        `left out: generation ${entry.generation} does not follow ${entries.at(-1)!.generation}`,
      );
    } else entries.push(entry);
  }
  const isCutOff = start < bytes.length;
  if (isCutOff) {
    const what = `left out: the last line is cut off after ${count(bytes.length - start, "byte")}; the next push mends it`;
    leaveOut(line + 1, what);
  }
  return { entries, warnings, whole: isCutOff ? start : null };
}

/** At the end of what `read` found whole; on the disk when it returns. Throws Refusal, and then a part may be there. */
export function append(file: string, read: HistoryFile, entry: Entry): void {
  const line = Buffer.from(`${JSON.stringify(entry)}\n`);
  try {
    const handle = openSync(file, "a");
    try {
      if (read.whole !== null) ftruncateSync(handle, read.whole);
      for (let at = 0; at < line.length; ) at += writeSync(handle, line, at);
      fsyncSync(handle);
    } finally {
      closeSync(handle);
    }
  } catch (error) {
    throw new Refusal(`${file}: cannot be written: ${reason(error, "write")}`);
  }
}

function readIfThere(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return Buffer.alloc(0);
    throw new Refusal(`${file}: cannot be read: ${reason(error)}`);
  }
}
