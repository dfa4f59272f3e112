/** What the encoder writes, and what it refuses to write. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import * as L from "../../assembly/layout.ts";
import { reference } from "../../test/reference.ts";
import { DATA_IS_ABSENT, WHY_SKIPPED } from "../../test/support/data.ts";
import { FilterReader, loadFarm } from "../../test/support/farms.ts";
import {
  anyPlan,
  bytesOf,
  HELD,
  plainListener,
  plainPlan,
  plainRule,
  routedPlan,
  verdictOn,
} from "../../test/support/plans.ts";
import { requestsFor, wheresFor } from "../../test/support/requests.ts";
import { stringsOf } from "../../test/support/sections.ts";
import type { Plan, Route, Rule } from "../plan.ts";
import { decide } from "../table/decide.ts";
import { Table } from "../table/table.ts";
import { decode } from "./decode.ts";
import { EncodeError, encode } from "./encode.ts";

const SEED = 20261122;

describe("a table", () => {
  it("says what its plan says, whatever the plan", () => {
    fc.assert(
      fc.property(anyPlan, (plan) => {
        const bytes = bytesOf(plan);
        const decoded = decode(bytes);
        expect(decoded).toEqual(plan);
        expect(Buffer.compare(bytesOf(decoded), bytes)).toBe(0);
      }),
      { numRuns: 500, seed: SEED },
    );
  });

  it("gives the answers of the reference, through decoder and filter, whatever the plan", async () => {
    const plans = fc.sample(anyPlan, { numRuns: 120, seed: SEED });
    for (const [i, plan] of plans.entries()) {
      const table = new Table(bytesOf(plan));
      const [filter, expected] = [await FilterReader.on(table), reference(plan)];
      const wheres = wheresFor(plan);
      for (const [n, request] of fc.sample(requestsFor(plan), { numRuns: 60, seed: SEED + i }).entries()) {
        const where = wheres[n % wheres.length]!;
        const told = `plan ${i}, request ${n}: ${JSON.stringify({ request, where })}`;
        const answer = expected(request, where);
        expect(decide(table, request, where).answer, told).toEqual(answer);
        // From outside, a Host that is set to what it is shows as one that stays.
        const isSame = answer.kind === "route" && answer.host === request.authority;
        expect(filter.decide(request, where), told).toEqual(isSame ? { ...answer, host: null } : answer);
      }
    }
  });

  it("may have no hosts, patterns, forms or rules: every host is then unknown", async () => {
    const bytes = bytesOf(plainPlan());
    expect(await verdictOn(bytes)).toBe(null);
    const { answer } = decide(new Table(bytes), { authority: "a.example", target: "/" });
    expect(answer).toEqual({
      kind: "route",
      wiki: null,
      group: null,
      release: "one",
      version: "1.0",
      deployment: "web",
      cluster: "web-one",
      host: null,
      debug: false,
    });
  });

  it("may have no wikis", async () => {
    expect(await verdictOn(bytesOf(plainPlan({ wikis: [] })))).toBe(null);
  });

  it("keeps its digest when names and generation change, and changes it with any content", () => {
    const digest = (plan: Parameters<typeof encode>[0], generation = 1, names: string | null = null) =>
      new Table(encode(plan, { generation, names })).digest;
    const plan = plainPlan();
    expect(digest(plan, 2 ** 32 - 1, '{"a":"b"}')).toBe(digest(plan));
    expect(digest(plan)).toMatch(/^[0-9a-f]{32}$/);
    const others = [
      plainPlan({ wikis: [{ id: "bwiki", release: 0, group: null, installed: true }] }),
      plainPlan({ wikis: [{ id: "awiki", release: 0, group: "g", installed: true }] }),
      plainPlan({ wikis: [{ id: "awiki", release: 0, group: null, installed: false }] }),
      plainPlan({ hosts: [{ host: "a.example", destination: null }] }),
      plainPlan({ clusters: [["web-two"]] }),
      plainPlan({ releases: [{ name: "one", version: "1.1" }] }),
      plainPlan({ emit: [{ kind: "cluster", name: "x-other" }] }),
      plainPlan({ listeners: [plainListener({ name: "edge" })] }),
      plainPlan({ listeners: [plainListener({ trust: "internal" })] }),
      plainPlan({ listeners: [plainListener({ trust: "internal", trustedHops: 1 })] }),
      plainPlan({ listeners: [plainListener({ datacentre: "here" })] }),
      plainPlan({ shareCookie: "id" }),
      plainPlan({ replies: [{ status: 404, body: "no" }] }),
      plainPlan({ jobs: { field: "database", limit: 1, host: "never", ...HELD } }),
      plainPlan({ canonical: { rules: [], exceptions: [{ wiki: "awiki", host: null }] } }),
      routedPlan([plainRule<Route>("pass")]),
      routedPlan([{ ...plainRule<Route>("pass"), debug: true }]),
      routedPlan([{ ...plainRule<Route>({ deployment: 0 }), wiki: "none" }]),
    ];
    expect(new Set([plan, ...others].map((one) => digest(one))).size).toBe(1 + others.length);
  });

  it("has the names in a last section that can be left out", () => {
    const named = new Table(bytesOf(plainPlan(), '{"a":"é"}'));
    expect(new TextDecoder().decode(named.section(L.SECTION_NAMES)!)).toBe('{"a":"é"}');
    expect(named.sections.at(-1)!.name).toBe(L.SECTION_NAMES);
    expect(new Table(bytesOf(plainPlan())).section(L.SECTION_NAMES)).toBe(null);
  });

  it("keeps every generation up to the last", () => {
    for (const generation of [1, 2, 2 ** 31, 2 ** 32 - 1]) {
      expect(new Table(encode(plainPlan(), { generation, names: null })).generation).toBe(generation);
    }
  });

  it.skipIf(DATA_IS_ABSENT)(`of the real farm, stripped, has less than 11,995 bytes${WHY_SKIPPED}`, () => {
    expect(bytesOf(loadFarm("production").plan).length).toBeLessThan(11_995);
  });

  it("has rules, predicates and runs of values once, whoever has them", () => {
    const host = (...values: string[]) => ({ subject: "host", test: "exact", not: false, values }) as const;
    const one: Rule<Route>[] = [
      plainRule<Route>("pass", host("a.example", "b.example")),
      plainRule<Route>({ deployment: 0 }, host("c.example")),
    ];
    const other: Rule<Route>[] = [
      plainRule<Route>({ deployment: 0 }, host("c.example")),
      plainRule<Route>({ deployment: 0 }, host("b.example")),
    ];
    const listener = (name: string, routes: Rule<Route>[]) => plainListener({ name, routes });
    const plan = plainPlan({
      listeners: [
        listener("one", one),
        listener("same", structuredClone(one)),
        listener("begins as the first ends", other),
        listener("a part", one.slice(1)),
      ],
    });
    const table = new Table(bytesOf(plan));
    expect(table.listeners.map(({ routes }) => routes)).toEqual([
      { first: 0, count: 2 },
      { first: 0, count: 2 },
      { first: 1, count: 2 },
      { first: 1, count: 1 },
    ]);
    expect(table.ruleCount).toBe(3);
    const strings = stringsOf(table);
    expect(strings.filter((text) => text.endsWith(".example"))).toEqual([
      "a.example",
      "b.example",
      "c.example",
    ]);
    expect(decode(table)).toEqual(plan);
  });

  it("names the headers that it is decided by, and those only", () => {
    const headers = (parts: Parameters<typeof plainPlan>[0]) => new Table(bytesOf(plainPlan(parts))).headers;
    const routes = (...when: Rule["when"]) => [
      plainListener({ routes: [plainRule<Route>("pass", ...when)] }),
    ];
    const reads = (readOnly: number) => [plainListener({ reads: [plainRule({ readOnly })] })];
    const header = { subject: "header", test: "present", not: false, name: "x-debug" } as const;
    expect(headers({})).toEqual(["x-cluster"]);
    expect(headers({ listeners: routes(header, { ...header, name: "x-cluster" }) })).toEqual([
      "x-cluster",
      "x-debug",
    ]);
    expect(headers({ listeners: routes({ ...header, subject: "cookie" }) })).toEqual(["x-cluster", "cookie"]);
    expect(headers({ listeners: routes({ ...header, subject: "query" }) })).toEqual(["x-cluster"]);
    expect(headers({ shareCookie: "id" })).toEqual(["x-cluster", "cookie"]);
    expect(headers({ listeners: reads(L.SHARE_WHOLE) })).toEqual(["x-cluster"]);
    expect(headers({ listeners: reads(L.SHARE_WHOLE - 1) })).toEqual(["x-cluster", "x-forwarded-for"]);
    expect(headers({ listeners: reads(1) })).toEqual(["x-cluster", "x-forwarded-for"]);
    expect(headers({ listeners: reads(0) })).toEqual(["x-cluster"]);
  });

  it("is not made where an exception is about a wiki or a host that is not in it", () => {
    const exceptions = (wiki: string, host: string) => ({ rules: [], exceptions: [{ wiki, host }] });
    const refused = (key: string) =>
      `"${key}" stands in an exception from a wiki to its host, and nowhere else`;
    expect(() => bytesOf(plainPlan({ canonical: exceptions("awiki", "a.example") }))).toThrow(
      refused("a.example"),
    );
    expect(() => bytesOf(plainPlan({ canonical: exceptions("bwiki", "a.example") }))).toThrow(
      refused("bwiki"),
    );
  });

  const jobs = { field: "database", limit: 1, host: "never", ...HELD } as const;
  const wiki = { id: "awiki", release: 0, group: null, installed: true };
  const form = {
    ...{ target: false, segments: [null], closed: false, parts: [0] },
    ...{ dashes: false, lower: false, replacements: [] },
  };
  const host = (...values: string[]) => ({ subject: "host", test: "exact", not: false, values }) as const;
  const share = { subject: "client", test: "share", not: false, salt: "s", share: 1 } as const;
  const option = { subject: "header", test: "option", not: false, name: "x", option: "o" } as const;
  const deployments = (...readOnly: (number | null)[]) => ({
    deployments: readOnly.map((one, i) => ({ name: `d${i}`, readOnly: one })),
    clusters: readOnly.map((_, i) => [`d${i}-one`]),
  });
  it.each<[string, Partial<Plan> | Rule<Route>]>([
    ["holds fewer bytes than one body may have", { jobs: { ...jobs, limit: 2, heldBytes: 1 } }],
    ["holds no job", { jobs: { ...jobs, heldStreams: 0 } }],
    ["holds no job", { jobs: { ...jobs, heldSeconds: 0 } }],
    ["has no proper status", { replies: [{ status: 399, body: "" }] }],
    ["has no proper status", { replies: [{ status: 600, body: "" }] }],
    ["has no such default release", { defaultRelease: 1 }],
    ["has no outcome for", { wikiless: { ...plainPlan().wikiless, missing: { release: 1 } } }],
    ["has no outcome for", { wikiless: { ...plainPlan().wikiless, unknownHost: { reply: 0 } } }],
    ["placement 0 has no release", { wikis: [{ ...wiki, release: 1 }] }],
    ["form 0 makes no sense", { paths: [{ ...form, segments: [] }] }],
    ["form 0 makes no sense", { paths: [{ ...form, parts: [] }] }],
    ["form 0 makes no sense", { paths: [{ ...form, parts: [1] }] }],
    ["path form 0: there is none", { hosts: [{ host: "a", destination: { path: 0 } }] }],
    ["path form 7: there is none", { hosts: [{ host: "a", destination: { path: 7, else: 0 } }] }],
    ["a host of wiki 9", { paths: [form], hosts: [{ host: "a", destination: { path: 0, else: 9 } }] }],
    ["a host of wiki 1", { patterns: [{ kind: "fixed", suffix: ".a", destination: { wiki: 1 } }] }],
    [
      "path form 0: there is none",
      { patterns: [{ kind: "family", prefix: "", suffix: ".org", dashes: false, path: 0 }] },
    ],
    ["has no labels", { rewrites: [{ kind: "suffix", prefix: "", labels: 0, from: ".a", to: ".b" }] }],
    ["65536 is no number", { rewrites: [{ kind: "suffix", prefix: "", labels: 65536, from: ".", to: "." }] }],
    [
      "comes after a suffix entry",
      {
        rewrites: [
          { kind: "suffix", prefix: "", labels: 1, from: ".a", to: ".b" },
          { kind: "path", from: "a", under: "" },
        ],
      },
    ],
    ["has no proper read-only deployment", deployments(2, null)],
    ["has no proper read-only deployment", deployments(1, 0)],
    ["header 0 has no proper name", { emit: [{ kind: "cluster", name: "X-Cluster" }] }],
    ["has no proper name", { emit: [{ kind: "cluster", name: "transfer-encoding" }] }],
    ["has no header for the cluster", { emit: [] }],
    ["is not in HDRS, or occurs twice", { emit: [...plainPlan().emit, { kind: "wiki", name: "x-cluster" }] }],
    ["occurs twice", { emit: [...plainPlan().emit, { kind: "cluster", name: "x-b" }] }],
    ["has an unknown outcome", plainRule<Route>({ deployment: 1 })],
    ["has an unknown outcome", plainRule<Route>({ reply: 0 })],
    ["has flags that make no sense", { ...plainRule<Route>("pass"), wiki: "none" }],
    ["reads bodies, and JOBS names no field", { ...plainRule<Route>({ deployment: 0 }), wiki: "body" }],
    ["has too few values", plainRule<Route>("pass", host())],
    ["has too few values", plainRule<Route>("pass", { ...option, values: [] })],
    ["has no proper name", plainRule<Route>("pass", { ...option, name: "X", values: ["v"] })],
    ["has a share of more than all", plainRule<Route>("pass", { ...share, share: L.SHARE_WHOLE + 1 })],
    ["0.5 is no number", plainRule<Route>("pass", { ...share, share: 0.5 })],
    ["-1 is no number", plainRule<Route>("pass", { ...share, share: -1 })],
    ["has an unknown outcome", { listeners: [plainListener({ reads: [plainRule({ readOnly: 10_001 })] })] }],
    ["has rules of a kind", { listeners: [plainListener({ reads: [plainRule({ release: 0 } as never)] })] }],
    ["has no listener", { listeners: [] }],
    ["has no name of its own", { listeners: [plainListener({ name: "a" }), plainListener({ name: "a" })] }],
    ["has no name of its own", { listeners: [plainListener(), plainListener({ name: "a" })] }],
    ["has no name of its own", { listeners: [plainListener({ name: "" })] }],
    ["has no such deployment", { listeners: [plainListener({ deployment: 1 })] }],
    ["is an edge and trusts hops", { listeners: [plainListener({ trustedHops: 1 })] }],
    ["has no proper name of the share's cookie", { shareCookie: "" }],
    ["is out of bounds", { canonical: { rules: [], exceptions: [{ wiki: "awiki", host: 70_000 }] } }],
    [
      "is out of order",
      { canonical: { rules: [], exceptions: [null, null].map((host) => ({ wiki: "awiki", host })) } },
    ],
  ])("is not made where no reader would take it: %s", (why, wrong) => {
    const make = () => bytesOf("when" in wrong ? routedPlan([wrong]) : plainPlan(wrong));
    expect(make).toThrow(EncodeError);
    expect(make).toThrow(why);
  });

  it("is not made where a host is of a wiki that is not in it", () => {
    const hosts = [{ host: "a.example", destination: { wiki: 1 } }];
    expect(() => bytesOf(plainPlan({ hosts }))).toThrow("a host of wiki 1: there is none of that number");
  });

  it("of a farm with 100,000 hosts of its own is the same format, and finds each of them", () => {
    const ids = Array.from({ length: 100_000 }, (_, i) => `w${i}`).sort();
    const plan = plainPlan({
      wikis: ids.map((id, i) => ({ id, release: 0, group: i % 2 ? "odd" : "even", installed: true })),
      hosts: ids
        .map((id, wiki) => ({ host: `${id.slice(1)}.example.com`, destination: { wiki } }))
        .sort((a, b) => (a.host < b.host ? -1 : 1)),
    });
    const table = new Table(bytesOf(plan));
    const wikiOf = (host: string) => {
      const { answer } = decide(table, { authority: host, target: "/" });
      if (answer.kind !== "route") throw new Error(`${host} goes nowhere`);
      return answer.wiki;
    };
    for (const { host, destination } of plan.hosts) {
      const wiki = wikiOf(host);
      if (wiki !== ids[(destination as { wiki: number }).wiki]) throw new Error(`${host}: ${wiki}`);
    }
    expect(wikiOf("100000.example.com")).toBe(null);
    expect(table.find(table.wikis, "w100000")).toBe(-1);
  });
});
