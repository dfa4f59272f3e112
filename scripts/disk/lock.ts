/** One process at a time writes a file: who comes second waits, and then sees what the first one wrote. */
import { readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { basename, dirname, join } from "node:path";
import { type Progress, silent } from "../progress.ts";
import { Refusal } from "../refusal.ts";
import { reason } from "../sources/reason.ts";

const WAIT_MS = 60_000;
const POLL_MS = 50;
const EMPTY_MS = 2_000;

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
  const mine = `${process.pid} ${hostname()}`;
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
      writeFileSync(lock, mine, { flag: "wx" });
      return;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== "EEXIST") throw new Refusal(`${file}: cannot be written: ${reason(error, "write")}`);
    }
    const other = read(lock);
    if (other !== null && (other === "" ? isOld(lock) : isGone(other))) rmSync(lock, { force: true });
    else if (Date.now() < until) {
      progress(`waiting for another process that writes ${file}`);
      sleep(POLL_MS);
    } else {
      const [pid, host] = (other ?? "").split(" ");
      const who = pid ? `process ${pid} on ${host}` : "another process";
      throw new Refusal(`${file}: ${who} is writing it: wait for that, or remove ${lock} if nobody is`);
    }
  }
}

function read(lock: string): string | null {
  try {
    return readFileSync(lock, "utf8");
  } catch {
    return null;
  }
}

/** A lock that is being written is empty for a moment; one that stays so was left by a process that died just then. */
function isOld(lock: string): boolean {
  try {
    return Date.now() - statSync(lock).mtimeMs > EMPTY_MS;
  } catch {
    return false;
  }
}

/** Of another machine's process nothing is known. */
function isGone(other: string): boolean {
  const [pid, host] = other.split(" ");
  if (host !== hostname()) return false;
  try {
    process.kill(Number(pid), 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ESRCH";
  }
}

function sleep(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}
