/** A server that a test starts beside itself: its log, whether it runs, and its end, with the test's at the latest. */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { endWithUs } from "../../scripts/envoy/watchdog.ts";

const POLL_MS = 20;

export interface DaemonOptions {
  command: string;
  args: readonly string[];
  env?: NodeJS.ProcessEnv;
  /** It goes with the daemon should we be killed; who stops the daemon removes it. */
  folder: string;
  /** Whether it is ready. */
  isUp: () => Promise<boolean>;
  startMs?: number;
}

export class Daemon {
  private constructor(
    private readonly child: ChildProcess,
    private readonly callOff: () => void,
    private readonly logFile: string,
  ) {}

  /** Resolves when it is up; rejects, with nothing left running, where it does not come up. */
  static async start(name: string, options: DaemonOptions): Promise<Daemon> {
    const { command, args, env = {}, folder, isUp, startMs = 30_000 } = options;
    const logFile = join(folder, `${name}.log`);
    const log = openSync(logFile, "a");
    const child = spawn(command, args, {
      env: { PATH: process.env.PATH, HOME: folder, ...env },
      stdio: ["ignore", log, log],
      cwd: folder,
      detached: true,
    });
    closeSync(log);
    const daemon = new Daemon(child, endWithUs(child.pid!, folder), logFile);
    const until = Date.now() + startMs;
    while (!(await isUp())) {
      if (daemon.isGone || Date.now() > until) {
        await daemon.kill();
        throw new Error(`${name} does not come up:\n${daemon.log.split("\n").slice(-20).join("\n")}`);
      }
      await sleep(POLL_MS);
    }
    return daemon;
  }

  get log(): string {
    return readFileSync(this.logFile, "utf8");
  }

  get isGone(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null;
  }

  /** At once: nothing of theirs outlives the test. */
  async kill(): Promise<void> {
    this.callOff();
    if (this.isGone) return;
    const gone = new Promise((resolve) => this.child.once("exit", resolve));
    this.child.kill("SIGKILL");
    await gone;
  }
}
