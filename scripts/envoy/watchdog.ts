/** Ends what we started when we are gone ourselves. */
import { spawn } from "node:child_process";

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
