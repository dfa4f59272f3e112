/** What is said of modules: of others', of ours, and of small ones that are each bad in one way. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ats102, envoy140, LoadError, type Profile, strict, Vm } from "../../host-sim/index.ts";
import { DATA, DATA_IS_ABSENT, WHY_SKIPPED } from "../../test/support/data.ts";
import { basis, importLog, malloc, marker, memory, say, wat } from "../../test/support/wat.ts";
import { filter } from "../filter.ts";
import { checkModule, showChecked } from "./check.ts";
import { PROFILES } from "./profiles.ts";

const ALL = [...PROFILES.values()];

const loads = async (wasm: Uint8Array, profile: Profile): Promise<boolean> => {
  try {
    await Vm.load(wasm, { profile });
    return true;
  } catch (error) {
    expect(error).toBeInstanceOf(LoadError);
    return false;
  }
};

describe.skipIf(DATA_IS_ABSENT)(`of the thirteen modules${WHY_SKIPPED}`, () => {
  const folder = join(DATA, "modules");
  const names = DATA_IS_ABSENT ? [] : readdirSync(folder).filter((name) => name.endsWith(".wasm"));

  it.each(names)("what is said of %s is what becomes of it", async (name) => {
    const wasm = readFileSync(join(folder, name));
    // Each started in the real Envoy, as the README there says.
    expect((await checkModule(wasm, [envoy140], null))[0]).toMatchObject({ takes: true, objections: [] });
    for (const { profile, takes, objections } of await checkModule(wasm, [ats102, strict], null)) {
      expect(takes, profile).toBe(await loads(wasm, PROFILES.get(profile)!));
      const isGo = name.startsWith("go-");
      if (isGo) expect(objections.map((one) => one.name)).toContain("wasi_snapshot_preview1.sched_yield");
      if (profile === ats102.name) expect(takes).toBe(!isGo);
    }
  });
});

it("our own filter is taken by all, and calls nothing that ends a process", async () => {
  expect(await checkModule(filter, ALL, null)).toEqual(
    ALL.map(({ name }) => ({ profile: name, takes: true, abi: "0.2.1", objections: [] })),
  );
});

const of = async (text: string | Uint8Array, profile: Profile = envoy140) => {
  const [said] = await checkModule(typeof text === "string" ? wat(text) : text, [profile], null);
  return said!.objections.map(({ kind, name, why, wayOut }) => `${kind} ${name}: ${why}: ${wayOut}`);
};
const imported = (module: string, name: string, type = ""): string =>
  `(import "${module}" "${name}" (func ${type}))`;

describe("a module", () => {
  it.each([
    [
      "that imports what nobody has",
      `(module ${imported("env", "one")}${imported("env", "abort")}${basis})`,
      envoy140,
      [
        /^import env\.one: envoy-1\.40 does not offer env\.one: nobody offers it: link what defines it/,
        /^import env\.abort: .*: build AssemblyScript with --use abort=/,
      ],
    ],
    [
      "with a call of an older ABI",
      `(module ${imported("env", "proxy_clear_route_cache", "(result i32)")}${basis})`,
      envoy140,
      [/^import env\.proxy_clear_route_cache: .*belongs to another version of the ABI/],
    ],
    [
      "with an import of another type",
      `(module ${imported("env", "proxy_done")}${basis})`,
      envoy140,
      [
        /^import-type env\.proxy_done: import env\.proxy_done is void -> void, and has to be void -> i32: use an SDK/,
      ],
    ],
    [
      "with a callback of another type",
      `(module ${basis}(func (export "proxy_on_tick")))`,
      envoy140,
      [/^export-type proxy_on_tick: export proxy_on_tick is void -> void, and has to be i32 -> void/],
    ],
    [
      "of an ABI that is not known",
      `(module ${memory}${malloc}${marker("0_2_100")})`,
      envoy140,
      [
        /^abi proxy_abi_version_0_2_100: .*but proxy_abi_version_0_2_100: use .* for ABI 0\.1\.0, 0\.2\.0, 0\.2\.1$/,
      ],
    ],
    [
      "of an old ABI",
      `(module ${memory}${malloc}${marker("0_1_0")})`,
      strict,
      [/^abi proxy_abi_version_0_1_0: .*for ABI 0\.2\.0, 0\.2\.1$/],
    ],
    [
      "without an allocator",
      `(module ${memory}${marker("0_2_1")})`,
      envoy140,
      [/^export malloc: the module exports none of malloc, .*: export malloc or proxy_on_memory_allocate/],
    ],
    [
      "without a memory of its own",
      `(module (import "env" "memory" (memory 1))${malloc}${marker("0_2_1")})`,
      ats102,
      [
        /^import env\.memory: .*without --import-memory/,
        /^export memory: .*does not export its memory: let the linker/,
      ],
    ],
    [
      "with SIMD",
      `(module ${basis}(func (drop (i32x4.splat (i32.const 1)))))`,
      ats102,
      [/^feature simd: ats-10\.2 refuses simd: .*-mno-simd128/],
    ],
    [
      "that traps at its start",
      `(module ${basis}(func (export "_initialize") unreachable))`,
      envoy140,
      [/^start : the module did not start: unreachable[\s\S]*: see what runs in main/],
    ],
    [
      "that calls too early",
      `(module (import "env" "proxy_get_status" (func $f (param i32 i32 i32) (result i32)))${basis}
      (func (export "_initialize") (drop (call $f (i32.const 0) (i32.const 0) (i32.const 0)))))`,
      envoy140,
      [/^start : .*is not allowed while the module starts[\s\S]*: make this call in proxy_on_vm_start/],
    ],
    [
      "with a call that ends the process",
      `(module ${imported("env", "proxy_get_status", "(param i32 i32 i32) (result i32)")}${basis})`,
      ats102,
      [/^dies env\.proxy_get_status: .*ends the process of ats-10\.2: never call it/],
    ],
    [
      "that is bad in several ways",
      `(module ${imported("env", "one")}${imported("env", "proxy_done")}${memory}${marker("0_2_1")}(func (export "proxy_on_tick")))`,
      envoy140,
      [/^import env\.one/, /^import-type env\.proxy_done/, /^export-type proxy_on_tick/, /^export malloc: /],
    ],
  ] as const)("%s: each thing is named, with the way out", async (_, text, profile, whys) => {
    const said = await of(text, profile);
    expect(said).toHaveLength(whys.length);
    for (const [i, why] of whys.entries()) expect(said[i]).toMatch(why);
  });

  it("that is none is told to be none", async () => {
    expect(await of(new TextEncoder().encode("<html>"))).toEqual([
      expect.stringMatching(/^module : not a Wasm module: .*wasm32-wasip1/),
    ]);
    expect(await of(wat(`(module ${basis})`).subarray(0, 30))).toEqual([
      expect.stringMatching(/^module : not a Wasm module/),
    ]);
  });

  it("that is told something is configured too, and says itself what it lacks", async () => {
    const refuses = wat(`(module ${importLog}${basis}
      (func (export "proxy_on_configure") (param i32 i32) (result i32) ${say("n")} (i32.const 0)))`);
    expect((await checkModule(refuses, [envoy140], null))[0]!.takes).toBe(true);
    expect((await checkModule(refuses, [envoy140], { configuration: "x" }))[0]).toMatchObject({
      takes: false,
      objections: [
        {
          kind: "configuration",
          why: "proxy_on_configure returned 0: n",
          wayOut: expect.stringContaining("--config"),
        },
      ],
    });
  });
});

it("is shown a proxy a line, with what has one way out together", async () => {
  const text = `(module ${imported("env", "one")}${imported("env", "two")}${imported("env", "proxy_get_log_level", "(param i32) (result i32)")}${basis})`;
  expect(showChecked(await checkModule(wat(text), [envoy140, ats102], null))).toBe(`envoy-1.40  refuses it
  it does not offer these imports: env.one, env.two
    way out: nobody offers it: link what defines it into the module
ats-10.2    refuses it
  it does not offer these imports: env.one, env.two
    way out: nobody offers it: link what defines it into the module
  what it offers of these ends its process when it is called: env.proxy_get_log_level
    way out: never call it in this proxy
`);
  expect(showChecked(await checkModule(filter, [envoy140, strict], null))).toBe(
    "envoy-1.40  takes it, as ABI 0.2.1\nstrict      takes it, as ABI 0.2.1\n",
  );
});
