/**
 * Modules that others compiled, from three SDKs, in the real Envoy and in the simulator; `tcp.test.ts` has two that filter
 * connections, `services.test.ts` three that run beside requests.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { envoy137, Vm } from "../../host-sim/index.ts";
import { DATA, DATA_IS_ABSENT, WHY_SKIPPED } from "../support/data.ts";
import { Both } from "./both.ts";
import { filters, outcomes } from "./foreign.ts";
import { PROFILE } from "./which-envoy.ts";

const FOLDER = join(DATA, "modules");
const read = (name: string): Uint8Array => readFileSync(join(FOLDER, `${name}.wasm`));

describe.skipIf(DATA_IS_ABSENT)(`modules of Go, Rust and C++${WHY_SKIPPED}`, () => {
  const names = DATA_IS_ABSENT ? [] : readdirSync(FOLDER).filter((name) => name.endsWith(".wasm"));

  test("are thirteen, and each is compared with Envoy: these here, the others beside", () => {
    const others = [
      "go-dispatch_call_on_tick",
      "go-network",
      "go-shared_queue-receiver",
      "go-shared_queue-sender",
      "rust-envoy_tcp_routing",
    ];
    const files = [...Object.keys(filters), ...others].map((name) => `${name}.wasm`);
    expect(names.toSorted()).toEqual(files.sort());
    expect(names.length).toBe(13);
  });

  test.each(names)("%s loads and takes a configuration", async (name) => {
    const vm = await Vm.load(readFileSync(join(FOLDER, name)));
    expect(vm.createRoot({ configuration: '{"header": "x-a", "value": "b"}' }).refused).toBe(null);
  });

  describe("in Envoy as in the simulator:", () => {
    let both: Both;
    afterEach(() => both?.stop());

    test.each(Object.keys(filters))("%s", async (name) => {
      const { ticks = null, ...filter } = filters[name]!;
      both = await Both.start({ ...filter, wasm: read(name) });
      for await (const { one, real, simulated } of outcomes(both, filters[name]!))
        expect(simulated, JSON.stringify(one)).toEqual(real);
      if (ticks !== null) await tickLogs(both, ticks);
      if (name === "rust-hello_world") sameTrap(both);
    });
  });
});

/** A tick comes in both, and logs what ticks do. */
async function tickLogs({ real, simulated }: Both, ticks: RegExp): Promise<void> {
  const isOne = (line: string): boolean => ticks.test(line);
  const { clock } = simulated.host;
  clock.advance(simulated.host.root("pointsman", "main")!.tickPeriod);
  const lines = simulated.takeLogs().filter(isOne);
  expect(lines.length).toBeGreaterThan(0);
  expect((await real.takeLines(1, isOne)).length).toBeGreaterThan(0);
}

/** The same functions, at the same offsets of the module. */
function sameTrap({ real, simulated }: Both): void {
  const frames = simulated.host.vm("pointsman", "worker 0")?.trap?.split("\n  at ").slice(1);
  // Envoy: `  0:  0x1a2b - name`.
  const inEnvoy = real.envoy.logs.flatMap((line) => {
    const [, at, name] = /^ +\d+: +(0x[0-9a-f]+) - (.*)$/.exec(line) ?? [];
    return at === undefined ? [] : [`${name} (${at})`];
  });
  expect(inEnvoy.length).toBeGreaterThan(2);
  // Envoy 1.37 says ten of them at most.
  expect(PROFILE === envoy137 ? frames?.slice(0, 10) : frames).toEqual(inEnvoy);
}
