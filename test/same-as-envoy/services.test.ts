/** Plugins beside the requests (Envoy's Wasm services): queues between VMs, and calls at ticks, in both. */
import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { Shared, Vm } from "../../host-sim/index.ts";
import { type EnvoyProcess, startConfigured } from "../../scripts/envoy/process.ts";
import { cluster } from "../../scripts/render/cluster.ts";
import { WASM_TYPE } from "../../scripts/render/plugin.ts";
import { DATA, DATA_IS_ABSENT, WHY_SKIPPED } from "../support/data.ts";
import { compared, enteringResponse, leavingRequest } from "./envoy-around.ts";
import { CALLED, exchange, type Outcome } from "./exchange.ts";
import { requests } from "./foreign-requests.ts";
import { sendPiecewise } from "./piecewise-client.ts";
import { guestLine } from "./real.ts";
import { ScriptedUpstreams } from "./scripted-upstreams.ts";
import { Simulated } from "./simulated.ts";
import { until } from "./tcp-envoy.ts";
import { PROFILE, realEnvoy } from "./which-envoy.ts";

// Envoy compiles Go modules for seconds where other tests take the cores.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 180_000 });

const TYPE = "type.googleapis.com/";
const HCM = `${TYPE}envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager`;
const ROUTER = `${TYPE}envoy.extensions.filters.http.router.v3.Router`;
const SERVICE = `${TYPE}envoy.extensions.wasm.v3.WasmService`;

const file = (name: string): string => join(DATA, "modules", `go-${name}.wasm`);
const plugin = (vmId: string, module: string, configuration: string): object => ({
  name: vmId,
  root_id: vmId,
  vm_config: {
    vm_id: vmId,
    runtime: "envoy.wasm.runtime.v8",
    code: { local: { filename: file(module) } },
  },
  configuration: { "@type": `${TYPE}google.protobuf.StringValue`, value: configuration },
});

const queues = ["http_request_headers", "http_response_headers"];

async function startEnvoy(upstreams: ScriptedUpstreams): Promise<EnvoyProcess> {
  const address = { socket_address: { address: "127.0.0.1", port_value: 0 } };
  const service = (config: object) => ({
    name: "envoy.bootstrap.wasm",
    typed_config: { "@type": SERVICE, singleton: true, config },
  });
  const manager = {
    "@type": HCM,
    stat_prefix: "main",
    http_filters: [
      {
        name: "wasm",
        typed_config: { "@type": WASM_TYPE, config: plugin("sender", "shared_queue-sender", "http") },
      },
      { name: "router", typed_config: { "@type": ROUTER } },
    ],
    route_config: {
      virtual_hosts: [
        { name: "all", domains: ["*"], routes: [{ match: { prefix: "/" }, route: { cluster: "a" } }] },
      ],
    },
  };
  const bootstrap = {
    admin: { address },
    node: { id: "services", cluster: "services" },
    bootstrap_extensions: [
      ...queues.map((queue) => service(plugin("receiver", "shared_queue-receiver", queue))),
      service(plugin("dispatcher", "dispatch_call_on_tick", "")),
    ],
    static_resources: {
      clusters: upstreams.clusters.map(cluster),
      listeners: [
        { name: "main", address, filter_chains: [{ filters: [{ name: "http", typed_config: manager }] }] },
      ],
    },
  };
  const folder = await mkdtemp(join(tmpdir(), "services-"));
  try {
    const config = join(folder, "bootstrap.json");
    await writeFile(config, JSON.stringify(bootstrap));
    return await startConfigured(config, { envoy: await realEnvoy(), startTimeoutMs: 120_000 });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Of a VM: what its guest logged. */
const linesOf = (logs: readonly string[], vmId: string): string[] =>
  logs.filter((line) => line.includes(` wasm log ${vmId} `)).flatMap((line) => guestLine(line) ?? []);

describe.skipIf(DATA_IS_ABSENT)(`three modules of Go${WHY_SKIPPED}`, () => {
  let upstreams: ScriptedUpstreams;
  let envoy: EnvoyProcess;
  beforeAll(async () => {
    upstreams = await ScriptedUpstreams.start(["a", "web_service"]);
    upstreams.called = new Set(["web_service"]);
    envoy = await startEnvoy(upstreams);
  });
  afterAll(async () => {
    await envoy?.stop();
    await upstreams?.stop();
  });

  test("go-shared_queue-sender and -receiver: fourteen requests", async () => {
    const shared = new Shared();
    const receiver = await Vm.load(readFileSync(file("shared_queue-receiver")), {
      vmId: "receiver",
      shared,
      profile: PROFILE,
    });
    for (const configuration of queues) receiver.createRoot({ configuration });
    const simulated = await Simulated.start({
      wasm: readFileSync(file("shared_queue-sender")),
      configuration: Buffer.from("http"),
      clusterHeader: "x-cluster",
      clusters: ["a"],
      shared,
    });
    expect(simulated.first.accepted).toBe(true);
    for (const [i, given] of requests.entries()) {
      const one = exchange(`${i}`, given);
      receiver.logs.length = 0;
      const came = { ...simulated.run(one, false), received: receiver.logs.map(({ text }) => `2 ${text}`) };
      const read = envoy.logs.length;
      const lines = (vmId: string): string[] => linesOf(envoy.logs.slice(read), vmId);
      upstreams.received.length = 0;
      upstreams.response = one.response;
      const client = await sendPiecewise(envoy.port, one, async () => {});
      await until(
        () => lines("sender").length >= came.logs.length && lines("receiver").length >= came.received.length,
      );
      const upstream = upstreams.received.filter(({ cluster }) => cluster === "a");
      const real: Outcome = { client, upstream, logs: lines("sender") };
      expect(came.received.length).toBeGreaterThan(4);
      expect(
        { ...compared(came), logs: timeless(came.logs), received: timeless(came.received) },
        JSON.stringify(one),
      ).toEqual({
        ...compared(real),
        logs: timeless(real.logs),
        received: timeless(lines("receiver")),
      });
    }
  });

  test("go-dispatch_call_on_tick: twelve ticks", async () => {
    const vm = await Vm.load(readFileSync(file("dispatch_call_on_tick")), {
      upstreams: ["web_service"],
      profile: PROFILE,
    });
    const root = vm.createRoot();
    upstreams.received.length = 0;
    const calls = [];
    for (let i = 0; i < 12; i++) {
      vm.clock.advance(root.tickPeriod);
      const [call] = root.httpCalls;
      calls.push(leavingRequest(call!.upstream, call!.headers, [call!.body]));
      root.answerHttpCall(call!.id, { headers: enteringResponse(CALLED), body: CALLED.body.join("") });
    }
    const simulated = vm.logs.map(({ level, text }) => `${level} ${text}`);
    const lines = (): string[] => linesOf(envoy.logs, "dispatcher").filter((line) => !isStart.test(line));
    const wanted = timeless(simulated.filter((line) => !isStart.test(line)));
    expect(wanted.length).toBeGreaterThan(24);
    await until(() => lines().length >= wanted.length);
    expect(timeless(lines().slice(0, wanted.length))).toEqual(wanted);
    const sent = (upstream: Outcome["upstream"]) => compared({ upstream, client: null, logs: [] }).upstream;
    const received = () => upstreams.received.filter(({ cluster }) => cluster === "web_service");
    await until(() => received().length > 0);
    expect(sent(received().slice(0, 1))).toEqual(sent(calls.slice(0, 1)));
  });
});

/** Said by each VM that starts, those that only try the configuration too. */
const isStart = /set tick period/;

/** The lines of a log without the time that an upstream took. */
const timeless = (logs: readonly string[]): readonly string[] =>
  compared({ upstream: [], client: null, logs }).logs.map((line) =>
    line.replace(/("key": "x-envoy-upstream-service-time","value": )"\d+"/, '$1"0"'),
  );
