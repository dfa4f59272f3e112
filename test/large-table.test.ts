/** A table of 300,000 wikis. */
import { describe, expect, it } from "vitest";
import { Vm } from "../host-sim/index.ts";
import { filter } from "../scripts/filter.ts";
import { bytesOf, plainPlan } from "./support/plans.ts";

const large = bytesOf(plainPlan(), "x".repeat(8 * 2 ** 20));
const inTables = (vm: Vm) => vm.memoryBytes / large.length;

describe("a large table", () => {
  it("takes its own size of memory, and each update the place of the last but one", async () => {
    const vm = await Vm.load(filter);
    let root = vm.createRoot({ configuration: large });
    expect(root.refused).toBe(null);
    expect(inTables(vm)).toBeLessThan(1.2);
    for (let update = 0; update < 10; update++) {
      const next = vm.createRoot({ configuration: large });
      expect(next.refused).toBe(null);
      root.retire();
      root = next;
      expect(inTables(vm)).toBeLessThan(2.4);
    }
    const damaged = large.slice();
    damaged[damaged.length - 1]! ^= 1;
    for (let update = 0; update < 10; update++) {
      expect(root.configure(damaged)).toBe(false);
      expect(root.configure(large)).toBe(true);
    }
    expect(inTables(vm)).toBeLessThan(2.4);
  });

  it("may grow with each update", async () => {
    const vm = await Vm.load(filter);
    const root = vm.createRoot({ configuration: large });
    for (let update = 1; update <= 20; update++) {
      const longer = bytesOf(plainPlan(), "x".repeat(large.length + update * 2 ** 16));
      expect(root.configure(longer)).toBe(true);
    }
    expect(inTables(vm)).toBeLessThan(5);
  });

  it("is decoded from base64 in the memory of the text", async () => {
    const vm = await Vm.load(filter);
    const base64 = Buffer.from(large).toString("base64");
    const configuration = `{"table": "${base64}", "listener": "one"}`;
    const root = vm.createRoot({ configuration });
    expect(root.refused).toBe(null);
    expect(vm.logs.at(-1)!.text).toMatch(/^pointsman \S+: serving generation 1, .* to listener one$/);
    expect(inTables(vm)).toBeLessThan(1.6);
  });
});
