/** The real Prometheus and its promtool, of Debian's package. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { endWithUs } from "../../scripts/envoy/watchdog.ts";
import { debianPrograms } from "./debian.ts";
import { freePort } from "./free-port.ts";

const START_MS = 30_000;

/** Where `prometheus` and `promtool` are; a text: why they are not. */
export const findPrometheus = () => debianPrograms("prometheus", "prometheus-debian");

/** What promtool says, and whether it is content. */
export function promtool(bin: string, args: string[], cwd: string): { ok: boolean; said: string } {
  const { status, stdout, stderr } = spawnSync(join(bin, "promtool"), args, { cwd, encoding: "utf8" });
  return { ok: status === 0, said: stdout + stderr };
}

export interface Alert {
  labels: Record<string, string>;
  annotations: Record<string, string>;
  state: "pending" | "firing";
}

export class Prometheus {
  private constructor(
    private readonly child: ChildProcess,
    private readonly port: number,
    private readonly folder: string,
    private readonly callOff: () => void,
  ) {}

  static async start(bin: string, config: string): Promise<Prometheus> {
    const folder = mkdtempSync(join(tmpdir(), "pointsman-prometheus-"));
    const port = await freePort();
    const log = openSync(join(folder, "log"), "a");
    const child = spawn(
      join(bin, "prometheus"),
      [
        `--config.file=${config}`,
        `--storage.tsdb.path=${join(folder, "data")}`,
        `--web.listen-address=127.0.0.1:${port}`,
      ],
      { stdio: ["ignore", log, log], detached: true },
    );
    const prometheus = new Prometheus(child, port, folder, endWithUs(child.pid!, folder));
    const deadline = Date.now() + START_MS;
    for (;;) {
      if (child.exitCode !== null || Date.now() > deadline) {
        const said = readFileSync(join(folder, "log"), "utf8");
        await prometheus.stop();
        throw new Error(`prometheus: ${said}`);
      }
      const response = await fetch(`http://127.0.0.1:${port}/-/ready`).catch(() => null);
      if (response?.ok) return prometheus;
      await sleep(50);
    }
  }

  /** What its API answers. */
  async ask<T>(path: string): Promise<T> {
    const response = await fetch(`http://127.0.0.1:${this.port}/api/v1/${path}`);
    const { status, data, error } = (await response.json()) as { status: string; data: T; error?: string };
    if (status !== "success") throw new Error(`${path}: ${error}`);
    return data;
  }

  /** Those whose expression holds, also where that is not long enough yet. */
  async alerts(): Promise<Alert[]> {
    return (await this.ask<{ alerts: Alert[] }>("alerts")).alerts;
  }

  async stop(): Promise<void> {
    const { child } = this;
    if (child.exitCode === null && child.signalCode === null) {
      const ended = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGKILL");
      await ended;
    }
    this.callOff();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
