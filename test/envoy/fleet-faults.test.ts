/**
 * What goes wrong on the way from a store in etcd to five Envoys with two workers each, all of it real. After each fault
 * `pointsman status` says what upstreams saw, and the next good push reaches every Envoy.
 */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { ServeStatus } from "../../scripts/serve/http.ts";
import { Etcd } from "../support/etcd.ts";
import { FleetUnderTest, VERSIONS } from "../support/fleet.ts";
import { XdsClient } from "../support/xds-client.ts";

const ENVOYS = 5;
const PREFIX = "/fleet";

let etcd: Etcd;
let fleet: FleetUnderTest;
beforeAll(async () => {
  etcd = await Etcd.start();
  fleet = await FleetUnderTest.start({
    envoys: ENVOYS,
    store: `etcd://${etcd.address}${PREFIX}`,
    serve: ["--cache", "cache"],
  });
});
afterAll(async () => {
  await fleet?.stop();
  await etcd?.stop();
});

const all = <T>(value: T) => Array.from({ length: ENVOYS }, () => value);
const SECONDS = { timeout: 20_000, interval: 100 };

/** By gauges, by upstreams, and by `status`, which is content. */
async function expectServed(generation: number): Promise<void> {
  await expect.poll(() => fleet.generations(), SECONDS).toEqual(all(generation));
  const version = fleet.pushes.get(generation);
  expect(await fleet.status()).toEqual({
    code: 0,
    said: all(version),
    seen: all(version),
    verdicts: all("served"),
  });
}

/** Nothing is well, and what `status` says of each Envoy is what its upstreams saw. */
async function expectTold(verdicts: string[]): Promise<void> {
  const { code, said, seen, verdicts: told } = await fleet.status();
  expect({ code, told }).toEqual({ code: 1, told: verdicts });
  for (const [i, version] of said.entries()) if (version !== undefined) expect(seen[i]).toBe(version);
}

async function expectHealed(...more: string[]): Promise<void> {
  await expectServed(await fleet.pushedNext(...more));
}

/** For NODE_OPTIONS. */
function clockOffBy(hours: number): string {
  const code = `const Right = Date;
    const now = () => Right.now() + ${hours * 3_600_000};
    globalThis.Date = class extends Right {
      constructor(...from) { super(...(from.length > 0 ? from : [now()])); }
      static now() { return now(); }
    };`;
  return `--import=data:text/javascript,${encodeURIComponent(code)}`;
}

/** What the server says is wrong with its store. */
const trouble = () =>
  expect.poll(async () => (await fleet.server!.status<ServeStatus>()).store.trouble?.kind ?? null, SECONDS);

test("nothing is wrong at first", () => expectServed(1));

test.each([
  ["damaged", (bytes: Buffer) => bytes.fill(0, bytes.length >> 1, (bytes.length >> 1) + 1)],
  ["cut short", (bytes: Buffer) => bytes.subarray(0, bytes.length >> 1)],
])("a table that was %s in the store", async (_, damage) => {
  fleet.server!.signal("SIGSTOP");
  const generation = await fleet.pushedNext();
  const { digest } = JSON.parse((await etcd.get(`${PREFIX}/rollout`))!).rollout;
  const key = `${PREFIX}/tables/${digest}`;
  await etcd.put(key, damage((await etcd.bytes(key))!));
  fleet.server!.signal("SIGCONT");
  await trouble().toBe("damaged");
  expect(await fleet.generations()).toEqual(all(generation - 1));
  await expectTold(all("behind"));
  // The same push again mends what lies there.
  await expectServed(await fleet.pushed());
  await trouble().toBeNull();
});

test("a table of another farm, which the Envoys' listener is not in", async () => {
  const file = join(fleet.folder, "farm/farm.yaml");
  const farm = readFileSync(file, "utf8");
  writeFileSync(file, `${farm}\nlisteners: { other: { trust: internal } }\n`);
  await fleet.pushedNext();
  await expect
    .poll(async () => Object.values(await fleet.server!.states()), SECONDS)
    .toEqual(all("withheld"));
  expect((await fleet.server!.status<ServeStatus>()).proxies[0]!.why).toContain('no listener "main"');
  await expectTold(all("behind"));
  writeFileSync(file, farm);
  await expectHealed();
});

test("a store that was restored to an older generation", async () => {
  const before = (await etcd.get(`${PREFIX}/rollout`))!;
  await expectHealed();
  await etcd.put(`${PREFIX}/rollout`, before);
  await trouble().toBe("older");
  await expectTold(all("ahead"));
  const { generation } = JSON.parse(before).rollout;
  expect((await fleet.run("push", "--farm", "farm/farm.yaml", "--yes", "--reason", "x")).code).toBe(1);
  await expectHealed("--generation", String(generation + 10));
  await trouble().toBeNull();
});

test("an Envoy that refuses stays red after the server's restart; half of the fleet does", async () => {
  const refusing = [1, 3];
  const good = readFileSync(fleet.wasmOf(0));
  for (const i of refusing) writeFileSync(fleet.wasmOf(i), "no module");
  await fleet.pushedNext();
  const verdicts = all("served").map((verdict, i) => (refusing.includes(i) ? "behind" : verdict));
  const states = () => expect.poll(async () => Object.values(await fleet.server!.states()), SECONDS);
  const wanted = all("acknowledged").map((state, i) => (refusing.includes(i) ? "refused" : state));
  await states().toEqual(wanted);
  await expect.poll(async () => (await fleet.status()).verdicts, SECONDS).toEqual(verdicts);
  await fleet.server!.stop("SIGKILL");
  await fleet.serve();
  await states().toEqual(wanted);
  await expectTold(verdicts);
  for (const i of refusing) writeFileSync(fleet.wasmOf(i), good);
  await expectServed(await fleet.pushed("--again"));
});

test("a server that is killed while it sends", async () => {
  const pushing = fleet.pushedNext();
  await sleep(300);
  await fleet.server!.stop("SIGKILL");
  const generation = await pushing;
  // Some may have got it. Filters tell what they serve once a second.
  const isTrue = async () => {
    const { said, seen } = await fleet.status();
    return said.every((version, i) => version === seen[i]);
  };
  await expect.poll(isTrue, SECONDS).toBe(true);
  await fleet.serve();
  await expectServed(generation);
});

test("a server that is behind: Envoys keep what they have", async () => {
  const before = Math.max(...fleet.pushes.keys());
  await expectHealed();
  const late = ["--store", "late", "--generation", String(before)];
  await fleet.well("push", "--farm", "farm/farm.yaml", "--yes", "--reason", "x", ...late);
  await fleet.server!.stop();
  const behind = await fleet.serve("late", []);
  await expect.poll(async () => Object.values(await behind.states()), SECONDS).toEqual(all("behind"));
  expect(behind.said).toContain("is this server behind");
  expect((await fleet.status()).verdicts).toEqual(all("served"));
  await behind.stop();
  await fleet.serve();
  await expectHealed();
});

test("an etcd that is killed and comes back", async () => {
  await etcd.kill();
  await trouble().toBe("away");
  expect((await fleet.run("status", "--proxy", "http://127.0.0.1:1")).code).toBe(1);
  expect(await fleet.server!.get("/healthz")).toMatchObject({ status: 200 });
  expect(new Set(await fleet.versions()).size).toBe(1);
  await etcd.start();
  await expectHealed();
  await trouble().toBeNull();
});

test("an etcd that hangs and goes on", async () => {
  await etcd.pause();
  await trouble().toBe("away");
  expect(new Set(await fleet.versions()).size).toBe(1);
  etcd.continue();
  await expectHealed();
});

test("an etcd that is compacted", async () => {
  const { header } = (await etcd.ask("kv/range", { key: "YQ==" })) as { header: { revision: string } };
  await etcd.ask("kv/compaction", { revision: header.revision, physical: true });
  await expectHealed();
});

test("an etcd that lost everything", async () => {
  const last = Math.max(...fleet.pushes.keys());
  await etcd.ask("kv/deleterange", { key: "AA==", range_end: "AA==" });
  await trouble().toBe("empty");
  expect(new Set(await fleet.versions()).size).toBe(1);
  await fleet.pushed();
  await trouble().toBe("older");
  await expectHealed("--generation", String(last + 10));
});

test("a pusher's clock that is an hour off, and then a server's", async () => {
  for (const hours of [-1, 1]) {
    fleet.env.NODE_OPTIONS = clockOffBy(hours);
    await expectHealed();
  }
  await fleet.server!.stop();
  await fleet.serve();
  delete fleet.env.NODE_OPTIONS;
  await expectHealed();
  const { warnings } = JSON.parse((await fleet.well("history", "--json")).out);
  expect(warnings).toEqual([]);
});

test("an Envoy that is stopped and goes on", async () => {
  const { pid } = fleet.envoys[2]!;
  process.kill(pid, "SIGSTOP");
  try {
    await fleet.pushedNext();
    await expect
      .poll(async () => (await fleet.status()).verdicts, SECONDS)
      .toEqual(all("served").map((one, i) => (i === 2 ? "silent" : one)));
  } finally {
    process.kill(pid, "SIGCONT");
  }
  await expectServed(Math.max(...fleet.pushes.keys()));
});

test("an Envoy that starts while everything is away, and a node that never comes back", async () => {
  await fleet.server!.stop("SIGKILL");
  await etcd.kill();
  await fleet.restart(4);
  // What its bootstrap was rendered with.
  expect((await fleet.versions())[4]).toBe(VERSIONS.at(-1));
  await etcd.start();
  await fleet.serve();
  await expectServed(Math.max(...fleet.pushes.keys()));
  const [gone] = fleet.envoys.splice(4, 1);
  await gone!.stop();
  const proxies = [...fleet.envoys, gone!].flatMap(({ adminPort }) => [
    "--proxy",
    `http://127.0.0.1:${adminPort} main`,
  ]);
  const { code, out } = await fleet.run("status", ...proxies);
  expect(code).toBe(1);
  expect(out).toContain("SILENT");
  await fleet.restart(3);
});

test("a proxy that never answers holds up nobody", async () => {
  const slow = new XdsClient(fleet.xdsPort);
  try {
    slow.ask({ id: "slow" }, ["main"]);
    await expect.poll(() => slow.sent.length, SECONDS).toBe(1);
    const begun = Date.now();
    const generation = await fleet.pushedNext();
    await expect.poll(() => fleet.generations(), SECONDS).toEqual(fleet.envoys.map(() => generation));
    expect(Date.now() - begun).toBeLessThan(15_000);
    expect(slow.sent.length).toBe(1);
    expect((await fleet.server!.states()).slow).toBe("sent");
  } finally {
    slow.close();
  }
});

test("two pushers: one is told", async () => {
  const push = (reason: string) =>
    fleet.run("push", "--farm", "farm/farm.yaml", "--yes", "--again", "--reason", reason);
  const ran = await Promise.all([push("one"), push("two")]);
  const codes = ran.map(({ code }) => code).sort();
  // Where they do not meet, both push.
  expect([
    [0, 0],
    [0, 1],
  ]).toContainEqual(codes);
  if (codes[1] === 1) expect(ran.find(({ code }) => code === 1)!.err).toContain("somebody else was quicker");
});

test("no room for the last good copy", async () => {
  await fleet.server!.stop();
  rmSync(join(fleet.folder, "cache"), { recursive: true });
  writeFileSync(join(fleet.folder, "cache"), "in the way");
  await fleet.serve();
  const generation = await fleet.pushedNext();
  await expect.poll(() => fleet.generations(), SECONDS).toEqual(fleet.envoys.map(() => generation));
  expect(fleet.server!.said).toContain("no last good copy");
});
