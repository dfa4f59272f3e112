/** Files that commands are told to read and to write. `-` is standard input or output, for every one of them. */
import { closeSync, createReadStream, fstatSync, openSync, statSync } from "node:fs";
import { writeWhole } from "../disk/write-whole.ts";
import { Refusal } from "../refusal.ts";
import { readToEnd } from "../sources/files.ts";
import { reason } from "../sources/reason.ts";

/** The whole of it, which may come out of a pipe; a device may have no end, so it is read within a bound. Throws Refusal. */
export function readInput(file: string): Uint8Array {
  try {
    if (file === "-") return readToEnd(0);
    const descriptor = openSync(file, "r");
    try {
      return readToEnd(descriptor, fstatSync(descriptor).size);
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    throw cannotRead(file, error);
  }
}

export interface OpenInput {
  stream: AsyncIterable<Uint8Array>;
  /** How much of it has been read, 0…1; null where it is not known. */
  share(): number | null;
}

/** Piece by piece. Throws Refusal. */
export function openInput(file: string): OpenInput {
  if (file === "-") return { stream: process.stdin, share: () => null };
  let size: number;
  try {
    const facts = statSync(file);
    if (facts.isDirectory()) throw Object.assign(new Error(), { code: "EISDIR" });
    size = facts.size;
  } catch (error) {
    throw cannotRead(file, error);
  }
  const source = createReadStream(file);
  async function* stream() {
    try {
      yield* source;
    } catch (error) {
      throw cannotRead(file, error);
    }
  }
  return { stream: stream(), share: () => (size === 0 ? null : source.bytesRead / size) };
}

/** Whole or not at all. @param done what is then said, to people where standard output is the file. Throws Refusal. */
export function writeOutput(file: string, bytes: Uint8Array, done: string): void {
  if (file === "-") process.stdout.write(bytes);
  else writeWhole(file, bytes);
  (file === "-" ? process.stderr : process.stdout).write(`${done}\n`);
}

function cannotRead(file: string, error: unknown): Refusal {
  return new Refusal(`${file}: cannot be read: ${reason(error)}`);
}
