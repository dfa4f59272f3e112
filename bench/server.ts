/** Runs an Envoy on any configuration, on chosen CPUs or under another program, and says what it costs. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtemp, readdir, readFile, writeFile } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { isLive, readListenerPorts, readStats, type Stats } from "../scripts/envoy/admin.ts";
import { whenEnded } from "../scripts/envoy/watchdog.ts";

export interface ServerOptions {
  /** The binary, from `findEnvoy`. */
  envoy: string;
  config: object;
  /** Worker threads; default 1. */
  concurrency?: number;
  /** A command to run Envoy under, such as valgrind with its options. */
  under?: string[];
  /** The CPU to stay on, where the machine has several. */
  cpu?: number;
  startTimeoutMs?: number;
}

const POLL_MS = 2;
const LOG_LINES = 200;

export class Server {
  /** The port of each listener, by its name. */
  ports: Record<string, number> = {};
  adminPort = 0;
  /** From the process's start to its first "ready", in ms. */
  startMs = 0;
  readonly logs: string[] = [];
  private gone = false;
  private readonly exited: Promise<void>;

  private constructor(
    private readonly child: ChildProcess,
    private readonly folder: string,
  ) {
    this.exited = whenEnded(child, folder, (why) => {
      this.gone = true;
      this.logs.push(why);
    });
    child.stderr!.on("data", (chunk: Buffer) => {
      this.logs.push(...chunk.toString().split("\n").filter(Boolean));
      if (this.logs.length > LOG_LINES) this.logs.splice(0, this.logs.length - LOG_LINES);
    });
  }

  /** Resolves when Envoy takes requests. Rejects, with nothing left running, when it does not come up. */
  static async start(options: ServerOptions): Promise<Server> {
    const folder = await mkdtemp(join(tmpdir(), "pointsman-bench-envoy-"));
    const config = join(folder, "bootstrap.json");
    await writeFile(config, JSON.stringify(options.config));
    const flags = [
      ["--config-path", config],
      ["--concurrency", String(options.concurrency ?? 1)],
      ["--disable-hot-restart"],
      ["--admin-address-path", join(folder, "admin")],
      ["--log-level", "warning"],
    ].flat();
    const under = [...pin(options.cpu), ...(options.under ?? [])];
    const [command, ...args] = [...under, options.envoy, ...flags];
    const began = performance.now();
    const server = new Server(
      spawn(command!, args, { stdio: ["ignore", "ignore", "pipe"], detached: true }),
      folder,
    );
    try {
      await server.ready(options.startTimeoutMs ?? 60_000);
      server.startMs = performance.now() - began;
      return server;
    } catch (error) {
      await server.stop();
      throw error;
    }
  }

  private async ready(timeoutMs: number): Promise<void> {
    const deadline = Date.now() + timeoutMs;
    while (!this.gone) {
      const text = await readFile(join(this.folder, "admin"), "utf8").catch(() => "");
      const port = Number(/:(\d+)$/.exec(text)?.[1]);
      if (port && (await isLive(port))) {
        this.adminPort = port;
        this.ports = await readListenerPorts(port);
        return;
      }
      if (Date.now() > deadline) throw new Error(`Envoy is not ready after ${timeoutMs} ms\n${this.tail()}`);
      await sleep(POLL_MS);
    }
    throw new Error(`Envoy ended at its start\n${this.tail()}`);
  }

  get pid(): number {
    return this.child.pid!;
  }

  /** The port of `main`, or of the only listener. */
  get port(): number {
    return this.ports.main ?? Object.values(this.ports)[0]!;
  }

  tail(): string {
    return this.logs.slice(-10).join("\n");
  }

  stats(filter: string): Promise<Stats> {
    return readStats(this.adminPort, filter);
  }

  /** Requests to a listener that were answered so far, and those of them with a 2xx. */
  async answered(listener: string): Promise<{ all: number; good: number }> {
    const prefix = `http.${listener}.downstream_rq_`;
    const stats = await this.stats(`^${prefix.replaceAll(".", "\\.")}(completed|2xx)$`);
    return { all: Number(stats[`${prefix}completed`] ?? 0), good: Number(stats[`${prefix}2xx`] ?? 0) };
  }

  /** User and system time of all threads so far, in µs: the scheduler's own count, not that of the clock's ticks. */
  async cpuMicros(): Promise<number> {
    const threads = `/proc/${this.pid}/task`;
    const times = (await readdir(threads)).map(async (thread) => {
      const text = await readFile(join(threads, thread, "schedstat"), "utf8");
      return Number(text.split(" ")[0]) / 1000;
    });
    return (await Promise.all(times)).reduce((sum, time) => sum + time);
  }

  /** Memory that is this process's own, in bytes. */
  async memoryBytes(): Promise<number> {
    const text = await readFile(`/proc/${this.pid}/smaps_rollup`, "utf8");
    const kilobytes = ["Private_Clean", "Private_Dirty"].map((name) =>
      Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(text)?.[1] ?? 0),
    );
    return kilobytes.reduce((sum, n) => sum + n) * 1024;
  }

  /** Ends Envoy by its process id; resolves when it is gone and its folder with it. */
  async stop(): Promise<void> {
    if (this.gone) return this.exited;
    this.child.kill("SIGTERM");
    const timer = setTimeout(() => this.child.kill("SIGKILL"), 5_000);
    await this.exited;
    clearTimeout(timer);
  }
}

let canPin: boolean | undefined;

/** `taskset` and its arguments, nothing where there is none or but one CPU. */
export function pin(cpu: number | undefined): string[] {
  if (cpu === undefined || availableParallelism() < 2) return [];
  canPin ??= spawnSync("taskset", ["-c", "0", "true"]).status === 0;
  return canPin ? ["taskset", "-c", String(cpu % availableParallelism())] : [];
}
