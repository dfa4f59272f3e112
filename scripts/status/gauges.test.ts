/** What proxies say: Envoy's JSON, Prometheus' text and ATS's JSON come to the same gauges. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readGauges } from "./gauges.ts";

const edge = { listener: "edge", instances: 3, digest: 75557863725914, generation: 7, refused: 0 };
const WORDS = ["instances", "digest", "generation", "refused"] as const;

const envoy = (stats: unknown[], workers: unknown = 2) =>
  JSON.stringify({ stats: [{ name: "server.concurrency", value: workers }, ...stats, { histograms: {} }] });
const envoyStat = (word: string, value: unknown, listener = "edge") => ({
  name: `wasmcustom.pointsman.${word}.listener.${listener}`,
  value,
});

describe("what a proxy says", () => {
  it("is read of Envoy's admin, with the workers and the main thread", () => {
    const stats = WORDS.map((word) => envoyStat(word, edge[word]));
    expect(readGauges(envoy(stats))).toEqual({ gauges: [edge], instances: 3, isExact: true });
    expect(readGauges('{"stats":[]}')).toEqual({ gauges: [], instances: null, isExact: true });
  });

  it("is read of Prometheus' text, with the listener as a label or in the name", () => {
    const labelled = WORDS.map((word) => `pointsman_${word}{cluster="x",listener="my-edge"} ${edge[word]}\n`);
    expect(readGauges(`${labelled.join("")}envoy_server_concurrency{} 2\npointsman_passed{} x`)).toEqual({
      gauges: [{ ...edge, listener: "my-edge" }],
      instances: 3,
      isExact: true,
    });
    const named = WORDS.map(
      (word) => `envoy_wasmcustom_pointsman_${word}_listener_my_edge{} ${edge[word]}\n`,
    );
    expect(readGauges(named.join(""))).toEqual({
      gauges: [{ ...edge, listener: "my_edge" }],
      instances: null,
      isExact: false,
    });
  });

  it("is read of ATS's statistics, whose values are texts, and which has one instance", () => {
    const metrics = WORDS.map((word) => [`pointsman.${word}.listener.edge`, String(edge[word])]);
    const global = { "proxy.process.http.x": "1", ...Object.fromEntries(metrics) };
    expect(readGauges(JSON.stringify({ global }))).toEqual({ gauges: [edge], instances: 1, isExact: true });
  });

  it.each([
    ["{", "its answer is no JSON: "],
    ["{}", "its answer is JSON, but neither Envoy's statistics nor those of ATS's stats_over_http"],
    ['{"global":null}', "its answer is JSON, but neither"],
    ["pointsman_digest{ 1", "line 1 is no metric: "],
    [envoy([envoyStat("digest", 1), envoyStat("digest", 2)]), "it says the same gauge twice"],
    [
      'pointsman_digest{pod="a",listener="x"} 1\npointsman_digest{pod="b",listener="x"} 2',
      "it says the same",
    ],
    ["envoy_server_concurrency 1\nenvoy_server_concurrency 2", "it says the same gauge twice"],
  ])("is a sentence where it cannot be trusted: %j", (text, sentence) => {
    expect(readGauges(text)).toContain(sentence);
  });

  it.each([-1, 1.5, 2 ** 53, Number.NaN, "7", null, {}, [7]])(
    "has no gauge where it is no number: %j",
    (value) => {
      expect(readGauges(envoy([envoyStat("digest", value), envoyStat("generation", 7)], value))).toEqual({
        gauges: [{ listener: "edge", instances: null, digest: null, generation: 7, refused: null }],
        instances: null,
        isExact: true,
      });
    },
  );

  it("is never an exception", () => {
    const listener = fc.constantFrom("edge", "__proto__", "constructor", "a.listener.b");
    const stat = fc.record({
      name: fc.oneof(
        fc.tuple(fc.constantFrom(...WORDS), listener).map(([word, name]) => envoyStat(word, 0, name).name),
        fc.anything(),
      ),
      value: fc.oneof(fc.nat(), fc.anything()),
    });
    fc.assert(
      fc.property(fc.array(fc.oneof(stat, fc.anything())), (stats) => {
        const text = JSON.stringify({ stats });
        const said = readGauges(text);
        if (typeof said !== "string")
          for (const { digest } of said.gauges)
            expect(digest === null || Number.isSafeInteger(digest)).toBe(true);
      }),
    );
    fc.assert(fc.property(fc.json(), (text) => void readGauges(text)));
    fc.assert(fc.property(fc.string(), (text) => void readGauges(text)));
  });
});
