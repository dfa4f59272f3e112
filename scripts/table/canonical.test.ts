/** A wiki's own host, read from a table. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { anyPlan, bytesOf, plainPlan } from "../../test/support/plans.ts";
import { canonicalHost } from "./canonical.ts";
import { Table } from "./table.ts";

const wiki = (id: string) => ({ id, release: 0, group: null, installed: true });

describe("a wiki's own host", () => {
  const table = new Table(
    bytesOf(
      plainPlan({
        wikis: ["a_bwiki", "a_bwikibooks", "own", "silent", "turnedwiki", "unfitting", "wiki"].map(wiki),
        hosts: [{ host: "www.own.example", destination: null }],
        canonical: {
          rules: [
            { tail: "wiki", suffix: ".wiki.example", dashes: true },
            { tail: "wikibooks", suffix: ".books.example", dashes: false },
          ],
          exceptions: [
            { wiki: "own", host: "www.own.example" },
            { wiki: "silent", host: null },
            { wiki: "turnedwiki", host: 0 },
            { wiki: "unfitting", host: 1 },
          ],
        },
      }),
    ),
  );

  it.each<[string, string | null]>([
    ["a_bwiki", "a-b.wiki.example"],
    ["a_bwikibooks", "a_b.books.example"],
    ["own", "www.own.example"],
    ["silent", null],
    ["turnedwiki", "turned.wiki.example"],
    ["unfitting", null],
    ["wiki", null],
  ])("of %s is %s", (id, host) => {
    expect(canonicalHost(table, table.find(table.wikis, id))).toBe(host);
  });

  it("is found among any exceptions, and is the rules' without one", () => {
    fc.assert(
      fc.property(anyPlan, (plan) => {
        const of = new Table(bytesOf(plan));
        const { rules, exceptions } = plan.canonical;
        const byRule = (id: string, number: number) => {
          const { tail, suffix, dashes } = rules[number]!;
          if (!id.endsWith(tail) || id === tail) return null;
          const label = id.slice(0, id.length - tail.length);
          return (dashes ? label.replaceAll("_", "-") : label) + suffix;
        };
        for (const { id } of plan.wikis) {
          const exception = exceptions.find((one) => one.wiki === id);
          const hosts = rules.map((_, number) => byRule(id, number)).filter((host) => host !== null);
          let expected = hosts[0] ?? null;
          if (exception) {
            const { host } = exception;
            expected = typeof host === "number" ? byRule(id, host) : host;
          }
          expect(canonicalHost(of, of.find(of.wikis, id))).toBe(expected);
        }
      }),
      { numRuns: 100 },
    );
  });
});
