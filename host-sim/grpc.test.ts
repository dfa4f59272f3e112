/** gRPC calls and streams in a test's hands; `test/same-as-envoy/grpc.test.ts` compares them with the real Envoy. */
import { readFile } from "node:fs/promises";
import fc from "fast-check";
import protobuf from "protobufjs";
import { beforeAll, expect, test } from "vitest";
import { compileGuest, FILTER_FLAGS } from "../test/support/compile-guest.ts";
import { buildTimeout, simple } from "../test/support/guests.ts";
import { parseGrpcService } from "./grpc-service.ts";
import { bytesOf, type Profile, type RootContext, type Stream, strict, Vm } from "./index.ts";

let wasm: Uint8Array;
beforeAll(async () => {
  wasm = await compileGuest(["test/same-as-envoy/guest/script.ts", ...FILTER_FLAGS]);
}, buildTimeout);

/** The guest of the comparison; a request says what it does. */
async function start(profile?: Profile): Promise<RootContext> {
  const vm = await Vm.load(wasm, { ...(profile && { profile }), upstreams: ["auth"] });
  return vm.createRoot();
}

/** A request without a body that does what the script says. */
function begin(root: RootContext, script: string): Stream {
  const stream = root.newStream();
  stream.open([...simple, ["x-script", script]], true);
  return stream;
}
const said = ({ vm }: RootContext): string[] => vm.logs.splice(0).map(({ text }) => text);

const asks = "grpccall auth auth.Check Ask x-user=me who 500";

test("a call waits for its answer", async () => {
  const root = await start();
  const stream = begin(root, `request_headers:${asks};return 1|grpc_receive:bytes 5 0 9;resume 0`);

  const [call] = root.grpcCalls;
  expect(call).toMatchObject({ kind: "call", upstream: "auth", service: "auth.Check", method: "Ask" });
  expect(stream.result().action).toBe("pause");

  root.answerGrpc(call!.id, { messages: ["yes"], status: 0 });

  expect(stream.result().action).toBe("continue");
  expect(said(root)).toContain("1 bytes 5 0 9 -> 0 yes");
  expect(root.grpcCalls).toEqual([]);
});

test("the documented lines are those of the test above", async () => {
  const docs = await readFile(new URL("../docs/host-sim.md", import.meta.url), "utf8");
  const section = docs.slice(docs.indexOf("## gRPC"));
  const lines = /```ts\n([\s\S]*?)```/.exec(section)?.[1]?.trim().split("\n") ?? [];
  expect(lines.length).toBeGreaterThan(3);
  const own = await readFile(new URL(import.meta.url), "utf8");
  expect(own.replace(/\s+/g, " ")).toContain(lines.join(" ").replace(/\s+/g, " "));
});

test("a stream goes on until its status, and tells what the guest has sent", async () => {
  const root = await start();
  const script =
    "request_headers:grpcstream auth auth.Check Talk -;grpcsend last one 0;return 1|grpc_receive:bytes 5 0 9;grpcsend last two 1|grpc_trailing:pairs 5|grpc_close:status";
  begin(root, script);
  const [stream] = root.grpcCalls;
  const { id } = stream!;
  expect(stream).toMatchObject({ kind: "stream", ended: false });
  expect(stream?.messages.map(String)).toEqual([String(bytesOf("one"))]);
  said(root);
  root.answerGrpc(id, { initialMetadata: [[":status", "200"]], messages: ["a"] });
  expect(stream).toMatchObject({ ended: true, messages: { length: 2 } });
  root.answerGrpc(id, { status: 5, text: "gone", trailingMetadata: [["x-t", "1"]] });
  expect(said(root).filter((line) => !line.startsWith("1 <"))).toEqual([
    `1 > grpc_initial ${id} 1`,
    `1 > grpc_receive ${id} 1`,
    "1 bytes 5 0 9 -> 0 a",
    "1 grpcsend last two 1 -> 0",
    `1 > grpc_trailing ${id} 3`,
    "1 pairs 5 -> 0 grpc-status=5,grpc-message=gone,x-t=1",
    `1 > grpc_close ${id} 5`,
    "1 status -> 0 5 gone{via_upstream}",
  ]);
  expect(() => root.answerGrpc(id, { status: 0 })).toThrow(`no gRPC call ${id} is waiting`);
  expect(() => root.failGrpc(99)).toThrow("no gRPC call 99 is waiting");
});

test("a call whose time is up is answered by the host", async () => {
  const root = await start();
  begin(root, `request_headers:${asks};return 1|grpc_close:status`);
  root.vm.clock.advance(499);
  expect(root.grpcCalls.length).toBe(1);
  root.vm.clock.advance(1);
  expect(root.grpcCalls).toEqual([]);
  expect(said(root)).toContain("1 status -> 0 14 upstream request timeout{response_timeout}");
});

test("a plugin that goes lets go of its calls", async () => {
  const root = await start();
  begin(root, `request_headers:${asks};return 1`).close();
  root.retire();
  expect(root.grpcCalls).toEqual([]);
  root.vm.clock.advance(500);
  expect(said(root).filter((line) => line.includes("grpc_close"))).toEqual([]);
});

test("a service that names no upstream ends Envoy's process; strictly it is refused", async () => {
  // An empty message, one of fields that nobody knows, and a name that reads as such.
  for (const upstream of ["-", "0x0801", "abcdefghi"]) {
    const script = `request_headers:grpccall ${upstream} auth.Check Ask - who 0`;
    const envoy = await start();
    begin(envoy, script);
    expect(envoy.vm.hostDied, upstream).toBe("a gRPC service that names no upstream");
    const other = await start(strict);
    begin(other, script);
    expect(other.vm.hostDied).toBe(null);
    expect(said(other)).toContain(`2 ${script.slice(16)} -> 4`);
  }
});

test("strictly, calls of all kinds are numbered in turn, and a message cannot be changed", async () => {
  const root = await start(strict);
  const script = `request_headers:${asks};grpcstream auth auth.Check Talk -;grpcsend 1 x 0;grpccancel 7;return 1|grpc_receive:setbytes 5 0 1 n;status`;
  begin(root, script);
  expect(root.grpcCalls.map(({ id }) => id)).toEqual([1, 2]);
  root.answerGrpc(1, { messages: ["yes"], status: 0 });
  expect(said(root)).toEqual(
    expect.arrayContaining(["2 grpcsend 1 x 0 -> 2", "2 grpccancel 7 -> 1", "1 setbytes 5 0 1 n -> 2"]),
  );
});

const { root } = protobuf.parse(`syntax = "proto3";
message Header { string key = 1; string value = 2; bytes raw_value = 3; }
message Target { string name = 1; string authority = 2; int64 number = 4; bool flag = 5; }
message Service {
  oneof target { Target envoy_grpc = 1; Target google_grpc = 2; }
  Target other = 3;
  repeated Header initial_metadata = 5;
}`);

test("whatever is written as a service is read", () => {
  const Service = root.lookupType("Service");
  const target = fc.record({
    name: fc.string(),
    authority: fc.string(),
    number: fc.nat(),
    flag: fc.boolean(),
  });
  const headers = fc.array(fc.record({ key: fc.string(), value: fc.string() }), { maxLength: 3 });
  fc.assert(
    fc.property(target, fc.constantFrom("envoyGrpc", "googleGrpc"), headers, (one, kind, initialMetadata) => {
      const bytes = Service.encode(Service.create({ [kind]: one, other: one, initialMetadata })).finish();
      expect(parseGrpcService(bytes)).toEqual({
        upstream: one.name,
        metadata: initialMetadata.map(({ key, value }) => [key, value]),
      });
      // What is cut off is no message, or a shorter one.
      for (let end = 0; end < bytes.length; end++) parseGrpcService(bytes.subarray(0, end));
    }),
  );
});

test("any bytes are a service or none", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      const read = parseGrpcService(bytes);
      expect(read === null || read.metadata.length >= 0).toBe(true);
    }),
  );
  // Lengths, groups and types that do not fit.
  for (const bytes of [[10], [10, 5, 10], [11], [12], [11, 20], [14], [0], [8, ...Array(10).fill(255)]]) {
    expect(parseGrpcService(Uint8Array.from(bytes)), `${bytes}`).toBe(null);
  }
  expect(parseGrpcService(Uint8Array.of(11, 8, 1, 12))).toEqual({ upstream: null, metadata: [] });
});
