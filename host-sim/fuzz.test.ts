/** The simulator against guests that make every call with any argument. */
import fc from "fast-check";
import { beforeAll, expect, test } from "vitest";
import { bareAbort, buildGuest, buildTimeout, guest } from "../test/support/guests.ts";
import { type ParamKind, width } from "./call-rows.ts";
import { Faults } from "./faults.ts";
import { handlers } from "./handlers.ts";
import { bindImport } from "./imports.ts";
import { ats102, envoy140, type HostCall, hostCalls, strict, Vm } from "./index.ts";

const runs = 60;

/** A guest whose only export that does anything is its allocator, which gives out what the test likes. */
const source = `export function proxy_abi_version_0_2_1(): void {}
export let next: usize = 0;
export function malloc(_size: i32): usize { return next; }
export function proxy_on_request_headers(_c: u32, _h: u32, _e: u32): u32 { return 1; }
export function proxy_on_request_body(_c: u32, _h: u32, _e: u32): u32 { return 1; }`;

let wasm: Uint8Array;
beforeAll(async () => {
  await guest();
  wasm = await buildGuest("fuzzed.ts", [...bareAbort, "--initialMemory", "1"], source);
}, buildTimeout);

/** Small numbers find enumerations and low memory; large ones its end, and overflows. */
const number = fc.oneof(
  fc.integer({ min: 0, max: 20 }),
  fc.integer({ min: 0, max: 65536 }),
  fc.integer({ min: 65500, max: 65600 }),
  fc.integer({ min: 0, max: 0xffffffff }),
  fc.constantFrom(0xffffffff, 0x7fffffff, 0x80000000),
  // Wasm hands i32 to JavaScript signed.
  fc.integer({ min: -0x80000000, max: -1 }),
);

const argument = (kind: ParamKind): fc.Arbitrary<number | bigint> =>
  kind === "u64" || kind === "i64" ? fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }) : number;

const argumentsOf = (row: HostCall): fc.Arbitrary<(number | bigint)[]> =>
  fc.tuple(...row.params.flatMap(({ kind }) => Array.from({ length: width(kind) }, () => argument(kind))));

const harmless = new Set(["GuestTrap", "HostAbort"]);

test.each(hostCalls.map((row) => [row.name, row] as const))(
  "%s survives any arguments, and answers with a status",
  async (name, row) => {
    const handler = handlers[name];
    expect(handler).toBeDefined();
    for (const profile of [envoy140, ats102, strict]) {
      const vm = await Vm.load(wasm, { profile, environment: { A: "b" } });
      const root = vm.createRoot({ configuration: "configuration" });
      const stream = root.newStream();
      stream.exchange({
        headers: [
          [":path", "/"],
          [":method", "GET"],
          ["a", "b"],
        ],
        body: "body",
      });
      vm.context = stream;
      const call = bindImport(vm, row, handler!);
      fc.assert(
        fc.property(argumentsOf(row), fc.uint8Array({ maxLength: 64 }), (raw, bytes) => {
          vm.memory.write(0, bytes);
          let answer: number | undefined;
          try {
            answer = call(...raw);
          } catch (error) {
            if (!harmless.has((error as Error).name)) throw error;
            return;
          }
          if (row.result === "status") expect(answer).toBeLessThanOrEqual(12);
          else if (row.result === "errno") expect(answer).toBeLessThanOrEqual(76);
          else if (row.result === "none") expect(answer).toBe(undefined);
          expect(vm.memoryBytes).toBe(65536);
        }),
        { numRuns: runs },
      );
    }
  },
);

test("a guest that gets any answer from any call cannot bring the simulator down", async () => {
  const output = fc.oneof(
    fc.uint8Array({ maxLength: 40 }),
    fc.string().map(() => "x"),
    fc.nat(),
  );
  const module = await Vm.compile(await guest());
  const commands =
    "get 0 :path; pairs 0; bytes 0 0 9; time; prop request.path; getshared k; size 0; status; random 9";
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 1000 }), output, async (seed, value) => {
      const vm = await Vm.load(module);
      const root = vm.createRoot();
      const hostile = { address: seed * 4_000_000, size: seed * 100_000 };
      vm.faults = new Faults(
        [
          { call: "proxy_get_header_map_pairs", probability: 0.3, fault: { hostilePointer: hostile } },
          { call: "proxy_get_header_map_value", nth: 3, fault: { outputs: [value] } },
          { call: "*", probability: 0.2, fault: { status: seed % 13 } },
        ],
        seed,
      );
      const result = root.request({
        headers: [
          [":path", "/"],
          ["x-do", commands],
        ],
        body: "b",
      });
      // Either it lives, or it is dead and says so; nothing in between.
      expect(vm.failed).toBe(result.trapped !== null);
    }),
    { numRuns: 100 },
  );
});
