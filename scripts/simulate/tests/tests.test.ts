/** Files of tests: what they refuse, what they find, and what they print of it. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { CORE_SCHEMA, load } from "js-yaml";
import { beforeAll, describe, expect, it } from "vitest";
import { compileGuest, FILTER_FLAGS } from "../../../test/support/compile-guest.ts";
import { projectPath } from "../../../test/support/data.ts";
import { guest } from "../../../test/support/guests.ts";
import { SourceError } from "../../sources/problem.ts";
import { knownKeys } from "../../sources/schema-keys.ts";
import { loadTests } from "./load.ts";
import { REPORTS } from "./report.ts";
import { type Ran, Runner } from "./run.ts";
import { testsFile } from "./schema.ts";

let module: Uint8Array;
let runner: Runner;
beforeAll(async () => {
  module = await guest();
  runner = new Runner();
});

/** @param text of a file whose module is the guest */
async function run(text: string): Promise<Ran[]> {
  const results: Ran[] = [];
  for (const test of loadTests("t.yaml", { module }, text)) results.push(await runner.run(test));
  return results;
}

/** `line: what: expected / actual` of each failure. */
const failuresOf = async (text: string): Promise<string[]> =>
  (await run(text)).flatMap(({ failures }) =>
    failures.map(({ place, what, expected, actual }) => `${place.line}: ${what}: ${expected} / ${actual}`),
  );

/** A test of one step, in lines. */
const one = (...lines: string[]): string =>
  ["tests:", "- name: it", ...lines.map((line) => `  ${line}`)].join("\n");

describe("a bad file", () => {
  it.each([
    [
      "an unknown key",
      one("request: { pth: / }"),
      /^t\.yaml:3:14: unknown key `pth` .*; did you mean `path`\?$/,
    ],
    [
      "an unknown proxy",
      `profile: envoy-1.4\n${one("request: {}")}`,
      /^t\.yaml:1:10: .* did you mean `envoy-1\.40`\?/,
    ],
    ["a number for text", one("request: { headers: { a: 1 } }"), /^t\.yaml:3:28: .*put it in quotes/],
    ["no step", one(), /^t\.yaml:2:3: .*must have `steps`, or what one step has/],
    ["a step and steps", one("request: {}", "steps: [{}]"), /^t\.yaml:2:3: .*must have `steps`, or/],
    [
      "a bad pattern",
      one('expect: { refused: { matches: "(" } }'),
      /^t\.yaml:3:33: .*must be a regular expression: .*group/,
    ],
    [
      "two ways to be like",
      one("expect: { trap: { matches: a, contains: b } }"),
      /^t\.yaml:3:.*must have one of `matches`/,
    ],
    ["a line end in a header", one('request: { headers: { a: "b\\nc" } }'), /^t\.yaml:3:.*without line ends/],
    ["endless ticks", one("ticks: 1000000"), /^t\.yaml:3:10: .*must be at most 10000/],
    ["no YAML", "tests: [", /^t\.yaml:1:\d+: not valid YAML/],
    ["nothing", "", /^t\.yaml:1:1: the file is empty/],
  ])("with %s is refused, with its place and the way out", (_, text, why) => {
    expect(() => loadTests("t.yaml", { module }, text)).toThrow(why);
  });

  it("names each file that is not there, where it is named", () => {
    const text = `module: no.wasm\n${one("configuration: { file: no.json }", "request: { body: [{ file: a/no }] }")}`;
    expect(() => loadTests("some/t.yaml", {}, text)).toThrow(
      [
        "some/t.yaml:1:9: cannot read `some/no.wasm`: there is no such file",
        "some/t.yaml:4:26: cannot read `some/no.json`: there is no such file",
        "some/t.yaml:5:29: cannot read `some/a/no`: there is no such file",
      ].join("\n"),
    );
    expect(() => loadTests("t.yaml", {}, one("request: {}"))).toThrow("t.yaml:2:3: missing key `module`");
  });

  it("reads no device and no pipe, which have no end", () => {
    expect(() => loadTests("t.yaml", {}, `module: /dev/zero\n${one("request: {}")}`)).toThrow(
      "t.yaml:1:9: cannot read `/dev/zero`: it is a device, not a file",
    );
  });
});

const DO = (commands: string, more = "") => `request: { headers: { x-do: "${commands}" }${more} }`;

describe("an expectation", () => {
  it.each([
    [
      "headers",
      DO("add 0 x-a 1; add 0 x-a 2"),
      "upstream: { headers: { x-a: ['1', { matches: ^2$ }], X-B: null } }",
      "upstream: { headers: { x-a: '1' } }",
      'header "x-a" of the request upstream: "1" / "1", "2"',
    ],
    [
      "an absent header",
      DO("add 0 x-a 1"),
      "upstream: { headers: { x-b: } }",
      "upstream: { headers: { x-a: } }",
      'header "x-a" of the request upstream: no such header / "1"',
    ],
    [
      "a body",
      DO("say x", ", body: [ab, { base64: Yw== }]"),
      "upstream: { body: abc }",
      "upstream: { body: { matches: ^b } }",
      'body of the request upstream: text that matches "^b" / "abc"',
    ],
    [
      "JSON",
      DO("say x", ", body: { json: { a: [1, 2] } }"),
      "upstream: { body: { json: { a: [1, 2] } } }",
      "upstream: { body: { json: { a: [2] } } }",
      'body of the request upstream: the JSON {"a":[2]} / "{\\"a\\":[1,2]}"',
    ],
    [
      "bytes",
      DO("say x", ", body: { base64: /w== }"),
      "upstream: { body: { base64: /w== } }",
      "upstream: { body: { base64: AA== } }",
      'body of the request upstream: the bytes of base64 AA== / "\ufffd"',
    ],
    [
      "trailers",
      DO("say x", ", body: a, trailers: { x-t: é }"),
      "upstream: { trailers: { x-t: é } }",
      "upstream: { trailers: { x-t: e } }",
      `header "x-t" of the request upstream's trailers: "e" / "é"`,
    ],
    [
      "the response",
      DO("say x", ", response: { status: 404, headers: { a: b }, body: [n, o] }"),
      "response: { status: 404, headers: { a: b }, body: no }",
      "response: { status: 200 }",
      "status of the response: 200 / 404",
    ],
    [
      "a local reply",
      DO("reply 403 why no k=v 7; return 1"),
      "{ local-reply: { status: 403, details: why, body: no, grpc-status: 7 }, upstream: null }",
      "local-reply: null",
      "the local reply: none / one with 403",
    ],
    [
      "that it waits",
      DO("return 1"),
      "{ paused: true, upstream: null, response: null }",
      "{ paused: false }",
      "the request: let go / held back",
    ],
    [
      "logs in order",
      DO("say a; say b; say a"),
      "{ logs: [a, { level: info, contains: b }, a], no-logs: [c, { level: warn, matches: . }] }",
      "logs: [b, b]",
      'what the module logs: a line "b", behind the 1 before it / none of 1 line',
    ],
    [
      "what is not logged",
      DO("say ab"),
      "no-logs: [a]",
      "no-logs: [{ contains: a }]",
      'what the module logs: not a line with text that contains "a" / info: ab',
    ],
    [
      "a trap",
      DO("trap"),
      "{ trap: { contains: unreachable }, response: { status: 503 } }",
      "response: { status: 503 }",
      /the module: it lives \/ it trapped: unreachable/,
    ],
  ])("of %s holds, or says what is expected and what came", async (_, request, holds, fails, why) => {
    const expectation = (text: string) => `expect: ${text.startsWith("{") ? text : `{ ${text} }`}`;
    expect(await failuresOf(one(request, expectation(holds)))).toEqual([]);
    expect(await failuresOf(one(request, expectation(fails)))).toEqual([
      expect.stringMatching(
        why instanceof RegExp ? why : `^4: ${why.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}`,
      ),
    ]);
  });

  it("of a pattern that would need years fails within its bound", async () => {
    const text = one(DO(`say ${"a".repeat(40)}!`), 'expect: { logs: [{ matches: "^(a+)+$" }] }');
    expect(await failuresOf(text)).toEqual([expect.stringContaining("none of 1 line")]);
  });

  it("of a step without a request cannot be one of a request", async () => {
    expect(await failuresOf(one("ticks: 1", "expect: { response: {} }"))).toEqual([
      "3: ticks that the module asks for: 1 / 0",
      "4: `response`: a request / the step has none",
    ]);
  });
});

describe("a module", () => {
  it("is told what the file says, and what the test says in its place", async () => {
    const text = `root-id: all
environment: { A: "1" }
properties: { node.id: n }
vm-configuration: say started
tests:
- name: of the file
  configuration: "configure: prop plugin_root_id; prop node.id; environ"
  expect: { logs: [started, prop plugin_root_id -> 0 all, prop node.id -> 0 n, { contains: A=1 }] }
- name: of the test
  root-id: own
  vm-configuration: ""
  configuration: "configure: prop plugin_root_id"
  request: { headers: { x-do: prop source.address }, properties: { source.address: 192.0.2.1:80 } }
  expect: { logs: [prop plugin_root_id -> 0 own, "prop source.address -> 0 192.0.2.1:80"], no-logs: [started] }`;
    expect(await failuresOf(text)).toEqual([]);
  });

  it("that is refused, or its configuration, fails a test that does not expect it", async () => {
    const refusal = 'configuration: "configure: say why; return 0"';
    expect(await failuresOf(one(refusal, "expect: { refused: why }"))).toEqual([]);
    expect(await failuresOf(one(refusal, "expect: { refused: true, logs: [why] }"))).toEqual([]);
    expect(await failuresOf(one(refusal, "request: {}"))).toEqual([
      "2: the module or its configuration: taken / refused: proxy_on_configure returned 0\nwhy",
    ]);
    expect(await failuresOf(one("expect: { refused: true }"))).toEqual([
      "3: the configuration: refused / taken",
    ]);
    const results = loadTests(
      "t.yaml",
      { module: new TextEncoder().encode("<html>") },
      one("expect: { refused: { contains: not a Wasm module } }"),
    );
    expect((await runner.run(results[0]!)).failures).toEqual([]);
  });

  it("has its own calls answered in their order, each as it is expected", async () => {
    const request = DO("call auth :path=/a,:method=GET,:authority=a hello - 500; return 1");
    const answered = 'configuration: "http_call_response: get 6 x-r; bytes 4 0 9; effective 2; continue 0"';
    const calls =
      "http-calls: [{ to: auth, headers: { :path: /a }, body: hello, timeout: 500, answer: { headers: { x-r: y }, body: no } }]";
    expect(
      await failuresOf(
        one(
          answered,
          request,
          calls,
          "expect: { logs: [{ matches: 'get.*y$' }, { matches: 'bytes.*no$' }], response: { status: 200 } }",
        ),
      ),
    ).toEqual([]);
    const wrong = "http-calls: [{ to: other, body: { contains: b }, timeout: 1 }, {}]";
    expect(await failuresOf(one(answered, request, wrong))).toEqual([
      '5: the cluster that is called: "other" / "auth"',
      '5: body of the call: text that contains "b" / "hello"',
      "5: the call's timeout: 1 ms / 500 ms",
      '5: HTTP calls of the module: 2 / 1: to "auth"',
    ]);
    expect(await failuresOf(one(request, "http-calls: []"))).toEqual([
      '4: HTTP calls of the module: 0 / 1: to "auth"',
    ]);
    for (const [answer, line] of [
      ["broken", "answer 1 0 0 0"],
      ["timeout", "answer 1 1 24 0"],
    ])
      expect(
        await failuresOf(
          one(
            request,
            `http-calls: [{ answer: ${answer} }]`,
            `expect: { logs: [{ matches: "^answer \\\\d+ ${line!.slice(9)}$" }] }`,
          ),
        ),
      ).toEqual([]);
  });

  it("has its gRPC calls and streams answered in the same way", async () => {
    const script = await compileGuest(["test/same-as-envoy/guest/script.ts", ...FILTER_FLAGS]);
    const failures = async (request: string, ...lines: string[]) => {
      const text = one(`request: { headers: { x-script: "${request}" } }`, ...lines);
      const [test] = loadTests("t.yaml", { module: script }, text);
      return (await runner.run(test!)).failures.map(
        ({ what, expected, actual }) => `${what}: ${expected} / ${actual}`,
      );
    };
    const asks =
      "request_headers:grpccall auth auth.Check Ask x-user=me who 500;return 1|grpc_receive:bytes 5 0 9;resume 0";
    const call =
      "to: auth, service: auth.Check, method: Ask, metadata: { x-user: me }, messages: [who], timeout: 500";
    const goes = "expect: { response: { status: 200 }, logs: [{ contains: -> 0 yes }] }";
    expect(await failures(asks, `grpc-calls: [{ ${call}, answer: { messages: [yes] } }]`, goes)).toEqual([]);
    const wrong =
      "service: { contains: B }, method: M, metadata: { x-user: null }, messages: [a], timeout: 1";
    expect(await failures(asks, `grpc-calls: [{ ${wrong} }, {}]`)).toEqual([
      'the service that is called: text that contains "B" / "auth.Check"',
      'the method that is called: "M" / "Ask"',
      'header "x-user" of the call: no such header / "me"',
      'message 1 of the call: "a" / "who"',
      "the call's timeout: 1 ms / 500 ms",
      'gRPC calls of the module: 2 / 1: to "auth"',
    ]);
    for (const answer of ["broken", "refused", "timeout", "{ status: 7, text: no, trailers: { a: b } }"]) {
      const closed =
        "expect: { paused: true, logs: [{ contains: grpc_close }], no-logs: [{ contains: grpc_receive }] }";
      expect(await failures(asks, `grpc-calls: [{ answer: ${answer} }]`, closed)).toEqual([]);
    }
    const talks =
      "request_headers:grpcstream auth auth.Check Talk -;grpcsend last one 0|grpc_receive:bytes 5 0 9";
    expect(
      await failures(
        talks,
        "grpc-calls: [{ messages: [one], answer: { metadata: { a: b }, messages: [x, y] } }]",
        "expect: { logs: [{ contains: -> 0 x }, { contains: -> 0 y }], no-logs: [{ contains: grpc_close }] }",
      ),
    ).toEqual([]);
  });

  it("gets its answers between the pieces of a body, as a proxy gives them", async () => {
    const configuration =
      'configuration: "request_body: say piece\\nhttp_call_response: effective 2; continue 0"';
    const request = DO("call auth :path=/,:method=GET,:authority=a - - 500; return 1", ", body: [a, b]");
    const text = one(
      configuration,
      request,
      "http-calls: [{ answer: {} }]",
      "expect: { logs: [{ contains: answer }, request_body 1, piece, request_body 1] }",
    );
    expect(await failuresOf(text)).toEqual([]);
  });

  it("has ticks, time and metrics, and keeps what it knows from step to step", async () => {
    const text = `tests:
- name: it
  configuration: "configure: tick 100; metric 0 hits; metric 2 sizes\\ntick: say tick"
  steps:
  - { ticks: 2, expect: { logs: [tick, tick] } }
  - { advance: 250, expect: { logs: [tick, tick] } }
  - { advance: 10, expect: { no-logs: [tick] } }
  - request: { headers: { x-do: inc 4 3; record 6 11 } }
    advance: 100
    expect: { logs: [tick], metrics: { hits: 3, sizes: [11] } }
  - expect: { metrics: { hits: 4, sizes: 11, hist: 1 } }`;
    expect(await failuresOf(text)).toEqual([
      '11: metric "hits": 4 / 3',
      '11: metric "sizes": 11 / [11]',
      '11: metric "hist": 1 / no such metric; there is "hits"',
    ]);
  });
});

describe("a module that has trapped", () => {
  it("is dead for the requests of later steps", async () => {
    const text = `tests:
- name: it
  steps:
  - { ${DO("trap")}, expect: { trap: { contains: unreachable } } }
  - { request: {}, expect: { response: { status: 503 } } }
  - { request: {}, expect: { response: { status: 200 } } }`;
    expect(await failuresOf(text)).toEqual(["6: status of the response: 200 / 503"]);
  });
});

describe("what is printed", () => {
  const text = `tests:
- name: "passes # and \\\\ <&>"
  profile: [envoy-1.40, strict]
  request: {}
- name: fails
  request: { headers: { x-do: "say \\"]]> \\ufffe\\u0007 & é" } }
  expect: { response: { status: 404, headers: { a: b } } }`;

  it("as text has a line a test, and under a failure what was expected, what came, and the log", async () => {
    const printed = REPORTS.get("text")!(await run(text)).replace(/\(\d+ ms\)/g, "(N ms)");
    expect(printed).toBe(`t.yaml
  ok     passes # and \\ <&> (envoy-1.40) (N ms)
  ok     passes # and \\ <&> (strict) (N ms)
  FAILED fails (N ms)
           t.yaml:7:33: status of the response
             expected  404
             actual    200
           t.yaml:7:52: header "a" of the response
             expected  "b"
             actual    no such header
           the module logged:
             info: "]]> \ufffe\\u0007 & é
3 tests, 1 failed
`);
  });

  it("as TAP is valid", async () => {
    const lines = REPORTS.get("tap")!(await run(text))
      .trimEnd()
      .split("\n");
    const points = readTap(lines);
    expect(points.map(({ ok, description }) => [ok, description])).toEqual([
      [true, "passes # and \\ <&> (envoy-1.40)"],
      [true, "passes # and \\ <&> (strict)"],
      [false, "fails"],
    ]);
    expect(points[2]!.diagnostics).toMatchObject({
      failures: [{ at: "t.yaml:7:33", expected: "404", actual: "200" }, { expected: '"b"' }],
      logs: ['info: "]]> \ufffe\u0007 & é'],
    });
  });

  it("as JUnit is XML that a parser reads", async () => {
    const junit = REPORTS.get("junit")!(await run(text));
    const read = `import sys, json, xml.etree.ElementTree as E
root = E.fromstring(sys.stdin.buffer.read())
tree = lambda e: [e.tag, {k: v for k, v in e.attrib.items() if k != "time"}, (e.text or "").strip(), [tree(c) for c in e]]
print(json.dumps(tree(root)))`;
    const counts = { tests: "3", failures: "1", errors: "0", skipped: "0" };
    const at = { file: "t.yaml", classname: "envoy-1.40" };
    const details = `t.yaml:7:33: status of the response
  expected  404
  actual    200
t.yaml:7:52: header "a" of the response
  expected  "b"
  actual    no such header`;
    expect(JSON.parse(execFileSync("python3", ["-c", read], { input: junit, encoding: "utf8" }))).toEqual([
      "testsuites",
      { name: "pointsman simulate", ...counts },
      "",
      [
        [
          "testsuite",
          { name: "t.yaml", ...counts },
          "",
          [
            ["testcase", { ...at, name: "passes # and \\ <&> (envoy-1.40)", line: "2" }, "", []],
            [
              "testcase",
              { ...at, name: "passes # and \\ <&> (strict)", line: "2", classname: "strict" },
              "",
              [],
            ],
            [
              "testcase",
              { ...at, name: "fails", line: "5" },
              "",
              [
                [
                  "failure",
                  { type: "expectation", message: 'status of the response; header "a" of the response' },
                  details,
                  [],
                ],
                ["system-out", {}, 'info: "]]> \\ufffe\\u0007 & é', []],
              ],
            ],
          ],
        ],
      ],
    ]);
  });
});

interface Point {
  ok: boolean;
  description: string;
  diagnostics: unknown;
}

/** By the grammar of TAP 14: version, plan, then numbered points, each with a block of YAML. Throws where it is not so. */
function readTap([version, plan, ...lines]: string[]): Point[] {
  expect(version).toBe("TAP version 14");
  const points: Point[] = [];
  for (let i = 0; i < lines.length; i++) {
    const [, not, number, written] = /^(not )?ok (\d+) - (.*)$/.exec(lines[i]!)!;
    expect(Number(number)).toBe(points.length + 1);
    // A `#` that is not escaped begins a directive.
    expect(written).not.toMatch(/(^|[^\\])(\\\\)*#/);
    expect(lines[++i]).toBe("  ---");
    const end = lines.indexOf("  ...", i);
    const block = lines.slice(i + 1, end).map((line) => line.slice(2));
    points.push({
      ok: not === undefined,
      description: written!.replace(/\\([\\#])/g, "$1"),
      diagnostics: load(block.join("\n"), { schema: CORE_SCHEMA }),
    });
    i = end;
  }
  expect(plan).toBe(`1..${points.length}`);
  return points;
}

describe("whatever a file says", () => {
  it("it is read or refused with a place", () => {
    const lines = fc.array(
      fc.constantFrom(
        "tests:",
        "- name: it",
        "  request: {}",
        "  expect: {",
        "}",
        "module: [",
        "  - *a",
        "&a",
        '"',
        "? !!x",
        "\0",
        "\u2028",
      ),
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          lines.map((some) => some.join("\n")),
        ),
        (text) => {
          try {
            loadTests("t.yaml", { module }, text);
          } catch (error) {
            expect(error).toBeInstanceOf(SourceError);
          }
        },
      ),
      { numRuns: 100 },
    );
  });

  it("it runs, or is refused", async () => {
    const whole = {
      profile: "envoy-1.40",
      configuration: "request_body: say x\ntick: say y",
      tests: [
        {
          name: "it",
          request: {
            method: "POST",
            headers: { "x-do": "tick 10; call a :path=/,:method=GET,:authority=a - - 5; return 1" },
            body: ["a", { json: {} }],
            trailers: { t: "1" },
            response: { status: 200, body: "x" },
          },
          ticks: 2,
          advance: 30,
          "http-calls": [
            { to: "a", answer: { status: 204, headers: { a: ["b", "c"] } } },
            { answer: "timeout" },
          ],
          expect: {
            upstream: { headers: { a: null } },
            response: { body: { matches: "." } },
            paused: true,
            logs: ["a"],
            metrics: { m: [1] },
          },
        },
      ],
    };
    const odd = fc.oneof(
      fc.constantFrom<unknown>(
        null,
        "",
        -1,
        0,
        1,
        1e9,
        "a\nb",
        "é\0",
        [],
        {},
        "(",
        true,
        { json: null },
        { base64: "!" },
        { matches: "[" },
        "broken",
        "ats-10.2",
        ["strict"],
      ),
      fc.jsonValue(),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(fc.nat(), odd), { minLength: 1, maxLength: 3 }), async (changes) => {
        const changed = structuredClone(whole);
        for (const [at, value] of changes) {
          const places = placesIn(changed);
          const [holder, key] = places[at % places.length]!;
          holder[key] = value;
        }
        try {
          await run(JSON.stringify(changed));
        } catch (error) {
          expect(error).toBeInstanceOf(SourceError);
        }
      }),
      { numRuns: 100 },
    );
  });
});

type Holder = Record<string, unknown>;

/** Everywhere in a value where another one may stand. */
function placesIn(value: object): [Holder, string][] {
  return Object.entries(value).flatMap(([key, inner]): [Holder, string][] => [
    [value as Holder, key],
    ...(typeof inner === "object" && inner !== null ? placesIn(inner) : []),
  ]);
}

describe("docs/host-sim.md", () => {
  const page = readFileSync(projectPath("docs/host-sim.md"), "utf8");

  it.each([
    [[]],
    [["tests", 0]],
    [["tests", 0, "request"]],
    [["tests", 0, "http-calls", 0]],
    [["tests", 0, "grpc-calls", 0]],
    [["tests", 0, "grpc-calls", 0, "answer"]],
    [["tests", 0, "expect"]],
    [["tests", 0, "expect", "local-reply"]],
  ])("names every key at %j", (path) => {
    const keys = knownKeys(testsFile, path);
    expect(keys.length).toBeGreaterThan(3);
    expect(keys.filter((key) => !page.includes(`\`${key}\``) && key !== "tests")).toEqual([]);
  });

  it.each(["routing", "auth"])("shows the example %s as it is", (name) => {
    const example = readFileSync(projectPath(`examples/tests/${name}.yaml`), "utf8");
    expect(page).toContain(example.replace(/^(#.*\n)+/, ""));
  });
});
