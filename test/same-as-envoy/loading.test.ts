/** Which modules load: small ones, each odd in one way, in the real Envoy and in the simulator. */
import { beforeAll, describe, expect, test } from "vitest";
import { hostCalls, LoadError, Vm } from "../../host-sim/index.ts";
import { wasiCalls } from "../../host-sim/wasi-calls.ts";
import { basis, callWith, importCall, importLog, malloc, marker, memory, say, wat } from "../support/wat.ts";
import { type Loaded, loadInEnvoy } from "./loading-envoy.ts";
import { PROFILE } from "./which-envoy.ts";

/** Each case that logs while it starts has letters of its own: Envoy does not say then which plugin it is. */
const initialize = (letter: string): string => `(func (export "_initialize") ${say(letter)})`;
const headers = (params: string): string =>
  `(func (export "proxy_on_request_headers") (param ${params}) (result i32) (i32.const 0))`;
const imported = (name: string, type: string): string => `(import "env" "${name}" (func ${type}))`;
const logLevel = imported("proxy_get_log_level", "(param i32) (result i32)");

/** While a module starts: the calls that are refused then, one a module. */
const whileStarting = (name: string): string => {
  const row = hostCalls.find((one) => one.name === name)!;
  const call = callWith(row, () => 0);
  return `(module ${importCall(row)}${basis}(func (export "_initialize") ${row.result === "none" ? call : `(drop ${call})`}))`;
};

const cases: Readonly<Record<string, string>> = {
  "ABI 0.1.0": `(module ${memory}${malloc}${marker("0_1_0")}${headers("i32 i32")})`,
  "ABI 0.1.0 with what it alone has": `(module ${imported("proxy_get_configuration", "(param i32 i32) (result i32)")}
    ${imported("proxy_continue_request", "(result i32)")}${imported("proxy_continue_response", "(result i32)")}
    ${imported("proxy_clear_route_cache", "(result i32)")}${memory}${malloc}${marker("0_1_0")})`,
  "ABI 0.1.0 with what came later": `(module ${imported("proxy_continue_stream", "(param i32) (result i32)")}
    ${memory}${malloc}${marker("0_1_0")})`,
  "ABI 0.1.0 with headers as later": `(module ${memory}${malloc}${marker("0_1_0")}${headers("i32 i32 i32")})`,
  "ABI 0.1.0 knows no foreign function": `(module ${memory}${malloc}${marker("0_1_0")}
    (func (export "proxy_on_foreign_function") (param f64)))`,
  "ABI 0.2.0 with headers as before": `(module ${memory}${malloc}${marker("0_2_0")}${headers("i32 i32")})`,
  "ABI 0.2.0 with a call of 0.2.1": `(module ${logLevel}${memory}${malloc}${marker("0_2_0")})`,
  "ABI 0.2.100": `(module ${memory}${malloc}${marker("0_2_100")})`,
  "ABI 0.3.0": `(module ${memory}${malloc}${marker("0_3_0")})`,
  "an unknown marker before a known one": `(module ${memory}${malloc}${marker("0_2_100")}${marker("0_2_1")})`,
  "0.1.0 before 0.2.1": `(module ${logLevel}${memory}${malloc}${marker("0_1_0")}${marker("0_2_1")})`,
  "0.2.1 before 0.1.0": `(module ${logLevel}${memory}${malloc}${marker("0_2_1")}${marker("0_1_0")})`,
  "no marker": `(module ${memory}${malloc})`,
  "a marker that is no function": `(module ${memory}${malloc}
    (global (export "proxy_abi_version_0_2_1") i32 (i32.const 0)))`,
  "a marker with a result": `(module ${memory}${malloc}
    (func (export "proxy_abi_version_0_2_1") (result i32) (i32.const 0)))`,

  "no allocator": `(module ${memory}${marker("0_2_1")})`,
  "an allocator of two parameters": `(module ${memory}${marker("0_2_1")}
    (func (export "malloc") (param i32 i32) (result i32) (i32.const 0))
    (func (export "proxy_on_memory_allocate") (param i32) (result i32) (i32.const 0)))`,
  "no memory": `(module ${malloc}${marker("0_2_1")})`,
  "a memory by another name": `(module ${importLog}(memory (export "mine") 1)${malloc}${marker("0_2_1")}${initialize("a")})`,
  "an imported memory": `(module (import "env" "memory" (memory 1 3))${importLog}${malloc}${marker("0_2_1")}${initialize("b")})`,
  "an imported memory, exported again": `(module (import "x" "y" (memory 1))${importLog}
    (export "memory" (memory 0))${malloc}${marker("0_2_1")}${initialize("c")})`,
  "an imported table": `(module (import "env" "table" (table 2 funcref))${importLog}${basis}${initialize("d")})`,
  "an imported global": `(module (import "env" "g" (global i32))${basis})`,
  "imports that nobody has": `(module ${imported("one", "")}${imported("two", "")}${basis})`,
  "an import with another type": `(module ${imported("proxy_done", "(param f32) (result i64)")}${basis})`,
  "an import without its result": `(module ${imported("proxy_done", "")}${basis})`,

  "a callback with another type": `(module ${basis}(func (export "proxy_on_tick") (param i32 i32)))`,
  "two callbacks with other types": `(module ${basis}(func (export "proxy_on_tick") (param i32 i32))
    (func (export "proxy_on_done") (param i32)))`,
  "a callback that is no function": `(module ${basis}(global (export "proxy_on_tick") i32 (i32.const 0)))`,
  "a callback that nobody knows": `(module ${basis}(func (export "proxy_on_whatever") (param f32)))`,
  "a callback of TCP with another type": `(module ${basis}(func (export "proxy_on_new_connection")))`,
  "a callback of gRPC with another type": `(module ${basis}(func (export "proxy_on_grpc_close") (param i64)))`,
  "a callback of queues with another type": `(module ${basis}(func (export "proxy_on_queue_ready") (param i64)))`,
  "_initialize with another type": `(module ${basis}(func (export "_initialize") (param i32)))`,
  "_start with another type beside _initialize": `(module ${basis}(func (export "_initialize"))
    (func (export "_start") (param i32)))`,
  "main with another type": `(module ${basis}(func (export "_initialize")) (func (export "main")))`,
  "main with another type without _initialize": `(module ${basis}(func (export "main")))`,
  "__main_void with another type": `(module ${basis}(func (export "_initialize")) (func (export "__main_void")))`,

  "a reactor with __main_void": `(module ${importLog}${basis}${initialize("e")}
    (func (export "__main_void") (result i32) ${say("f")} (i32.const 1)))`,
  "a reactor with both mains": `(module ${importLog}${basis}${initialize("g")}
    (func (export "__main_void") (result i32) ${say("z")} (i32.const 0))
    (func (export "main") (param i32 i32) (result i32) ${say("h")} (i32.const 1)))`,
  "a command": `(module ${importLog}${basis}(func (export "_start") ${say("k")})
    (func (export "__main_void") (result i32) ${say("y")} (i32.const 0)))`,
  "a start that traps": `(module ${basis}(func (export "_initialize") unreachable))`,
  "a start function": `(module ${basis}(global $g (mut i32) (i32.const 0))
    (func $s (global.set $g (i32.const 1))) (start $s))`,
  "a start function that traps": `(module ${basis}(func $s unreachable) (start $s))`,
  "data outside of the memory": `(module ${basis}(data (i32.const 65536) "abc"))`,

  ...Object.fromEntries(
    [
      "fd_close",
      "fd_read",
      "fd_seek",
      "path_open",
      "poll_oneoff",
      "proc_exit",
      "sched_yield",
      "pthread_equal",
      "emscripten_notify_memory_growth",
      "fd_prestat_get",
      "proxy_get_current_time_nanoseconds",
    ].map((name) => [`${name} while the module starts`, whileStarting(name)]),
  ),
  ...Object.fromEntries(
    wasiCalls.map((row) => [`an import of ${row.name}`, `(module ${importCall(row)}${basis})`]),
  ),
};

/** Features that Envoy's V8 has, and how the simulator calls each where Node's has it not. */
const features: Readonly<Record<string, string>> = {
  "extended constant expressions": `(module ${basis}(global i32 (i32.add (i32.const 1) (i32.const 2))))`,
  "several memories (multi-memory)": `(module ${memory}(memory 1)${malloc}${marker("0_2_1")})`,
  "64-bit memories (memory64)": `(module (memory (export "memory") i64 1)${malloc}${marker("0_2_1")})`,
  "garbage collection": `(module (type $s (struct (field i32)))${basis}(func (drop (struct.new_default $s))))`,
  "relaxed SIMD": `(module ${basis}(func (drop (f32x4.relaxed_madd (v128.const i32x4 0 0 0 0)
    (v128.const i32x4 0 0 0 0) (v128.const i32x4 0 0 0 0)))))`,
  "exceptions with exnref": `(module (tag $t)${basis}(func (block $l (try_table (catch_all $l) (throw $t)))))`,
  "tail calls": `(module ${basis}(func $f (result i32) (return_call $f)))`,
};

const modules = new Map(Object.entries({ ...cases, ...features }).map(([name, text]) => [name, wat(text)]));
modules.set("bytes that are no module", new TextEncoder().encode("<html>404</html>"));
modules.set("a module cut short", wat(cases["a reactor with __main_void"]!).subarray(0, 60));

let real: Loaded;
beforeAll(async () => {
  real = await loadInEnvoy(modules);
});

async function simulated(name: string): Promise<{ refusal: string | null; logs: string[] }> {
  try {
    const vm = await Vm.load(modules.get(name)!, { profile: PROFILE });
    const root = vm.createRoot({ configuration: "configuration" });
    return { refusal: root.refused, logs: vm.logs.map(({ text }) => text) };
  } catch (error) {
    if (!(error instanceof LoadError)) throw error;
    return { refusal: error.message, logs: [] };
  }
}

/** What a refusal of Envoy's is about, which the simulator's must say too. */
const gist = (line: string): string => {
  if (/corrupted|^Missing or unknown.*/.test(line)) return "";
  return (
    /missing import: (\S+)/.exec(line)?.[1] ??
    /missing (malloc) function/.exec(line)?.[1] ??
    /Uncaught RuntimeError: (.*)/.exec(line)?.[1] ??
    (line.includes("restricted_callback") ? "is not allowed while the module starts" : null) ??
    (line === "Failed to create new Wasm instance" ? "the module did not start" : line)
  );
};

describe("loads, or is refused for the same reason:", () => {
  test.each([...modules.keys()].filter((name) => !(name in features)))("%s", async (name) => {
    const { refusal, logs } = await simulated(name);
    const envoy = real.refusals.get(name)!;
    expect(refusal !== null, `${refusal ?? "taken"} / ${envoy.join(" / ")}`).toBe(envoy.length > 0);
    for (const line of envoy) expect(refusal).toContain(gist(line));
    expect(real.logs.join("")).toContain(logs.join(""));
  });
});

test("nothing else is called at the start", () => {
  expect(new Set(real.logs)).toEqual(new Set(PROFILE.mainVoid ? "abcdefghk" : "abcdeghk"));
});

describe("a feature that Envoy has and Node may lack is named:", () => {
  test.each(Object.keys(features))("%s", async (name) => {
    expect(real.refusals.get(name)).toEqual([]);
    const { refusal } = await simulated(name);
    if (refusal !== null)
      expect(refusal).toContain(`the module uses ${name}, which the V8 of this Node has not`);
  });
});
