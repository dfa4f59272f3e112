/** The real Apache Traffic Server on 127.0.0.1: Debian's 9.2, unpacked into .venv and not installed. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { endWithUs } from "../../scripts/envoy/watchdog.ts";
import { debianFolder } from "./debian.ts";
import { freePort } from "./free-port.ts";

const START_MS = 30_000;
/** With what it needs that few machines have, and LuaJIT's own program. */
const PACKAGES = [
  "trafficserver",
  "libhwloc15",
  "libmaxminddb0",
  "libpcre3",
  "libyaml-cpp0.7",
  "libluajit-5.1-2",
  "luajit",
];

/** Where ATS is; `why`: there is none. */
export const findAts = () => debianFolder(PACKAGES, "ats-9.2-debian");

export interface AtsOptions {
  /** What lies in its folder of configuration, by name; told that folder. */
  files(folder: string): Record<string, string | Uint8Array>;
  /** Lines for its records.config, after those of the files. */
  records?: string[];
  /** Where it listens, beside a port of its own choice. */
  ports?: number[];
}

export class Ats {
  private constructor(
    private readonly child: ChildProcess,
    readonly port: number,
    /** Its configuration is in `etc`. */
    readonly folder: string,
    private readonly callOff: () => void,
  ) {}

  /** @param home where `findAts` has found it */
  static async start(home: string, { files, records = [], ports = [] }: AtsOptions): Promise<Ats> {
    const folder = mkdtempSync(join(tmpdir(), "pointsman-ats-"));
    const port = await freePort();
    for (const name of ["etc", "log", "run", "cache"]) mkdirSync(join(folder, name));
    writeFileSync(join(folder, "runroot.yaml"), runroot(folder, home));
    const given = files(join(folder, "etc"));
    const own = {
      "storage.config": "cache 32M\n",
      "ip_allow.yaml": readFileSync(join(home, "etc/trafficserver/ip_allow.yaml"), "utf8"),
      ...given,
      "records.config": [
        String(given["records.config"] ?? ""),
        ...records,
        ...recordsOf([port, ...ports], home),
      ].join("\n"),
    };
    for (const [name, content] of Object.entries(own)) writeFileSync(join(folder, "etc", name), content);
    const log = openSync(join(folder, "log/out"), "a");
    const libraries = ["usr/lib/trafficserver", "usr/lib/x86_64-linux-gnu", "lib/x86_64-linux-gnu"];
    const child = spawn(join(home, "usr/bin/traffic_server"), [`--run-root=${folder}`], {
      env: { ...process.env, LD_LIBRARY_PATH: libraries.map((one) => join(home, one)).join(":") },
      stdio: ["ignore", log, log],
      detached: true,
    });
    const ats = new Ats(child, port, folder, endWithUs(child.pid!, folder));
    const deadline = Date.now() + START_MS;
    while (!ats.log().includes("traffic server running")) {
      if (child.exitCode !== null || child.signalCode !== null || Date.now() > deadline) {
        const said = ats.log();
        await ats.stop();
        throw new Error(`ATS did not start: ${said}`);
      }
      await sleep(50);
    }
    return ats;
  }

  get pid(): number {
    return this.child.pid!;
  }

  /** It has not ended. */
  get lives(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  /** Everything that it has said. */
  log(): string {
    return ["out", "diags.log", "error.log"]
      .map((name) => join(this.folder, "log", name))
      .filter((file) => existsSync(file))
      .map((file) => readFileSync(file, "utf8"))
      .join("");
  }

  /** Bytes of memory that are its own. */
  memory(): number {
    const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${this.pid}/status`, "utf8"))!;
    return Number(kilobytes) * 1024;
  }

  /** Its metrics whose names begin so, by what follows. */
  async metrics(prefix: string): Promise<Record<string, number>> {
    const response = await fetch(`http://127.0.0.1:${this.port}/_stats`);
    const { global } = (await response.json()) as { global: Record<string, string> };
    return Object.fromEntries(
      Object.entries(global)
        .filter(([name]) => name.startsWith(prefix))
        .map(([name, value]) => [name.slice(prefix.length), Number(value)]),
    );
  }

  async stop(): Promise<void> {
    if (this.lives) {
      const ended = new Promise((resolve) => this.child.once("exit", resolve));
      // Its crash logger is in its group, and ends with it.
      process.kill(-this.pid, "SIGKILL");
      await ended;
    }
    this.callOff();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

function runroot(folder: string, home: string): string {
  const usr = join(home, "usr");
  const places = {
    prefix: folder,
    exec_prefix: usr,
    bindir: join(usr, "bin"),
    sbindir: join(usr, "bin"),
    sysconfdir: join(folder, "etc"),
    datadir: join(folder, "cache"),
    includedir: join(usr, "include"),
    libdir: join(usr, "lib/trafficserver"),
    libexecdir: join(usr, "lib/trafficserver/modules"),
    localstatedir: join(folder, "run"),
    runtimedir: join(folder, "run"),
    logdir: join(folder, "log"),
    mandir: folder,
    cachedir: join(folder, "cache"),
  };
  return Object.entries(places)
    .map(([name, path]) => `${name}: ${path}\n`)
    .join("");
}

/** What ours needs: a port, no other user, its own templates, two net threads. */
function recordsOf(ports: number[], home: string): string[] {
  return [
    `CONFIG proxy.config.http.server_ports STRING ${ports.map((port) => `${port}:ip-in=127.0.0.1`).join(" ")}`,
    "CONFIG proxy.config.admin.user_id STRING #-1",
    `CONFIG proxy.config.body_factory.template_sets_dir STRING ${join(home, "etc/trafficserver/body_factory")}`,
    "CONFIG proxy.config.exec_thread.autoconfig INT 0",
    // Metrics are told as they are counted, not five seconds later.
    "CONFIG proxy.config.raw_stat_sync_interval_ms INT 100",
    "CONFIG proxy.config.exec_thread.limit INT 2",
    "",
  ];
}
