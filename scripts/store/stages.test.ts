/** Which nodes a stage has, and what each is to serve of a rollout. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Node, type Stage, selects, stageOf, versionFor, WHOLE_FLEET } from "./stages.ts";

const node: Node = { id: "edge-7.eqiad", cluster: "edge", locality: "us/eqiad/a" };
const is = (stage: Omit<Stage, "name">, one: Partial<Node> = {}) =>
  selects({ name: "x", ...stage }, { ...node, ...one });

describe("a stage", () => {
  it.each<[Omit<Stage, "name">, boolean]>([
    [{}, true],
    [{ nodes: ["edge-7.eqiad"] }, true],
    [{ nodes: ["edge-7"] }, false],
    [{ nodes: ["edge-*"] }, true],
    [{ nodes: ["*.eqiad"] }, true],
    [{ nodes: ["*-*.*"] }, true],
    [{ nodes: ["edge*edge"] }, false],
    [{ nodes: ["edge-7.eqiad*edge-7.eqiad"] }, false],
    [{ nodes: ["x", "*"] }, true],
    [{ nodes: ["Edge-7.eqiad"] }, false],
    [{ nodes: ["edge.7*"] }, false],
    [{ clusters: ["edge"] }, true],
    [{ clusters: ["mesh"] }, false],
    [{ localities: ["us/eqiad/a"] }, true],
    [{ localities: ["us/eqiad"] }, true],
    [{ localities: ["us"] }, true],
    [{ localities: ["u"] }, false],
    [{ localities: ["*/eqiad"] }, true],
    [{ localities: ["eqiad"] }, false],
    [{ nodes: ["edge-*"], clusters: ["mesh"] }, false],
    [{ percent: 100 }, true],
  ])("%j has the node: %s", (stage, does) => {
    expect(is(stage)).toBe(does);
  });

  it("does not hang on a pattern of many stars", () => {
    expect(is({ nodes: [`${"*a".repeat(127)}b`] }, { id: "a".repeat(250) })).toBe(false);
  });

  it("agrees with a regular expression on every pattern", () => {
    const text = fc.stringMatching(/^[ab.]{0,8}$/);
    const pattern = fc.stringMatching(/^[ab.*]{1,6}$/);
    fc.assert(
      fc.property(pattern, text, (one, id) => {
        const wanted = new RegExp(`^${one.replaceAll(".", "\\.").replaceAll("*", ".*")}$`).test(id);
        expect(is({ nodes: [one] }, { id })).toBe(wanted);
      }),
      { numRuns: 2000 },
    );
  });
});

describe("a share", () => {
  const ids = Array.from({ length: 10_000 }, (_, number) => `node-${number}`);
  const of = (percent: number) => ids.filter((id) => is({ percent }, { id }));

  it("has about so many nodes, and a larger one has all of a smaller one", () => {
    expect(of(10).length / 100).toBeCloseTo(10, 0);
    const larger = new Set(of(25));
    expect(larger.size / 100).toBeCloseTo(25, 0);
    expect(of(10).every((id) => larger.has(id))).toBe(true);
  });

  it("has the same nodes in every release of ours", () => {
    expect(of(0.05)).toEqual(["node-1857", "node-3089", "node-4550", "node-6103", "node-6147", "node-7046"]);
  });
});

describe("of a rollout", () => {
  const previous = { digest: "0".repeat(32), generation: 7 };
  const next = { digest: "1".repeat(32), generation: 8 };
  const stages = [{ name: "canary", nodes: ["canary-*"] }, { name: "half", percent: 50 }, WHOLE_FLEET];
  const fleet = ["canary-1", "a", "b", "c", "d", "e", "f", "g"].map((id) => ({ ...node, id }));

  it("those have the new table whose stage is reached, the others the one before", () => {
    for (const [at] of stages.entries()) {
      for (const one of fleet) {
        const isReached = stageOf({ stages }, one) <= at;
        expect(versionFor({ ...next, previous, stages, at }, one)).toEqual(isReached ? next : previous);
      }
    }
    expect(fleet.map((one) => stageOf({ stages }, one)).sort()).toEqual([0, 1, 1, 1, 1, 1, 2, 2]);
  });

  it("nothing is for those to whom nothing was ever pushed", () => {
    expect(versionFor({ ...next, previous: null, stages, at: 0 }, { ...node, id: "x" })).toBeNull();
  });
});
