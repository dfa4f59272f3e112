/** The real host cases through the filter. */
import { beforeAll, describe, expect, it } from "vitest";
import { decide } from "../scripts/table/decide.ts";
import type { Answer, Request } from "../scripts/table/request.ts";
import { reference } from "./reference.ts";
import { DATA, DATA_IS_ABSENT, WHY_SKIPPED } from "./support/data.ts";
import { FilterReader, loadFarm, readTsv, tableOf, wire } from "./support/farms.ts";
import { answerOfHostCase, hostCases } from "./support/host-cases.ts";

type Reader = (request: Request) => Answer;
const READERS = ["the filter", "the decoder", "the reference"] as const;
const REALMS = ["production", "labs"] as const;

describe.skipIf(DATA_IS_ABSENT)(`Multiversion's own answers${WHY_SKIPPED}`, () => {
  const readers = new Map<string, Reader>();
  /** Of production's wikis. */
  const versions = new Map<string, string>();
  const ask = (reader: string, request: Request) => {
    const answer = readers.get(reader)!(request);
    return answer.kind === "route" ? answer : null;
  };

  beforeAll(async () => {
    for (const realm of REALMS) {
      const { plan, farm } = loadFarm(realm);
      if (realm === "production") for (const [wiki, { version }] of farm.wikis) versions.set(wiki, version);
      const table = tableOf(plan);
      const filter = await FilterReader.on(table);
      readers.set(`${realm} the filter`, (request) => filter.decide(request));
      readers.set(`${realm} the decoder`, (request) => decide(table, request).answer);
      readers.set(`${realm} the reference`, reference(plan));
    }
  });

  const rows = DATA_IS_ABSENT ? [] : hostCases();
  const asked = rows.filter((row) => row.leftOut === null);

  it("leaves out only what the proxies never ask the filter", () => {
    const counts: Record<string, number> = {};
    for (const { leftOut } of rows) counts[leftOut ?? "asked"] = (counts[leftOut ?? "asked"] ?? 0) + 1;
    expect(counts).toEqual({
      asked: 5827,
      "a host that ends in a dot": 2,
      "a host that passes through": 1,
    });
  });

  it("differs from PHP alone where Apache puts another name in the host's place first", () => {
    const counts: Record<string, number> = {};
    for (const { renamed, status } of rows) {
      if (renamed === null) continue;
      expect(status).toBe("missing");
      counts[renamed] = (counts[renamed] ?? 0) + 1;
    }
    expect(counts).toEqual({ wikidatawiki: 165, wikifunctionswiki: 178 });
  });

  for (const reader of READERS) {
    it(`${reader} gives each row the wiki, and a release of its version`, () => {
      expect(asked.length).toBeGreaterThan(5000);
      const wrong = asked.flatMap((row) => {
        const request = { authority: wire(row.host), target: wire(row.request_uri) };
        const decision = ask(`${row.realm} ${reader}`, request);
        const expected = answerOfHostCase(row, versions);
        const got = { wiki: decision?.wiki, version: decision?.version, release: decision?.release };
        const right = Object.entries(expected).every(
          ([key, value]) => got[key as keyof typeof got] === value,
        );
        return right ? [] : [{ row, got }];
      });
      expect(wrong.slice(0, 10)).toEqual([]);
    });

    it(`${reader} gives each canonical host its wiki`, () => {
      const hosts = readTsv(`${DATA}/canonical-hosts.tsv`);
      expect(hosts.length).toBe(1072);
      const wrong = hosts.filter(({ wiki, host }) => {
        const decision = ask(`production ${reader}`, { authority: host!, target: "/wiki/Main_Page" });
        return decision?.wiki !== wiki;
      });
      expect(wrong).toEqual([]);
    });
  }
});
