/** One VM: instantiation, isolation and traps. */
import { beforeAll, expect, test } from "vitest";
import {
  bareAbort,
  buildGuest,
  buildTimeout,
  doing,
  guest,
  said,
  simple,
  startGuest,
} from "../test/support/guests.ts";
import { assertHostCalls, assertNoLeak, ats102, envoy140, LoadError, strict, Vm } from "./index.ts";

const marker = "export function proxy_abi_version_0_2_1(): void {}\n";
const malloc = "export function malloc(size: i32): usize { return heap.alloc(size); }\n";

beforeAll(async () => {
  await guest();
}, buildTimeout);

test("one compiled module serves many VMs, which share nothing", async () => {
  const module = await Vm.compile(await guest());
  const [a, b] = [await Vm.load(module), await Vm.load(module)];
  a.createRoot({ configuration: "configure: setshared k v 0" });
  b.createRoot({ configuration: "configure: getshared k" });
  expect(said(a)).toEqual(["setshared k v 0 -> 0"]);
  expect(said(b)).toEqual(["getshared k -> 1"]);
});

test("a plugin starts with create, start and configure, and a stream ends in the host's order", async () => {
  const script = "context_create: say create\nlog: say log\ndone: say done\ndelete: say delete";
  const expected = [
    [envoy140, ["create", "log", "done", "delete"]],
    [ats102, ["create", "done", "delete"]],
    [strict, ["create", "done", "log", "delete"]],
  ] as const;
  for (const [profile, order] of expected) {
    const { vm, root } = await startGuest(script, { profile, vmConfiguration: "say start" });
    expect(said(vm)).toEqual(["start"]);
    root.request({ headers: simple });
    expect(said(vm)).toEqual(order);
    root.retire();
    expect(said(vm)).toEqual(["done", "delete"]);
    expect(vm.liveContexts).toBe(0);
  }
});

test("several plugins in one VM have their own configuration, and go one by one", async () => {
  const vm = await Vm.load(await guest());
  const one = vm.createRoot({ rootId: "one", configuration: "request_headers: say one" });
  const two = vm.createRoot({ rootId: "two", configuration: "request_headers: say two" });
  one.request({ headers: simple });
  two.request({ headers: simple });
  expect(said(vm)).toEqual(["one", "two"]);
  one.retire();
  two.request({ headers: simple });
  expect(said(vm)).toEqual(["two"]);
});

test("a plugin is configured again in the living VM, and a refusal is told", async () => {
  const { vm, root } = await startGuest("request_headers: say one");
  expect(root.configure("request_headers: say two")).toBe(true);
  root.request({ headers: simple });
  expect(said(vm)).toEqual(["two"]);
  expect(root.configure("configure: return 0")).toBe(false);
  expect(root.refused).toBe("proxy_on_configure returned 0");
});

test("a plugin whose VM start returns 0 is refused before it is configured", async () => {
  const { vm, root } = await startGuest("configure: say configured", { vmConfiguration: "return 0" });
  expect(root.refused).toBe("proxy_on_vm_start returned 0");
  expect(said(vm)).toEqual([]);
});

test("a root context lives until its last stream has ended, and until proxy_done if it asked", async () => {
  const { vm, root } = await startGuest(
    "done: return 0; say not yet\ntick: done\ndelete: say deleted\nconfigure: tick 9",
  );
  const stream = root.newStream();
  stream.open(simple, true);
  root.retire();
  expect(root.state).toBe("draining");
  said(vm);
  stream.close();
  expect(said(vm)).toEqual(["not yet", "deleted", "not yet"]);
  expect(root.state).toBe("pending");
  vm.clock.advance(9);
  expect(said(vm)).toEqual(["done -> 0", "deleted"]);
  expect(root.state).toBe("deleted");
});

test("by the specification a stream too can put off its end", async () => {
  const { vm, root } = await startGuest(
    "done: return 0\nlog: say log\ndelete: say deleted\nconfigure: tick 9\ntick: effective 2; done",
    {
      profile: strict,
    },
  );
  said(vm);
  root.request({ headers: simple });
  expect(said(vm)).toEqual([]);
  vm.clock.advance(9);
  expect(said(vm)).toEqual(["effective 2 -> 0", "done -> 0", "log", "deleted"]);
});

test("proxy_done without anything pending is NotFound", async () => {
  const { vm, root } = await startGuest("");
  root.request(doing("done; effective 77"));
  expect(said(vm)).toEqual(["done -> 1", "effective 77 -> 2"]);
});

test("a trap poisons the VM: nothing in it runs again, and the plugin's policy answers", async () => {
  const { vm, root } = await startGuest("");
  const open = vm.createRoot({ failOpen: true, configuration: "log: say log" });
  const first = root.request(doing("replace 0 x-a 1; trap"));
  expect(first.trapped).toMatch(/^unreachable\n {2}at /);
  expect(first.localReply).toMatchObject({ status: 503, details: "wasm_fail_stream" });
  expect(first.upstream).toBe(null);
  said(vm);
  const second = root.request({ headers: simple });
  expect(second.trapped).toBe(null);
  expect(second.localReply?.status).toBe(503);
  const third = open.request({ headers: [...simple, ["x-cluster", "chosen by the client"]] });
  expect(third.localReply).toBe(null);
  expect(third.headers).toContainEqual(["x-cluster", "chosen by the client"]);
  expect(said(vm)).toEqual([]);
  expect(vm.trap).toMatch(/^unreachable\n {2}at /);
});

test("a request that traps with fail-open is refused by Envoy; elsewhere it goes on with what was changed so far", async () => {
  const inEnvoy = await startGuest("", { failOpen: true });
  expect(inEnvoy.root.request(doing("replace 0 x-a 1; trap")).localReply?.status).toBe(503);
  const { root } = await startGuest("", { failOpen: true, profile: strict });
  const result = root.request(doing("replace 0 x-a 1; trap"));
  expect(result.localReply).toBe(null);
  expect(result.upstream?.headers).toContainEqual(["x-a", "1"]);
});

test("a trap while configuring refuses the configuration", async () => {
  const { vm, root } = await startGuest("configure: trap");
  expect(root.refused).toMatch(/^unreachable\n {2}at /);
  expect(vm.trap).toMatch(/^unreachable\n {2}at /);
});

test(
  "endless recursion is a trap, not the simulator's end",
  async () => {
    const source = `${marker}${malloc}
let depth = 0;
function fall(n: i32): i32 { depth++; return fall(n + 1) + n; }
export function proxy_on_request_headers(_c: u32, _h: u32, _e: u32): u32 { return fall(0); }`;
    const vm = await Vm.load(await buildGuest("fall.ts", [...bareAbort, "-O0", "--debug"], source));
    expect(vm.createRoot().request({ headers: simple }).trapped).toMatch(
      /^stack overflow\n {2}at \S+fall \(0x[0-9a-f]+\)\n {2}at \S+fall \(0x[0-9a-f]+\) × \d\d$/,
    );
  },
  buildTimeout,
);

test(
  "an AssemblyScript abort is told in words, not in addresses",
  async () => {
    const wasm = await buildGuest("aborting.ts", []);
    const vm = await Vm.load(wasm, { profile: strict, assemblyScript: true });
    const root = vm.createRoot();
    expect(root.request({ headers: simple.slice(1) }).trapped).toBe(null);
    expect(root.request({ headers: simple }).trapped).toMatch(
      /^abort: more than three headers: 4 at test\/support\/guest\/aborting.ts:9:20\n {2}at /,
    );
  },
  buildTimeout,
);

test("no host offers what asc imports by default, and the error names all that is missing", async () => {
  const wasm = await buildGuest("aborting.ts", []);
  for (const profile of [envoy140, ats102, strict]) {
    await expect(Vm.load(wasm, { profile })).rejects.toThrow(
      new LoadError(`${profile.name} does not offer what the module imports: env.abort, env.seed`),
    );
  }
});

test(
  "a module without an ABI version, an allocator or a start is refused with the reason",
  async () => {
    await expect(Vm.load(new Uint8Array(40))).rejects.toThrow("not a Wasm module");
    const load = async (source: string, flags: readonly string[] = []): Promise<unknown> =>
      Vm.load(await buildGuest("refused.ts", [...bareAbort, ...flags], source));
    await expect(load(malloc)).rejects.toThrow(
      "the module exports none of proxy_abi_version_0_1_0, proxy_abi_version_0_2_0, proxy_abi_version_0_2_1",
    );
    await expect(load(`export function proxy_abi_version_0_2_100(): void {}\n${malloc}`)).rejects.toThrow(
      "proxy_abi_version_0_2_1, but proxy_abi_version_0_2_100",
    );
    const tooNew = `import { proxy_get_log_level } from "@gcoredev/proxy-wasm-sdk-as/assembly/imports";
export function proxy_abi_version_0_2_0(): void {}
${malloc}export function proxy_on_tick(_root: u32): void { proxy_get_log_level(64); }`;
    await expect(load(tooNew)).rejects.toThrow("imports: env.proxy_get_log_level");
    await expect(load(marker)).rejects.toThrow("exports none of malloc, proxy_on_memory_allocate");
    await expect(load(`${marker}${malloc}unreachable();`)).rejects.toThrow(
      "the module did not start: unreachable",
    );
    const early = `import { proxy_done } from "@gcoredev/proxy-wasm-sdk-as/assembly/imports";\n${marker}${malloc}proxy_done();`;
    await expect(load(early, ["--exportStart", "_initialize"])).rejects.toThrow(
      "proxy_done is not allowed while the module starts",
    );
    await expect(load(early)).rejects.toThrow("proxy_done was called from the module's start function");
  },
  buildTimeout,
);

test(
  "a reactor is initialised and then its main runs; a command's _start runs alone",
  async () => {
    const source = `import { proxy_log } from "@gcoredev/proxy-wasm-sdk-as/assembly/imports";
const words = memory.data<u8>([105, 109, 115]);
${marker}${malloc}proxy_log(2, words, 1);
export function main(_a: i32, _b: i32): i32 { proxy_log(2, words + 1, 1); return 0; }`;
    const reactor = await Vm.load(
      await buildGuest("r.ts", [...bareAbort, "--exportStart", "_initialize"], source),
    );
    expect(said(reactor)).toEqual(["i", "m"]);
    const command = await Vm.load(
      await buildGuest("c.ts", [...bareAbort, "--exportStart", "_start"], source),
    );
    expect(said(command)).toEqual(["i"]);
  },
  buildTimeout,
);

test(
  "WASI's older module name is offered too",
  async () => {
    const source = `@external("wasi_unstable", "fd_write")
declare function fd_write(fd: u32, iovec: usize, count: u32, written: usize): u32;
${marker}${malloc}export function proxy_on_tick(_root: u32): void { fd_write(1, 64, 0, 64); }`;
    await expect(Vm.load(await buildGuest("unstable.ts", bareAbort, source))).resolves.toBeInstanceOf(Vm);
  },
  buildTimeout,
);

test(
  "allocators are tried in the host's order",
  async () => {
    const both = `import { proxy_log } from "@gcoredev/proxy-wasm-sdk-as/assembly/imports";
import { proxy_get_buffer_bytes } from "@gcoredev/proxy-wasm-sdk-as/assembly/imports";
${marker}const slot = memory.data(8);
export function malloc(_size: i32): usize { return 70000; }
export function proxy_on_memory_allocate(_size: i32): usize { return 80000; }
export function proxy_on_configure(_root: u32, size: u32): u32 {
  memory.grow(1);
  proxy_get_buffer_bytes(7, 0, size, slot, slot + 4);
  proxy_log(2, load<u32>(slot), size);
  return load<u32>(slot) == 70000 ? 1 : 0;
}`;
    const wasm = await buildGuest("allocators.ts", bareAbort, both);
    expect((await Vm.load(wasm, { profile: envoy140 })).createRoot({ configuration: "x" }).ok).toBe(true);
    expect((await Vm.load(wasm, { profile: strict })).createRoot({ configuration: "x" }).ok).toBe(false);
  },
  buildTimeout,
);

test("assertions: host calls a request, and memory and contexts after many", async () => {
  const { vm, root } = await startGuest("");
  assertHostCalls(vm, 5, () => root.request(doing("get 0 :path; get 0 :method")));
  expect(() => assertHostCalls(vm, 3, () => root.request(doing("get 0 :path; get 0 :method")))).toThrow(
    "5 host calls, at most 3 allowed: proxy_get_header_map_value × 3, proxy_log × 2",
  );
  assertNoLeak(vm, 50, () => root.request(doing("pairs 0")));
  expect(() => assertNoLeak(vm, 50, () => root.request(doing("leak 100000")))).toThrow(
    /memory grew by \d+ bytes in 50 runs/,
  );
  expect(() => assertNoLeak(vm, 5, () => root.newStream())).toThrow("5 contexts were never deleted");
});
