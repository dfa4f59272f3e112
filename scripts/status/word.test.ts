/** What a report of a node says, held against what is wanted now. */
import { describe, expect, it } from "vitest";
import type { Report } from "../store/store.ts";
import { parseProxy, reportedAs } from "./proxies.ts";
import { hearAll, judgeWord } from "./word.ts";

const DIGEST = "0123456789abcdef0123456789abcdef";
const WANTED = { generation: 7, digest: DIGEST };
const WHEN = "2026-12-01T00:00:00.000Z";
const SERVED = {
  listener: "main",
  generation: 7,
  digest: DIGEST.slice(0, 12),
  verdict: "served",
  what: "3 of 3",
};
const report = (...listeners: Partial<Report["listeners"][number]>[]): Report => ({
  node: "cp1",
  when: WHEN,
  listeners: listeners.map((one) => ({ ...SERVED, ...one })),
});

describe("a report", () => {
  it.each([
    ["of what is wanted", {}, "served"],
    ["of the generation before, which was right then", { generation: 6 }, "behind"],
    ["of a generation that is none of ours", { generation: 8, verdict: "served" }, "ahead"],
    ["of another content", { digest: "ffffffffffff" }, "other"],
    ["that is written and not proven", { digest: DIGEST, verdict: "unsure" }, "unsure"],
    ["of workers that differ", { digest: null, verdict: "mixed" }, "mixed"],
    ["of too few workers", { verdict: "short" }, "short"],
    ["that was behind something else", { verdict: "behind" }, "unsure"],
    ["of a proxy that is silent", { generation: null, digest: null, verdict: "silent" }, "silent"],
    ["with a word that nobody knows", { verdict: "splendid" }, "unsure"],
  ])("%s", (_, change, verdict) => {
    const [one, ...others] = judgeWord(report(change), WANTED, [], null);
    expect(one).toMatchObject({ listener: "main", verdict, what: `3 of 3, as it reported ${WHEN}` });
    expect(others).toEqual([]);
  });

  it("without a listener that is expected is against it", () => {
    expect(judgeWord(report({}), WANTED, ["main", "mesh"], null)).toMatchObject([
      { listener: "main", verdict: "served" },
      { listener: "mesh", verdict: "nothing", what: `not in its report of ${WHEN}` },
    ]);
  });

  it("that is over leaves its node silent", async () => {
    const nodes = [reportedAs("cp1"), reportedAs("cp 2")];
    const words = await hearAll(nodes, 1000, async () => [report({})]);
    expect(words).toEqual([report({}), expect.stringContaining("no report: it is over")]);
    expect(judgeWord(words[1]!, WANTED, ["main"], null)).toMatchObject([
      { listener: null, verdict: "silent" },
    ]);
  });

  it("is asked for only where it is needed", async () => {
    const asked = parseProxy("http://127.0.0.1:1");
    const words = await hearAll([asked as never], 1000, () => Promise.reject(new Error("not needed")));
    expect(words).toEqual([expect.stringContaining("it does not answer")]);
  });
});

describe("a line of such a proxy", () => {
  it("names its node, and may say its listeners, cluster and place", () => {
    expect(parseProxy("report:cp1.example main cluster=edge locality=eu/x")).toMatchObject({
      name: "report:cp1.example",
      node: { id: "cp1.example", cluster: "edge", locality: "eu/x" },
      admin: null,
      listeners: ["main"],
    });
    expect(parseProxy("report:a%b:c")).toMatchObject({ node: { id: "a%b:c" } });
    expect(parseProxy("report:cp1 node=cp2")).toBe("`report:cp1` names the node: leave out node=");
    expect(parseProxy("report:")).toContain("is no proxy");
  });
});
