/** The filter, the decoder and the reference agree on any plan and request. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ats102, envoy140, strict } from "../host-sim/index.ts";
import { decide } from "../scripts/table/decide.ts";
import type { Answer, Request, Where } from "../scripts/table/request.ts";
import { reference } from "./reference.ts";
import { DATA_IS_ABSENT, WHY_SKIPPED } from "./support/data.ts";
import { type FarmName, FilterReader, loadFarm, tableOf } from "./support/farms.ts";
import { asInAts, REFUSED_BY_ATS, requestsFor, wheresFor } from "./support/requests.ts";

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
          const seen: Record<Kind, number> = {
            wiki: 0,
            none: 0,
            pass: 0,
            reply: 0,
            debug: 0,
            "read-only": 0,
            host: 0,
          };
          const bodiless = !profile.pseudoHeaders;
          const agree = (request: Request, where: Where) => {
            const seenByFilter = bodiless ? asInAts(request) : request;
            if (seenByFilter === null) {
              expect(filter.decide(request, where)).toEqual(REFUSED_BY_ATS);
              return;
            }
            const expected = naive(seenByFilter, { ...where, bodiless });
            expect(filter.decide(request, where)).toEqual(expected);
            expect(decide(table, seenByFilter, { ...where, bodiless }).answer).toEqual(expected);
            for (const kind of kindsOf(expected)) seen[kind]++;
          };
          const numRuns = name === "production" && profile === envoy140 ? RUNS : Math.ceil(RUNS / 4);
          const wheres = fc.constantFrom(...wheresFor(plan));
          fc.assert(fc.property(requestsFor(plan), wheres, agree), { numRuns });
          // The generator is worth something only as long as it finds all of this.
          for (const kind of EVERYWHERE) expect(seen[kind]).toBeGreaterThan(numRuns / 50);
          if (name === "production" && !bodiless)
            for (const [kind, count] of Object.entries(seen))
              expect([kind, count > numRuns / 1000]).toEqual([kind, true]);
        },
      );
    }
  }
});

const EVERYWHERE = ["wiki", "none", "pass"] as const;
type Kind = (typeof EVERYWHERE)[number] | "reply" | "debug" | "read-only" | "host";

function kindsOf(answer: Answer): Kind[] {
  if (answer.kind === "pass") return ["pass"];
  if (answer.kind === "reply") return ["reply"];
  const kinds: Kind[] = [answer.wiki === null ? "none" : "wiki"];
  if (answer.debug) kinds.push("debug");
  if (answer.deployment.endsWith("-ro")) kinds.push("read-only");
  if (answer.host !== null) kinds.push("host");
  return kinds;
}
