/**
 * Endless pushes: with a request left open a push, thousands without, and under load. `POINTSMAN_PUSHES=100 npx vitest
 * run test/envoy/pushes` does it with a table of 17.6 MB, and prints what it saw; `npm run test:envoys` pushes 10,000
 * times under load, and holds what stays in memory against a module that only ticks.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, expect, test } from "vitest";
import { Connection } from "../../bench/load-generator.ts";
import { encode } from "../../scripts/encode/encode.ts";
import { compileGuest, FILTER_FLAGS } from "../support/compile-guest.ts";
import { filterWithPages } from "../support/less-memory.ts";
import { PLAN, type Started, start, tableOf } from "./farm.ts";

const LONG = process.env.POINTSMAN_PUSHES !== undefined;
const PUSHES = Number(process.env.POINTSMAN_PUSHES ?? 12);
const SMALL_PUSHES = LONG ? 20 * PUSHES : 100;
const LOADED_PUSHES = Number(process.env.POINTSMAN_LOADED_PUSHES ?? 300);
const IS_LONG_LOAD = LOADED_PUSHES > 1000;
const CLIENTS = 4;
const TABLE_BYTES = LONG ? 17_600_000 : 4_000_000;
const MIB = 2 ** 20;
/**
 * Envoy 1.40 itself keeps two copies of a plugin's configuration while a request of it is open, whatever the filter (so
 * it does with one that does nothing).
 */
const COPIES_OF_ENVOY = 2;
/** Bytes that Envoy 1.40 itself keeps of each push of a plugin that ever ticked, with two workers: it keeps the timer. */
const KEPT_BY_ENVOY = 3_000;
/** So many, as Envoy's heap goes up and down by some 100 kB beside it. */
const COMPARED_PUSHES = 2_000;

let farm: Started | undefined;
afterEach(() => farm?.stop());

/** The line of /proc/PID/status or stat, in bytes or clock ticks of 10 ms. */
const resident = () =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${farm!.envoy.pid}/status`, "utf8"))![1]) * 1024;
const cpuMilliseconds = () => {
  const fields = readFileSync(`/proc/${farm!.envoy.pid}/stat`, "utf8").split(") ")[1]!.split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10;
};

async function idlePercent(): Promise<number> {
  const [before, at] = [cpuMilliseconds(), Date.now()];
  await sleep(LONG || IS_LONG_LOAD ? 10_000 : 2_000);
  return (100 * (cpuMilliseconds() - before)) / (Date.now() - at);
}

const push = async (table: Uint8Array) =>
  expect(await farm!.envoy.updateFilter(table, 60_000)).toEqual({ accepted: true });

test(
  "a request left open a push pins no table",
  async () => {
    const names = "x".repeat(TABLE_BYTES);
    const large = (generation: number) => encode(PLAN, { generation, names });
    farm = await start({ table: large(1), concurrency: 2 });
    const sockets: net.Socket[] = [];
    const answers: string[] = [];
    const figures: number[] = [];
    for (let generation = 2; generation <= PUSHES + 1; generation++) {
      const socket = net.connect(farm.envoy.port, "127.0.0.1");
      const i = sockets.push(socket) - 1;
      socket.on("data", (chunk) => {
        answers[i] = (answers[i] ?? "") + chunk;
      });
      socket.on("error", () => {});
      socket.write(
        'POST /rpc/RunSingleJob.php HTTP/1.1\r\nHost: a.wmnet\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n5\r\n{"x":\r\n',
      );
      await expect
        .poll(async () => (await farm!.envoy.stats("downstream_rq_active"))["http.edge.downstream_rq_active"])
        .toBe(i + 1);
      await push(large(generation));
      figures.push(resident());
    }
    if (LONG) console.log(figures.map((bytes) => Math.round(bytes / MIB)).join(" "), "MiB");
    const from = PUSHES >> 1; // by then the VMs have what they need
    const copies = (figures.at(-1)! - figures[from - 1]!) / (PUSHES - from) / TABLE_BYTES;
    expect(copies).toBeLessThan(COPIES_OF_ENVOY + 0.5);
    const stats = await farm.envoy.stats("wasm.*(vm_reload|crash)");
    expect(Object.values(stats).every((value) => value === 0)).toBe(true);
    // All that were open are decided by the newest table, and live.
    const rest = '1,"database":"testwiki"}';
    for (const socket of sockets) socket.write(`${rest.length.toString(16)}\r\n${rest}\r\n0\r\n\r\n`);
    await expect
      .poll(() => answers.filter((text) => text.includes('"cluster":"jobs-1.47.0-wmf.2"')).length, {
        timeout: 20_000,
      })
      .toBe(PUSHES);
    for (const socket of sockets) socket.destroy();
    await push(tableOf({}, PUSHES + 2));
    if (LONG) console.log(`closed: ${Math.round(resident() / MIB)} MiB`);
  },
  LONG ? 3_600_000 : 120_000,
);

test(
  "thousands of pushes leave memory and idle time as they were",
  async () => {
    farm = await start({ concurrency: 2, listeners: [{ name: "edge", trust: "edge" }, { name: "mesh" }] });
    let generation = 1;
    for (; generation <= SMALL_PUSHES / 10; generation++) await push(tableOf({}, generation + 1));
    const before = { resident: resident(), idle: await idlePercent() };
    for (; generation <= SMALL_PUSHES; generation++) await push(tableOf({}, generation + 1));
    const after = { resident: resident(), idle: await idlePercent() };
    const text = [before, after].map(
      (one) => `${Math.round(one.resident / MIB)} MiB, ${one.idle.toFixed(1)} % idle`,
    );
    if (LONG) console.log(text.join("\n"));
    expect(after.resident - before.resident).toBeLessThan(16 * MIB);
    expect(after.idle).toBeLessThan(before.idle + 2);
  },
  LONG ? 3_600_000 : 120_000,
);

test(
  `${LOADED_PUSHES} pushes under load: each request goes where a table of its time says`,
  async () => {
    farm = await start({ concurrency: 2 });
    const releases = [0, 1].map((release) => PLAN.wikis.map((one) => ({ ...one, release })));
    const releaseOf = (generation: number) => generation % 2;
    const table = (generation: number) => tableOf({ wikis: releases[releaseOf(generation)]! }, generation);
    await push(table(2));
    /** Which all workers have, and which some may have. */
    let [done, begun] = [2, 2];
    const wrong: string[] = [];
    let requests = 0;
    /** Those that no push met: for them one table alone is right. */
    let undisturbed = 0;
    const load = async (): Promise<{ stop: () => Promise<void> }> => {
      let isOver = false;
      const clients = await Promise.all(
        Array.from({ length: CLIENTS }, () => Connection.open(farm!.envoy.port)),
      );
      const request = Buffer.from("GET /wiki/X HTTP/1.1\r\nhost: test.wiki.example\r\n\r\n");
      const ends = clients.map(async (client) => {
        while (!isOver) {
          const from = done;
          const { status, body } = await client.exchange(request);
          requests++;
          if (from === begun) undisturbed++;
          const right = Array.from({ length: Math.min(2, begun - from + 1) }, (_, i) => releaseOf(from + i));
          const release = /"cluster":"web-1.47.0-wmf.(\d)"/.exec(body)?.[1];
          if (status !== 200 || !right.includes(Number(release) - 1))
            wrong.push(`${status} ${release}, of generations ${from} to ${begun}`);
        }
        client.close();
      });
      return {
        async stop() {
          isOver = true;
          await Promise.all(ends);
        },
      };
    };
    const pushUntil = async (last: number) => {
      while (done < last) {
        begun = done + 1;
        await push(table(begun));
        done = begun;
        const enough = undisturbed + CLIENTS;
        while (undisturbed < enough) await sleep(1);
        if (done % 1000 === 0)
          console.log(`${done} pushes, ${requests} requests, ${Math.round(resident() / MIB)} MiB`);
      }
    };
    const first = await load();
    await pushUntil(100);
    await first.stop();
    const before = { resident: resident(), idle: await idlePercent() };
    const second = await load();
    await pushUntil(LOADED_PUSHES);
    await second.stop();
    const after = { resident: resident(), idle: await idlePercent() };
    const text = [before, after].map(
      (one) => `${(one.resident / MIB).toFixed(1)} MiB, ${one.idle.toFixed(1)} % of a core when idle`,
    );
    if (IS_LONG_LOAD) console.log(`${requests} requests; ${text.join("; then ")}`);
    expect(wrong).toEqual([]);
    const ofEnvoy = KEPT_BY_ENVOY * (LOADED_PUSHES - 100);
    expect(after.resident - before.resident).toBeLessThan(16 * MIB + ofEnvoy);
    expect(after.idle).toBeLessThan(before.idle + 2);
    const { envoy } = farm;
    const dead = await envoy.stats("wasm.*vm_reload");
    expect(Object.values(dead).filter((value) => value !== 0)).toEqual([]);
    await envoy.waitForStat("wasmcustom.pointsman.generation.listener.edge", (one) => one === done, 10_000);
  },
  60_000 + 500 * LOADED_PUSHES,
);

if (IS_LONG_LOAD) {
  test(
    "a push leaves in Envoy's heap what one of a module that only ticks leaves there",
    async () => {
      const folder = mkdtempSync(join(tmpdir(), "pointsman-ticks-"));
      try {
        const wasm = join(folder, "ticks.wasm");
        writeFileSync(wasm, await compileGuest(["test/support/guest/ticks.ts", ...FILTER_FLAGS]));
        const ticks = await heldAfterPushes({ wasm });
        const ours = await heldAfterPushes({});
        console.log(`a push leaves ${ours} bytes, one of a module that ticks ${ticks}`);
        expect(ticks).toBeLessThan(KEPT_BY_ENVOY);
        expect(ours).toBeLessThan(1.5 * ticks);
      } finally {
        rmSync(folder, { recursive: true });
      }
    },
    60_000 + 200 * COMPARED_PUSHES,
  );
}

/** By how many bytes a push makes Envoy's own heap grow, once it has what it needs; no VM's memory is in it. */
async function heldAfterPushes(filter: { wasm?: string }): Promise<number> {
  farm = await start({ concurrency: 2, filter });
  const allocated = async () => {
    await sleep(2_500); // it counts anew every second, and plugins that drain are over
    return Number((await farm!.envoy.stats("server.memory_allocated"))["server.memory_allocated"]);
  };
  let generation = 1;
  while (generation < 100) await push(tableOf({}, ++generation));
  const before = await allocated();
  while (generation < 100 + COMPARED_PUSHES) await push(tableOf({}, ++generation));
  const bytes = Math.round(((await allocated()) - before) / COMPARED_PUSHES);
  await farm.stop();
  return bytes;
}

test("a table that a worker has no room for changes nothing there, and the next one heals", async () => {
  const folder = mkdtempSync(join(tmpdir(), "pointsman-pages-"));
  try {
    const wasm = join(folder, "pointsman.wasm");
    // Room for two large tables, and no third: what one listener has, the other had, and what comes for it.
    writeFileSync(wasm, filterWithPages(170));
    const names = "x".repeat(4 * MIB);
    const large = (generation: number) => encode(PLAN, { generation, names });
    farm = await start({
      ...{ table: large(1), filter: { wasm }, concurrency: 2 },
      listeners: [{ name: "edge", trust: "edge" }, { name: "mesh" }],
    });
    const statuses = () =>
      Promise.all(
        ["edge", "mesh"].map(
          async (listener) => (await farm!.send({ host: "en.wiki.example", listener })).status,
        ),
      );
    const refused = async () =>
      Object.values(await farm!.envoy.stats("tables_refused")).reduce<number>((sum, n) => sum + Number(n), 0);
    await push(large(2));
    expect(await statuses()).toEqual([200, 200]);
    // Envoy counts a success: its canary is a VM of its own. The filter's own word is what holds.
    expect(await refused()).toBeGreaterThan(0);
    expect(farm.envoy.logs.join("\n")).toContain(
      `table refused: no room for a configuration of ${large(2).length} bytes`,
    );
    const before = await refused();
    await push(tableOf({}, 3));
    expect(await statuses()).toEqual([200, 200]);
    expect(await refused()).toBe(before);
    await push(tableOf({}, 4));
    const dead = await farm.envoy.stats("wasm.*vm_reload");
    expect(Object.values(dead).filter((value) => value !== 0)).toEqual([]);
    // What not even a fresh VM has room for, Envoy refuses, and nothing traps.
    writeFileSync(wasm, filterWithPages(40));
    await farm.stop();
    farm = await start({ table: tableOf({}, 1), filter: { wasm }, concurrency: 2 });
    const { accepted, reason } = await farm.envoy.updateFilter(large(2));
    expect(accepted).toBe(false);
    expect(reason).toContain(
      `pointsman: table refused: no room for a configuration of ${large(2).length} bytes`,
    );
    expect((await farm.send({ host: "en.wiki.example" })).status).toBe(200);
    await push(tableOf({}, 3));
  } finally {
    rmSync(folder, { recursive: true });
  }
});
