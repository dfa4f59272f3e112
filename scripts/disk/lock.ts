/** One process at a time writes a file: who comes second waits, and then sees what the first one wrote. */
import { closeSync, openSync, readFileSync, rmSync, statSync, writeSync } from "node:fs";
import { hostname } from "node:os";
import { basename, dirname, join } from "node:path";
import { type Progress, silent } from "../progress.ts";
import { Refusal } from "../refusal.ts";
import { reason } from "../sources/reason.ts";

const WAIT_MS = 60_000;
const POLL_MS = 50;
const UNFINISHED_MS = 2_000;

/**
 * `step` under the file's lock, which is a file beside it with the process that has it. A process that is gone has no
 * lock. Throws Refusal after waiting for too long, and where there can be no file.
 */
export function withLock<T>(
  file: string,
  step: (isHeld: () => boolean) => T,
  { wait = WAIT_MS, progress = silent }: { wait?: number; progress?: Progress } = {},
): T {
  const lock = join(dirname(file), `.${basename(file)}.lock`);
  const mine = `${process.pid} ${hostname()}\n`;
  acquire(file, lock, mine, Date.now() + wait, progress);
  try {
    return step(() => read(lock) === mine);
  } finally {
    if (read(lock) === mine) rmSync(lock, { force: true });
  }
}

function acquire(file: string, lock: string, mine: string, until: number, progress: Progress): void {
  for (;;) {
    try {
      make(lock, mine);
      return;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== "EEXIST") throw new Refusal(`${file}: cannot be written: ${reason(error, "write")}`);
    }
    const other = read(lock);
    if (other !== null && (other.endsWith("\n") ? isGone(other) : isOld(lock))) rmSync(lock, { force: true });
    else if (Date.now() < until) {
      progress(`waiting for another process that writes ${file}`);
      sleep(POLL_MS);
    } else {
      const [pid, host] = (other ?? "").trimEnd().split(" ");
      const who = pid ? `process ${pid} on ${host}` : "another process";
      throw new Refusal(`${file}: ${who} is writing it: wait for that, or remove ${lock} if nobody is`);
    }
  }
}

/** Throws where there is one. On a full disk none is left behind. */
function make(lock: string, mine: string): void {
  const handle = openSync(lock, "wx");
  try {
    writeSync(handle, mine);
  } catch (error) {
    rmSync(lock, { force: true });
    throw error;
  } finally {
    closeSync(handle);
  }
}

function read(lock: string): string | null {
  try {
    return readFileSync(lock, "utf8");
  } catch {
    return null;
  }
}

/** A lock that is being written lacks its end for a moment; one that stays so was left by a process that died then. */
function isOld(lock: string): boolean {
  try {
    return Date.now() - statSync(lock).mtimeMs > UNFINISHED_MS;
  } catch {
    return false;
  }
}

/** Of another machine's process nothing is known. */
function isGone(other: string): boolean {
  const [pid, host] = other.trimEnd().split(" ");
  return host === hostname() && !runs(Number(pid));
}

/** Whether there is such a process on this machine. */
export function runs(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "ESRCH";
  }
}

function sleep(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}
