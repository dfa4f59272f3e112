/** What answers show: each kind is another thing. */
import { describe, expect, it } from "vitest";
import { type Answered, outcomeOf } from "./outcome.ts";
import { type Places, parsePlace } from "./places.ts";
import type { Probe } from "./probes.ts";

const PROBE: Probe = {
  ...{ host: "en.example", path: "/", wiki: "enwiki", group: "group1", deployment: "web" },
  ...{ release: "group1", version: "1.47.0-wmf.1", cluster: "web-group1", isOfShare: false },
};
const JSON_PLACES: Places = {
  wiki: parsePlace("json:dbname")!,
  version: parsePlace("json:query.general.generator")!,
  cluster: parsePlace("header:x-served-by")!,
};
const said = (dbname: string, generator: string) =>
  JSON.stringify({ dbname, query: { general: { generator } } });
const GOOD: Answered = {
  status: 200,
  headers: { "x-served-by": "web-group1" },
  body: said("enwiki", "MediaWiki 1.47.0-wmf.1"),
};

describe("an answer", () => {
  const cases: [kind: string, change: Partial<Answered>, what: string][] = [
    ["right", {}, "right"],
    ["right", { body: said("enwiki", "php-1.47.0-wmf.1") }, "right"],
    ["right", { headers: { ...GOOD.headers, age: "0", "x-cache-status": "miss" } }, "right"],
    [
      "version",
      { body: said("enwiki", "1.47.0-wmf.2") },
      "version 1.47.0-wmf.2 answers, and the table says 1.47.0-wmf.1",
    ],
    ["wiki", { body: said("dewiki", "1.47.0-wmf.2") }, "wiki dewiki answers, and the table says enwiki"],
    ["cluster", { headers: { "x-served-by": "api" } }, "cluster api answers, and the table says web-group1"],
    ["server-error", { status: 503, body: "\nno healthy upstream\nx" }, "status 503: no healthy upstream"],
    ["client-error", { status: 404, body: "" }, "status 404"],
    [
      "redirect",
      { status: 301, headers: { location: "https://en.example/" } },
      "status 301, to https://en.example/",
    ],
    [
      "cached",
      { headers: { ...GOOD.headers, age: "12" } },
      "a cache answered (age: 12), which shows nothing",
    ],
    [
      "cached",
      { headers: { "x-cache": "cp1 miss, cp2 hit/5" } },
      "a cache answered (x-cache: cp1 miss, cp2 hit/5), which shows nothing",
    ],
    ["unreadable", { body: "<html>" }, "the answer does not say its wiki: dbname of the JSON is not there"],
    [
      "unreadable",
      { body: JSON.stringify({ dbname: "enwiki", query: [] }) },
      "the answer does not say its version: query.general.generator of the JSON is not there",
    ],
    [
      "unreadable",
      { headers: {} },
      "the answer does not say its cluster: the header x-served-by is not there",
    ],
  ];
  for (const [kind, change, what] of cases) {
    it(`is ${kind}: ${what}`, () => {
      expect(outcomeOf(PROBE, { ...GOOD, ...change }, JSON_PLACES)).toEqual({ kind, what });
    });
  }

  it("of a share of the requests may come from another cluster, and from no other version", () => {
    const ofShare = { ...PROBE, isOfShare: true };
    const other = { ...GOOD, headers: { "x-served-by": "canary-group1" } };
    expect(outcomeOf(ofShare, other, JSON_PLACES).kind).toBe("right");
    expect(outcomeOf(ofShare, { ...other, body: said("enwiki", "2") }, JSON_PLACES).kind).toBe("version");
  });

  it("that is long or has lines of its own stays on one line", () => {
    const of = (change: Partial<Answered>) => outcomeOf(PROBE, { ...GOOD, ...change }, JSON_PLACES).what;
    const cut = `${"x".repeat(200)}…`;
    expect(of({ body: said("enwiki", "2\n9 wikis: all right") })).toBe(
      "version 2\\u000a9 wikis: all right answers, and the table says 1.47.0-wmf.1",
    );
    expect(of({ body: said("x".repeat(3000), "2") })).toBe(`wiki ${cut} answers, and the table says enwiki`);
    expect(of({ status: 302, headers: { location: "x".repeat(3000) } })).toBe(`status 302, to ${cut}`);
    expect(of({ status: 500, body: "a\rb" })).toBe("status 500: a\\u000db");
  });

  it("says nothing by a name that every object has", () => {
    const places = { ...JSON_PLACES, wiki: parsePlace("json:constructor.name")! };
    expect(outcomeOf(PROBE, GOOD, places).kind).toBe("unreadable");
  });
});

it("a place is a header's or JSON's, or none", () => {
  expect(parsePlace("none")).toBe("none");
  expect(parsePlace("header:X-Version")).toEqual({ in: "header", name: "x-version" });
  for (const text of ["", "version", "header:", "header:a b", "json:", "json:a..b"])
    expect(parsePlace(text), text).toBe(undefined);
});
