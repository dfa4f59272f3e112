/** What a proxy's VMs say of the tables that they serve, in the simulator: one record of all, whatever order they come in. */
import { describe, expect, it } from "vitest";
import * as R from "../assembly/refusals.ts";
import { Clock, type RootContext, Shared, Vm } from "../host-sim/index.ts";
import { encode } from "../scripts/encode/encode.ts";
import { filter } from "../scripts/filter.ts";
import { Table } from "../scripts/table/table.ts";
import { filterWithPages } from "./support/less-memory.ts";
import { plainListener, plainPlan, rebuilt } from "./support/plans.ts";

const plan = plainPlan({ listeners: ["edge", "mesh"].map((name) => plainListener({ name })) });
const tableOf = (generation: number) =>
  encode({ ...plan, clusters: [[`web-${generation}`]] }, { generation, names: null });
const digestOf = (generation: number) =>
  Number.parseInt(new Table(tableOf(generation)).digest.slice(0, 12), 16);

/** A proxy of so many VMs, as Envoy has them: they share metrics and data. */
async function proxy(count: number) {
  const module = await Vm.compile(filter);
  const [shared, clock] = [new Shared(), new Clock()];
  const start = () => Vm.load(module, { shared, clock });
  const vms = await Promise.all(Array.from({ length: count }, start));
  const gauge = (name: string, listener = "edge") =>
    Number(shared.metrics.value(`pointsman.${name}.listener.${listener}`) ?? Number.NaN);
  const served = (listener = "edge") => [
    gauge("instances", listener),
    gauge("generation", listener),
    gauge("digest", listener),
  ];
  return { start, vms, clock, gauge, served };
}

const serve = (vm: Vm, configuration: Uint8Array, rootId = "edge"): RootContext =>
  vm.createRoot({ rootId, configuration });

const headed = (head: object, table: Uint8Array) => Buffer.concat([Buffer.from(JSON.stringify(head)), table]);

describe("what is served", () => {
  it("is told of each listener, with how many VMs serve it", async () => {
    const { vms, clock, served, gauge } = await proxy(3);
    for (const vm of vms) serve(vm, tableOf(9), "mesh");
    for (const vm of vms) serve(vm, tableOf(5), "edge");
    clock.advance(1000);
    expect(served("mesh")).toEqual([3, 9, digestOf(9)]);
    expect(served("edge")).toEqual([3, 5, digestOf(5)]);
    expect(gauge("table_bytes")).toBe(tableOf(9).length + tableOf(5).length);
    clock.advance(60_000);
    expect(served("mesh")).toEqual([3, 9, digestOf(9)]);
  });

  it("is told truly after an older table, and shows a VM that is behind", async () => {
    const { vms, clock, served } = await proxy(3);
    const roots = vms.map((vm) => serve(vm, tableOf(7)));
    clock.advance(1000);
    for (const root of roots) root.configure(tableOf(6));
    clock.advance(1000);
    expect(served()).toEqual([3, 6, digestOf(6)]);
    for (const root of roots.slice(1)) root.configure(tableOf(8));
    clock.advance(1000);
    expect(served()).toEqual([3, 6, 0]);
    roots[0]!.configure(tableOf(8));
    clock.advance(1000);
    expect(served()).toEqual([3, 8, digestOf(8)]);
  });

  it("counts a VM once while its old roots drain, and no more when the listener goes", async () => {
    const { vms, clock, served, gauge } = await proxy(2);
    const old = vms.map((vm) => serve(vm, tableOf(1)));
    clock.advance(1000);
    const next = vms.map((vm) => serve(vm, tableOf(2)));
    clock.advance(1000);
    expect(served()).toEqual([2, 2, digestOf(2)]);
    for (const root of old) root.retire();
    expect(served()).toEqual([2, 2, digestOf(2)]);
    next[0]!.retire();
    expect(served()).toEqual([1, 2, digestOf(2)]);
    next[1]!.retire();
    expect(served()).toEqual([0, 0, 0]);
    expect(gauge("table_bytes")).toBe(0);
  });

  it("forgets a VM that died within ten seconds, and counts the one that takes its place", async () => {
    const { start, vms, clock, served } = await proxy(2);
    for (const vm of vms) serve(vm, tableOf(1));
    clock.advance(1000);
    expect(served()).toEqual([2, 1, digestOf(1)]);
    vms[0]!.trap = "killed by the test";
    const [next] = [await start()];
    serve(next, tableOf(2));
    vms[1]!.createRoot({ rootId: "edge", configuration: tableOf(2) });
    clock.advance(2000);
    expect(served()).toEqual([3, 1, 0]);
    clock.advance(10_000);
    expect(served()).toEqual([2, 2, digestOf(2)]);
  });
});

describe("a refusal", () => {
  const cases: [string, number, Uint8Array | string][] = [
    ["nothing", R.REFUSED_CONFIGURATION, ""],
    ["no JSON", R.REFUSED_CONFIGURATION, "{"],
    ["no base64", R.REFUSED_CONFIGURATION, "!"],
    ["an unknown name", R.REFUSED_CONFIGURATION, headed({ other: "x" }, tableOf(1))],
    ["no table", R.REFUSED_DAMAGED, headed({ attempt: 1, table: "AAAA" }, new Uint8Array())],
    ["a table cut short", R.REFUSED_DAMAGED, tableOf(1).slice(0, 99)],
    ["a damaged one", R.REFUSED_DAMAGED, tableOf(1).map((byte, i) => (i === 99 ? byte ^ 1 : byte))],
    ["another layout", R.REFUSED_LAYOUT, tableOf(1).map((byte, i) => (i === 12 ? 99 : byte))],
    ["a section that lacks", R.REFUSED_CONTENT, rebuilt(tableOf(1), (sections) => sections.slice(1))],
    ["no such listener", R.REFUSED_LISTENER, headed({ listener: "other" }, tableOf(1))],
    ["another header", R.REFUSED_CLUSTER_HEADER, headed({ "cluster-header": "x-other" }, tableOf(1))],
  ];
  it.each(cases)("says why by a number: %s", async (_, code, configuration) => {
    const { vms, clock, gauge, served } = await proxy(1);
    const root = serve(vms[0]!, tableOf(1));
    clock.advance(1000);
    expect(gauge("refused")).toBe(0);
    expect(root.configure(configuration)).toBe(false);
    const listener = _ === "no such listener" ? "other" : "edge";
    expect([gauge("refused", listener), gauge("tables_refused", listener)]).toEqual([code, 1]);
    clock.advance(5000);
    expect([gauge("refused", listener), ...served()]).toEqual([code, 1, 1, digestOf(1)]);
  });

  it("for want of room says so, and counts each time", async () => {
    const vm = await Vm.load(filterWithPages(20));
    const large = encode(plan, { generation: 2, names: "x".repeat(2 ** 21) });
    const root = serve(vm, tableOf(1));
    for (const count of [1n, 2n, 3n]) {
      expect(root.configure(large)).toBe(true);
      expect(vm.shared.metrics.value("pointsman.refused.listener.edge")).toBe(BigInt(R.REFUSED_ROOM));
      expect(vm.shared.metrics.value("pointsman.tables_refused.listener.edge")).toBe(count);
    }
  });

  it("stands until the next table is taken, whichever VM comes late to the one before", async () => {
    const { start, vms, clock, gauge } = await proxy(2);
    const canary = async (configuration: Uint8Array) => serve(await start(), configuration).refused;
    const good = headed({ attempt: 1 }, tableOf(1));
    expect(await canary(good)).toBe(null);
    serve(vms[0]!, good);
    // The next push is refused before the second worker has come to the first.
    expect(await canary(headed({ attempt: 2 }, tableOf(2).slice(0, 99)))).not.toBe(null);
    serve(vms[1]!, good);
    clock.advance(1000);
    expect(gauge("refused")).toBe(R.REFUSED_DAMAGED);
    // The same table in a new attempt.
    expect(await canary(headed({ attempt: 3 }, tableOf(1)))).toBe(null);
    clock.advance(1000);
    expect(gauge("refused")).toBe(0);
  });
});
