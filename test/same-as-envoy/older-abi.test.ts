/** A module of ABI 0.1.0, which Envoy still runs: generated requests in both. */
import { afterEach, expect, test } from "vitest";
import { Vm } from "../../host-sim/index.ts";
import { Both } from "./both.ts";
import { exchange } from "./exchange.ts";
import { exchanges } from "./generate.ts";
import { olderGuest } from "./older-guest.ts";

let both: Both;
afterEach(() => both?.stop());

test("sixty requests to a module of ABI 0.1.0, and what it alone has", async () => {
  const wasm = await olderGuest();
  expect((await Vm.load(wasm)).abiVersion).toBe("0.1.0");
  both = await Both.start({
    wasm,
    talkative: true,
    configuration: "configure: loglevel;prop plugin_root_id",
  });
  const first = await both.firstLogs();
  expect(first.simulated).toEqual(first.real);
  const scripts = [
    "request_headers: get 0 x-none; pairs 0; get 2 x-none; close; loglevel; size 0",
    "request_headers: tick 100; return 1|tick: resume 0",
    "response_headers: get 2 x-none; tick 100; return 1|tick: resume 1",
    "log: get 0 x-none; get 1 x-none; get 2 x-none; get 3 x-none; pairs 3",
    "response_body: get 3 x-none; get 2 x-none; pairs 2",
  ];
  const own = scripts.map((script, i) => exchange(`own ${i}`, { script }));
  for (const one of [...own, ...exchanges(55, 10)]) {
    const { real, simulated } = await both.run(one);
    expect(simulated, JSON.stringify(one)).toEqual(real);
  }
});
