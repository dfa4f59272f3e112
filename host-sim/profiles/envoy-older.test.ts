/** What differs in Envoys before 1.40; `npm run test:envoys` holds the same against the real ones. */
import { expect, test } from "vitest";
import { basis, callWith, importCall, importLog, marker, say, wat } from "../../test/support/wat.ts";
import {
  envoy139,
  envoy140,
  hostCalls,
  type LoadError,
  envoy137 as older,
  type Profile,
  Vm,
} from "../index.ts";

const row = (name: string) => hostCalls.find((one) => one.name === name)!;

/** Why a module is refused; null where it runs. */
const refusal = (text: string, profile: Profile): Promise<string | null> =>
  Vm.load(wat(text), { profile }).then(
    () => null,
    (error: LoadError) => error.message,
  );

test("Envoy 1.39 is as 1.40", () => {
  expect({ ...envoy139, name: "" }).toEqual({ ...envoy140, name: "" });
});

test("in 1.37 most calls of WASI that only move files about are not there", async () => {
  const imports = (name: string) => `(module ${importCall(row(name))}${basis})`;
  for (const name of ["clock_res_get", "fd_sync", "path_rename", "sock_send"]) {
    expect(await refusal(imports(name), older)).toContain(name);
    expect(await refusal(imports(name), envoy140)).toBe(null);
  }
  for (const name of ["path_open", "poll_oneoff", "sched_yield"])
    expect(await refusal(imports(name), older)).toBe(null);
});

test("in 1.37 a module cannot wait while it starts, and waits for nothing later", async () => {
  const poll = row("poll_oneoff");
  const starts = `(module ${importCall(poll)}${basis}(func (export "_initialize") (drop ${callWith(poll, () => 0)})))`;
  expect(await refusal(starts, older)).toContain("poll_oneoff is not allowed while the module starts");
  expect(await refusal(starts, envoy140)).toBe(null);
  const errno = async (profile: Profile): Promise<boolean> => {
    const text = `(module ${importCall(poll)}${basis}(func (export "proxy_on_configure") (param i32 i32) (result i32)
      (i32.eq ${callWith(poll, (place) => 64 * place)} (i32.const 52))))`;
    return (await Vm.load(wat(text), { profile })).createRoot({ configuration: "x" }).ok;
  };
  expect([await errno(older), await errno(envoy140)]).toEqual([true, false]);
});

test("in 1.37 nothing calls __main_void", async () => {
  const text = `(module ${importLog}${basis}(func (export "_initialize"))
    (func (export "__main_void") (result i32) ${say("m")} (i32.const 0)))`;
  const logs = async (profile: Profile) => (await Vm.load(wat(text), { profile })).logs.length;
  expect([await logs(older), await logs(envoy140)]).toEqual([0, 1]);
});

test("in 1.37 a piece that comes after a held body was resumed goes nowhere", async () => {
  // Holds the first piece of the body, and resumes on the tick.
  const text = `(module (import "env" "proxy_continue_stream" (func $continue (param i32) (result i32)))
    (import "env" "proxy_set_effective_context" (func $enter (param i32) (result i32)))
    (import "env" "proxy_set_tick_period_milliseconds" (func $tick (param i32) (result i32)))
    (memory (export "memory") 1)(func (export "malloc") (param i32) (result i32) (i32.const 4096))${marker("0_2_1")}
    (global $held (mut i32) (i32.const 0))
    (func (export "proxy_on_configure") (param i32 i32) (result i32)
      (drop (call $tick (i32.const 100))) (i32.const 1))
    (func (export "proxy_on_request_body") (param $id i32) (param i32 i32) (result i32)
      (if (result i32) (global.get $held) (then (i32.const 0))
        (else (global.set $held (local.get $id)) (i32.const 1))))
    (func (export "proxy_on_tick") (param i32)
      (if (global.get $held) (then
        (drop (call $enter (global.get $held))) (drop (call $continue (i32.const 0)))))))`;
  const sent = async (profile: Profile): Promise<string> => {
    const vm = await Vm.load(wat(text), { profile });
    const stream = vm.createRoot({ configuration: "x" }).newStream();
    stream.open([[":method", "POST"]], false);
    stream.request.pushBody(Buffer.from("one,"), false);
    vm.clock.advance(100);
    stream.request.pushBody(Buffer.from("two,"), false);
    stream.request.pushBody(Buffer.from("three"), true);
    return Buffer.from(stream.result().upstream!.body).toString();
  };
  expect([await sent(older), await sent(envoy140)]).toEqual(["one,three", "one,two,three"]);
});
