/** Locks of processes that run, that are gone and that are elsewhere. */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { folderOf } from "../../test/support/folder.ts";
import { lock as takeLock, withLock } from "./lock.ts";

const setUp = () => {
  const folder = folderOf({});
  return { file: join(folder, "t"), lock: join(folder, ".t.lock") };
};

describe("a lock", () => {
  it("is there during the step alone, and says who has it", () => {
    const { file, lock } = setUp();
    const [text, isHeld] = withLock(file, (held) => [readFileSync(lock, "utf8"), held()] as const);
    expect(text).toMatch(new RegExp(`^${process.pid} ${hostname()}( \\d+)?\n$`));
    expect(isHeld).toBe(true);
    expect(existsSync(lock)).toBe(false);
  });

  it("goes where the step throws", () => {
    const { file, lock } = setUp();
    const fail = () => {
      throw new Error("x");
    };
    expect(() => withLock(file, fail)).toThrow("x");
    expect(existsSync(lock)).toBe(false);
  });

  it("of a process that runs is waited for, then the step is refused with who has it and what to do", () => {
    const { file, lock } = setUp();
    writeFileSync(lock, `${process.ppid} ${hostname()}\n`);
    const start = Date.now();
    expect(() => withLock(file, () => 0, { wait: 200 })).toThrow(
      `${file}: process ${process.ppid} on ${hostname()} is writing it: wait for that, or remove ${lock} if nobody is`,
    );
    expect(Date.now() - start).toBeGreaterThanOrEqual(200);
    expect(existsSync(lock)).toBe(true);
  });

  it("is kept until it is given back, and who waits for it is told what for", () => {
    const { file, lock } = setUp();
    const kept = takeLock(file);
    expect(() => takeLock(file, { wait: 0, does: "follows for it" })).toThrow(
      `${file}: process ${process.pid} on ${hostname()} follows for it: wait for that, or remove ${lock} if nobody is`,
    );
    expect(kept.isHeld()).toBe(true);
    kept.release();
    expect(existsSync(lock)).toBe(false);
  });

  it.skipIf(!existsSync("/proc/self/stat"))(
    "of a process before us that had our number is taken, as in a container that was made again",
    () => {
      const { file, lock } = setUp();
      const text = withLock(file, () => readFileSync(lock, "utf8"));
      writeFileSync(lock, text.replace(/\d+\n$/, "1\n"));
      expect(withLock(file, () => "done", { wait: 0 })).toBe("done");
      writeFileSync(lock, text);
      expect(() => withLock(file, () => 0, { wait: 0 })).toThrow("is writing it");
    },
  );

  it("of another machine's process is never taken", () => {
    const { file, lock } = setUp();
    writeFileSync(lock, "1 elsewhere.example\n");
    expect(() => withLock(file, () => 0, { wait: 0 })).toThrow(
      "process 1 on elsewhere.example is writing it",
    );
  });

  it("that a process left behind is taken", () => {
    const { file, lock } = setUp();
    const gone = spawnSync(process.execPath, ["-e", "0"]).pid;
    writeFileSync(lock, `${gone} ${hostname()}\n`);
    expect(withLock(file, () => "done", { wait: 0 })).toBe("done");
    expect(existsSync(lock)).toBe(false);
  });

  it.each(["", `${process.ppid} x`])(
    "that a process left as it died making it is taken after a while: %j",
    (text) => {
      const { file, lock } = setUp();
      writeFileSync(lock, text);
      expect(() => withLock(file, () => 0, { wait: 0 })).toThrow("is writing it");
      utimesSync(lock, new Date(), Date.now() / 1000 - 3);
      expect(withLock(file, () => "done", { wait: 0 })).toBe("done");
    },
  );

  it("that another process took is known to be lost, and left to it", () => {
    const { file, lock } = setUp();
    const isHeld = withLock(file, (held) => {
      writeFileSync(lock, "1 elsewhere.example\n");
      return held();
    });
    expect(isHeld).toBe(false);
    expect(existsSync(lock)).toBe(true);
  });
});
