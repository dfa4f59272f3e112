/** A command of the CLI that goes on running, beside the test: what it logs, what it answers over HTTP, and its end. */
import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { endWithUs } from "../../scripts/envoy/watchdog.ts";
import { projectPath } from "./data.ts";
import { freePort } from "./free-port.ts";

const START_MS = 20_000;

export interface StayingOptions {
  /** Where it runs. */
  folder: string;
  /** The command and its options, without `--http`. */
  args: readonly string[];
  /** Of Node. */
  node?: readonly string[];
  env?: NodeJS.ProcessEnv;
}

export class Staying {
  private log = "";

  constructor(
    private readonly child: ChildProcess,
    readonly httpPort: number,
    private readonly callOff: () => void,
  ) {
    child.stderr!.on("data", (chunk) => {
      this.log += chunk;
    });
  }

  /** Resolves when it answers. */
  static async start<T extends Staying>(
    this: new (
      ...parts: ConstructorParameters<typeof Staying>
    ) => T,
    { folder, args, node = [], env = {} }: StayingOptions,
  ): Promise<T> {
    const http = await freePort();
    const child = spawn(
      process.execPath,
      [...node, projectPath("build/pointsman.mjs"), ...args, "--http", String(http)],
      {
        cwd: folder,
        env: { PATH: process.env.PATH, ...env },
        stdio: ["ignore", "ignore", "pipe"],
        detached: true,
      },
    );
    const staying = new this(child, http, endWithUs(child.pid!, join(folder, "none")));
    const until = Date.now() + START_MS;
    while (!(await staying.answers())) {
      if (child.exitCode !== null || Date.now() > until)
        throw new Error(`pointsman ${args.join(" ")}: ${staying.said}`);
      await sleep(20);
    }
    return staying;
  }

  /** What it has said so far. */
  get said(): string {
    return this.log;
  }

  get pid(): number {
    return this.child.pid!;
  }

  async get(path: string): Promise<{ status: number; body: string }> {
    const response = await fetch(`http://127.0.0.1:${this.httpPort}${path}`);
    return { status: response.status, body: await response.text() };
  }

  /** What /status answers. */
  async status<T>(): Promise<T> {
    return JSON.parse((await this.get("/status")).body) as T;
  }

  /** @param signal SIGKILL for one that dies */
  async stop(signal: "SIGTERM" | "SIGKILL" = "SIGTERM"): Promise<number | null> {
    const { child } = this;
    if (child.exitCode === null && child.signalCode === null) {
      const ended = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGCONT");
      child.kill(signal);
      await ended;
    }
    this.callOff();
    return child.exitCode;
  }

  signal(name: NodeJS.Signals): void {
    this.child.kill(name);
  }

  answers(): Promise<boolean> {
    return this.get("/healthz").then(
      () => true,
      () => false,
    );
  }
}
