/**
 * Every test that a rule may put to a request, once: a new one that is half done fails here or does not compile. The
 * filter with its prefilter, the decoder, the reference, farm.yaml, the generator of the properties and the benchmark's
 * Lua are asked about each.
 */
import fc from "fast-check";
import { beforeAll, describe, expect, it, test } from "vitest";
import { testsOf } from "../assembly/check.ts";
import * as L from "../assembly/layout.ts";
import { Predicates } from "../bench/lua-predicates.ts";
import type { Predicate, Route } from "../scripts/plan.ts";
import { decide } from "../scripts/table/decide.ts";
import type { Request } from "../scripts/table/request.ts";
import { Table } from "../scripts/table/table.ts";
import { nameOf, SUBJECTS, TESTS } from "../scripts/table/wire.ts";
import { reference } from "./reference.ts";
import { code, readDoc, rows } from "./support/documents.ts";
import { compileFarm } from "./support/farm-text.ts";
import { FilterReader } from "./support/farms.ts";
import { anyPredicate, bytesOf, plainRule, routedPlan } from "./support/plans.ts";

/** `host exact`, `path under`, … */
type Kind<P = Predicate> = P extends { subject: infer S extends string; test: infer T extends string }
  ? `${S} ${T}`
  : never;

/** No rule of farm.yaml says it: what passes through anyway, what `debug` says, and what no farm has asked for. */
type NotInRules = "host address" | "header option" | "method prefix";

interface Example<In = Kind> {
  predicate: Record<string, unknown>;
  /** The same as farm.yaml has it. */
  farm: In extends NotInRules ? null : string;
  /** Requests for which it holds, and for which it does not. */
  holds: Partial<Request>[];
  fails: Partial<Request>[];
}

const header = (value: string) => ({ headers: [["x-a", value]] as const });
const cookie = (value: string) => ({ headers: [["cookie", value]] as const });
const from = (client: string) => ({ client });
const target = (value: string) => ({ target: value });

const EXAMPLES = {
  "host exact": {
    predicate: { values: ["a.example"] },
    farm: "host: a.example",
    holds: [{ authority: "A.example:80" }],
    fails: [{ authority: "b.a.example" }, { authority: "a.exampl" }],
  },
  "host suffix": {
    predicate: { values: [".a.example"] },
    farm: "host: '*.a.example'",
    holds: [{ authority: "b.a.example" }],
    fails: [{ authority: "a.example" }, { authority: ".a.example.b" }],
  },
  "host address": {
    predicate: {},
    farm: null,
    holds: [{ authority: "10.0.0.1:80" }, { authority: null }],
    fails: [{ authority: "a.example" }],
  },
  "path exact": {
    predicate: { values: ["/a/long/path.php"] },
    farm: "path: /a/long/path.php",
    holds: [target("/a/long/path.php?x"), target("//a/./long/p%61th.php")],
    fails: [target("/a/long/path.phpx"), target("/a/long/path.ph"), target("/a/long/path.php/")],
  },
  "path prefix": {
    predicate: { values: ["/static/a"] },
    farm: "path: { prefix: /static/a }",
    holds: [target("/static/a"), target("/static/abc")],
    fails: [target("/static/"), target("/x/static/a")],
  },
  "path under": {
    predicate: { values: ["/w/api.php"] },
    farm: "path: { under: /w/api.php }",
    holds: [target("/w/api.php"), target("/w/api.php/x?y")],
    fails: [target("/w/api.phpx"), target("/w/api")],
  },
  "path suffix": {
    predicate: { values: [".php", "/a"] },
    farm: "path: { suffix: [.php, /a] }",
    holds: [target("/w/x.php?a"), target("/.ph%70"), target("/a"), target("/b/./a")],
    fails: [target("/x.php/"), target("/php"), target("/aa"), target("/?.php")],
  },
  "path contains": {
    predicate: { values: ["/b/", "x=1"] },
    farm: "path: { contains: [/b/, x=1] }",
    holds: [target("/b/"), target("/a//b/c"), target("/a/yx=1"), target("/a=x%3D1=")],
    fails: [target("/a/b"), target("/a?/b/"), target("/x=2=1"), target("/a?x=1")],
  },
  "method exact": {
    predicate: { values: ["PATCH"] },
    farm: "method: PATCH",
    holds: [{ method: "PATCH" }],
    fails: [{ method: "PATCHES" }, { method: "GET" }],
  },
  "method prefix": {
    predicate: { values: ["PRO"] },
    farm: null,
    holds: [{ method: "PROPFIND" }],
    fails: [{ method: "PR" }, { method: "GET" }],
  },
  "header exact": {
    predicate: { name: "x-a", values: ["yes"] },
    farm: "header: { x-a: 'yes' }",
    holds: [header("yes")],
    fails: [header("yes "), header("ye"), {}],
  },
  "header prefix": {
    predicate: { name: "x-a", values: ["ye"] },
    farm: "header: { x-a: { prefix: ye } }",
    holds: [header("yes"), header("ye")],
    fails: [header("y"), header("ayes"), {}],
  },
  "header contains": {
    predicate: { name: "x-a", values: ["=b"] },
    farm: "header: { x-a: { contains: '=b' } }",
    holds: [header("a=b"), header("=bc")],
    fails: [header("a=c"), header("b="), {}],
  },
  "header present": {
    predicate: { name: "x-a" },
    farm: "header: { x-a: { present: true } }",
    holds: [header(""), header("x")],
    fails: [{}, { headers: [["x-b", "x"]] }],
  },
  "header option": {
    predicate: { name: "x-a", option: "backend", values: ["next"] },
    farm: null,
    holds: [header("backend=next; log"), header("next")],
    fails: [header("backend=other"), header("log; next"), {}],
  },
  "cookie exact": {
    predicate: { name: "a", values: ["1"] },
    farm: "cookie: { a: '1' }",
    holds: [cookie("b=2; a=1")],
    fails: [cookie("a=11"), cookie("aa=1"), {}],
  },
  "cookie prefix": {
    predicate: { name: "a", values: ["1"] },
    farm: "cookie: { a: { prefix: '1' } }",
    holds: [cookie("b=2; a=12")],
    fails: [cookie("a=21"), {}],
  },
  "cookie present": {
    predicate: { name: "a" },
    farm: "cookie: { a: { present: true } }",
    holds: [cookie("a=")],
    fails: [cookie("b=a"), {}],
  },
  "query exact": {
    predicate: { name: "action", values: ["raw"] },
    farm: "query: { action: raw }",
    holds: [target("/?x&action=r%61w"), target("/?+action[]=raw"), target("/?action%00=raw")],
    fails: [target("/?action=rawx"), target("/?xaction=raw"), target("/action=raw")],
  },
  "query prefix": {
    predicate: { name: "action", values: ["ra"] },
    farm: "query: { action: { prefix: ra } }",
    holds: [target("/?action=raw")],
    fails: [target("/?action=r"), target("/")],
  },
  "query present": {
    predicate: { name: "action" },
    farm: "query: { action: { present: true } }",
    holds: [target("/?action"), target("/?%61ction="), target("/?action[x")],
    fails: [target("/?actions"), target("/action")],
  },
  "client prefix": {
    predicate: { values: ["40a", "4c000020", "4c000021", "620010db8"] },
    farm: "client: [10.0.0.0/8, 192.0.2.0/27, '2001:db8::/32']",
    holds: ["10.1.2.3", "192.0.2.31", "::ffff:10.0.0.1", "2001:db8::1"].map(from),
    fails: ["11.0.0.1", "192.0.2.32", "::a", "2001:db9::", "", "10.1"].map(from),
  },
  "client share": {
    predicate: { salt: "api", share: 2500 },
    farm: "share: 0.25, share-by: client-address",
    holds: ["10.0.0.5", "2001:db8::1"].map(from),
    fails: ["10.0.0.1"].map(from),
  },
  "cookie share": {
    predicate: { name: "a", salt: "api", share: 2500 },
    farm: "share: 0.25, share-by: { cookie: a }",
    holds: [cookie("b=a; a=d; a=a"), { ...cookie("a=; a=a"), ...from("10.0.0.5") }, from("10.0.0.5")],
    fails: [{ ...cookie("a=a; a=d"), ...from("10.0.0.5") }, from("10.0.0.1"), {}],
  },
  "header share": {
    predicate: { name: "x-a", salt: "api", share: 2500 },
    farm: "share: 0.25, share-by: { header: x-a }",
    holds: [header("d"), { ...header(""), ...from("10.0.0.5") }, from("10.0.0.5")],
    fails: [{ ...header("a"), ...from("10.0.0.5") }, from("10.0.0.1"), {}],
  },
} satisfies { [K in Kind]: Example<K> };

const all = Object.entries(EXAMPLES).map(([kind, example]) => {
  const [subject, test] = kind.split(" ");
  const predicate = { not: false, subject, test, ...example.predicate } as Predicate;
  return { kind, ...(example as Example), predicate };
});

test("each test that the layout knows has an example, and no other", () => {
  const known = Object.values(SUBJECTS).flatMap((subject) =>
    Array.from({ length: 32 }, (_, test) => test)
      .filter((test) => testsOf(subject) & (1 << test))
      .map((test) => `${nameOf(SUBJECTS, subject)} ${nameOf(TESTS, test)}`),
  );
  expect([...known].sort()).toEqual(Object.keys(EXAMPLES).sort());
  const ofLayout = (prefix: string) => Object.keys(L).filter((name) => name.startsWith(prefix)).length;
  expect(Object.keys(SUBJECTS).length).toBe(ofLayout("SUBJECT_"));
  expect(Object.keys(TESTS).length).toBe(ofLayout("TEST_") - 1); // TEST_NOT is none
});

/** Of each test the subjects that it may look at: `path`, `header`, … */
function subjectsByTest(of: readonly { predicate: Predicate }[]): Record<string, string[]> {
  const found: Record<string, string[]> = {};
  for (const { predicate } of of) {
    found[predicate.test] = [...(found[predicate.test] ?? []), predicate.subject].sort();
  }
  return found;
}

/** The same as a table of a document has it, whose rows `testOf` reads; null: a row of no test. */
function subjectsInTable(
  table: readonly Record<string, string>[],
  testOf: (row: Record<string, string>) => string | null,
): Record<string, string[]> {
  const found: Record<string, string[]> = {};
  for (const row of table) {
    const test = testOf(row);
    if (test === null) continue;
    expect(found, `${test} has two rows`).not.toHaveProperty(test);
    const [, everyone, but] = /^(all)(?: but (.*))?$/.exec(row.of!) ?? [];
    const left = but?.split(", ") ?? [];
    const subjects = everyone
      ? Object.keys(SUBJECTS).filter((subject) => !left.includes(subject))
      : row.of!.split(", ");
    found[test] = subjects.sort();
  }
  return found;
}

test("docs/table-format.md says of which subjects each test may be", () => {
  const table = rows(readDoc("table-format.md"), "constant", "of", "holds if the text");
  const numbers = Object.entries(L);
  const testOf = ({ constant = "" }: Record<string, string>) => {
    const [, number] = numbers.find(([name]) => name === code(constant)) ?? [];
    return number === L.TEST_NOT ? null : nameOf(TESTS, Number(number));
  };
  expect(subjectsInTable(table, testOf)).toEqual(subjectsByTest(all));
});

test("docs/farm.md says of what each test of a rule may be", () => {
  const table = rows(readDoc("farm.md"), "test", "of", "holds for");
  const testOf = (row: Record<string, string>) =>
    row.test === "text" ? "exact" : /^`\{ (\w+): \S+ \}`$/.exec(row.test!)![1]!;
  // Of hosts, methods, clients and shares the keys themselves say it, in the table before.
  const said = all.filter(
    ({ farm, predicate: { subject, test } }) =>
      farm !== null && !/host|method|client/.test(subject) && test !== "share",
  );
  expect(subjectsInTable(table, testOf)).toEqual(subjectsByTest(said));
});

describe.each(all)("$kind", ({ kind, predicate, farm, holds, fails }) => {
  const route = plainRule<Route>("pass", predicate);
  const plan = routedPlan([route]);
  const table = new Table(bytesOf(plan));
  const asked = [
    ...holds.map((request) => ({ request, expected: true })),
    ...fails.map((request) => ({ request, expected: false })),
  ];
  let filter: FilterReader;
  beforeAll(async () => {
    filter = await FilterReader.on(table);
  });

  it("is decided alike by filter, decoder and reference", () => {
    const naive = reference(plan);
    for (const { request, expected } of asked) {
      const whole: Request = { authority: "other.example", target: "/", ...request };
      const answers = [filter.decide(whole), decide(table, whole).answer, naive(whole)];
      expect(
        answers.map((answer) => answer.kind === "pass"),
        JSON.stringify(whole),
      ).toEqual([expected, expected, expected]);
    }
  });

  it("is read from the table as it was written", () => {
    expect(table.rule(0).when).toEqual([predicate]);
  });

  const listeners = "{ edge: { trust: edge, allow-headers: [x-a] } }";
  const itIsSaid = farm === null ? () => {} : it;
  itIsSaid("is said in farm.yaml", () => {
    const deployments = `{ default: web, rules: [{ ${farm}, deployment: api }] }`;
    const { plan } = compileFarm({ deployments, listeners });
    expect(plan.listeners[0]!.routes.map(({ when }) => when)).toContainEqual([predicate]);
  });

  it("is made by the generator of the properties", () => {
    const made = fc.sample(anyPredicate, { numRuns: 2_000, seed: 1 });
    expect(made.some(({ subject, test }) => `${subject} ${test}` === kind)).toBe(true);
  });

  it("is a condition in the benchmark's Lua", () => {
    expect(new Predicates().all([predicate])).not.toMatch(/undefined|^$/);
  });
});
