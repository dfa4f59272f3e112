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

interface LockOptions {
  /** How long, in milliseconds; nothing else goes on meanwhile. */
  wait?: number;
  progress?: Progress;
  /** Of who has it, for people: "is writing it". */
  does?: string;
}

/** `step` under the file's lock. Throws Refusal as {@link lock} does. */
export function withLock<T>(file: string, step: (isHeld: () => boolean) => T, options: LockOptions = {}): T {
  const { isHeld, release } = lock(file, options);
  try {
    return step(isHeld);
  } finally {
    release();
  }
}

/**
 * A file's lock, which is a file beside it with the process that has it. A process that is gone has no lock. Throws
 * Refusal after waiting for too long, and where there can be no file.
 */
export function lock(
  file: string,
  { wait = WAIT_MS, progress = silent, does = "is writing it" }: LockOptions = {},
): { isHeld: () => boolean; release: () => void } {
  const lock = join(dirname(file), `.${basename(file)}.lock`);
  const mine = [process.pid, hostname(), startOf("self")].join(" ").trimEnd().concat("\n");
  acquire(file, lock, mine, Date.now() + wait, progress, does);
  const isHeld = () => read(lock) === mine;
  return {
    isHeld,
    release() {
      if (isHeld()) rmSync(lock, { force: true });
    },
  };
}

function acquire(
  file: string,
  lock: string,
  mine: string,
  until: number,
  progress: Progress,
  does: string,
): void {
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
      throw new Refusal(`${file}: ${who} ${does}: wait for that, or remove ${lock} if nobody is`);
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
  const [pid, host, start = ""] = other.trimEnd().split(" ");
  if (host !== hostname()) return false;
  return !runs(Number(pid)) || (start !== "" && startOf(pid!) !== start);
}

/**
 * When that process started, where the system tells: in a container that was killed and made again, a process has the
 * same number as the one before, and the same machine's name.
 */
function startOf(pid: string): string {
  try {
    // After the name in brackets, which may have any characters: fields 3 on; the start is field 22.
    return /.*\)(.*)$/s.exec(readFileSync(`/proc/${pid}/stat`, "utf8"))![1]!.split(" ")[20]!;
  } catch {
    return "";
  }
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
