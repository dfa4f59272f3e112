/** What a file says of a fleet, and what is wrong with one that does not. */
import { describe, expect, it } from "vitest";
import type { ServeStatus } from "../serve/http.ts";
import type { Rollout } from "../store/store.ts";
import { type FleetSays, readFleet } from "./fleet-file.ts";

const digest = "0123456789abcdef0123456789abcdef";
const rollout: Rollout = {
  ...{ digest, generation: 2, previous: { digest, generation: 1 }, state: "paused", at: 1, who: "me" },
  ...{ stages: [{ name: "canary" }, { name: "half" }, { name: "all" }], why: "x" },
};

describe("a file of a fleet", () => {
  it("is a store's rollout object: its stages, and how each stands", () => {
    const says = readFleet(JSON.stringify({ revision: 3, rollout, entry: {} })) as FleetSays;
    expect(says.sentences[0]).toBe(`generation 2, paused at half (2 of 3), digest ${digest}`);
    expect(says.stages.map(({ state }) => state)).toEqual(["has it", "paused here", "not yet"]);
    const done = { ...rollout, state: "done" };
    expect((readFleet(JSON.stringify({ rollout: done })) as FleetSays).stages).toEqual(
      ["canary", "half", "all"].map((name) => ({ name, state: "has it" })),
    );
  });

  it("is /status of `serve`: N of M, by the proxies' own word", () => {
    const proxy = (id: string, state: "acknowledged" | "refused", generation: number) => ({
      ...{
        id,
        cluster: "c",
        locality: "",
        peer: "p",
        since: "2026-11-27T00:00:00.000Z",
        listeners: ["edge"],
      },
      ...{ state, why: state === "refused" ? "no such listener" : null, wanted: { generation: 2, digest } },
      reported: { generation, digest },
    });
    const status: ServeStatus = {
      store: { name: "s", trouble: null },
      generation: 2,
      proxies: [proxy("a", "acknowledged", 2), proxy("b", "refused", 1), proxy("c", "acknowledged", 2)],
    };
    const says = readFleet(JSON.stringify(status)) as FleetSays;
    expect(says.sentences[1]).toMatch(/^generation 2 is acknowledged by 2 of 3 proxies;/);
    expect(says.runs).toEqual([
      { what: "generation 2", proxies: 2 },
      { what: "generation 1", proxies: 1 },
    ]);
    expect(says.rows[1]).toEqual([
      ...["b", "edge", "REFUSED"],
      "says that it serves generation 1, is to serve generation 2, no such listener",
    ]);
  });

  it.each([
    ["{", "not JSON: "],
    ["[]", "expected object"],
    ["{}", "it says nothing of a fleet: "],
    ['{"wanted":{},"proxies":[]}', "`wanted.generation`: "],
    [JSON.stringify({ rollout: { ...rollout, at: 3 } }), "`rollout`: `at` must be less"],
    [JSON.stringify({ rollout: { ...rollout, stages: [] } }), "`rollout.stages`: "],
  ])("is none of the three: %s", (text, why) => {
    expect(readFleet(text)).toContain(why);
  });
});
