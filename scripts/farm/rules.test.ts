/** Rules of farm.yaml become rules of the table. */
import { describe, expect, it } from "vitest";
import { compileFarm, problemsWith } from "../../test/support/farm-text.ts";

/** The rules of a farm with these, after the one that lets addresses pass. */
function routesOf(...rules: string[]) {
  const { plan } = compileFarm({ deployments: `{ default: web, rules: [${rules.join(", ")}] }` });
  return plan.listeners[0]!.routes.slice(1);
}
const whenOf = (...rules: string[]) => routesOf(...rules).map(({ when }) => when);

describe("rules", () => {
  it("are tried after what passes through, in the order of the file", () => {
    const rules = [
      "{ host: a.example, deployment: one }",
      "{ host: '*.b.example', path: /x, deployment: two }",
      "{ path: { prefix: /p }, deployment: one, wiki: none }",
      "{ path: { under: /w/api.php }, deployment: web }",
    ];
    const { plan, names } = compileFarm({
      deployments: `{ default: web, rules: [${rules.join(", ")}] }`,
      "pass-through": "[localhost, '*.internal']",
    });
    expect(plan.deployments.map(({ name }) => name)).toEqual(["web", "one", "two"]);
    const rest = { wiki: "host", debug: false };
    expect(plan.listeners[0]!.routes).toEqual([
      { when: [{ not: false, subject: "host", test: "address" }], outcome: "pass", ...rest },
      {
        when: [{ not: false, subject: "host", test: "exact", values: ["localhost"] }],
        outcome: "pass",
        ...rest,
      },
      {
        when: [{ not: false, subject: "host", test: "suffix", values: [".internal"] }],
        outcome: "pass",
        ...rest,
      },
      {
        when: [{ not: false, subject: "host", test: "exact", values: ["a.example"] }],
        outcome: { deployment: 1 },
        ...rest,
      },
      {
        when: [
          { not: false, subject: "host", test: "suffix", values: [".b.example"] },
          { not: false, subject: "path", test: "exact", values: ["/x"] },
        ],
        outcome: { deployment: 2 },
        ...rest,
      },
      {
        when: [{ not: false, subject: "path", test: "prefix", values: ["/p"] }],
        outcome: { deployment: 1 },
        wiki: "none",
        debug: false,
      },
      {
        when: [{ not: false, subject: "path", test: "under", values: ["/w/api.php"] }],
        outcome: { deployment: 0 },
        ...rest,
      },
    ]);
    expect(names.listeners[0]!.routes).toEqual([
      null,
      ...Array(2).fill("farm.yaml:6"),
      ...Array(4).fill("farm.yaml:5"),
    ]);
  });

  it("look at every part of a request", () => {
    const rule = `{ method: POST, cookie: { a: { prefix: x } }, query: { b: "1", c: { present: true } }, deployment: api }`;
    expect(whenOf(rule)).toEqual([
      [
        { not: false, subject: "method", test: "exact", values: ["POST"] },
        { not: false, subject: "cookie", name: "a", test: "prefix", values: ["x"] },
        { not: false, subject: "query", name: "b", test: "exact", values: ["1"] },
        { not: false, subject: "query", name: "c", test: "present" },
      ],
    ]);
  });

  it("take a list where one of several is enough", () => {
    expect(whenOf("{ method: [GET, HEAD], path: { under: [/a, /b] }, deployment: api }")).toEqual([
      [
        { not: false, subject: "path", test: "under", values: ["/a", "/b"] },
        { not: false, subject: "method", test: "exact", values: ["GET", "HEAD"] },
      ],
    ]);
  });

  it("with several kinds of test in a list are several rules", () => {
    const rule = "{ host: [a.example, '*.b', c.example], path: [/x, { prefix: /p }, /y], deployment: api }";
    const hosts = [
      { not: false, subject: "host", test: "exact", values: ["a.example", "c.example"] },
      { not: false, subject: "host", test: "suffix", values: [".b"] },
    ];
    const paths = [
      { not: false, subject: "path", test: "exact", values: ["/x", "/y"] },
      { not: false, subject: "path", test: "prefix", values: ["/p"] },
    ];
    expect(whenOf(rule)).toEqual(hosts.flatMap((host) => paths.map((path) => [host, path])));
  });

  it("with `not` hold where none of it does, each kind of test for itself", () => {
    const rule =
      "{ path: /x, not: { host: [a.example, '*.b'], query: { q: [x, { prefix: y }] } }, deployment: api }";
    expect(whenOf(rule)).toEqual([
      [
        { not: false, subject: "path", test: "exact", values: ["/x"] },
        { not: true, subject: "host", test: "exact", values: ["a.example"] },
        { not: true, subject: "host", test: "suffix", values: [".b"] },
        { not: true, subject: "query", name: "q", test: "exact", values: ["x"] },
        { not: true, subject: "query", name: "q", test: "prefix", values: ["y"] },
      ],
    ]);
  });

  it("may be for a share, which is the last that is asked, and salted with the deployment", () => {
    const share = { not: false, test: "share", salt: "api" };
    const path = (test: string) => ({ not: false, subject: "path", test, values: ["/x"] });
    expect(
      whenOf("{ path: [/x, { prefix: /x }], share: 0.1, share-by: { cookie: who }, deployment: api }"),
    ).toEqual([
      [path("exact"), { ...share, subject: "cookie", name: "who", share: 1000 }],
      [path("prefix"), { ...share, subject: "cookie", name: "who", share: 1000 }],
    ]);
    expect(whenOf("{ share: 0.0001, deployment: api }")).toEqual([
      [{ ...share, subject: "client", share: 1 }],
    ]);
    expect(whenOf("{ share: 0, deployment: api }")).toEqual([[{ ...share, subject: "client", share: 0 }]]);
    expect(whenOf("{ share: 1, deployment: api }")).toEqual([[]]);
  });

  it("take networks as what the digits of their addresses begin with", () => {
    expect(whenOf("{ client: [10.0.0.0/8, '::/0', 192.0.2.128/26], deployment: api }")).toEqual([
      [
        {
          not: false,
          subject: "client",
          test: "prefix",
          values: ["40a", "6", "4c000028", "4c000029", "4c00002a", "4c00002b"],
        },
      ],
    ]);
  });

  it("may consist of `not` alone", () => {
    expect(whenOf("{ not: { method: GET }, deployment: api }")).toEqual([
      [{ not: true, subject: "method", test: "exact", values: ["GET"] }],
    ]);
  });

  it.each([
    ["a `not` of nothing", "not: {}", "`deployments.rules.0.not` must not be empty"],
    ["headers of none", "header: {}", "`deployments.rules.0.header` must not be empty"],
    ["a list of nothing", "host: []", "`deployments.rules.0.host` must have at least 1 entry"],
    ["a path with a dot segment", "path: /a/../b", "must be without `//`, `/./` and `/../`"],
    ["a path that ends in one", "path: /a/..", "must not end with a segment `.` or `..`"],
    ["a path with a space", 'path: "/a b"', "must be a path: it begins with `/` and has no spaces"],
    ["an encoded prefix", "path: { prefix: /a%2f }", "must be written decoded, without `%XX`"],
    [
      "a part of a path with a space",
      'path: { contains: "a b" }',
      "must be a part of a path, without spaces",
    ],
    ["an encoded part", "path: { contains: a%2f }", "must be written decoded, without `%XX`"],
    ["an end that no path has", "path: { suffix: a/.. }", "must not end with a segment `.` or `..`"],
    ["a part that no path has", "path: { suffix: a//b }", "must be without `//`, `/./` and `/../`"],
    ["an empty part", 'path: { suffix: "" }', "must be a part of a path, without spaces"],
    ["a pseudo-header", 'header: { ":path": x }', "key `:path` must be a header's name in lower case"],
    ["a cookie's name with `=`", "cookie: { a=b: x }", "key `a=b` must be a cookie's name"],
    ["an empty prefix", 'query: { a: { prefix: "" } }', "must not be empty"],
    ["a value that is no ASCII", "query: { a: é }", "must be printable ASCII"],
    ["a test that there is not", "query: { a: { suffix: x } }", "unknown key `suffix`"],
    ["a test that needs headers alone", "query: { a: { contains: x } }", "unknown key `contains`"],
    ["an absence", "query: { a: { present: false } }", "must be `true`"],
    ["a share of too many decimals", "path: /x, share: 0.12345", "must have at most 4 decimals"],
    ["a network that is none", "client: 10.0.0/8", "must be an address or a network, as `10.0.0.0/8`"],
    ["a network that is too small", "client: 10.0.0.0/33", "must be an address or a network"],
    ["bits that no network has", "client: '2001:db8::1/32'", "write `2001:db8::/32`"],
    ["a wiki that it cannot name", "path: /x, wiki: awiki", "must be `none`"],
  ])("refuse %s", (_, rule, what) => {
    const problems = problemsWith({ deployments: `{ default: web, rules: [{ ${rule}, deployment: api }] }` });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(what);
    expect(problems[0]).toMatch(/^farm\.yaml:5:\d+: /);
  });

  it("may have a prefix that ends within a segment of dots", () => {
    expect(whenOf("{ path: { prefix: /a/. }, deployment: api }")).toEqual([
      [{ not: false, subject: "path", test: "prefix", values: ["/a/."] }],
    ]);
  });

  it.each([
    [
      "deployments",
      "{ default: web, rules: [{ path: /x, not: { host: [x, a.beta.example] }, deployment: a }] }",
      "5:67",
    ],
    ["assets", "[{ host: a.beta.example, release: one }]", "6:18"],
  ])("of %s name no host that is rewritten", (key, value, at) => {
    expect(problemsWith({ [key]: value, rewrite: '{ "{a}.beta.example": "{a}.example" }' })).toEqual([
      `farm.yaml:${at}: \`a.beta.example\` is rewritten before rules see it: write the host ending in \`.example\``,
    ]);
  });
});
