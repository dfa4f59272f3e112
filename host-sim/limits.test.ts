/** A guest that asks too much of the host is trapped, and the trap names the bound. */
import { expect, test } from "vitest";
import { simple } from "../test/support/guests.ts";
import { basis, importCall, wat } from "../test/support/wat.ts";
import { hostCalls } from "./host-calls.ts";
import { Vm } from "./index.ts";
import { serializePairs } from "./memory.ts";

const escaped = (bytes: Uint8Array): string =>
  [...bytes].map((byte) => `\\${byte.toString(16).padStart(2, "0")}`).join("");

const headers = serializePairs([
  [":method", "GET"],
  [":path", "/"],
  [":authority", "a"],
]);

/** Envoy's message for the cluster `q`. */
const cluster = "\\0a\\03\\0a\\01q";
/** Where that stands, and its size. */
const Q = [512, 5];
/** Where a call writes its number. */
const OUT = 256;

function importsOf(names: readonly string[]): string {
  return names.map((name) => importCall(hostCalls.find((row) => row.name === name)!)).join("");
}

const call = (name: string, ...args: (number | string)[]): string =>
  `(drop (call $${name} ${args.map((arg) => (typeof arg === "number" ? `(i32.const ${arg})` : arg)).join(" ")}))`;

const grpcCall = call("proxy_grpc_call", ...Q, ...Q, ...Q, 0, 0, ...Q, 0, OUT);
const enqueue = call("proxy_enqueue_shared_queue", `(i32.load (i32.const ${OUT}))`, 0, 10);
const onHeaders = (code: string): string =>
  `(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (local $i i32) ${code} (i32.const 0))`;

/** The VM after one request to a guest that has these functions; where it waits for an answer, there is none. */
async function asked(
  names: readonly string[],
  functions: string,
  upstreams?: readonly string[],
): Promise<Vm> {
  const data = `(data (i32.const 512) "${cluster}") (data (i32.const 1024) "${escaped(headers)}")`;
  const wasm = wat(`(module ${importsOf(names)} ${basis} ${data} ${functions})`);
  const vm = await Vm.load(wasm, upstreams === undefined ? {} : { upstreams });
  vm.createRoot().request({ headers: simple });
  return vm;
}

/** It goes on for ever; $i counts. */
const forEver = (code: string): string =>
  onHeaders(`(loop $on ${code} (local.set $i (i32.add (local.get $i) (i32.const 1))) (br $on))`);
/** A name that is another each time. */
const NAME = 768;
const nextName = `(i32.store (i32.const ${NAME}) (i32.or (local.get $i) (i32.const 0x40000000)))`;

const piles: readonly (readonly [bound: string, calls: readonly string[], code: string])[] = [
  [
    "10000 HTTP calls that wait for an answer",
    ["proxy_http_call"],
    call("proxy_http_call", ...Q, 1024, headers.length, 0, 0, 0, 0, 0, OUT),
  ],
  ["10000 gRPC calls and streams at a time", ["proxy_grpc_call"], grpcCall],
  [
    "100000 messages on one gRPC stream",
    ["proxy_grpc_stream", "proxy_grpc_send"],
    `(if (i32.eqz (local.get $i)) (then ${call("proxy_grpc_stream", ...Q, ...Q, ...Q, 0, 0, OUT)}))
     ${call("proxy_grpc_send", `(i32.load (i32.const ${OUT}))`, 0, 10, 0)}`,
  ],
  [
    "10000 things to do once the guest has returned",
    ["proxy_register_shared_queue", "proxy_enqueue_shared_queue"],
    call("proxy_register_shared_queue", ...Q, OUT) + enqueue,
  ],
  [
    "100000 shared queues",
    ["proxy_register_shared_queue"],
    nextName + call("proxy_register_shared_queue", NAME, 4, OUT),
  ],
  [
    "100000 keys of shared data",
    ["proxy_set_shared_data"],
    nextName + call("proxy_set_shared_data", NAME, 4, 0, 1, 0),
  ],
  ["100000 metrics", ["proxy_define_metric"], nextName + call("proxy_define_metric", 0, NAME, 4, OUT)],
  [
    "100000 properties of one stream",
    ["proxy_set_property"],
    nextName + call("proxy_set_property", NAME, 4, 0, 1),
  ],
  [
    "10000 headers in a map",
    ["proxy_add_header_map_value"],
    call("proxy_add_header_map_value", 0, ...Q, ...Q),
  ],
  ["1000000 host calls in one callback", ["proxy_get_log_level"], call("proxy_get_log_level", OUT)],
  [
    "536870912 bytes to and from the host in one callback",
    ["proxy_http_call"],
    call("proxy_http_call", ...Q, 1024, headers.length, 0, 65_536, 0, 0, 0, OUT),
  ],
];

for (const [bound, calls, code] of piles)
  test(`more than ${bound}`, async () => {
    const vm = await asked(calls, forEver(code));
    expect(vm.trap).toMatch(`more than ${bound}\n  at proxy_on_request_headers`);
  });

const inARow = "more than 100 callbacks, each in consequence of the one before";

test("a guest that fills its queue whenever it hears of it never comes to rest", async () => {
  const registers = call("proxy_register_shared_queue", ...Q, OUT);
  const functions = `${onHeaders(registers + enqueue)} (func (export "proxy_on_queue_ready") (param i32 i32) ${enqueue})`;
  const vm = await asked(["proxy_register_shared_queue", "proxy_enqueue_shared_queue"], functions);
  expect(vm.trap).toBe(inARow);
});

test("nor does one that asks again whenever there is no such cluster", async () => {
  const functions = `${onHeaders(grpcCall)} (func (export "proxy_on_grpc_close") (param i32 i32 i32) ${grpcCall})`;
  const vm = await asked(["proxy_grpc_call"], functions, ["other"]);
  expect(vm.trap).toBe(inARow);
});
