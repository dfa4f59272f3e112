/** Which WebAssembly features a module uses, and which profile refuses them. */
import { expect, test } from "vitest";
import { bareAbort, buildGuest, buildTimeout, guest } from "../../test/support/guests.ts";
import { ats102, envoy140, Vm } from "../index.ts";
import { usedFeatures } from "./features.ts";

const marker =
  "export function proxy_abi_version_0_2_1(): void {}\nexport function malloc(n: i32): i32 { return n; }\n";

test(
  "a plain module uses nothing that an engine refuses",
  async () => {
    expect(usedFeatures(await guest())).toEqual([]);
  },
  buildTimeout,
);

test(
  "ATS refuses a module with SIMD instructions, and Envoy takes it",
  async () => {
    const source = `${marker}export function f(): i32 { return i32x4.extract_lane(i32x4.splat(malloc(1)), 0); }`;
    const wasm = await buildGuest("simd.ts", [...bareAbort, "--enable", "simd", "--noAssert", "-O0"], source);
    expect(usedFeatures(wasm)).toEqual(["simd"]);
    await expect(Vm.load(wasm, { profile: ats102 })).rejects.toThrow("ats-10.2 refuses simd");
    await expect(Vm.load(wasm, { profile: envoy140 })).resolves.toBeInstanceOf(Vm);
  },
  buildTimeout,
);

test(
  "reference types are found",
  async () => {
    const source = `${marker}export function f(x: externref): externref { return x; }`;
    const wasm = await buildGuest("refs.ts", [...bareAbort, "--enable", "reference-types"], source);
    expect(usedFeatures(wasm)).toEqual(["reference types"]);
  },
  buildTimeout,
);
