import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ats102, envoy140, strict } from "../host-sim/index.ts";
import { decide, type Request } from "../scripts/table/decide.ts";
import { DATA_IS_ABSENT, WHY_SKIPPED } from "./data.ts";
import { type FarmName, FilterReader, loadFarm, tableOf } from "./farms.ts";
import { reference } from "./reference.ts";
import { requestsFor } from "./requests.ts";

/** POINTSMAN_RUNS=1000000 asks for a million of the real farm, and takes minutes. */
const RUNS = Number(process.env.POINTSMAN_RUNS ?? 20_000);

describe("the filter, the decoder and the reference", () => {
  const farms: { name: FarmName; why: string; skip: boolean }[] = [
    { name: "small", why: "", skip: false },
    { name: "production", why: WHY_SKIPPED, skip: DATA_IS_ABSENT },
    { name: "labs", why: WHY_SKIPPED, skip: DATA_IS_ABSENT },
  ];
  for (const { name, why, skip } of farms) {
    for (const profile of [envoy140, ats102, strict]) {
      it.skipIf(skip)(
        `give the same answer to generated requests: the ${name} farm in ${profile.name}${why}`,
        { timeout: 3_600_000 },
        async () => {
          const { plan } = loadFarm(name);
          const table = tableOf(plan);
          const filter = await FilterReader.on(table, profile);
          const naive = reference(plan);
          const seen = { wiki: 0, none: 0, pass: 0 };
          const agree = (request: Request) => {
            const expected = naive(request);
            expect(filter.decide(request)).toEqual(expected);
            expect(decide(table, request).decision).toEqual(expected);
            seen[expected === null ? "pass" : expected.wiki === null ? "none" : "wiki"]++;
          };
          const numRuns = name === "production" && profile === envoy140 ? RUNS : Math.ceil(RUNS / 4);
          fc.assert(fc.property(requestsFor(plan), agree), { numRuns });
          // The generator is worth something only as long as it finds wikis, strangers and what passes through.
          for (const count of Object.values(seen)) expect(count).toBeGreaterThan(numRuns / 50);
        },
      );
    }
  }
});
