/** gRPC calls and streams of a guest, to a real upstream: in the real Envoy and in the simulator. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { Both } from "./both.ts";
import { exchange, type Outcome } from "./exchange.ts";
import type { Methods } from "./grpc-upstream.ts";

const x1 = [["x-i", "1"]] as const;
const x2 = [["x-t", "2"]] as const;
const ok = { status: 0, text: "OK" } as const;

const methods: Methods = {
  "/test.Service/Echo": [
    { await: 1 },
    { initialMetadata: x1 },
    { message: "answer" },
    { ...ok, trailingMetadata: x2 },
  ],
  "/test.Service/Error": [{ await: 1 }, { status: 5, text: "not there", trailingMetadata: x2 }],
  "/test.Service/Wordless": [{ await: 1 }, { status: 9, text: "" }],
  "/test.Service/None": [{ await: 1 }, ok],
  "/test.Service/Two": [{ await: 1 }, { message: "a" }, { message: "b" }, ok],
  "/test.Service/Empty": [{ await: 1 }, { message: "" }, ok],
  "/test.Service/Silent": [{ await: 1 }],
  "/test.Service/Cut": [{ await: 1 }, "cut"],
  "/test.Service/CutLater": [{ await: 1 }, { initialMetadata: x1 }, { message: "a" }, "cut"],
  "/test.Service/Chat": [
    { initialMetadata: x1 },
    { await: 1 },
    { message: "a" },
    { await: 2 },
    { message: "b" },
    { ...ok, trailingMetadata: x2 },
  ],
  "/test.Service/Late": [{ await: 1 }, { message: "a" }, { status: 3, text: "%x é" }],
  "/test.Service/AtEnd": [{ initialMetadata: x1 }, { await: 99 }, { message: "a" }, ok],
};

let both: Both;
beforeAll(async () => {
  both = await Both.start({ grpc: { grpc: methods, down: "down", mute: "mute" } });
});
afterAll(() => both?.stop());

const call = (upstream: string, method: string, metadata = "-", message = "hi", timeout = 2000): string =>
  `grpccall ${upstream} test.Service ${method} ${metadata} ${message} ${timeout}`;
const stream = (upstream: string, method: string, metadata = "-"): string =>
  `grpcstream ${upstream} test.Service ${method} ${metadata}`;

/** What callbacks look at. */
const look = {
  grpc_initial: "size 4;pairs 4;get 4 x-i;add 4 a b;pairs 5;bytes 5 0 99",
  grpc_receive: "bytes 5 0 99;bufstatus 5;pairs 4;status",
  grpc_trailing: "size 5;pairs 5;get 5 x-t;pairs 4;bytes 5 0 99;status",
  grpc_close: "status;pairs 5",
};
const go = "resume 0";

/** The request waits for what its commands begin; callbacks look at all that there is, or do as they are told. */
const script = (commands: string, told: Readonly<Record<string, string>>): string =>
  Object.entries({ request_headers: `return 1;${commands}`, ...look, ...told })
    .map(([callback, list]) => `${callback}:${list}`)
    .join("|");

/** A serialized envoy.config.core.v3.GrpcService, in hex: `envoy_grpc` with a cluster's name, and more. */
const service = (cluster: string, more = ""): string => {
  const name = Buffer.from(cluster).toString("hex");
  const size = (bytes: number): string => bytes.toString(16).padStart(2, "0");
  return `0x0a${size(cluster.length + 2)}0a${size(cluster.length)}${name}${more}`;
};

/** The upstream's headers come in the order of its library. */
const unordered = (line: string): string =>
  line.replace(
    /^(2 \d+ pairs [45] -> 0 )(.*)$/,
    (_, start, pairs) =>
      start + pairs.replace("identity,deflate,gzip", "all").replace("+proto", "").split(",").sort().join(),
  );

async function same(scripts: Readonly<Record<string, string>>): Promise<void> {
  const came: { real: Record<string, Outcome>; simulated: Record<string, Outcome> } = {
    real: {},
    simulated: {},
  };
  for (const [name, script] of Object.entries(scripts)) {
    const { real, simulated } = await both.run(exchange(name, { script }));
    came.real[name] = { ...real, logs: real.logs.map(unordered) };
    came.simulated[name] = { ...simulated, logs: simulated.logs.map(unordered) };
  }
  expect(came.simulated).toEqual(came.real);
}

test("calls", async () => {
  const received = { grpc_receive: `${look.grpc_receive};${go}` };
  const closed = { grpc_close: `${look.grpc_close};${go}` };
  const calls = {
    answered: script(call("grpc", "Echo", "x-a=1,y-b=2", "hi", 1000), received),
    "by a serialized service": script(call(service("grpc"), "Echo"), received),
    "by a service with metadata of its own": script(
      call(service("grpc", "2a060a0178120179"), "Echo", "x-a=1"),
      received,
    ),
    "an error": script(call("grpc", "Error"), closed),
    "an error without a word": script(call("grpc", "Wordless"), closed),
    "an answer without a message": script(call("grpc", "None"), closed),
    "two messages": script(call("grpc", "Two"), received),
    "an empty message": script(call("grpc", "Empty", "-", "-"), received),
    late: script(call("mute", "Silent", "-", "hi", 60), closed),
    cut: script(call("grpc", "Cut"), closed),
    "cut after its message": script(call("grpc", "CutLater"), closed),
    "an upstream that is down": script(call("down", "Echo"), closed),
    "no such cluster, by name": script(`${call("nosuch", "Echo")};return 0`, {}),
    "no such cluster, by service": script(call(service("nosuch"), "Echo"), closed),
    "no name of a cluster": script(call("0x0a00", "Echo"), closed),
    "not a service": script(
      `${["0x0a060a04677270", "0x0a", "0x0a030a01ff", "0x0a070a046772706320", "0x0a060a04677270632a020a05"]
        .map((bytes) => call(bytes, "Echo"))
        .join(";")};return 0`,
      {},
    ),
    cancelled: script(
      `${call("grpc", "Silent")};grpccancel last;grpccancel last;grpcclose last;grpcsend last x 0;return 0`,
      {},
    ),
    closed: script(`${call("grpc", "Silent")};grpcclose last;grpcclose last;return 0`, {}),
    "let go of while it is answered": script(call("grpc", "Echo"), {
      grpc_receive: `setbytes 5 0 1 Z;bytes 5 0 99;setbytes 5 99 0 tail;bytes 5 2 99;grpccancel last;grpcclose last;${go}`,
    }),
    "one from the end of another": script(call("grpc", "Error"), {
      grpc_close: call("grpc", "Echo"),
      ...received,
    }),
    "of no known number": script(
      `${[
        "send 998 x 0",
        "cancel 998",
        "close 998",
        "send 997 x 0",
        "cancel 997",
        "close 997",
        "send 996 x 0",
        "cancel 996",
        "close 996",
        "cancel 999",
        "close 0",
      ]
        .map((command) => `grpc${command}`)
        .join(";")};return 0`,
      {},
    ),
  };
  await same(calls);
});

test("streams", async () => {
  const closed = { grpc_close: `${look.grpc_close};${go}` };
  const open = (method: string, rest: string, metadata = "-"): string =>
    `${stream("grpc", method, metadata)};${rest}`;
  const streams = {
    "a conversation": script(open("Chat", "grpcsend last one 0", "x-a=1"), {
      grpc_receive: `${look.grpc_receive};grpcsend last two 1`,
      grpc_close: `status;grpcsend last x 0;grpcclose last;grpcclose last;${go}`,
    }),
    "an error alone": script(open("Error", "grpcsend last one 0"), closed),
    "an error after a message": script(open("Late", "grpcsend last one 1"), {
      grpc_close: `status;grpccancel last;grpccancel last;${go}`,
    }),
    "closed by the guest first": script(
      open("AtEnd", "grpcsend last one 0;grpcclose last;grpcsend last two 0;grpcclose last"),
      closed,
    ),
    "ended twice": script(
      open("AtEnd", "grpcsend last one 1;grpcsend last two 1;grpcclose last;grpcsend last x 0"),
      closed,
    ),
    cancelled: script(
      open(
        "Silent",
        "grpcsend last x 0;grpccancel last;grpcsend last x 0;grpcclose last;grpccancel last;return 0",
      ),
      {},
    ),
    "cancelled while its message comes": script(open("Chat", "grpcsend last one 0"), {
      grpc_receive: `grpccancel last;bytes 5 0 99;${go}`,
    }),
    "cut before anything": script(open("Cut", "grpcsend last one 0"), closed),
    "cut after a message": script(open("CutLater", "grpcsend last one 0"), closed),
    "an upstream that is down": script(`${stream("down", "Chat")};grpcsend last one 0`, closed),
    "no such cluster, by name": script(`${stream("nosuch", "Chat")};return 0`, {}),
    "no such cluster, by service": script(stream(service("nosuch"), "Chat"), closed),
  };
  await same(streams);
});
