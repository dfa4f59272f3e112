/** In ATS a list comes cut at its first comma: the filter reads the whole by a property. */
import { expect, it } from "vitest";
import { ats102, type Pair, type Properties } from "../host-sim/index.ts";
import type { Predicate, Route } from "../scripts/plan.ts";
import { addressDigits } from "../scripts/table/client.ts";
import { Table } from "../scripts/table/table.ts";
import { FilterReader } from "./support/farms.ts";
import { bytesOf, plainListener, plainPlan, plainRule } from "./support/plans.ts";

const is = (name: string, value: string): Predicate => ({
  not: false,
  subject: "header",
  name,
  test: "exact",
  values: [value],
});
const tests: Record<string, Predicate> = {
  client: { not: false, subject: "client", test: "prefix", values: [addressDigits("192.0.2.4")!] },
  list: is("x-list", "one, two"),
  quoted: is("x-list", '"one, two"'),
  two: is("x-list", "two"),
  agent: is("user-agent", "a, b"),
};
const names = [...Object.keys(tests), "none"];
const plan = plainPlan({
  listeners: [
    plainListener({
      trust: "internal",
      routes: Object.values(tests).map((when, deployment) => plainRule<Route>({ deployment }, when)),
      deployment: names.length - 1,
    }),
  ],
  deployments: names.map((name) => ({ name, readOnly: null })),
  clusters: names.map((name) => [name]),
});
const filter = await FilterReader.on(new Table(bytesOf(plan)), ats102);

function deploymentOf(headers: Pair[], properties: Properties = {}): string | undefined {
  const all: Pair[] = [[":authority", "a.example"], [":path", "/"], [":method", "GET"], ...headers];
  const result = filter.root().request({ headers: all, properties });
  expect(result.trapped).toBe(null);
  return result.headers.find(([name]) => name === filter.headers.deployment)?.[1];
}

it.each<[string, string, Pair[]]>([
  ["X-Forwarded-For counts from the right", "client", [["X-Forwarded-For", "192.0.2.9, 192.0.2.4"]]],
  ["its first entry is a client's word", "none", [["X-Forwarded-For", "192.0.2.4, 192.0.2.9"]]],
  [
    "it counts over all copies",
    "client",
    [
      ["X-Forwarded-For", "192.0.2.9, 192.0.2.8"],
      ["X-Forwarded-For", "192.0.2.7, 192.0.2.4"],
    ],
  ],
  ["a header that ATS does not know", "list", [["X-List", "one, two"]]],
  ["with its quotes", "quoted", [["X-List", '"one, two"']]],
  ["no part of it", "none", [["X-List", "two, one"]]],
  [
    "several copies stay apart",
    "two",
    [
      ["X-List", "one"],
      ["X-List", "two"],
    ],
  ],
  ["a header that comes whole", "agent", [["User-Agent", "a, b"]]],
])("%s: %s", (_, expected, headers) => {
  expect(deploymentOf(headers)).toBe(expected);
});

// By its source, ATS 10.2 finds a header's property where the name follows `request.headers` at once.
it("a property by another path does as well, and none leaves what the header's beginning says", () => {
  const list: Pair[] = [["X-List", "one, two"]];
  const nowhere = { "request.headers.x-list": "", "request.headersx-list": "" };
  expect(deploymentOf(list, { ...nowhere, "request.headersx-list": "one, two" })).toBe("list");
  expect(deploymentOf(list, nowhere)).toBe("none");
  expect(deploymentOf([["X-List", "two, one"]], nowhere)).toBe("two");
  // What does not begin as the header does is another's.
  expect(deploymentOf(list, { ...nowhere, "request.headers.x-list": "two" })).toBe("none");
});
