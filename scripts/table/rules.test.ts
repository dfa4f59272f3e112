/** Each test of a rule, where it holds and where it does not. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { anyPredicate, bytesOf, plainRule, routedPlan } from "../../test/support/plans.ts";
import type { Predicate, Route } from "../plan.ts";
import { decide } from "./decide.ts";
import type { Request } from "./request.ts";
import { Table } from "./table.ts";

/** Whether a rule of these tests matches, through plan and bytes. */
function holds(when: Predicate[], request: Partial<Request>): boolean {
  const table = new Table(bytesOf(routedPlan([plainRule<Route>("pass", ...when)])));
  return decide(table, { authority: "a.example", target: "/", ...request }).answer.kind === "pass";
}

const is = { not: false };
const on = (subject: "method" | "path" | "host", test: string, ...values: string[]) =>
  ({ ...is, subject, test, values }) as Predicate;
const header = (test: string, ...values: string[]) =>
  ({ ...is, subject: "header", name: "x-a", test, values }) as Predicate;
const there = (subject: "header" | "cookie" | "query", name: string) =>
  ({ ...is, subject, name, test: "present" }) as Predicate;
const cookie = (test: string, ...values: string[]) =>
  ({ ...is, subject: "cookie", name: "c", test, values }) as Predicate;
const query = (test: string, ...values: string[]) =>
  ({ ...is, subject: "query", name: "a_b", test, values }) as Predicate;
const backend: Predicate = {
  ...is,
  subject: "header",
  name: "x-a",
  test: "option",
  option: "backend",
  values: ["one", "two"],
};

const xa = (...values: string[]) => ({ headers: values.map((value) => ["X-A", value] as const) });
const cookies = (...values: string[]) => ({ headers: values.map((value) => ["Cookie", value] as const) });

describe("a test holds or not:", () => {
  it.each<[boolean, Predicate, Partial<Request>]>([
    [true, on("host", "exact", "b", "a.example"), {}],
    [false, on("host", "exact", "b", ".example"), {}],
    [true, on("host", "suffix", ".example"), {}],
    [false, on("host", "suffix", "a.example"), {}],
    [true, { ...is, subject: "host", test: "address" }, { authority: null }],
    [true, { ...is, subject: "host", test: "address" }, { authority: "10.0.0.1:80" }],
    [false, { ...is, subject: "host", test: "address" }, {}],
    [true, on("path", "exact", "/w/api.php"), { target: "//w/%61pi.php?x" }],
    [false, on("path", "exact", "/w/api.php"), { target: "/w/api.php/" }],
    [true, on("path", "under", "/w/api.php"), { target: "/w/api.php/x" }],
    [false, on("path", "under", "/w/api.php"), { target: "/w/api.phpx" }],
    [true, on("path", "prefix", "/w/api"), { target: "/w/api.php" }],
    [false, on("path", "prefix", "/w/api"), { target: "/x?/w/api" }],
    [true, on("path", "suffix", ".js", ".php"), { target: "/w/x.ph%70?x" }],
    [true, on("path", "suffix", "/w"), { target: "/w" }],
    [false, on("path", "suffix", ".php"), { target: "/w/x.php/" }],
    [true, on("path", "contains", "/b/"), { target: "/a//b/./c" }],
    [false, on("path", "contains", "/b/"), { target: "/a/b?/b/" }],
    [true, on("method", "exact", "GET"), {}],
    [true, on("method", "exact", "POST", "PUT"), { method: "PUT" }],
    [false, on("method", "exact", "POST"), { method: "post" }],
    [true, on("method", "prefix", "P"), { method: "PATCH" }],

    [true, header("exact", "v"), xa("v")],
    [true, header("exact", "v"), xa("u", "v")],
    [false, header("exact", "v"), xa("v1", "u,v")],
    [true, header("exact", ""), xa("")],
    [false, header("exact", ""), {}],
    [true, header("prefix", "v"), xa("u", "v1")],
    [true, header("contains", "x", "v="), xa("uv=1")],
    [false, header("contains", "x", "v="), xa("uv")],
    [true, there("header", "x-a"), xa("")],
    [false, there("header", "x-a"), { headers: [["x-ab", "v"]] }],

    [true, cookie("exact", "v"), cookies("c=v")],
    [true, cookie("exact", "v"), cookies("b=x;c=v")],
    [true, cookie("exact", "v"), cookies("b=x", " \tc = v\t; d")],
    [true, cookie("exact", "v"), cookies("c=u; c=v")],
    [true, cookie("exact", "v=w"), cookies("c=v=w")],
    [false, cookie("exact", "v"), cookies("C=v; cc=v; b=c=v; c=V")],
    [true, cookie("exact", ""), cookies("c")],
    [true, cookie("prefix", "v"), cookies("c=vw")],
    [true, there("cookie", "c"), cookies("b; c")],
    [false, there("cookie", "c"), cookies("b=c")],
    [false, there("cookie", "c"), { target: "/?c" }],

    [true, query("exact", "v w"), { target: "/?a+b=v%20w" }],
    [true, query("exact", "v w"), { target: "/?x&a%20b=v+w#z" }],
    [true, query("exact", "v+w"), { target: "/?a+b=v%2Bw" }],
    [true, query("exact", "v"), { target: "/?a+b=u&a+b=v" }],
    [true, query("exact", "v=w&"), { target: "/?a+b=v=w%26" }],
    [false, query("exact", "v"), { target: "/?a+b=vw&A+b=v&%61=v#a+b=v" }],
    [false, query("exact", "v"), { target: "/a+b=v" }],
    [true, query("exact", ""), { target: "/?a+b" }],
    [true, query("prefix", "v"), { target: "/?a+b=%76w" }],
    [true, there("query", "a_b"), { target: "/x?a+b" }],
    [true, there("query", "a_b"), { target: "?a+b=" }],
    [true, there("query", "a_b"), { target: "/?x?&a+b" }],
    [false, there("query", "a_b"), { target: "/#?x=?a+b" }],
    [false, there("query", "a_b"), { target: "/?" }],
    // As PHP reads names.
    [true, query("exact", "v"), { target: "/?+%20+a.b=v" }],
    [true, query("exact", "v"), { target: "/?a%5Bb=v" }],
    [true, query("exact", "v"), { target: "/?a_b%00c=v" }],
    [true, query("exact", "v"), { target: "/?a.b[]=v" }],
    [true, query("exact", "v"), { target: "/?a[b[c]=v" }],
    [true, query("exact", "v"), { target: "/?a+b%5b0%5d[1]=v" }],
    [false, query("exact", "v"), { target: "/?a_b+=v&_a_b=v&.a_b=v&a-b=v&a_b%01=v" }],
    [false, query("exact", "v"), { target: "/?%00a_b=v&a_b]=v&a_=v&a_b.=v&%09a_b=v" }],
    [false, there("query", "a"), { target: "/?[a]&.a&&%00&+&b[a]" }],

    [true, backend, xa("backend=one")],
    [true, backend, xa("log ; backend = two ;x=y")],
    [true, backend, xa("one")],
    [true, backend, xa(" two ; log")],
    [false, backend, xa("log; one")],
    [false, backend, xa("one; backend=three")],
    [false, backend, xa("x=y; one")],
    [false, backend, xa("backend=one; backend=one")],
    [false, backend, xa("backend=one", "backend=one")],
    [false, backend, xa("Backend=one")],
    [false, backend, xa("backend=One")],
    [false, backend, xa("backend")],
    [false, backend, xa("")],
    [false, backend, {}],
  ])("%s: %j of %j", (expected, predicate, request) => {
    expect(holds([predicate], request)).toBe(expected);
    expect(holds([{ ...predicate, not: true }], request)).toBe(!expected);
  });

  it("all of a rule's must", () => {
    const rule = [on("path", "under", "/w"), { ...on("method", "exact", "GET"), not: true }];
    expect(holds(rule, { target: "/w", method: "POST" })).toBe(true);
    expect(holds(rule, { target: "/w" })).toBe(false);
    expect(holds(rule, { method: "POST" })).toBe(false);
    expect(holds([], {})).toBe(true);
  });

  it("and its contrary never alike, whatever the request", () => {
    const text = fc.string({ unit: fc.constantFrom(..."ab=; &+%2"), maxLength: 12 });
    const name = fc.constantFrom("cookie", "x-a", "x-b", "X-Debug");
    const request = fc.record({
      authority: fc.option(text),
      target: text.map((rest) => `/${rest.replace("b", "?")}`),
      method: fc.constantFrom("GET", "POST"),
      headers: fc.array(fc.tuple(name, text), { maxLength: 4 }),
    });
    fc.assert(
      fc.property(anyPredicate, request, (predicate, asked) => {
        expect(holds([predicate], asked)).toBe(!holds([{ ...predicate, not: !predicate.not }], asked));
      }),
      { numRuns: 300 },
    );
  });
});
