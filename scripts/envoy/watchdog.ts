/** Ends what we started when we are gone ourselves. */
import { type ChildProcess, spawn } from "node:child_process";
import { rm } from "node:fs/promises";

/**
 * Ends a process that leads a group of its own (`detached`), and the group, and removes its folder, when this one is
 * gone, however it went: a shell waits on a pipe whose other end we hold, and the kernel closes that end for us, after
 * SIGKILL too. Needs no signal handlers of ours.
 *
 * Returns a function that calls the watch off.
 */
export function endWithUs(pid: number, folder: string): () => void {
  const script = 'read -r _; kill -s KILL -- "-$1"; rm -rf -- "$2"';
  const shell = spawn("/bin/sh", ["-c", script, "sh", String(pid), folder], {
    stdio: ["pipe", "ignore", "ignore"],
    // A group of its own: Ctrl-C in a terminal goes to our whole group and must not end the watch before us.
    detached: true,
  });
  shell.unref();
  (shell.stdin as unknown as { unref(): void }).unref();
  return () => shell.kill("SIGKILL");
}

/**
 * The same for an Envoy: resolves when it has ended and its folder is gone, and the watch with it.
 * @param say is told first how it ended, or why it did not start
 */
export function whenEnded(envoy: ChildProcess, folder: string, say: (why: string) => void): Promise<void> {
  const callOff = envoy.pid === undefined ? () => {} : endWithUs(envoy.pid, folder);
  return new Promise((resolve) => {
    const end = (why: string) => {
      say(why);
      callOff();
      rm(folder, { recursive: true, force: true }).then(() => resolve());
    };
    envoy.on("error", (error) => end(error.message));
    envoy.on("close", (code, signal) => end(`Envoy ended (${signal ?? code})`));
  });
}
