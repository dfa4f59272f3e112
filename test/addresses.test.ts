/** The filter reads an address as the decoder and the reference do, whatever stands in X-Forwarded-For. */
import fc from "fast-check";
import { expect, it } from "vitest";
import type { Route } from "../scripts/plan.ts";
import { addressDigits } from "../scripts/table/client.ts";
import { decide } from "../scripts/table/decide.ts";
import { Table } from "../scripts/table/table.ts";
import { reference } from "./reference.ts";
import { FilterReader } from "./support/farms.ts";
import { bytesOf, plainListener, plainPlan, plainRule } from "./support/plans.ts";

const part = fc.constantFrom(
  ":",
  "::",
  ".",
  "0",
  "1",
  "255",
  "256",
  "FFFF",
  "a",
  "1.2.3.4",
  "%",
  "::ffff:",
  "/",
);
const near = fc.array(part, { maxLength: 17 }).map((parts) => parts.join(""));
const address = fc.oneof(fc.ipV4(), fc.ipV6(), near);

it("digit by digit, and what is none as none", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(address, { minLength: 1, maxLength: 20 }), async (texts) => {
      const known = texts.flatMap((text) => addressDigits(text) ?? []);
      // A rule for each address, and then one for any: the rule that matches tells which digits were read.
      const values = [...new Set(known), "4", "6"];
      const routes = values.map((value, deployment) =>
        plainRule<Route>({ deployment }, { not: false, subject: "client", test: "prefix", values: [value] }),
      );
      const names = [...values, "none"];
      const plan = plainPlan({
        listeners: [plainListener({ trust: "internal", routes, deployment: values.length })],
        deployments: names.map((name) => ({ name, readOnly: null })),
        clusters: names.map((name) => [name]),
      });
      const table = new Table(bytesOf(plan));
      const filter = await FilterReader.on(table);
      for (const text of texts) {
        const request = {
          authority: "a.example",
          target: "/",
          headers: [["x-forwarded-for", text]] as const,
          client: "",
        };
        const expected = addressDigits(text) ?? "none";
        for (const answer of [
          filter.decide(request),
          decide(table, request).answer,
          reference(plan)(request),
        ]) {
          expect(answer, text).toMatchObject({ deployment: expected });
        }
      }
    }),
    { numRuns: 60 },
  );
}, 60_000);
