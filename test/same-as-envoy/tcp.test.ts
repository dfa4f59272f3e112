/** TCP filters: connections through the real Envoy and the simulator, step by step. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Connection, type RootContext, Vm } from "../../host-sim/index.ts";
import { compileGuest, FILTER_FLAGS } from "../support/compile-guest.ts";
import { DATA, DATA_IS_ABSENT, WHY_SKIPPED } from "../support/data.ts";
import { TcpEnvoy, type TcpPlugin, until } from "./tcp-envoy.ts";
import { PROFILE } from "./which-envoy.ts";

// Envoy compiles a Go module for seconds where other tests take the cores.
type Step =
  | readonly ["client" | "upstream", string]
  | "client ends"
  | "upstream ends"
  | "client resets"
  | "upstream resets"
  | "a tick comes";

interface Talk {
  /** For the guest of the comparison: what it does. */
  readonly script: string;
  readonly steps: readonly Step[];
  readonly cluster?: string;
}

const look = [
  "new_connection:bytes 2 0 9;bytes 3 0 9;bufstatus 2",
  "downstream_data:bytes 2 0 99;bufstatus 2;bytes 3 0 99",
  "upstream_data:bytes 3 0 99;bytes 2 0 99",
  "upstream_close:bytes 3 0 9",
  "downstream_close:bytes 2 0 9",
].join("|");
const hello: Step[] = [
  ["client", "hello"],
  ["upstream", "hi"],
  ["client", "more"],
  ["upstream", "again"],
];
const ends: Step[] = ["client ends", "upstream ends"];
const one: Step = ["client", "one"];
const two: Step = ["client", "two"];
const hi: Step = ["upstream", "hi"];

const paths =
  `request request/time request/total_size request/headers request/size request/duration request/protocol request/path
  response response/headers response/flags response/total_size response/code response/code_details response/size
  response/backend_latency connection connection/id connection/mtls connection/requested_server_name
  connection/tls_version connection/termination_details source source/address source/port destination
  destination/address destination/port upstream upstream/address upstream/port upstream/local_address
  upstream/transport_failure_reason upstream/request_attempt_count metadata filter_state node xds xds/node
  xds/cluster_name xds/cluster_metadata xds/route_name xds/route_metadata xds/upstream_host_metadata
  xds/filter_chain_name xds/listener_direction xds/listener_metadata xds/virtual_host_name cluster_name route_name
  plugin_name plugin_root_id plugin_vm_id nothing own`.split(/\s+/);
const read = paths.map((path) => `prop ${path}`).join(";");

/** Serialized SetEnvoyFilterStateArguments, as words of a script. */
const state = (path: string, value: string): string =>
  `foreign set_envoy_filter_state 0x${Buffer.concat(
    [path, value].map((text, i) => Buffer.from([10 + 8 * i, text.length, ...Buffer.from(text)])),
  ).toString("hex")}`;

const talks: Readonly<Record<string, Talk>> = {
  "the client ends first": { script: look, steps: [...hello, ...ends] },
  "the upstream ends first": { script: look, steps: [...hello, "upstream ends", "client ends"] },
  "the client resets": { script: look, steps: [...hello, "client resets"] },
  "the upstream resets": { script: look, steps: [...hello, "upstream resets"] },
  "nothing is said": { script: look, steps: ends },
  "nobody listens": { script: look, steps: [], cluster: "down" },
  "paused for good": { script: "new_connection:return 1", steps: [one] },
  "paused until a tick": {
    script: "new_connection:tick 200;return 1|tick:resume 2|downstream_data:bytes 2 0 99",
    steps: [one, "a tick comes", two, hi, ...ends],
  },
  "the client's bytes are held": {
    script: "downstream_data:bytes 2 0 99;return 1|downstream_data#3:bytes 2 0 99;return 0",
    steps: [one, two, ["client", "three"], hi, ["client", "four"], ...ends],
  },
  "what is held goes on by a call": {
    script: "downstream_data:bytes 2 0 99;return 1|upstream_data:bytes 2 0 99;continue 2",
    steps: [one, two, hi, ["client", "three"], ...ends],
  },
  "the upstream's bytes are held": {
    script: "upstream_data:bytes 3 0 99;return 1|upstream_data#3:bytes 3 0 99;return 0",
    steps: [one, ["upstream", "a"], ["upstream", "b"], ["upstream", "c"], hi, "client ends", "upstream ends"],
  },
  "the end of both is held": {
    script: "downstream_data:bytes 2 0 99;return 1|upstream_data:bytes 3 0 99;return 1",
    steps: [one, "client ends", hi, "upstream ends"],
  },
  "the upstream's end is held": {
    script: "upstream_data:return 1",
    steps: [one, hi, "upstream ends", "client ends"],
  },
  "the client's end is held": {
    script: "downstream_data:return 1",
    steps: [hi, "upstream ends", one, "client ends"],
  },
  "bytes are changed": {
    script:
      "downstream_data:setbytes 2 0 1 X;setbytes 2 99 0 tail;bytes 2 0 99;bytes 2 2 2;setbytes 2 2 1 m|upstream_data:setbytes 3 0 99 changed;bytes 3 0 99",
    steps: [...hello, ...ends],
  },
  "closed at once": { script: "new_connection:close 2", steps: [] },
  "closed at once, as upstream": { script: "new_connection:close 3;return 1", steps: [] },
  "closed at the client's bytes": { script: "downstream_data:close 2;bytes 2 0 9", steps: [one] },
  "closed at the upstream's bytes": { script: "upstream_data:close 3;bytes 3 0 9", steps: [one, hi] },
  "what is for HTTP": {
    script:
      "downstream_data:close 0;close 1;continue 0;continue 1;continue 2;continue 3;get 0 :path;pairs 0;bytes 0 0 9;setbytes 0 0 0 x;reply 200 ok - - -1;done",
    steps: [one, hi, ...ends],
  },
  "properties of the beginning": {
    script: `new_connection:setprop own value;${read}|downstream_data:${read}`,
    steps: [one, hi, ...ends],
  },
  "properties of the end": {
    script: `upstream_data:${read}|done:${read}|log:${read}`,
    steps: [one, hi, ...ends],
  },
  "filter state": {
    script: `new_connection:${state("envoy.tcp_proxy.cluster", "down")};${state("nosuch", "x")};${state("envoy.string", "v")};${state("envoy.hashable_string", "h")};${state("envoy.network.upstream_server_name", "n")};${state("envoy.tcp_proxy.cluster", "other")};foreign set_envoy_filter_state -;foreign set_envoy_filter_state x;prop filter_state;prop filter_state/envoy.tcp_proxy.cluster;prop filter_state/envoy.string;prop filter_state/nosuch;foreign clear_route_cache -;foreign nothing -`,
    steps: [one, hi, ...ends],
  },
  "a cluster that is down": {
    script: `new_connection:${state("envoy.tcp_proxy.cluster", "down")}`,
    steps: [],
  },
  "a cluster that is not there": {
    script: `new_connection:${state("envoy.tcp_proxy.cluster", "nosuch")}`,
    steps: [],
  },
  // The last two: the VM is dead then.
  "a trap": { script: "downstream_data:trap", steps: [one] },
  "after a trap": { script: look, steps: [] },
};

const routed = ["egress-router1", "egress-router2"];
const clusters = ["up", "other", ...routed];

const modules = DATA_IS_ABSENT ? [] : ["go-network", "rust-envoy_tcp_routing"];

/** What the connection, the time and the node make of these differs; that they can be read does not. */
const anyValue =
  /( prop (?:request\/time|connection\/id|(?:source|destination|upstream)\/(?:port|\w*address)|xds\/node|xds\/cluster_name) -> 0) .*$/;
const compared = (line: string): string =>
  line.replace(anyValue, "$1").replaceAll(/127\.0\.0\.(\d+):\d+/g, "127.0.0.$1:port");

let envoy: TcpEnvoy;
const roots = new Map<string, RootContext>();
beforeAll(async () => {
  const guest = await compileGuest(["test/same-as-envoy/guest/script.ts", ...FILTER_FLAGS]);
  const plugins: TcpPlugin[] = Object.entries(talks).map(([name, { script, cluster = "up" }]) => ({
    name: name.replaceAll(/\W/g, "-"),
    wasm: guest,
    vmId: "script",
    configuration: script,
    cluster,
  }));
  for (const name of modules) {
    const wasm = readFileSync(join(DATA, "modules", `${name}.wasm`));
    plugins.push({ name, wasm, vmId: name, configuration: "", cluster: "up" });
  }
  const vms = new Map<string, Vm>();
  for (const { name, wasm, vmId, configuration } of plugins) {
    const vm = vms.get(vmId) ?? (await Vm.load(wasm, { vmId, upstreams: clusters, profile: PROFILE }));
    vms.set(vmId, vm);
    roots.set(name, vm.createRoot({ rootId: name, name: "tcp", configuration }));
  }
  envoy = await TcpEnvoy.start(plugins, clusters);
});
afterAll(() => envoy?.stop());

function simulate(connection: Connection, step: Step): void {
  const none = new Uint8Array(0);
  if (step === "client ends") connection.clientSends(none, true);
  else if (step === "upstream ends") connection.upstreamSends(none, true);
  else if (step === "client resets") connection.clientResets();
  else if (step === "upstream resets") connection.upstreamResets();
  else if (step === "a tick comes") connection.vm.clock.advance(200);
  else if (step[0] === "client") connection.clientSends(Buffer.from(step[1], "latin1"));
  else connection.upstreamSends(Buffer.from(step[1], "latin1"));
}

/** One connection in both. */
async function same(
  name: string,
  { steps, cluster = "up" }: Omit<Talk, "script">,
  from = "127.0.0.1",
): Promise<void> {
  const root = roots.get(name)!;
  const { logs } = root.vm;
  logs.length = 0;
  const connection = root.newConnection({
    "source.address": `${from}:1`,
    "destination.address": "127.0.0.1:1",
  });
  connection.open({ refused: cluster === "down" });
  const client = envoy.connect(name, from);
  await envoy.lines(logs.length);
  const upstream = () => envoy.upstreams[0]?.end;
  if (connection.connected) await until(() => upstream() !== undefined);
  for (const step of steps) {
    simulate(connection, step);
    if (step === "client ends") client.end();
    else if (step === "upstream ends") upstream()?.end();
    else if (step === "client resets") client.reset();
    else if (step === "upstream resets") upstream()?.reset();
    else if (step !== "a tick comes") (step[0] === "client" ? client : upstream())?.send(step[1]);
    await envoy.lines(logs.length);
    // What has passed is there before the next step.
    const { upstream: sent, client: got } = connection.result();
    await until(
      () =>
        client.text.length >= got.bytes.length && (upstream()?.text.length ?? 0) >= (sent?.bytes.length ?? 0),
    );
  }
  const result = connection.result();
  const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString("latin1");
  const simulated = {
    client: { text: text(result.client.bytes), ended: result.client.ended },
    upstream: result.upstream && {
      cluster: result.cluster ?? cluster,
      text: text(result.upstream.bytes),
      ended: result.upstream.ended,
    },
    // Of a log of many lines Envoy's first alone can be told from its own.
    logs: logs.map(({ level, text }) => compared(`${level} ${text.split("\n")[0]}`)),
  };
  await until(
    () =>
      client.ended === result.client.ended &&
      (upstream()?.ended ?? true) === (result.upstream?.ended ?? true),
  );
  const [reached] = envoy.upstreams;
  const real = {
    client: { text: client.text, ended: client.ended },
    upstream: reached ? { cluster: reached.cluster, text: reached.end.text, ended: reached.end.ended } : null,
    logs: (await envoy.lines(logs.length)).map(compared),
  };
  client.destroy();
  for (const { end } of envoy.upstreams) end.destroy();
  expect(simulated).toEqual(real);
}

describe("a guest that does as it is told", () => {
  test.each(Object.entries(talks))("%s", async (name, talk) => {
    await same(name.replaceAll(/\W/g, "-"), talk);
  });
});

describe.skipIf(DATA_IS_ABSENT)(`modules of Go and Rust${WHY_SKIPPED}`, () => {
  const various: readonly (readonly Step[])[] = [
    [...hello, ...ends],
    [...hello, "upstream ends", "client ends"],
    [...hello, "client resets"],
    [...hello, "upstream resets"],
    ends,
    [one, ...ends],
    [hi, "upstream ends", "client ends"],
    [["client", "x".repeat(3000)], ["upstream", "y".repeat(3000)], ...ends],
    [["client", "\0\xff"], ["upstream", "\r\n"], ...ends],
    [one, "client ends", hi, "upstream ends"],
    ["client resets"],
    [one, two, hi, hi, ...ends],
  ];

  test.each(modules)("%s: twelve connections", async (name) => {
    const places = name === "rust-envoy_tcp_routing";
    for (const [i, steps] of various.entries())
      await same(name, { steps }, places ? `127.0.0.${2 + i}` : "127.0.0.1");
  });
});
