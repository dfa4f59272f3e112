/** A file is written whole or not at all, and stays what it was: where a link led, with the mode that it had. */
import {
  chmodSync,
  closeSync,
  existsSync,
  fsyncSync,
  lstatSync,
  openSync,
  readdirSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, resolve } from "node:path";
import { Refusal } from "../refusal.ts";
import { reason } from "../sources/reason.ts";
import { runs } from "./lock.ts";

const TEMPORARY = /^\.(\d+)\.\d+\.tmp$/;

/**
 * To a temporary file beside it, then renamed; both are on the disk when it returns, so a machine that loses its power
 * has the old file or the new one. Throws Refusal.
 */
export function writeWhole(file: string, bytes: Uint8Array): void {
  const end = behindLinks(file);
  const temporary = join(dirname(end), `.${process.pid}.${Date.now()}.tmp`);
  try {
    const mode = existsSync(end) ? statSync(end).mode & 0o7777 : null;
    writeFileSync(temporary, bytes, { flag: "wx", flush: true });
    if (mode !== null) chmodSync(temporary, mode);
    renameSync(temporary, end);
  } catch (error) {
    if (existsSync(temporary)) rmSync(temporary);
    throw new Refusal(`${file}: cannot be written: ${reason(error, "write")}`);
  }
  try {
    syncFolder(dirname(end));
  } catch {
    // A disk that cannot do it for folders: the file is written all the same.
  }
}

/** Takes away what {@link writeWhole} has left in a folder where its process was killed. */
export function sweep(folder: string): void {
  for (const name of readdirSync(folder)) {
    const [, pid] = TEMPORARY.exec(name) ?? [];
    if (pid !== undefined && !runs(Number(pid))) rmSync(join(folder, name), { force: true });
  }
}

/** What was renamed in a folder is on the disk when the folder is. */
export function syncFolder(folder: string): void {
  const handle = openSync(folder, "r");
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

const LINKS_AT_MOST = 40;

/** Where symbolic links lead, whether there is a file or not. Throws Refusal where they lead in a circle. */
export function behindLinks(file: string): string {
  let end = file;
  for (let links = 0; isLink(end); links++) {
    if (links === LINKS_AT_MOST) throw new Refusal(`${file}: symbolic links lead in a circle`);
    end = resolve(realpathSync(dirname(end)), readlinkSync(end));
  }
  return end;
}

function isLink(file: string): boolean {
  try {
    return lstatSync(file).isSymbolicLink();
  } catch {
    return false; // what is wrong with it is told where it is written
  }
}
