/** The table of host calls against the handlers. */
import { beforeAll, expect, test } from "vitest";
import {
  buildGuest,
  buildTimeout,
  doing,
  guest,
  guestWithExtras,
  said,
  simple,
  startGuest,
} from "../test/support/guests.ts";
import { callWith, importCall, malloc, marker, memory, wat } from "../test/support/wat.ts";
import { handlers } from "./handlers.ts";
import { callbacks, envoy140, type HostCall, hostCalls, type Profile, strict, Vm } from "./index.ts";

beforeAll(async () => {
  await guest();
  await guestWithExtras();
}, buildTimeout);

/** Runs commands in on_request_headers and gives what each came to. */
async function results(commands: string, profile: Profile = strict): Promise<string[]> {
  const { vm, root } = await startGuest("", { profile });
  const { trapped } = root.request(doing(commands, ["x-twice", "1"], ["x-twice", "2"]));
  expect(trapped).toBe(null);
  return said(vm).map((line) => line.slice(line.indexOf(" -> ") + 4));
}

test("every row of the table has a handler, and every handler a row", () => {
  const rows = hostCalls.map(({ name }) => name);
  expect(new Set(rows).size).toBe(rows.length);
  expect(Object.keys(handlers).sort()).toEqual([...rows].sort());
});

test(
  "the guests of these tests make every host call of the table and take every callback",
  async () => {
    const wasm = await guestWithExtras();
    const vm = await Vm.load(wasm, {
      vmConfiguration: "loglevel",
      foreignFunctions: { echo: (args) => args },
    });
    const root = vm.createRoot({
      configuration: `configure: tick 10; metric 0 a
request_headers: size 0; pairs 0; setpairs 0 :path=/; get 0 :path; add 0 x-a 1; replace 0 x-a 2; remove 0 x-a
request_body: bufstatus 0; setbytes 0 0 0 x; bytes 0 0 9; call up :path=/,:method=GET,:authority=a - - 0; status
request_trailers: continue 0; close 0; effective 1; done; time; record 4 1; inc 4 1; getmetric 4
response_headers: getshared k; setshared k v 0; prop request.path; setprop a b; foreign echo hello
response_body: fdwrite 1 hi; fdread 0; fdseek 0; fdclose 0; fdstat 1; clock 0; random 4; environ; args; exit 0
response_trailers: equal 1 1; grown; reply 200 d b - -1
tick: say tick
foreign_function: say foreign`,
    });
    expect(root.refused).toBe(null);
    const first = root.newStream();
    first.exchange({ headers: simple, body: "b" });
    root.answerHttpCall(root.httpCalls[0]?.id ?? 0, { headers: [[":status", "200"]] });
    root.callForeignFunction(1, "x");
    vm.clock.advance(10);
    first.close();
    const second = root.newStream();
    second.open(simple, false);
    second.request.pushTrailers([["t", "1"]]);
    const third = root.newStream();
    third.open(simple, true);
    third.respond({ headers: [[":status", "200"]], body: "b", trailers: [["t", "1"]] });
    third.close();

    const aborting = await Vm.load(await buildGuest("aborting.ts", []), { assemblyScript: true });
    const abortingRoot = aborting.createRoot();
    abortingRoot.request({ headers: simple.slice(1) });
    abortingRoot.request({ headers: simple });

    const made = new Set([...Object.keys(vm.calls), ...Object.keys(aborting.calls)]);
    // The rest of WASI is tried beside Envoy.
    const others = hostCalls.filter(({ group, name }) => group !== "wasi" && !made.has(name));
    const abis = new Map(others.map(({ name, abi }) => [name, abi.length === 1 ? abi[0] : "0.2.1"]));
    for (const abi of ["0.1.0", "0.2.1"]) {
      const rows = others.filter(({ name }) => abis.get(name) === abi);
      // Envoy dies of a gRPC service without a byte.
      const argument =
        ({ group }: HostCall) =>
        (place: number) =>
          group === "grpc calls" && place === 1 ? 1 : 0;
      const calls = rows.map((row) => `(drop ${callWith(row, argument(row))})`).join("");
      const calling = wat(`(module ${rows.map(importCall).join("")}${memory}${malloc}
        ${marker(abi.replaceAll(".", "_"))}
        (func (export "proxy_on_configure") (param i32 i32) (result i32) ${calls} (i32.const 1)))`);
      const one = await Vm.load(calling);
      expect(one.createRoot({ configuration: "c" }).refused).toBe(null);
      expect(Object.keys(one.calls).sort()).toEqual(rows.map(({ name }) => name).sort());
    }

    const exported = (await Vm.compile(wasm)).outline.exports.map(({ name }) => name);
    const optional = [
      "_initialize",
      "main",
      "__main_void",
      "_start",
      "malloc",
      "proxy_validate_configuration",
    ];
    const elsewhere = /grpc|queue|upstream|downstream|connection|metadata/;
    const missing = callbacks.filter(
      ({ name }) => !exported.includes(name) && !optional.includes(name) && !elsewhere.test(name),
    );
    expect(missing).toEqual([]);
  },
  buildTimeout,
);

test("header maps: get, add, replace, remove, all at once", async () => {
  expect(await results("get 0 :path; get 0 X-TWICE; get 0 x-none")).toEqual([
    "0 /wiki/Cat?action=view",
    "0 1",
    "1",
  ]);
  expect(await results("add 0 X-New a; add 0 x-new b; get 0 x-new; remove 0 x-new; get 0 x-new")).toEqual([
    "0",
    "0",
    "0 a",
    "0",
    "1",
  ]);
  expect(await results("replace 0 x-twice 3; setpairs 0 a=1,b=2; pairs 0; size 0")).toEqual([
    "0",
    "0",
    "0 a=1,b=2",
    "0 28",
  ]);
  expect(await results("get 7 a; get 8 a; get 2 a")).toEqual(["2", "2", "2"]);
});

test("shared data is compared and swapped", async () => {
  const { vm, root } = await startGuest("", { profile: strict });
  root.request(doing("getshared k; setshared k one 0; getshared k; setshared k two 7; setshared k two 1"));
  expect(said(vm).map((line) => line.split(" -> ")[1])).toEqual(["1", "0", "0 one cas 1", "8", "0"]);
  const other = await Vm.load(await guest(), { profile: strict, shared: vm.shared });
  other.createRoot({ configuration: "configure: getshared k" });
  expect(said(other)).toEqual(["getshared k -> 0 two cas 2"]);
  const elsewhere = await Vm.load(await guest(), { profile: strict, shared: vm.shared, vmId: "another" });
  elsewhere.createRoot({ configuration: "configure: getshared k" });
  expect(said(elsewhere)).toEqual(["getshared k -> 1"]);
});

test("metrics count, are set, record and can be read; a counter does not go back", async () => {
  const { vm, root } = await startGuest(
    "configure: metric 0 hits; metric 1 load; metric 2 sizes; metric 3 x",
  );
  expect(said(vm).map((line) => line.split(" -> ")[1])).toEqual(["0 4", "0 5", "0 6", "2"]);
  root.request(
    doing("inc 4 3; inc 4 -1; record 5 9; inc 5 -2; record 6 11; getmetric 4; getmetric 5; getmetric 6"),
  );
  expect(said(vm).map((line) => line.split(" -> ")[1])).toEqual(["0", "2", "0", "0", "0", "0 3", "0 7", "2"]);
  root.request(doing("getmetric 8; inc 9 1; record 99 1"));
  expect(said(vm).map((line) => line.split(" -> ")[1])).toEqual(["1", "1", "1"]);
  expect(vm.shared.metrics.value("hits")).toBe(3n);
  expect(vm.shared.metrics.all().find(({ name }) => name === "sizes")?.recorded).toEqual([11n]);
});

test("properties: the request's, the test's, and those that the guest set itself", async () => {
  const { vm, root } = await startGuest("", { rootId: "ingress", properties: { "node.id": "n1" } });
  root.request({
    ...doing(
      "prop request.path; prop request.url_path; prop request.headers.x-do; prop node.id; prop source.address",
    ),
    properties: { "source.address": "10.0.0.1:99" },
  });
  expect(said(vm).map((line) => line.split(" -> ")[1])).toEqual([
    "0 /wiki/Cat?action=view",
    "0 /wiki/Cat",
    expect.stringContaining("0 prop request.path"),
    "0 n1",
    "0 10.0.0.1:99",
  ]);
  root.request(doing("prop plugin_root_id; prop nothing; setprop mine 1; prop mine"));
  expect(said(vm).map((line) => line.split(" -> ")[1])).toEqual(["0 ingress", "1", "0", "0 1"]);
  const onRoot = await startGuest("configure: setprop mine 1");
  expect(said(onRoot.vm)).toEqual(["setprop mine 1 -> 1"]);
});

test("buffers: configuration only while configuring, bodies only in their callbacks", async () => {
  const { vm, root } = await startGuest("configure: bytes 7 0 9; setbytes 7 0 0 x; bufstatus 7", {
    vmConfiguration: "bytes 6 0 5; bytes 7 0 5; bytes 6 9999 1",
  });
  expect(said(vm)).toEqual([
    "bytes 6 0 5 -> 0 bytes",
    "bytes 7 0 5 -> 1",
    "bytes 6 9999 1 -> 0 ",
    "bytes 7 0 9 -> 0 configure",
    "setbytes 7 0 0 x -> 2",
    "bufstatus 7 -> 0 53",
  ]);
  root.request(doing("bytes 7 0 9; bytes 9 0 9; bytes 4 0 1"));
  expect(said(vm).map((line) => line.split(" -> ")[1])).toEqual(["1", "2", "1"]);
  const answers = await results(
    "bytes 0 0 9; bufstatus 0; setbytes 0 0 0 x; bytes 6 1 1; bytes 6 4294967295 9",
  );
  expect(answers).toEqual(["1", "1", "1", "2", "2"]);
});

test("the clock is the test's, and ticks come when it says", async () => {
  const { vm, root } = await startGuest("configure: tick 1000\ntick: time; clock 0");
  expect(said(vm)).toEqual(["tick 1000 -> 0"]);
  vm.clock.advance(999);
  expect(said(vm)).toEqual([]);
  vm.clock.advance(1001);
  expect(said(vm)).toEqual([
    "time -> 0 1700000001000000000",
    "clock 0 -> 0 1700000001000000000",
    "time -> 0 1700000002000000000",
    "clock 0 -> 0 1700000002000000000",
  ]);
  root.request(doing("tick 0"));
  said(vm);
  vm.clock.advance(5000);
  expect(said(vm)).toEqual([]);
});

test("an HTTP call is answered, fails, or times out with the host's own 504", async () => {
  const { vm, root } = await startGuest("http_call_response: get 6 :status; bytes 4 0 99; status", {
    upstreams: ["up"],
  });
  const call = "call up :path=/x,:method=GET,:authority=a hello t=1 500";
  root.request(
    doing(`${call}; ${call}; ${call}; call down :path=/,:method=GET,:authority=a - - 0; call up a=b - - 0`),
  );
  expect(said(vm).map((line) => line.split(" -> ")[1])).toEqual(["0 4", "0 8", "0 12", "2", "2"]);
  expect(root.httpCalls.map(({ id, upstream, timeout }) => [id, upstream, timeout])).toEqual([
    [4, "up", 500],
    [8, "up", 500],
    [12, "up", 500],
  ]);
  expect(Buffer.from(root.httpCalls[0]?.body ?? []).toString()).toBe("hello");

  root.answerHttpCall(8, { headers: [[":status", "200"]], body: "yes" });
  expect(said(vm)).toEqual([
    "answer 8 1 3 0",
    "get 6 :status -> 0 200",
    "bytes 4 0 99 -> 0 yes",
    "status -> 0 0 ",
  ]);
  root.failHttpCall(4);
  expect(said(vm)).toEqual([
    "answer 4 0 0 0",
    "get 6 :status -> 2",
    "bytes 4 0 99 -> 1",
    "status -> 0 11 reset",
  ]);
  vm.clock.advance(500);
  expect(said(vm).slice(0, 3)).toEqual([
    "answer 12 1 24 0",
    "get 6 :status -> 0 504",
    "bytes 4 0 99 -> 0 upstream request timeout",
  ]);
  root.request(doing(call));
  root.retire();
  expect(root.httpCalls).toEqual([]);
  expect(() => root.answerHttpCall(12, { headers: [] })).toThrow("no HTTP call 12 is waiting");
});

test("a foreign function gets arguments and gives results; an unknown one is not found", async () => {
  const { vm, root } = await startGuest("foreign_function: bytes 8 0 9", {
    foreignFunctions: { reverse: (args) => Uint8Array.from(args).reverse(), fail: () => 10 },
  });
  root.request(doing("foreign reverse abc; foreign fail x; foreign none x"));
  expect(said(vm).map((line) => line.split(" -> ")[1])).toEqual(["0 cba", "10", "1"]);
  root.callForeignFunction(5, "data");
  expect(said(vm)).toEqual(["foreign 5 4", "bytes 8 0 9 -> 0 data"]);
});

test("WASI: logs by line, clocks, randomness, environment, no arguments", async () => {
  const vm = await Vm.load(await guest(), { environment: { A: "1", B: "two" } });
  const root = vm.createRoot();
  root.request(doing("fdwrite 1 out; fdwrite 2 err; fdwrite 3 x; clock 1; clock 2; environ; args; random 3"));
  expect(vm.logs.filter(({ text }) => !text.includes(" -> "))).toEqual([
    { level: 2, text: "out" },
    { level: 4, text: "err" },
  ]);
  const answers = said(vm).filter((line) => line.includes(" -> "));
  expect(answers.map((line) => line.split(" -> ")[1])).toEqual([
    "0 3",
    "0 3",
    "8",
    "0 1700000000000000000",
    "58",
    "0 0 A=1;B=two;",
    "0 0 0",
    expect.stringMatching(/^0 \d+,\d+,\d+$/),
  ]);
});

test("addresses outside the guest's memory are InvalidMemoryAccess", async () => {
  const answers = await results(
    "raw log 4294967295 2; raw get 4294967290 20; raw setpairs 0 4294967295",
    strict,
  );
  expect(answers).toEqual(["6", "6", "6"]);
  expect(await results("raw pairs 4294967294 4", envoy140)).toEqual(["6"]);
});

test("a malformed map is a BadArgument by the specification, and an empty one for Envoy", async () => {
  const broken = "raw setpairs 64 3; pairs 0";
  expect(await results(broken, strict)).toEqual(["2", expect.stringContaining(":authority")]);
  expect(await results(broken, envoy140)).toEqual(["0", "0 "]);
});
