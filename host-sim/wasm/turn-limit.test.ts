/** The bound on a module's turns, and what a trap says of where it was. */
import { expect, test } from "vitest";
import { basis, importLog, malloc, marker, memory, say, wat } from "../../test/support/wat.ts";
import { ats102, envoy140, LoadError, ProxyHost, Vm } from "../index.ts";

const headers = [
  [":authority", "a"],
  [":path", "/"],
  [":method", "GET"],
] as const;

/** Loops for good when it is configured with three bytes. */
const loops = wat(`(module ${importLog}${basis}
  (func $spin (loop $again (br $again)))
  (func $twice (param $n i32) (result i32)
    (if (result i32) (local.get $n)
      (then (i32.add (call $twice (i32.sub (local.get $n) (i32.const 1)))
                     (call $twice (i32.sub (local.get $n) (i32.const 1)))))
      (else (i32.const 1))))
  (func (export "proxy_on_configure") (param i32 i32) (result i32)
    (if (i32.eq (local.get 1) (i32.const 3)) (then (call $spin)))
    (if (i32.eq (local.get 1) (i32.const 4)) (then (drop (call $twice (i32.const 60)))))
    ${say("c")} (i32.const 1))
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (local $i i32)
    (loop $again
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $again (i32.lt_u (local.get $i) (i32.const 1000))))
    (i32.const 0)))`);

test("a guest that loops is stopped, like one that traps", async () => {
  const vm = await Vm.load(loops);
  const root = vm.createRoot({ configuration: "for" });
  expect(root.refused).toMatch(
    /^proxy_on_configure did not end within 1000000000 turns of loops and calls\n {2}at spin \(0x[0-9a-f]+\)\n {2}at proxy_on_configure /,
  );
  expect(vm.trap).toBe(root.refused);
});

test("one that calls itself without end, and not deep, is stopped too", async () => {
  const vm = await Vm.load(loops, { turns: 1_000_000 });
  expect(vm.createRoot({ configuration: "four" }).refused).toContain("within 1000000 turns");
});

test("each callback has all of its turns; a host without bound on the stack or with one", async () => {
  for (const profile of [envoy140, ats102]) {
    const vm = await Vm.load(loops, { turns: 1100, profile });
    const root = vm.createRoot();
    for (let i = 0; i < 10; i++) expect(root.request({ headers }).trapped).toBe(null);
    const less = await Vm.load(loops, { turns: 900, profile });
    expect(less.createRoot().request({ headers }).trapped).toMatch(
      /^proxy_on_request_headers did not end within 900 turns of loops and calls\n {2}at proxy_on_request_headers/,
    );
  }
});

test("a proxy refuses a configuration over which a guest loops, and the one before serves on", async () => {
  const host = new ProxyHost(await Vm.compile(loops), { profile: envoy140, turns: 10_000 });
  expect(host.configure("a", { configuration: "accepted" }).accepted).toBe(true);
  expect(host.configure("a", { configuration: "for" }).why).toContain("did not end within 10000 turns");
  expect(host.request("a", { headers }).localReply).toBe(null);
});

test("a module that loops while it starts is refused", async () => {
  const start = wat(`(module ${basis}(func (export "_initialize") (loop $again (br $again))))`);
  await expect(Vm.load(start, { turns: 1000 })).rejects.toThrow(
    /^the module did not start: _initialize did not end within 1000 turns/,
  );
  const section = wat(`(module ${basis}(func $spin (loop $again (br $again))) (start $spin))`);
  await expect(Vm.load(section)).rejects.toThrow(LoadError);
});

test("where a trap was is told by the module as it was given", async () => {
  const text = `(module ${memory}${malloc}${marker("0_2_1")}
    (func $deep (param $n i32)
      (loop $again
        (local.set $n (i32.sub (local.get $n) (i32.const 1)))
        (br_if $again (i32.gt_s (local.get $n) (i32.const 0))))
      (loop (block (drop (i32.div_u (i32.const 1) (i32.const 0))))))
    (func (export "proxy_on_configure") (param i32 i32) (result i32)
      (loop) (call $deep (i32.const 3)) (i32.const 1)))`;
  const given = wat(text);
  const vm = await Vm.load(given);
  const lines = vm.createRoot().refused?.split("\n  ") ?? [];
  expect(lines[0]).toBe("divide by zero");

  // V8's own word, of the module without anything put in.
  const plain = new WebAssembly.Instance(new WebAssembly.Module(given));
  let stack = "";
  try {
    (plain.exports.proxy_on_configure as () => void)();
  } catch (error) {
    stack = (error as Error).stack ?? "";
  }
  const places = [...stack.matchAll(/wasm-function\[\d+\]:(0x[0-9a-f]+)/g)].map(([, place]) => place);
  expect(lines.slice(1)).toEqual([`at deep (${places[0]})`, `at proxy_on_configure (${places[1]})`]);
});
