/** What the filter counts, as Envoy and Prometheus have it. */
import net from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { REFUSED_DAMAGED } from "../../assembly/refusals.ts";
import { FilterFiles } from "../../scripts/envoy/discovery.ts";
import { send } from "../../scripts/envoy/request.ts";
import { Table } from "../../scripts/table/table.ts";
import { code, readDoc, rows } from "../support/documents.ts";
import { PLAN, type Started, start, tableOf, WASM } from "./farm.ts";

const WORKERS = 4;
const LISTENERS = 2;
/** Envoy's main thread has a VM too, which no request reaches. */
const VMS = WORKERS + 1;

let farm: Started;
beforeAll(async () => {
  farm = await start({
    concurrency: WORKERS,
    listeners: [{ name: "edge", trust: "edge" }, { name: "mesh" }],
  });
});
afterAll(() => farm?.stop());

/** What is ours, without the prefix. */
async function metrics(): Promise<Record<string, number>> {
  const prefix = "wasmcustom.pointsman.";
  const stats = Object.entries(await farm.envoy.stats("^wasmcustom\\.pointsman\\."));
  return Object.fromEntries(stats.map(([name, value]) => [name.slice(prefix.length), Number(value)]));
}

/** Waits for what the next ticks bring. */
async function expectMetrics(wanted: Record<string, number>): Promise<void> {
  await expect.poll(metrics, { timeout: 10_000, interval: 50 }).toMatchObject(wanted);
}

async function push(generation: number): Promise<void> {
  expect(await farm.envoy.updateFilter(tableOf({}, generation))).toEqual({ accepted: true });
}

const digest = (generation: number) =>
  Number.parseInt(new Table(tableOf({}, generation)).digest.slice(0, 12), 16);

/** The gauges of every listener, where all VMs serve that generation and have taken it. */
function served(generation: number): Record<string, number> {
  const of = {
    instances: VMS,
    generation,
    digest: digest(generation),
    table_bytes: tableOf({}, generation).length,
    refused: 0,
  };
  return Object.fromEntries(
    ["edge", "mesh"].flatMap((listener) =>
      Object.entries(of).map(([name, value]) => [`${name}.listener.${listener}`, value]),
    ),
  );
}

test("every worker's VM is counted, and the main thread's, and no canary", async () => {
  await expectMetrics(served(1));
  // A later tick adds nothing.
  await sleep(1_100);
  expect(await metrics()).toEqual(served(1));
});

test("requests are counted by deployment and release, and what is odd about them", async () => {
  const times = async (count: number, options: Parameters<Started["send"]>[0]) => {
    for (let i = 0; i < count; i++) await farm.send(options);
  };
  await times(7, { host: "en.wiki.example" });
  await times(3, { host: "test.wiki.example" });
  await times(2, { host: "test.wiki.example", path: "/w/api.php", listener: "mesh" });
  await times(2, { host: "elsewhere.example" });
  await times(3, { host: "no.wiki.example" });
  await times(1, { host: "new.wiki.example" });
  await times(2, { host: "a.wmnet" });
  await times(2, { host: "en.wiki.example", headers: [["x-wikimedia-debug", "k8s-debug"]] });
  await times(1, { host: "en.wiki.example", headers: [["x-wikimedia-debug", "elsewhere"]] });
  const job = { path: "/rpc/RunSingleJob.php", method: "POST", host: "a.wmnet" };
  await times(2, { ...job, body: '{"database":"testwiki"}' });
  await times(1, { ...job, body: '{"database":"testwiki","database":"enwiki"}' });
  await times(1, { ...job, body: `{"x":"${"y".repeat(600_000)}","database":"testwiki"}` });
  const counted = {
    "requests.deployment.web.release.1.47.0-wmf.1": 7 + 2,
    "requests.deployment.web.release.1.47.0-wmf.2": 3,
    "requests.deployment.api.release.1.47.0-wmf.2": 2,
    "requests.deployment.debug.release.1.47.0-wmf.1": 2,
    "requests.deployment.jobs.release.1.47.0-wmf.2": 2,
    "requests.deployment.jobs.release.1.47.0-wmf.1": 1,
    unknown_hosts: 2,
    missing_wikis: 3,
    not_installed_wikis: 1,
    replies: 3 + 1 + 1,
    passed: 2,
    debug: 2,
    job_limit: 1,
    job_conflicts: 1,
  };
  await expectMetrics(counted);
  expect(await metrics()).toEqual({ ...counted, ...served(1) });
});

test("Prometheus has one metric of requests, with the deployment and the release as labels", async () => {
  const text = (await send({ port: farm.envoy.adminPort, path: "/stats/prometheus?filter=pointsman" })).body;
  const lines = text.split("\n").filter((line) => line.startsWith("pointsman_"));
  expect(lines).toContain('pointsman_requests{deployment="web",release="1.47.0-wmf.1"} 9');
  expect(lines).toContain('pointsman_requests{deployment="jobs",release="1.47.0-wmf.2"} 2');
  expect(lines).toContain("pointsman_unknown_hosts{} 2");
  expect(lines).toContain(`pointsman_instances{listener="mesh"} ${VMS}`);
  expect(lines).toContain(`pointsman_digest{listener="edge"} ${digest(1)}`);
  expect(
    lines.filter((line) => /^pointsman_requests.*[._](web|1[._]47)/.test(line.replace(/\{.*/, ""))),
  ).toEqual([]);
});

test("after updates the drained roots are gone, and what they counted last is not lost", async () => {
  const web = "requests.deployment.web.release.1.47.0-wmf.1";
  const before = (await metrics())[web]!;
  for (const generation of [2, 3, 4]) {
    await farm.send({ host: "en.wiki.example" });
    await push(generation);
  }
  await expectMetrics(served(4));
  expect((await metrics())[web]).toBe(before + 3);
});

test("a refused table is counted for its listener, with why, and changes nothing else", async () => {
  const damaged = tableOf({}, 5);
  damaged[damaged.length >> 1]! ^= 1;
  expect((await farm.envoy.updateFilter(damaged)).accepted).toBe(false);
  const refused = { "refused.listener.edge": REFUSED_DAMAGED, "refused.listener.mesh": REFUSED_DAMAGED };
  const counted = { "tables_refused.listener.edge": 1, "tables_refused.listener.mesh": 1 };
  await expectMetrics({ ...served(4), ...refused, ...counted });
  await sleep(1_500);
  expect(await metrics()).toMatchObject({ ...served(4), ...refused, ...counted });
});

test("a refused table is refused again each time it is sent, by what differs in its attempt", async () => {
  const damaged = tableOf({}, 5);
  damaged[damaged.length >> 1]! ^= 1;
  const rejected = async () =>
    Object.values(await farm.envoy.stats("http_filter.pointsman.update_rejected"))[0];
  const before = Number(await rejected());
  for (const attempt of [1, 2, 3]) {
    const { accepted, reason } = await farm.envoy.updateFilter({ table: damaged, attempt });
    expect([accepted, reason]).toEqual([
      false,
      expect.stringContaining("table refused: the checksum is wrong"),
    ]);
    expect(await rejected()).toBe(before + attempt * LISTENERS);
    // One was refused in the test before.
    expect((await metrics())["tables_refused.listener.edge"]).toBe(1 + attempt);
  }
  expect((await metrics())["refused.listener.edge"]).toBe(REFUSED_DAMAGED);
  expect(await farm.envoy.updateFilter({ table: tableOf({}, 4), attempt: 4 })).toEqual({ accepted: true });
  await expectMetrics(served(4));
});

test("a root that an open request keeps serves the newest table too, and needs the request", async () => {
  const socket = net.connect(farm.envoy.ports.edge!, "127.0.0.1");
  let response = "";
  socket.on("data", (chunk) => {
    response += chunk.toString();
  });
  const head =
    "POST /rpc/RunSingleJob.php HTTP/1.1\r\nHost: a.wmnet\r\nTransfer-Encoding: chunked\r\nConnection: close";
  socket.write(`${head}\r\n\r\n5\r\n{"x":\r\n`);
  await expect
    .poll(async () => (await farm.envoy.stats("downstream_rq_active"))["http.edge.downstream_rq_active"])
    .toBe(1);
  await push(5);
  await push(6);
  await expectMetrics(served(6));
  const rest = '1,"database":"testwiki"}';
  socket.write(`${rest.length.toString(16)}\r\n${rest}\r\n0\r\n\r\n`);
  await expect.poll(() => response, { timeout: 10_000 }).toContain('"cluster":"jobs-1.47.0-wmf.2"');
});

test("a table of an older generation serves, and is told as what it is", async () => {
  await push(3);
  await expectMetrics(served(3));
  await push(7);
  await expectMetrics(served(7));
});

test("a listener that is left behind shows beside the other", async () => {
  const files = new FilterFiles(join(farm.envoy.folder, "ecds"), ["mesh"], {
    wasm: WASM,
    table: tableOf({}, 9),
  });
  await files.write({});
  await expectMetrics({ "generation.listener.mesh": 9, "digest.listener.mesh": digest(9) });
  await sleep(1_100);
  expect(await metrics()).toMatchObject({
    ...{ "generation.listener.edge": 7, "digest.listener.edge": digest(7) },
    // Both tables, in each VM.
    "table_bytes.listener.edge": tableOf({}, 7).length + tableOf({}, 9).length,
  });
  // The same push again, in another attempt.
  await push(10);
  await expectMetrics(served(10));
});

test("Prometheus has every metric that docs/operations.md lists, once it has happened", async () => {
  const jobs = { ...PLAN.jobs!, heldStreams: 1, heldSeconds: 1 };
  expect(await farm.envoy.updateFilter(tableOf({ jobs }, 11))).toEqual({ accepted: true });
  // More than there are workers: one of them holds two, the others theirs for too long.
  const head = "POST /rpc/RunSingleJob.php HTTP/1.1\r\nHost: a.wmnet\r\nTransfer-Encoding: chunked";
  const sockets = Array.from({ length: WORKERS + 1 }, () => {
    const socket = net.connect(farm.envoy.ports.edge!, "127.0.0.1");
    socket.write(`${head}\r\n\r\n5\r\n{"x":\r\n`);
    return socket;
  });
  await farm.send({ host: "files.wiki.example", path: "/enwiki%2F..%2Fdewiki/x" });
  const listed = rows(readDoc("operations.md"), "metric", "what").map(({ metric }) =>
    code(metric!).replace(/\{.*/, ""),
  );
  expect(listed.length).toBeGreaterThan(15);
  const there = async () => {
    const { body } = await send({ port: farm.envoy.adminPort, path: "/stats/prometheus?filter=pointsman" });
    return [...body.matchAll(/^# TYPE (pointsman_\w+)/gm)].map(([, name]) => name!).sort();
  };
  try {
    await expect.poll(there, { timeout: 10_000, interval: 100 }).toEqual([...listed].sort());
  } finally {
    for (const socket of sockets) socket.destroy();
  }
});
