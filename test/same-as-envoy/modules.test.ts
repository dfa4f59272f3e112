/** Modules that others compiled, from three SDKs. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { Vm } from "../../host-sim/index.ts";
import { DATA, DATA_IS_ABSENT, WHY_SKIPPED } from "../support/data.ts";

const FOLDER = join(DATA, "modules");

describe.skipIf(DATA_IS_ABSENT)(`modules of Go, Rust and C++${WHY_SKIPPED}`, () => {
  const names = DATA_IS_ABSENT ? [] : readdirSync(FOLDER).filter((name) => name.endsWith(".wasm"));

  test("are thirteen", () => {
    expect(names.length).toBe(13);
  });

  test.each(names)("%s loads and takes a configuration", async (name) => {
    const vm = await Vm.load(readFileSync(join(FOLDER, name)));
    expect(vm.createRoot({ configuration: '{"header": "x-a", "value": "b"}' }).refused).toBe(null);
  });
});
