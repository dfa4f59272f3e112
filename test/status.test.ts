/** What `pointsman status` reads and says is what the filter counts and the documents list. */
import { describe, expect, it } from "vitest";
import * as R from "../assembly/refusals.ts";
import { ats102, Clock, Shared, Vm } from "../host-sim/index.ts";
import { encode } from "../scripts/encode/encode.ts";
import { filter } from "../scripts/filter.ts";
import { readGauges, type Said } from "../scripts/status/gauges.ts";
import { judge, VERDICTS } from "../scripts/status/judge.ts";
import { whyRefused } from "../scripts/status/why-refused.ts";
import { Table } from "../scripts/table/table.ts";
import { code, readDoc, rows } from "./support/documents.ts";
import { plainListener, plainPlan } from "./support/plans.ts";

const plan = plainPlan({ listeners: ["edge", "mesh"].map((name) => plainListener({ name })) });
const tableOf = (generation: number) =>
  encode({ ...plan, clusters: [[`web-${generation}`]] }, { generation, names: null });

describe("of Apache Traffic Server in the simulator", () => {
  it("the filter's gauges, as stats_over_http writes them, say what is served and what was refused", async () => {
    const [shared, clock] = [new Shared(), new Clock()];
    const vm = await Vm.load(filter, { shared, clock, profile: ats102 });
    const base64 = (table: Uint8Array) => Buffer.from(table).toString("base64");
    const root = vm.createRoot({ rootId: "edge", configuration: base64(tableOf(7)) });
    const said = () => {
      clock.advance(1000);
      const metrics = shared.metrics.all().map(({ name }) => [name, String(shared.metrics.value(name))]);
      return readGauges(JSON.stringify({ global: Object.fromEntries(metrics) })) as Said;
    };
    const verdict = (generation: number) => {
      const [judged, ...more] = judge(
        said(),
        { generation, digest: new Table(tableOf(generation)).digest },
        [],
      );
      expect(more).toEqual([]);
      return [judged!.listener, judged!.verdict, judged!.refused?.code];
    };
    expect(verdict(7)).toEqual(["edge", "served", undefined]);
    expect(root.configure(base64(tableOf(8).slice(0, 99)))).toBe(false);
    expect(verdict(8)).toEqual(["edge", "behind", R.REFUSED_DAMAGED]);
  });
});

it("docs/operations.md lists every reason of a refusal, as status says it", () => {
  const plain = (cell: string) => cell.replace(/\[(.*?)\]\([^)]*\)/g, "$1");
  const listed = rows(readDoc("operations.md"), "number", "means", "do").map((row) => [
    Number(row.number),
    plain(row.means!),
    plain(row.do!),
  ]);
  const known = Object.values(R).map((number) => {
    const { means, wayOut } = whyRefused(number);
    return [number, means, wayOut];
  });
  expect(listed).toEqual(known.sort(([a], [b]) => Number(a) - Number(b)));
});

it("docs/push.md lists every verdict, as status writes it", () => {
  const listed = rows(readDoc("push.md"), "verdict", "means", "do").map((row) => code(row.verdict!));
  expect(listed).toEqual(VERDICTS.map((verdict) => (verdict === "served" ? verdict : verdict.toUpperCase())));
});
