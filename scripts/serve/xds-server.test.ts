/** The management server by its streams: what a proxy gets, and how much it may hold. */
import http2 from "node:http2";
import { ServerCredentials, status } from "@grpc/grpc-js";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { plainPlan } from "../../test/support/plans.ts";
import { type NodeSaid, XdsClient } from "../../test/support/xds-client.ts";
import { encode } from "../encode/encode.ts";
import { contentsOf } from "../render/filter-file.ts";
import { type Stage, WHOLE_FLEET } from "../store/stages.ts";
import type { Rollout } from "../store/store.ts";
import { Table } from "../table/table.ts";
import { Fleet } from "./fleet.ts";
import { EXTENSION_CONFIG, writeAsked } from "./messages.ts";
import { type XdsOptions, XdsServer } from "./xds-server.ts";

const LISTENERS = ["edge", "mesh"].map((name) => ({ ...plainPlan({}).listeners[0]!, name }));

/** Of one content a number. */
function tableOf(number: number, generation = number): Table {
  const wikis = [{ id: `wiki${number}`, release: 0, group: null, installed: true }];
  return new Table(encode(plainPlan({ wikis, listeners: LISTENERS }), { generation, names: null }));
}

let fleet: Fleet;
let server: XdsServer;
let refusals: [id: string, generation: number, why: string][];
let behind: number;
const clients: XdsClient[] = [];

async function serve(options: Partial<XdsOptions> = {}): Promise<void> {
  server = new XdsServer(fleet, {
    ...{
      host: "127.0.0.1",
      port: 0,
      credentials: ServerCredentials.createInsecure(),
      clients: null,
      streams: 10,
    },
    ...options,
  });
  await server.start();
}

beforeEach(async () => {
  refusals = [];
  behind = 0;
  fleet = newFleet();
  await serve();
});
afterEach(() => {
  for (const client of clients.splice(0)) client.close();
  server.stop();
});

function newFleet(): Fleet {
  return new Fleet({
    wasm: "/usr/share/pointsman.wasm",
    primary: null,
    isRefused: (id, { generation }) => refusals.some(([one, of]) => one === id && of === generation),
    onRefused: (id, { generation }, why) => refusals.push([id, generation, why]),
    onBehind: () => behind++,
    onSeen: () => {},
  });
}

function want(table: Table, change: Partial<Rollout> = {}, previous: Table | null = null): void {
  const { digest, generation } = table;
  const rollout: Rollout = {
    ...{
      digest,
      generation,
      previous: null,
      stages: [WHOLE_FLEET],
      at: 0,
      state: "going",
      who: "me",
      why: "test",
    },
    ...change,
  };
  fleet.update({ rollout, table, previous });
}

function connect(): XdsClient {
  const client = new XdsClient(server.port);
  clients.push(client);
  return client;
}

async function ask(node: NodeSaid = {}, listeners = ["edge"], versionInfo = ""): Promise<XdsClient> {
  const client = connect();
  client.ask(node, listeners, { versionInfo });
  await expect
    .poll(() => fleet.connected().some(({ proxy }) => proxy.id === (node.id ?? "envoy-1")))
    .toBe(true);
  return client;
}

/** The generations that it was sent, by what stands in the tables. */
const generations = (client: XdsClient) =>
  client.sent.map(
    ({ filters }) => contentsOf([...filters.values()][0]!.configuration, false).table!.generation,
  );
const stateOf = (id = "envoy-1") => fleet.connected().find(({ proxy }) => proxy.id === id)?.state;
/** Long enough for what should not come. */
const quiet = () => new Promise((resolve) => setTimeout(resolve, 100));

describe("a proxy", () => {
  it("gets every listener's filter with the table, and what comes later", async () => {
    want(tableOf(1));
    const client = await ask({ settings: { wasm: "/etc/x.wasm", datacentre: "codfw", primary: "eqiad" } }, [
      "edge",
      "mesh",
    ]);
    await expect.poll(() => client.sent.length).toBe(1);
    const { filters, versionInfo } = client.sent[0]!;
    expect([...filters.keys()]).toEqual(["pointsman-edge", "pointsman-mesh"]);
    const { configuration, wasm } = filters.get("pointsman-mesh")!;
    expect(wasm).toBe("/etc/x.wasm");
    const { settings, table, attempt } = contentsOf(configuration, false);
    expect(settings).toEqual({ listener: "mesh", datacentre: "codfw", primary: "eqiad", attempt });
    expect(Buffer.from(table!.bytes).equals(Buffer.from(tableOf(1).bytes))).toBe(true);
    expect(versionInfo).toBe(`1-${tableOf(1).digest}`);
    client.answer(["edge", "mesh"]);
    await expect.poll(() => stateOf()).toBe("acknowledged");
    want(tableOf(2));
    await expect.poll(() => generations(client)).toEqual([1, 2]);
  });

  it("is sent nothing before the store has something, and then at once", async () => {
    const client = await ask();
    await quiet();
    expect([client.sent.length, stateOf()]).toEqual([0, "nothing"]);
    want(tableOf(1));
    await expect.poll(() => generations(client)).toEqual([1]);
  });

  it("is sent the newest when it has answered, and nothing meanwhile", async () => {
    want(tableOf(1));
    const client = await ask();
    await expect.poll(() => client.sent.length).toBe(1);
    for (const number of [2, 3, 4]) want(tableOf(number));
    await quiet();
    expect(generations(client)).toEqual([1]);
    client.answer(["edge"]);
    await expect.poll(() => generations(client)).toEqual([1, 4]);
  });

  it("that has it already is sent nothing, and of one that has more it is heard that we are behind", async () => {
    want(tableOf(5));
    const same = await ask({ id: "same" }, ["edge"], `5-${tableOf(5).digest}`);
    const newer = await ask({ id: "newer" }, ["edge"], `6-${tableOf(6).digest}`);
    await quiet();
    expect([same.sent.length, stateOf("same")]).toEqual([0, "acknowledged"]);
    expect([newer.sent.length, stateOf("newer"), behind]).toEqual([0, "behind", 1]);
    want(tableOf(7));
    await expect.poll(() => [generations(same), generations(newer)]).toEqual([[7], [7]]);
  });

  it("that asks for one more listener gets all of them again", async () => {
    want(tableOf(1));
    const client = await ask();
    await expect.poll(() => client.sent.length).toBe(1);
    client.answer(["edge"]);
    client.ask(null, ["edge", "mesh"], { versionInfo: client.sent[0]!.versionInfo });
    await expect.poll(() => client.sent.map(({ filters }) => filters.size)).toEqual([1, 2]);
  });

  it("that refuses is told so, not asked again, and gets the next table", async () => {
    want(tableOf(1));
    const client = await ask();
    await expect.poll(() => client.sent.length).toBe(1);
    client.answer(["edge"], "Unable to create Wasm plugin");
    await expect.poll(() => stateOf()).toBe("refused");
    expect(refusals).toEqual([["envoy-1", 1, expect.stringContaining("Unable to create Wasm plugin")]]);
    want(tableOf(1));
    await quiet();
    expect(client.sent.length).toBe(1);
    want(tableOf(1, 2));
    await expect.poll(() => generations(client)).toEqual([1, 2]);
  });

  it("that has refused stays so after this server's restart, and one that begins anew is asked in other bytes", async () => {
    want(tableOf(1));
    const client = await ask();
    await expect.poll(() => client.sent.length).toBe(1);
    client.answer(["edge"]);
    want(tableOf(2));
    await expect.poll(() => client.sent.length).toBe(2);
    client.answer(["edge"], "no");
    await expect.poll(() => refusals.length).toBe(1);
    server.stop();
    fleet = newFleet();
    await serve();
    want(tableOf(2));
    const same = await ask({}, ["edge"], `1-${tableOf(1).digest}`);
    await expect.poll(() => stateOf()).toBe("refused");
    await quiet();
    expect(same.sent.length).toBe(0);
    const anew = await ask();
    await expect.poll(() => anew.sent.length).toBe(1);
    const bytes = (one: XdsClient) => one.sent.at(-1)!.filters.get("pointsman-edge")!.configuration;
    expect(contentsOf(bytes(anew), false).attempt).not.toBe(contentsOf(bytes(client), false).attempt);
  });

  it("is not sent what our own filter refuses, with the filter's sentence; its other listeners are", async () => {
    want(tableOf(1));
    const client = await ask({}, ["edge", "egde"]);
    await expect
      .poll(() => client.sent.map(({ filters }) => [...filters.keys()]))
      .toEqual([["pointsman-edge"]]);
    await ask({ id: "other", settings: { "cluster-header": "x-other" } });
    await expect.poll(() => stateOf("other")).toBe("withheld");
    const why = fleet.connected().map((one) => one.why);
    expect(why).toEqual([expect.stringContaining('no listener "egde"'), expect.stringContaining("x-other")]);
  });

  it("may ask for as many listeners as are allowed: each is looked at once", {
    timeout: 20_000,
  }, async () => {
    want(tableOf(1));
    const listeners = ["edge", ...Array.from({ length: 63 }, (_, i) => `none-${i}`)];
    const client = await ask({}, listeners);
    await expect.poll(() => client.sent.length, { timeout: 15_000 }).toBe(1);
    expect([...client.sent[0]!.filters.keys()]).toEqual(["pointsman-edge"]);
    expect(fleet.connected()[0]!.why).toContain("none-62: pointsman: table refused");
  });

  it("that is in shadow stays there, and fails open", async () => {
    want(tableOf(1));
    const clients = [await ask(), await ask({ id: "b", settings: { shadow: "true" } })];
    await expect.poll(() => clients.map(generations)).toEqual([[1], [1]]);
    const plugins = clients.map((one) => one.sent[0]!.filters.get("pointsman-edge")!);
    expect(plugins.map(({ configuration }) => contentsOf(configuration, false).settings.shadow)).toEqual([
      undefined,
      true,
    ]);
    expect(plugins.map(({ failurePolicy }) => failurePolicy)).toEqual(["FAIL_RELOAD", "FAIL_OPEN"]);
  });

  it("gets what its stage gets", async () => {
    const stages: Stage[] = [
      { name: "canary", nodes: ["canary-*"] },
      { name: "us", localities: ["us"] },
      WHOLE_FLEET,
    ];
    const [old, next] = [tableOf(1), tableOf(2)];
    const previous = { digest: old.digest, generation: 1 };
    want(next, { stages, previous }, old);
    const canary = await ask({ id: "canary-1" });
    const near = await ask({ id: "a", locality: { region: "us", zone: "x", subZone: "" } });
    const other = await ask({ id: "b" });
    const all = () => [canary, near, other].map(generations);
    await expect.poll(all).toEqual([[2], [1], [1]]);
    expect([fleet.generation, fleet.oldestGeneration]).toEqual([2, 1]);
    for (const one of [canary, near, other]) one.answer(["edge"]);
    want(next, { stages, previous, at: 1 }, old);
    await expect.poll(all).toEqual([[2], [1, 2], [1]]);
    want(next, { stages, previous, at: 2 }, old);
    await expect.poll(all).toEqual([[2], [1, 2], [1, 2]]);
    expect(fleet.oldestGeneration).toBe(2);
    want(next, { stages });
    expect(fleet.oldestGeneration).toBe(0);
  });
});

/** A request whose node has metadata in metadata in metadata. */
function nested(levels: number): Buffer {
  const field = (number: number, value: Buffer) => {
    const length: number[] = [];
    let rest = value.length;
    for (; rest > 127; rest >>= 7) length.push((rest & 127) | 128);
    return Buffer.concat([Buffer.from([(number << 3) | 2, ...length, rest]), value]);
  };
  let struct = Buffer.alloc(0);
  for (let i = 0; i < levels; i++)
    struct = field(1, Buffer.concat([field(1, Buffer.from("a")), field(2, field(5, struct))]));
  return field(2, Buffer.concat([field(1, Buffer.from("deep")), field(3, struct)]));
}

describe("a stream", () => {
  const endOf = (client: XdsClient) => expect.poll(() => client.error?.code);

  it.each<[string, NodeSaid | null]>([
    ["without a node", null],
    ["without an id", { id: "" }],
    ["with a control character in its id", { id: "a\u001b[2J" }],
    ["with an id of 300 characters", { id: "a".repeat(300) }],
    ["with a long setting", { settings: { wasm: "a".repeat(5000) } }],
  ])("%s is ended", async (_, node) => {
    const client = connect();
    client.ask(node, ["edge"]);
    await endOf(client).toBe(status.INVALID_ARGUMENT);
    expect([fleet.connected().length, server.ended["bad-request"]]).toEqual([0, 1]);
  });

  it("that asks for a hundred filters is ended", async () => {
    const client = connect();
    client.ask(
      {},
      Array.from({ length: 100 }, (_, i) => `l${i}`),
    );
    await endOf(client).toBe(status.INVALID_ARGUMENT);
  });

  it("of one too many is ended, and the others stay", async () => {
    server.stop();
    await serve({ streams: 1 });
    want(tableOf(1));
    const first = await ask();
    const second = connect();
    second.ask({ id: "b" }, ["edge"]);
    await endOf(second).toBe(status.RESOURCE_EXHAUSTED);
    await expect.poll(() => first.sent.length).toBe(1);
  });

  it("that reads nothing is broken off, and a connection without a stream is closed", async () => {
    server.stop();
    await serve({ silenceMs: 600 });
    want(tableOf(1));
    const at = `http://127.0.0.1:${server.port}`;
    const unread = http2.connect(at, { settings: { initialWindowSize: 0 } });
    const idle = http2.connect(at);
    try {
      const path = "/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources";
      const stream = unread.request({ ":method": "POST", ":path": path, "content-type": "application/grpc" });
      stream.on("error", () => {});
      const asked = { node: { id: "deaf" }, resourceNames: ["pointsman-edge"], typeUrl: EXTENSION_CONFIG };
      const message = Buffer.from(writeAsked(asked as never));
      const head = Buffer.alloc(5);
      head.writeUInt32BE(message.length, 1);
      stream.write(Buffer.concat([head, message]));
      await expect.poll(() => stateOf("deaf")).toBe("sent");
      await expect.poll(() => server.streams, { timeout: 5_000 }).toBe(0);
      expect(server.ended.silent).toBe(1);
      await expect.poll(() => idle.destroyed, { timeout: 5_000 }).toBe(true);
    } finally {
      unread.destroy();
      idle.destroy();
    }
  });

  it("that sends without end is ended", async () => {
    const client = await ask();
    for (let i = 0; i < 300; i++) client.ask(null, ["edge"]);
    await endOf(client).toBe(status.RESOURCE_EXHAUSTED);
    expect(server.ended["too-fast"]).toBe(1);
  });

  it.each<[string, (client: XdsClient) => void]>([
    ["no message of xDS", (one) => one.write(Buffer.from([0x0a, 0xff, 0xff]))],
    ["too large", (one) => one.ask({ settings: { x: "a".repeat(300_000) } }, ["edge"])],
    ["nested without end", (one) => one.write(nested(15_000))],
  ])("with what is %s is ended, and others are served", async (_, send) => {
    want(tableOf(1));
    const client = connect();
    send(client);
    await expect.poll(() => client.error).not.toBeNull();
    const other = await ask({ id: "other" });
    await expect.poll(() => other.sent.length).toBe(1);
  });

  it("asks for other things in vain", async () => {
    want(tableOf(1));
    const client = connect();
    client.ask({}, ["edge"], { typeUrl: "type.googleapis.com/envoy.config.cluster.v3.Cluster" });
    await quiet();
    expect(client.sent).toEqual([]);
    client.ask(null, ["edge"]);
    await expect.poll(() => client.sent.length).toBe(1);
  });
});
