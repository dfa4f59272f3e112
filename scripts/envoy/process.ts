/** A running Envoy: started, watched, given new tables, and stopped without trace. */
import { type ChildProcess, spawn } from "node:child_process";
import { appendFileSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import { type BootstrapOptions, bootstrap, type ListenerOptions } from "../render/bootstrap.ts";
import { FILTER_NAME } from "../render/plugin.ts";
import { isLive, readListenerPorts, readStats, type Stats } from "./admin.ts";
import { type Filter, FilterFiles } from "./discovery.ts";
import { whenEnded } from "./watchdog.ts";

export interface RunOptions {
  /** The binary, from {@link findEnvoy}. */
  envoy: string;
  /** Worker threads; default 1. */
  concurrency?: number;
  /** A command to run Envoy under, such as valgrind with its options. */
  under?: string[];
  startTimeoutMs?: number;
}

export interface EnvoyOptions extends RunOptions, Omit<BootstrapOptions, "discovery" | "listeners"> {
  /** Default: one, `main`. */
  listeners?: ListenerOptions[];
  /** Without one, every request takes the fallback route. */
  filter?: Filter;
  /** Of `clusters`: an xDS server that has the filter, instead. */
  filterServer?: string;
}

/** What became of a table: `reason` is what Envoy and the filter logged about a refused one. */
export interface UpdateResult {
  accepted: boolean;
  reason?: string;
}

/** What Envoy last read, and what it made of it. */
interface Last {
  filter: Filter;
  result: UpdateResult;
}

const DISCOVERY = `extension_config_discovery.http_filter.${FILTER_NAME}.`;
const POLL_MS = 5;
const GRACE_MS = 3_000;
const LOG_LINES = 50_000;

export class EnvoyProcess {
  /** The port of each listener, by its name. */
  readonly ports: Record<string, number>;
  readonly adminPort: number;
  readonly pid: number;
  /** What it runs on, and its log; gone when it is. */
  readonly folder: string;
  readonly logFile: string;
  private readonly run: Run;
  private readonly files: FilterFiles | null;
  private updates: Promise<unknown> = Promise.resolve();
  private last: Last | null;

  constructor(
    run: Run,
    files: FilterFiles | null,
    last: Last | null,
    adminPort: number,
    ports: Record<string, number>,
  ) {
    this.run = run;
    this.last = last;
    this.files = files;
    this.pid = run.child.pid!;
    this.folder = run.folder;
    this.logFile = run.logFile;
    this.adminPort = adminPort;
    this.ports = ports;
  }

  /** The first listener's port. */
  get port(): number {
    return Object.values(this.ports)[0]!;
  }

  /** The last lines that Envoy logged. */
  get logs(): readonly string[] {
    return this.run.logs;
  }

  /** Resolves when the process is gone, by {@link stop} or by itself. */
  get exited(): Promise<void> {
    return this.run.exited;
  }

  /** Whether the process is gone. */
  get gone(): boolean {
    return this.run.gone;
  }

  stats(filter?: string): Promise<Stats> {
    return readStats(this.adminPort, filter);
  }

  /** Waits until a stat is as wanted, and returns its value; a stat that is not there yet counts as absent. */
  async waitForStat(
    name: string,
    wanted: (value: number | string | undefined) => boolean,
    timeoutMs = 5_000,
  ): Promise<number | string | undefined> {
    const deadline = Date.now() + timeoutMs;
    for (;;) {
      const value = (await this.stats(`^${name.replaceAll(".", "\\.")}$`))[name];
      if (wanted(value)) return value;
      if (Date.now() > deadline) throw new Error(`${name} is ${value ?? "absent"} after ${timeoutMs} ms`);
      await sleep(POLL_MS);
    }
  }

  /**
   * Gives every listener's filter a new table, or other settings and the table that it has, and resolves when all
   * workers have it, or Envoy has refused it. Calls are taken one after the other.
   */
  updateFilter(change: Uint8Array | Partial<Filter>, timeoutMs = 5_000): Promise<UpdateResult> {
    const result = this.updates.then(() => this.update(change, timeoutMs));
    this.updates = result.catch(() => {});
    return result;
  }

  private async update(change: Uint8Array | Partial<Filter>, timeoutMs: number): Promise<UpdateResult> {
    if (!this.files || !this.last) throw new Error("this Envoy was started without a filter");
    const filter = {
      ...this.last.filter,
      ...(change instanceof Uint8Array ? { table: change.slice() } : change),
    };
    // Envoy skips what it read last and counts a success, even of what it had refused: what it said first still holds.
    if (isDeepStrictEqual(filter, this.last.filter)) return this.last.result;
    const result = await this.push(this.files, filter, timeoutMs);
    this.last = { filter, result };
    return result;
  }

  private async push(files: FilterFiles, filter: Filter, timeoutMs: number): Promise<UpdateResult> {
    const before = await this.updateCounts();
    const firstLine = this.run.logged;
    await files.write(filter);
    const listeners = Object.keys(this.ports).length;
    const deadline = Date.now() + timeoutMs;
    for (;;) {
      const now = await this.updateCounts();
      const refused = now.refused - before.refused;
      const read = now.accepted - before.accepted + refused;
      if (read >= listeners && refused > 0)
        return { accepted: false, reason: await this.reason(firstLine, refused) };
      if (read >= listeners && now.reloaded - before.reloaded >= listeners) return { accepted: true };
      if (Date.now() > deadline) throw new Error(`Envoy has not taken up the table after ${timeoutMs} ms`);
      await sleep(POLL_MS);
    }
  }

  /**
   * One listener's file counts once each. The first three count when Envoy's main thread has read a file;
   * `config_reload` when it is done with it on every worker, and it counts refused files too, so alone it says nothing.
   */
  private async updateCounts(): Promise<{ accepted: number; refused: number; reloaded: number }> {
    const stats = await this.stats(`^${DISCOVERY.replaceAll(".", "\\.")}`);
    const count = (name: string) => Number(stats[DISCOVERY + name] ?? 0);
    return {
      accepted: count("update_success"),
      refused: count("update_rejected") + count("update_failure"),
      reloaded: count("config_reload"),
    };
  }

  /** What was logged about a refused table: the filter's own line if it wrote one, and Envoy's. */
  private async reason(firstLine: number, refused: number): Promise<string> {
    const verdict = /Filesystem config update (rejected|failure)/;
    // The log comes through a pipe and may lag behind the stats.
    for (let tries = 0; tries < 100; tries++) {
      if (this.run.linesSince(firstLine).filter((line) => verdict.test(line)).length >= refused) break;
      await sleep(POLL_MS);
    }
    const lines = this.run.linesSince(firstLine);
    return lines.filter((line) => /\]\[(warning|error|critical)\]/.test(line)).join("\n");
  }

  /** Ends Envoy by its process id: SIGTERM, and SIGKILL to one that does not go; resolves when it is gone. */
  stop(): Promise<void> {
    return this.run.stop();
  }
}

/** Starts Envoy and resolves when it takes requests. Rejects, with nothing left running, when it does not come up. */
export async function startEnvoy(options: EnvoyOptions): Promise<EnvoyProcess> {
  const { filter } = options;
  return launch(options, async (folder) => {
    const listeners = options.listeners ?? [{ name: "main" }];
    const names = listeners.map((one) => one.name);
    const files = filter ? new FilterFiles(join(folder, "ecds"), names, filter) : null;
    await files?.write({});
    const { filterServer } = options;
    const ofFile =
      files && ((name: string) => ({ path: files.path(name), directory: files.directory(name) }));
    const discovery = filterServer === undefined ? ofFile : { cluster: filterServer };
    const config = join(folder, "bootstrap.json");
    await writeFile(config, JSON.stringify(bootstrap({ ...options, listeners, discovery }), null, 2));
    return { config, files };
  });
}

/** The same with a configuration that is there already; its filters are not ours to update. */
export function startConfigured(config: string, options: RunOptions): Promise<EnvoyProcess> {
  return launch(options, async () => ({ config, files: null }));
}

/** @param prepare writes what Envoy needs into a folder that goes with it */
async function launch(
  options: RunOptions & { filter?: Filter },
  prepare: (folder: string) => Promise<{ config: string; files: FilterFiles | null }>,
): Promise<EnvoyProcess> {
  const folder = await mkdtemp(join(tmpdir(), "pointsman-envoy-"));
  let run: Run | undefined;
  try {
    const { config, files } = await prepare(folder);
    run = new Run(options, config, folder);
    const adminPort = await readAdminPort(run, folder, options.startTimeoutMs ?? 20_000);
    const ports = await readListenerPorts(adminPort);
    const failed = (await readStats(adminPort, "config_fail"))[`${DISCOVERY}config_fail`];
    const result = failed === 0 ? { accepted: true } : { accepted: false, reason: run.logs.join("\n") };
    const { filter } = options;
    const last = filter ? { filter: { ...filter, table: filter.table.slice() }, result } : null;
    return new EnvoyProcess(run, files, last, adminPort, ports);
  } catch (error) {
    if (run) await run.stop();
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

async function readAdminPort(run: Run, folder: string, timeoutMs: number): Promise<number> {
  const deadline = Date.now() + timeoutMs;
  while (!run.gone) {
    const text = await readFile(join(folder, "admin"), "utf8").catch(() => "");
    const port = Number(/:(\d+)$/.exec(text)?.[1]);
    if (port && (await isLive(port))) return port;
    if (Date.now() > deadline) throw new Error(`Envoy is not ready after ${timeoutMs} ms\n${run.tail()}`);
    await sleep(POLL_MS);
  }
  throw new Error(`Envoy ended at its start\n${run.tail()}`);
}

/** The child process and its log. */
class Run {
  readonly child: ChildProcess;
  readonly exited: Promise<void>;
  readonly logs: string[] = [];
  readonly logFile: string;
  /** Lines so far, those that `logs` has dropped included. */
  logged = 0;
  gone = false;

  constructor(
    options: RunOptions,
    config: string,
    readonly folder: string,
  ) {
    this.logFile = join(folder, "envoy.log");
    const [command, ...args] = [...(options.under ?? []), options.envoy, ...flags(options, config, folder)];
    const child = spawn(command!, args, {
      stdio: ["ignore", "ignore", "pipe"],
      // Ctrl-C in a terminal goes to the whole group; we end Envoy ourselves, after its last request.
      detached: true,
    });
    this.child = child;
    this.exited = whenEnded(child, folder, (why) => {
      this.gone = true;
      this.log([why]);
    });
    this.collect(child.stderr!);
  }

  private collect(stream: NodeJS.ReadableStream): void {
    let rest = "";
    stream.on("data", (chunk: Buffer) => {
      appendFileSync(this.logFile, chunk);
      const lines = (rest + chunk.toString()).split("\n");
      rest = lines.pop()!;
      this.log(lines);
    });
  }

  private log(lines: string[]): void {
    this.logged += lines.length;
    this.logs.push(...lines);
    if (this.logs.length > LOG_LINES) this.logs.splice(0, this.logs.length - LOG_LINES);
  }

  linesSince(first: number): string[] {
    const dropped = this.logged - this.logs.length;
    return this.logs.slice(Math.max(0, first - dropped));
  }

  tail(): string {
    return this.logs.slice(-10).join("\n");
  }

  async stop(): Promise<void> {
    if (this.gone) return this.exited;
    this.child.kill("SIGTERM");
    const timer = setTimeout(() => this.child.kill("SIGKILL"), GRACE_MS);
    await this.exited;
    clearTimeout(timer);
  }
}

function flags(options: RunOptions, config: string, folder: string): string[] {
  return [
    ["--config-path", config],
    ["--concurrency", String(options.concurrency ?? 1)],
    // Without hot restart there is no shared memory, so no --base-id to choose: any number run side by side.
    ["--disable-hot-restart"],
    ["--admin-address-path", join(folder, "admin")],
    ["--log-level", "warning"],
    ["--component-log-level", "wasm:info"],
  ].flat();
}
