/**
 * Instructions a request costs in Envoy, counted by valgrind's callgrind: unlike times, they are within 1 % from run to
 * run on a busy machine.
 */
import { spawn } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { Connection } from "./load-generator.ts";
import { Server } from "./server.ts";
import { workFolder } from "./work-folder.ts";

/** Valgrind runs Envoy about fifty times slower. */
const START_TIMEOUT_MS = 300_000;
/** Requests between two counts, which nobody counts. */
const SETTLING = 100;

export interface CountOptions {
  envoy: string;
  config: object;
  listener?: string;
  /** Of each list, before anything is counted: V8 compiles what is called often once more, and rare clusters connect. */
  warmUp: number;
  /** Each list is counted by itself. */
  loads: readonly (readonly Uint8Array[])[];
}

/** What is missing here to count instructions; null: nothing. */
export async function whyNoCallgrind(): Promise<string | null> {
  for (const tool of ["valgrind", "callgrind_control"]) {
    if (!(await runs(tool, ["--version"])))
      return `${tool} is missing: install valgrind (Debian: apt-get install valgrind)`;
  }
  return null;
}

/** Instructions of all of Envoy's threads a request, for each of the loads. */
export async function countInstructions(options: CountOptions): Promise<number[]> {
  const folder = await mkdtemp(join(workFolder(), "callgrind-"));
  try {
    const output = join(folder, "callgrind");
    await countInto(output, options);
    return await Promise.all(
      options.loads.map((load, n) => readTotal(folder, n + 1).then((sum) => sum / load.length)),
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function countInto(
  output: string,
  { envoy, config, listener, warmUp, loads }: CountOptions,
): Promise<void> {
  // Under valgrind time passes fifty times faster than work is done: what Envoy does now and then would count too much.
  const calm = { ...config, stats_flush_interval: "299s" };
  const under = ["valgrind", "--tool=callgrind", "--smc-check=all-non-file", "--instr-atstart=no"];
  const server = await Server.start({
    envoy,
    config: calm,
    under: [...under, `--callgrind-out-file=${output}`],
    startTimeoutMs: START_TIMEOUT_MS,
  });
  let connection: Connection | undefined;
  try {
    connection = await Connection.open(listener ? server.ports[listener]! : server.port);
    const send = async (requests: readonly Uint8Array[], count: number) => {
      for (let i = 0; i < count; i++) {
        const { status } = await connection!.exchange(requests[i % requests.length]!);
        if (status !== 200) throw new Error(`under callgrind, a request was answered ${status}`);
      }
    };
    for (const load of loads) await send(load, warmUp);
    await control(server.pid, "-i", "on");
    for (const load of loads) {
      await send(load, SETTLING);
      await control(server.pid, "-z");
      await send(load, load.length);
      await control(server.pid, "-d");
    }
  } finally {
    connection?.close();
    await server.stop();
  }
}

/** Dumps are numbered from 1; a later one, of the end, is nearly empty. */
async function readTotal(folder: string, dump: number): Promise<number> {
  const file = (await readdir(folder)).find((name) => name.endsWith(`.${dump}`));
  if (!file) throw new Error("callgrind wrote no dump");
  const total = /^(?:totals|summary): (\d+)/m.exec(await readFile(join(folder, file), "utf8"))?.[1];
  if (!total) throw new Error("callgrind's dump has no total");
  return Number(total);
}

async function control(pid: number, ...args: string[]): Promise<void> {
  if (!(await runs("callgrind_control", [...args, String(pid)])))
    throw new Error(`callgrind_control ${args.join(" ")} failed`);
}

function runs(command: string, args: string[]): Promise<boolean> {
  return new Promise((resolve) => {
    const child = spawn(command, args, { stdio: "ignore" });
    child.on("error", () => resolve(false));
    child.on("close", (code) => resolve(code === 0));
  });
}
