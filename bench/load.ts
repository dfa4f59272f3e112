/** Keeps one Envoy busy for a while: with wrk where it is on PATH, else with our own client. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { endWithUs } from "../scripts/envoy/watchdog.ts";
import { ClosedLoop, type Counts } from "./load-generator.ts";
import { pin } from "./server.ts";

export interface Load {
  /** What makes the load, for the report. */
  name: string;
  run(port: number, seconds: number): Promise<Counts>;
  /** The same for moments too short to start a process in: it stands still between them. */
  pausable(port: number): PausableLoad;
}

export interface PausableLoad {
  run(milliseconds: number): Promise<void>;
  end(): Promise<void>;
}

const CONNECTIONS = 16;

/** @param folder for the files that wrk reads */
export function makeLoad(requests: readonly Uint8Array[], folder: string, cpu: number, name: string): Load {
  // wrk -v prints its version and ends with 1.
  if (spawnSync("wrk", ["-v"]).error) {
    return {
      name: "the bench's own client (wrk is not on PATH)",
      async run(port, seconds) {
        const loop = new ClosedLoop(port, requests, CONNECTIONS);
        await sleep(seconds * 1000);
        return loop.stop();
      },
      pausable: (port) => ({
        async run(milliseconds) {
          const loop = new ClosedLoop(port, requests, CONNECTIONS);
          await sleep(milliseconds);
          await loop.stop();
        },
        end: () => Promise.resolve(),
      }),
    };
  }
  const data = join(folder, `${name}.requests`);
  const script = join(folder, `${name}.lua`);
  writeFileSync(data, Buffer.concat(requests));
  writeFileSync(script, wrkScript(data, requests));
  return {
    name: "wrk",
    run: (port, seconds) => runWrk(port, seconds, script, cpu),
    pausable: (port) => new PausableWrk(port, script, cpu),
  };
}

function wrkScript(data: string, requests: readonly Uint8Array[]): string {
  return `
local sizes = { ${requests.map((one) => one.length).join(", ")} }
local requests, count, i = {}, #sizes, 0
local file = assert(io.open(${JSON.stringify(data)}, "rb"))
for n = 1, count do requests[n] = file:read(sizes[n]) end
file:close()
function request()
  i = i % count + 1
  return requests[i]
end
`;
}

function wrkCommand(port: number, seconds: number, script: string, cpu: number): string[] {
  const wrk = ["wrk", "-t1", `-c${CONNECTIONS}`, `-d${seconds}s`, "-s", script, `http://127.0.0.1:${port}/`];
  return [...pin(cpu), ...wrk];
}

/** Longer than any benchmark: it is ended before. */
const LONG_SECONDS = 36_000;
/** What was sent is answered, and counted, before anyone looks. */
const SETTLING_MS = 5;

class PausableWrk implements PausableLoad {
  private readonly child: ChildProcess;
  private readonly ended: Promise<unknown>;
  private readonly callOff: () => void;

  constructor(port: number, script: string, cpu: number) {
    const [command, ...args] = wrkCommand(port, LONG_SECONDS, script, cpu);
    this.child = spawn(command!, args, { stdio: "ignore", detached: true });
    this.ended = once(this.child, "exit");
    this.callOff = this.child.pid === undefined ? () => {} : endWithUs(this.child.pid, script);
    this.child.kill("SIGSTOP");
  }

  async run(milliseconds: number): Promise<void> {
    if (this.child.exitCode !== null) throw new Error(`wrk ended by itself (${this.child.exitCode})`);
    this.child.kill("SIGCONT");
    await sleep(milliseconds);
    this.child.kill("SIGSTOP");
    await sleep(SETTLING_MS);
  }

  async end(): Promise<void> {
    this.child.kill("SIGKILL");
    await this.ended;
    this.callOff();
  }
}

function runWrk(port: number, seconds: number, script: string, cpu: number): Promise<Counts> {
  const [command, ...args] = wrkCommand(port, seconds, script, cpu);
  return new Promise((resolve, reject) => {
    const child = spawn(command!, args, { stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    child.stdout.on("data", (chunk) => {
      output += chunk;
    });
    child.stderr.on("data", (chunk) => {
      output += chunk;
    });
    child.on("error", reject);
    child.on("close", (code) => {
      const requests = Number(/(\d+) requests in/.exec(output)?.[1]);
      if (code !== 0 || !requests) return reject(new Error(`wrk failed\n${output}`));
      const refused = Number(/Non-2xx or 3xx responses: (\d+)/.exec(output)?.[1] ?? 0);
      const errors =
        /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(output) ?? [];
      const broken = errors.slice(1).reduce((sum, n) => sum + Number(n), 0);
      resolve({ requests, failed: refused + broken });
    });
  });
}
