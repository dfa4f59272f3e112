/**
 * One server and one etcd before many: some hundred nodes, and five real Envoys under load. `npm run test:fleet` does it
 * with 3,000 nodes and 10,000 pushes, and prints what it saw.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, expect, test } from "vitest";
import { Connection } from "../../bench/load-generator.ts";
import { withGeneration } from "../../scripts/encode/container.ts";
import { encode } from "../../scripts/encode/encode.ts";
import type { ServeStatus } from "../../scripts/serve/http.ts";
import { parseEtcdPlace } from "../../scripts/store/etcd-place.ts";
import { EtcdStore } from "../../scripts/store/etcd-store.ts";
import { WHOLE_FLEET } from "../../scripts/store/stages.ts";
import type { Store } from "../../scripts/store/store.ts";
import { Table } from "../../scripts/table/table.ts";
import { Etcd } from "../support/etcd.ts";
import { FleetUnderTest, VERSIONS } from "../support/fleet.ts";
import { plainPlan } from "../support/plans.ts";
import { SimulatedNodes } from "../support/simulated-nodes.ts";

const NODES = Number(process.env.POINTSMAN_NODES ?? 200);
const PUSHES = Number(process.env.POINTSMAN_FLEET_PUSHES ?? 40);
const IS_LONG = PUSHES > 1000;
const ENVOYS = 5;
/** Every so many pushes its proof is awaited: filters tell their proxies once a second. */
const PROVEN = IS_LONG ? 50 : 20;
const MIB = 2 ** 20;

let etcd: Etcd;
let fleet: FleetUnderTest;
afterEach(async () => {
  await fleet.stop();
  await etcd.stop();
});

async function startFleet(envoys: number): Promise<Store> {
  etcd = await Etcd.start({
    flags: ["--auto-compaction-mode", "revision", "--auto-compaction-retention", "1000"],
  });
  const place = `etcd://${etcd.address}/large`;
  fleet = await FleetUnderTest.start({ envoys, store: place });
  return new EtcdStore(parseEtcdPlace(place, {}), 5_000);
}

/** As the command does, without its start. */
async function push(store: Store, table: Table): Promise<void> {
  const { digest, generation } = table;
  const { revision, rollout } = await store.head();
  const previous = rollout && { digest: rollout.digest, generation: rollout.generation };
  const said = { digest, generation, who: "me", why: "test" };
  await store.putTable(table);
  const entry = { ...said, when: new Date().toISOString(), kind: "push" as const, sources: [], allowed: [] };
  const next = { ...said, previous, stages: [WHOLE_FLEET], at: 0, state: "done" as const };
  expect(await store.swap(revision, next, entry)).toBe(true);
}

/** Of the server: resident bytes, and milliseconds of a core so far. */
function used(pid: number): { bytes: number; cpu: number } {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]!.split(" ");
  return {
    bytes: Number(/VmRSS:\s+(\d+)/.exec(status)![1]) * 1024,
    cpu: (Number(fields[11]) + Number(fields[12])) * 10,
  };
}

function quantiles(values: number[]): string {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number) =>
    Math.round(sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!);
  return `median ${at(0.5)} ms, p99 ${at(0.99)} ms`;
}

test(`${NODES} nodes of one server get every push`, async () => {
  const store = await startFleet(0);
  const { pid } = fleet.server!;
  const empty = used(pid);
  const nodes = new SimulatedNodes(fleet.xdsPort, NODES);
  try {
    await expect.poll(() => nodes.having(1), { timeout: 60_000 }).toBe(NODES);
    const all = used(pid);
    const times: number[] = [];
    const wikis = (number: number) =>
      Array.from({ length: 1000 }, (_, i) => ({
        id: `w${number}x${i}`,
        release: 0,
        group: null,
        installed: true,
      }));
    for (let generation = 2; generation <= 12; generation++) {
      const table = new Table(encode(plainPlan({ wikis: wikis(generation) }), { generation, names: null }));
      const begun = performance.now();
      await push(store, table);
      while (nodes.having(generation) < NODES) {
        if (performance.now() - begun > 30_000)
          expect.fail(`${nodes.having(generation)} of ${NODES} have it`);
        await sleep(5);
      }
      times.push(performance.now() - begun);
    }
    await expect
      .poll(async () => new Set(Object.values(await fleet.server!.states())))
      .toEqual(new Set(["acknowledged"]));
    const after = used(pid);
    const kib = (bytes: number) => (bytes / 1024 / NODES).toFixed(1);
    console.log(
      `${NODES} nodes: all have a push after ${quantiles(times)}; the server needs ${(((after.cpu - all.cpu) * 1000) / 11 / NODES).toFixed(0)} µs of a core a node and push, ${kib(all.bytes - empty.bytes)} KiB a node, ${kib(after.bytes - empty.bytes)} after 11 pushes`,
    );
    if (nodes.ends.length > 0) console.log(`${nodes.ends.length} streams ended: ${nodes.ends[0]}`);
    // A queue that grows with each push would show here.
    expect(after.bytes - all.bytes).toBeLessThan(NODES * 64 * 1024 + 64 * MIB);
  } finally {
    nodes.close();
  }
}, 600_000);

test(
  `${PUSHES} pushes to five Envoys under load: none fails, none is misrouted`,
  async () => {
    const store = await startFleet(ENVOYS);
    const [even, odd] = [VERSIONS[2]!, VERSIONS[3]!];
    const contents = new Map<string, Buffer>();
    for (const version of [even, odd]) {
      fleet.promote(version);
      await fleet.well("pack", "--farm", "farm/farm.yaml", "--strip", "--out", "next.table");
      contents.set(version, readFileSync(join(fleet.folder, "next.table")));
    }
    // The first one was of the odd one too.
    const versionOf = (generation: number) => (generation % 2 === 0 ? even : odd);
    const tableOf = (generation: number) =>
      new Table(withGeneration(contents.get(versionOf(generation))!, generation));
    /** Which all Envoys have said that they have, and which the newest push has. */
    let [done, begun] = [1, 1];
    const load = new Load(fleet, () => [done, begun], versionOf);
    const acknowledged: number[] = [];
    const proven: number[] = [];
    await load.start();
    const serverAt: number[] = [];
    while (done < PUSHES + 1) {
      const at = performance.now();
      begun = done + 1;
      await push(store, tableOf(begun));
      const { server } = fleet;
      for (;;) {
        const { proxies } = await server!.status<ServeStatus>();
        if (proxies.filter(({ reported }) => reported?.generation === begun).length === ENVOYS) break;
        if (performance.now() - at > 30_000) expect.fail(`generation ${begun}: ${JSON.stringify(proxies)}`);
        await sleep(2);
      }
      acknowledged.push(performance.now() - at);
      // The word comes from the main thread; workers follow within a moment.
      await load.untilSeen(begun);
      done = begun;
      if (begun % PROVEN === 0) {
        while ((await fleet.generations()).some((generation) => generation !== begun)) {
          if (performance.now() - at > 30_000) expect.fail(`generation ${begun} is not proven`);
          await sleep(50);
        }
        proven.push(performance.now() - at);
      }
      if (begun % 500 === 0) console.log(`${begun} pushes, ${load.requests} requests`);
      if (begun % Math.ceil(PUSHES / 4) === 0) serverAt.push(Math.round(used(server!.pid).bytes / MIB));
    }
    await load.stop();
    const envoys = fleet.envoys.map(({ pid }) => Math.round(used(pid).bytes / MIB)).join(", ");
    console.log(
      `${PUSHES} pushes to ${ENVOYS} Envoys, ${load.requests} requests: acknowledged by all after ${quantiles(acknowledged)}; proven after ${quantiles(proven)}; the server at ${serverAt.join(", ")} MiB, Envoys at ${envoys} MiB`,
    );
    expect(load.wrong).toEqual([]);
    expect(serverAt.at(-1)! - serverAt[0]!).toBeLessThan(32);
    await expect.poll(() => fleet.generations(), { timeout: 10_000 }).toEqual(fleet.envoys.map(() => done));
  },
  60_000 + 1_000 * PUSHES,
);

/** Requests of testwiki without end, some a second to each Envoy, each held against what its time may serve. */
class Load {
  requests = 0;
  readonly wrong: string[] = [];
  private isOver = false;
  private ends: Promise<void>[] = [];
  /** The generation of which each connection has seen the version last. */
  private readonly seen: string[] = [];

  constructor(
    private readonly fleet: FleetUnderTest,
    private readonly now: () => [done: number, begun: number],
    private readonly versionOf: (generation: number) => string,
  ) {}

  async start(): Promise<void> {
    const ports = this.fleet.envoys.flatMap(({ port }) => [port, port]);
    const connections = await Promise.all(ports.map((port) => Connection.open(port)));
    this.ends = connections.map((connection, i) => this.run(connection, i));
  }

  private async run(connection: Connection, i: number): Promise<void> {
    const request = Buffer.from("GET /wiki/X HTTP/1.1\r\nhost: test.wikipedia.org\r\n\r\n");
    while (!this.isOver) {
      const [from] = this.now();
      const { status, body } = await connection.exchange(request);
      const [, to] = this.now();
      this.requests++;
      const slug = /"cluster":"mw-web-([^"]+)"/.exec(body)?.[1] ?? "";
      const any = Array.from({ length: to - from + 1 }, (_, more) => this.versionOf(from + more));
      const right = any.map((version) => version.replaceAll(".", "-"));
      if (status !== 200 || !right.includes(slug))
        this.wrong.push(`${status} ${slug}, of generations ${from} to ${to}`);
      this.seen[i] = slug;
      await sleep(5);
    }
    connection.close();
  }

  /** Until the last answer of each connection is of this generation's version. */
  async untilSeen(generation: number): Promise<void> {
    const slug = this.versionOf(generation).replaceAll(".", "-");
    while (this.seen.length < 2 * ENVOYS || this.seen.some((one) => one !== slug)) await sleep(2);
  }

  async stop(): Promise<void> {
    this.isOver = true;
    await Promise.all(this.ends);
  }
}
