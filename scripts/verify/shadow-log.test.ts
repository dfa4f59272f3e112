/** A log of a filter in shadow, against what was done. */
import { describe, expect, it } from "vitest";
import { compareShadow } from "./shadow-log.ts";

async function compare(lines: readonly (object | string)[], same: [string, string[]][] = [], more = {}) {
  async function* input() {
    yield Buffer.from(
      lines.map((one) => `${typeof one === "string" ? one : JSON.stringify(one)}\n`).join(""),
    );
  }
  return await compareShadow(input(), "log", {
    shadowField: "shadow",
    presentField: "upstream_cluster",
    same: new Map(same.map(([from, to]) => [from, new Set(to)])),
    ...more,
  });
}

const word = (cluster: string) => `cluster=${cluster};wiki=enwiki;release=r`;
const line = (upstream_cluster: string | null, shadow: string | null) => ({
  ...{ method: "GET", authority: "en.example", path: "/x" },
  ...{ upstream_cluster, shadow },
});

describe("a log of a filter in shadow", () => {
  it("is summed up by where requests went and would go, the most frequent first", async () => {
    const compared = await compare([
      line("a", word("a")),
      line("b", "reply=404"),
      ...Array.from({ length: 7 }, () => line("a", word("b"))),
      line(null, "pass"),
      line("a", `${word("x")};wiki-from=body`),
      line("a", null),
      "",
      "[2026-01-01T00:00:00] starting",
      line("a", "cluster=evil"),
      { shadow: "pass" },
      { shadow: "pass", upstream_cluster: 7 },
    ]);
    const request = "GET en.example/x";
    expect(compared).toEqual({
      ...{ agreed: 1, disagreed: 9, ofBody: 1, silent: 1, unreadable: 4, others: 0 },
      disagreements: [
        { from: "a", to: "b", count: 7, first: [3, 4, 5, 6, 7].map((line) => ({ line, request })) },
        { from: "b", to: "reply=404", count: 1, first: [{ line: 2, request }] },
        { from: "-", to: "pass", count: 1, first: [{ line: 10, request }] },
      ],
      firstUnreadable: [
        { line: 14, error: expect.stringMatching(/^not JSON: /) },
        { line: 15, error: '"cluster=evil" is no word of a filter in shadow' },
        { line: 16, error: expect.stringMatching(/^there is no field "upstream_cluster": /) },
        { line: 17, error: 'the field "upstream_cluster" is no text' },
      ],
    });
  });

  it("may have other names, for fields and for clusters", async () => {
    const lines = [
      { request: { shadow: word("web-group1") }, "up.stream": "today" },
      { request: { shadow: word("web-group2") }, "up.stream": "today" },
      { request: { shadow: "pass" }, "up.stream": "elsewhere" },
      { request: { shadow: word("web-group3") }, "up.stream": "today" },
    ];
    const same: [string, string[]][] = [
      ["today", ["web-group1", "web-group2"]],
      ["elsewhere", ["pass"]],
    ];
    const { agreed, disagreements } = await compare(lines, same, {
      shadowField: "request.shadow",
      presentField: "up.stream",
    });
    expect([agreed, disagreements.map(({ from, to }) => [from, to])]).toEqual([3, [["today", "web-group3"]]]);
  });

  it("that has ever other clusters in it takes bounded memory, and loses no sum", async () => {
    const lines = Array.from({ length: 12_000 }, (_, i) => line(`c${i}`, word("a")));
    const { disagreed, disagreements, others } = await compare(lines);
    expect([disagreed, disagreements.length, others]).toEqual([12_000, 10_000, 2_000]);
  });
});
