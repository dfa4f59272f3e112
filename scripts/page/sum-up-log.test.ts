/** A log by one table and by two, within bounds. */
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { envoy140 } from "../../host-sim/index.ts";
import { compileFarm } from "../../test/support/farm-text.ts";
import { loadFarm, tableOf } from "../../test/support/farms.ts";
import { bytesOf } from "../../test/support/plans.ts";
import { filter } from "../filter.ts";
import { replayer } from "../simulate/replay.ts";
import { BOUNDS, sumUpLog } from "./sum-up-log.ts";

const plugin = { wasm: filter, profile: envoy140, rootId: "", header: "", where: {}, log: () => {} };
const now = await replayer({ ...plugin, configuration: tableOf(loadFarm("small").plan).bytes });
const others = await replayer({ ...plugin, configuration: bytesOf(compileFarm({}).plan) });

const asked = (host: string, path = "/") =>
  `1.2.3.4 - - [26/Nov/2026:14:00:00 +0000] "GET http://${host}${path} HTTP/1.1" 200`;
const options = { host: null, now, other: null, pause: async () => {} };
const sumUp = (text: string | Uint8Array<ArrayBuffer>, more: Partial<Parameters<typeof sumUpLog>[2]> = {}) =>
  sumUpLog(new Blob([text]), "a.log", { ...options, ...more });

describe("a log on the page", () => {
  it("is summed up as simulate does: clusters, rules, hosts without a wiki, bad lines, lines without a request", async () => {
    const lines = [
      asked("de.wikipedia.org"),
      asked("en.wikipedia.org", "/w/api.php"),
      asked("x.example"),
      JSON.stringify({ authority: "de.wikipedia.org", path: "/", method: "GET" }),
      "no request at all",
      asked("x").replace(/"GET.*1"/, '"-"'),
    ];
    for (const text of [lines.join("\n"), new Uint8Array(gzipSync(lines.join("\n")))]) {
      const { summary, changes, lines, isCut } = await sumUp(text);
      expect(summary.toJSON()).toMatchObject({
        requests: 4,
        badLines: 1,
        firstBadLines: [
          { line: 5, error: "the line is neither JSON nor an access-log line of a known form" },
        ],
        withoutRequest: 1,
        clusters: { "mw-web-1-47-0-wmf-1": 3, "mw-api-1-47-0-wmf-1": 1 },
        hostsWithoutWiki: { "x.example": 1 },
      });
      expect({ changes, lines, isCut }).toEqual({ changes: null, lines: 6, isCut: false });
    }
  });

  it("tells what another table changes, the most frequent first, with the first request of each", async () => {
    const text = [asked("localhost"), asked("de.wikipedia.org"), asked("en.wikipedia.org", "/a")].join("\n");
    expect((await sumUp(text, { other: now })).changes).toEqual([]);
    const { changes } = await sumUp(text, { other: others });
    expect(changes!.map(({ what, count, first }) => [what, count, first.line, first.question.path])).toEqual([
      ["mw-web-1-47-0-wmf-1 → web-one", 2, 2, "/"],
      ["(none: passed through) → web-one", 1, 1, "/"],
    ]);
  });

  it("reads no more than so many lines and bytes, and no line that is longer", async () => {
    const bounds = { ...BOUNDS, lines: 3, bytes: 1000, longestLine: 500 };
    const line = `${asked("de.wikipedia.org")}\n`;
    expect(await sumUp(line.repeat(3), { bounds })).toMatchObject({ lines: 3, isCut: false });
    expect(await sumUp(line.repeat(4), { bounds })).toMatchObject({ lines: 3, isCut: true });
    const long = asked("de.wikipedia.org", `/${"x".repeat(330)}`);
    const cut = await sumUp(`${long}\n${long}\n${long}\n`, { bounds });
    expect(cut).toMatchObject({ lines: 2, isCut: true, summary: { requests: 2, badLines: 0 } });
    await expect(sumUp("x".repeat(900), { bounds })).rejects.toThrow(/^a\.log:1: no line ends within/);
    const bomb = new Uint8Array(gzipSync(line.repeat(100_000)));
    expect(await sumUp(bomb, { bounds: { ...bounds, lines: 1000 } })).toMatchObject({
      lines: Math.floor(1000 / line.length),
      isCut: true,
    });
  });

  it("lets the page do something else between slices, and ends where nobody wants the answer", async () => {
    let pauses = 0;
    const pause = async () => {
      if (++pauses === 3) throw new Error("not wanted");
    };
    const text = `${asked("de.wikipedia.org")}\n`.repeat(10);
    await expect(sumUp(text, { pause, bounds: { ...BOUNDS, sliceMs: 0 } })).rejects.toThrow("not wanted");
    expect(pauses).toBe(3);
  });
});
