import fc from "fast-check";
import { describe, expect, it } from "vitest";
import * as L from "../../assembly/layout.ts";
import { DATA_IS_ABSENT, WHY_SKIPPED } from "../../test/data.ts";
import { FilterReader, loadFarm } from "../../test/farms.ts";
import { reference } from "../../test/reference.ts";
import { requestsFor } from "../../test/requests.ts";
import { decide } from "./decide.ts";
import { Table } from "./decode.ts";
import { encode } from "./encode.ts";
import { anyPlan, bytesOf, plainPlan, planOf, verdictOn } from "./test-plans.ts";

const SEED = 20261122;

describe("a table", () => {
  it("says what its plan says, whatever the plan", () => {
    fc.assert(
      fc.property(anyPlan, (plan) => {
        expect(planOf(new Table(bytesOf(plan)))).toEqual(plan);
      }),
      { numRuns: 1000, seed: SEED },
    );
  });

  it("gives the answers of the reference, through decoder and filter, whatever the plan", async () => {
    const plans = fc.sample(anyPlan, { numRuns: 120, seed: SEED });
    for (const [i, plan] of plans.entries()) {
      const table = new Table(bytesOf(plan));
      const [filter, expected] = [await FilterReader.on(table), reference(plan)];
      for (const request of fc.sample(requestsFor(plan), { numRuns: 60, seed: SEED + i })) {
        const told = JSON.stringify({ plan, request });
        expect(decide(table, request).decision, told).toEqual(expected(request));
        expect(filter.decide(request), told).toEqual(expected(request));
      }
    }
  });

  it("may have no hosts, patterns, forms or rules: every host is then unknown", async () => {
    const bytes = bytesOf(plainPlan());
    expect(await verdictOn(bytes)).toBe(null);
    const { decision } = decide(new Table(bytes), { authority: "a.example", target: "/" });
    expect(decision).toEqual({
      wiki: null,
      group: null,
      release: "one",
      version: "1.0",
      deployment: "web",
      cluster: "web-one",
    });
  });

  it("may have no wikis", async () => {
    expect(await verdictOn(bytesOf(plainPlan({ wikis: [] })))).toBe(null);
  });

  it("keeps its digest when names and generation change, and changes it with any content", () => {
    const digest = (plan: Parameters<typeof encode>[0], generation = 1, names: string | null = null) =>
      new Table(encode(plan, { generation, names })).digest;
    const plan = plainPlan();
    expect(digest(plan, 2 ** 32 - 1, '{"a":"b"}')).toBe(digest(plan));
    expect(digest(plan)).toMatch(/^[0-9a-f]{32}$/);
    const others = [
      plainPlan({ wikis: [{ id: "bwiki", release: 0, group: null }] }),
      plainPlan({ wikis: [{ id: "awiki", release: 0, group: "g" }] }),
      plainPlan({ hosts: [{ host: "a.example", target: null }] }),
      plainPlan({ clusters: [["web-two"]] }),
      plainPlan({ releases: [{ name: "one", version: "1.1" }] }),
      plainPlan({ emit: [{ kind: "cluster", name: "x-other" }] }),
    ];
    expect(new Set([plan, ...others].map((one) => digest(one))).size).toBe(1 + others.length);
  });

  it("has the names in a last section that can be left out", () => {
    const named = new Table(bytesOf(plainPlan(), '{"a":"é"}'));
    expect(new TextDecoder().decode(named.section(L.SECTION_NAMES)!)).toBe('{"a":"é"}');
    expect(named.sections.at(-1)!.name).toBe(L.SECTION_NAMES);
    expect(new Table(bytesOf(plainPlan())).section(L.SECTION_NAMES)).toBe(null);
  });

  it("keeps every generation up to the last", () => {
    for (const generation of [1, 2, 2 ** 31, 2 ** 32 - 1]) {
      expect(new Table(encode(plainPlan(), { generation, names: null })).generation).toBe(generation);
    }
  });

  it.skipIf(DATA_IS_ABSENT)(`of the real farm, stripped, has at most 9,000 bytes${WHY_SKIPPED}`, () => {
    expect(bytesOf(loadFarm("production").plan).length).toBeLessThanOrEqual(9000);
  });

  it("of a farm with 100,000 hosts of its own is the same format, and finds each of them", () => {
    const ids = Array.from({ length: 100_000 }, (_, i) => `w${i}`).sort();
    const plan = plainPlan({
      wikis: ids.map((id, i) => ({ id, release: 0, group: i % 2 ? "odd" : "even" })),
      hosts: ids
        .map((id) => ({ host: `${id.slice(1)}.example.com`, target: { wiki: id } }))
        .sort((a, b) => (a.host < b.host ? -1 : 1)),
    });
    const table = new Table(bytesOf(plan));
    for (const { host, target } of plan.hosts) {
      const { decision } = decide(table, { authority: host, target: "/" });
      if (decision?.wiki !== (target as { wiki: string }).wiki) throw new Error(`${host}: ${decision?.wiki}`);
    }
    expect(decide(table, { authority: "100000.example.com", target: "/" }).decision?.wiki).toBe(null);
    expect(table.find(table.wikis, "w100000")).toBe(-1);
  });
});
