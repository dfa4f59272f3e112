/** Gauges held against what the store wants: only what is proven is called served. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { REFUSED_DAMAGED } from "../../assembly/refusals.ts";
import type { Gauges, Said } from "./gauges.ts";
import { judge, silent } from "./judge.ts";

const wanted = { generation: 7, digest: "00b82fa09b5a0123456789abcdef0123" };
const DIGEST = 0x00b82fa09b5a;
const good: Gauges = { listener: "edge", instances: 3, digest: DIGEST, generation: 7, refused: 0 };
const said = (...gauges: Gauges[]): Said => ({ gauges, instances: 3, isExact: true });
const one = (change: Partial<Gauges>, of: Partial<Said> = {}) =>
  judge({ ...said({ ...good, ...change }), ...of }, wanted, ["edge"])[0]!;

describe("a listener", () => {
  it("is served where all its instances serve the generation and the digest that are wanted", () => {
    expect(judge(said(good), wanted, [])).toEqual([
      {
        listener: "edge",
        verdict: "served",
        what: "3 of 3 instances",
        served: { generation: 7, digest: "00b82fa09b5a" },
        instances: 3,
        instancesWanted: 3,
        refused: null,
      },
    ]);
  });

  it.each<[string, Partial<Gauges>]>([
    ["behind", { generation: 6, digest: 5 }],
    ["behind", { generation: 6 }], // the same content: it has missed a push all the same
    ["ahead", { generation: 8 }],
    ["other", { digest: DIGEST + 1 }],
    ["mixed", { digest: 0, generation: 6 }],
    ["mixed", { digest: 0 }],
    ["short", { instances: 2 }],
    ["nothing", { instances: 0, digest: 0, generation: 0 }],
    ["nothing", { instances: null, digest: null, generation: null, refused: REFUSED_DAMAGED }],
    ["unsure", { instances: null }],
    ["unsure", { generation: null }],
    ["unsure", { digest: null }],
  ])("is %s: %j", (verdict, change) => {
    expect(one(change).verdict).toBe(verdict);
  });

  it("of instances that nobody can count is unsure, until somebody says how many there are", () => {
    expect(one({}, { instances: null })).toMatchObject({
      verdict: "unsure",
      what: "3 of ? instances: say by --instances how many there should be",
    });
    const counted = (instances: number) =>
      judge({ ...said(good), instances: null }, wanted, [], instances)[0]!;
    expect(counted(3).verdict).toBe("served");
    expect(counted(4).verdict).toBe("short");
    // The proxy's own word counts.
    expect(judge(said(good), wanted, [], 9)[0]!.verdict).toBe("served");
  });

  it("tells why its last table was refused, whatever it serves", () => {
    expect(one({ generation: 6, refused: REFUSED_DAMAGED }).refused).toMatchObject({
      code: REFUSED_DAMAGED,
      means: expect.stringContaining("not as it was packed"),
    });
    expect(one({ refused: REFUSED_DAMAGED }).verdict).toBe("served");
    expect(one({ refused: 99 }).refused!.means).toContain("number 99");
  });

  it("that is expected and not there is nothing, and others than the expected are not judged", () => {
    const judged = judge(said(good, { ...good, listener: "mesh", instances: 0 }), wanted, ["edge", "egde"]);
    expect(judged.map(({ listener, verdict }) => [listener, verdict])).toEqual([
      ["edge", "served"],
      ["egde", "nothing"],
    ]);
  });

  it("is found under its name with underscores, only where a proxy writes names so", () => {
    const spelt = said({ ...good, listener: "my_edge" });
    const judged = (isExact: boolean) => judge({ ...spelt, isExact }, wanted, ["my-edge"])[0]!.verdict;
    expect([judged(false), judged(true)]).toEqual(["served", "nothing"]);
  });
});

describe("a proxy", () => {
  it("without the filter's gauges serves nothing, and one that cannot be read is silent", () => {
    expect(judge(said(), wanted, [])).toMatchObject([{ listener: null, verdict: "nothing" }]);
    expect(silent("x")).toMatchObject({ listener: null, verdict: "silent", what: "x", served: null });
  });

  it("is judged in the order of its listeners' names", () => {
    const names = ["b", "a", "c"].map((listener) => ({ ...good, listener }));
    expect(judge(said(...names), wanted, []).map(({ listener }) => listener)).toEqual(["a", "b", "c"]);
  });
});

it("nothing is served but what every gauge says is", () => {
  const number = fc.oneof(fc.constantFrom(null, 0, 1, 2, 3, 6, 7, 8, DIGEST), fc.maxSafeNat());
  const gauges = fc.record({
    listener: fc.constant("edge"),
    ...{ instances: number, digest: number, generation: number, refused: number },
  });
  fc.assert(
    fc.property(gauges, number, number, (one, instances, given) => {
      const [judged] = judge({ gauges: [one], instances, isExact: true }, wanted, ["edge"], given);
      const should = instances ?? given;
      const isServed =
        one.digest === DIGEST &&
        one.generation === 7 &&
        one.instances !== null &&
        one.instances > 0 &&
        should !== null &&
        one.instances >= should;
      expect(judged!.verdict === "served").toBe(isServed);
    }),
    { numRuns: 2000 },
  );
});
