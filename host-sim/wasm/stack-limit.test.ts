/** The stack that a module gets in each proxy. */
import { expect, test } from "vitest";
import { buildGuest } from "../../test/support/guests.ts";
import { ats102, envoy140, ProxyHost, Vm } from "../index.ts";
import { limitStack } from "./stack-limit.ts";

/** Recurses as deep as the configuration is long, and logs what it counted. */
const RECURSES = `
import { proxy_log } from "@gcoredev/proxy-wasm-sdk-as/assembly/imports";

export function proxy_abi_version_0_2_1(): void {}
export function malloc(size: usize): usize { return heap.alloc(size); }

function depth(left: u32, a: u64, b: u64): u64 {
  return left == 0 ? a : depth(left - 1, b, a + 1) * 3 + 1;
}

export function proxy_on_context_create(context: u32, root: u32): void {}

export function proxy_on_configure(root: u32, size: u32): u32 {
  const text = String.UTF8.encode(depth(size, 1, 2) == 0 ? "none" : "deep enough");
  proxy_log(2, changetype<usize>(text), text.byteLength);
  return 1;
}
`;

test("a module in ATS has about 32 KiB of stack; in Envoy it has plenty", async () => {
  const wasm = await buildGuest("recurses.ts", undefined, RECURSES);
  const configured = async (profile: typeof ats102, length: number) => {
    const vm = await Vm.load(wasm, { profile });
    const root = vm.createRoot({ configuration: "x".repeat(length) });
    return { refused: root.refused, logs: vm.logs.map((line) => line.text), trap: vm.trap };
  };
  const fine = { refused: null, logs: ["deep enough"], trap: null };
  expect(await configured(ats102, 100)).toEqual(fine);
  expect(await configured(envoy140, 1000)).toEqual(fine);
  expect(await configured(ats102, 1000)).toEqual({
    refused: expect.stringMatching(/^stack overflow\n {2}at /),
    logs: [],
    trap: expect.stringMatching(/^stack overflow\n {2}at /),
  });
});

test("what a call used is given back: many calls in turn never run out", async () => {
  const wasm = await buildGuest("recurses.ts", undefined, RECURSES);
  const vm = await Vm.load(wasm, { profile: ats102 });
  const root = vm.createRoot({ configuration: "x".repeat(100) });
  for (let i = 0; i < 2000; i++) expect(root.configure("x".repeat(100))).toBe(true);
});

test("a module with a bound is still a valid module with the same imports, and its exports come first", async () => {
  const wasm = await buildGuest("recurses.ts", undefined, RECURSES);
  const [plain, bounded] = await Promise.all(
    [wasm, limitStack(wasm, 1000)].map((bytes) => WebAssembly.compile(bytes)),
  );
  expect(WebAssembly.Module.imports(bounded!)).toEqual(WebAssembly.Module.imports(plain!));
  const exports = WebAssembly.Module.exports(plain!);
  expect(WebAssembly.Module.exports(bounded!).slice(0, exports.length)).toEqual(exports);
});

test("a module compiled once for many VMs has its profile's stack as well", async () => {
  const wasm = await buildGuest("recurses.ts", undefined, RECURSES);
  const module = await Vm.compile(wasm, ats102);
  const accepts = (length: number): boolean =>
    new ProxyHost(module, { profile: ats102 }).configure("a", { configuration: "x".repeat(length) }).accepted;
  expect(accepts(1000)).toBe(false);
  expect(accepts(100)).toBe(true);
});
