/** What is asked on the page: its fields, its link, and the question for other tools. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Question } from "../explain/question.ts";
import { questionOfCurl } from "../requests/curl.ts";
import { asCurl } from "./as-other-tools.ts";
import { type Fields, NOTHING, ofFragment, questionOf, toFragment } from "./question-form.ts";

const plain: Question = { authority: "a", path: "/", method: "GET", headers: {}, body: null, client: null };

describe("the fields", () => {
  it.each<[string, Partial<Fields>, Partial<Question>]>([
    ["a URL", { ask: " https://a/x " }, { path: "/x" }],
    ["a curl command", { ask: "curl -I a" }, { method: "HEAD" }],
    ["a line of a log", { ask: '1.2.3.4 - - [x] "GET http://a/ HTTP/1.1" 200' }, { client: "1.2.3.4" }],
    [
      "a line of JSON",
      { ask: '{"authority":"a","path":"/","headers":{"B":"c"}}' },
      { headers: { B: ["c"] } },
    ],
    [
      "a log without hosts",
      { ask: '1.2.3.4 - - [x] "GET / HTTP/1.1" 200', headers: "Host: a" },
      { client: "1.2.3.4" },
    ],
    [
      "a URL and all that may stand beside it",
      {
        ask: "b",
        method: "PUT",
        headers: "X-A: 1\n\nx-a:2 \nHost: a",
        cookies: " c=d ",
        body: "e",
        client: " ::1 ",
      },
      { method: "PUT", headers: { "x-a": ["1", "2"], cookie: ["c=d"] }, body: "e", client: "::1" },
    ],
    [
      "a curl command, and more",
      { ask: "curl -b a=b -d c a", cookies: "d=e", method: "PUT" },
      {
        method: "PUT",
        headers: { cookie: ["a=b", "d=e"], "content-type": ["application/x-www-form-urlencoded"] },
        body: "c",
      },
    ],
  ])("make a question of %s", (_, fields, expected) => {
    expect(questionOf({ ...NOTHING, ...fields })).toEqual({ ...plain, ...expected });
  });

  it.each<[Partial<Fields>, string]>([
    [{ ask: "what is this" }, "the line is neither JSON nor an access-log line of a known form"],
    [
      { ask: '1.2.3.4 - - [x] "GET / HTTP/1.1" 200' },
      "the line has no host: write one among the headers, as Host:",
    ],
    [{ ask: '1.2.3.4 - - [x] "-" 408' }, "the line has no request"],
    [{ ask: "a\u0007b" }, "The URL has a control character"],
    [{ ask: "a", headers: "X: 1\nnonsense" }, "headers, line 2: write it as Name: value"],
    [{ ask: "a", cookies: "a=b\nc" }, "cookies: they stand on one line"],
    [{ ask: "a", method: "GET /" }, "method: not the name of one"],
  ])("are refused: %j", (fields, why) => {
    expect(() => questionOf({ ...NOTHING, ...fields })).toThrow(why);
  });
});

describe("the link", () => {
  it("says again what the fields said, whatever that is", () => {
    const text = fc.string({ unit: "grapheme", maxLength: 30 });
    const any = fc.record(
      Object.fromEntries(Object.keys(NOTHING).map((key) => [key, text])),
    ) as fc.Arbitrary<unknown>;
    fc.assert(
      fc.property(any as fc.Arbitrary<Fields>, (fields) => {
        expect(ofFragment(toFragment(fields)!)).toEqual(fields);
      }),
    );
  });

  it("of nothing is none; one that is too long, or says something else, asks nothing", () => {
    expect(toFragment(NOTHING)).toBe("");
    expect(ofFragment(`#ask=${"a".repeat(2 ** 16)}`)).toEqual(NOTHING);
    const long = (length: number) => ({ ...NOTHING, ask: "a".repeat(length - "#ask=".length) });
    expect(ofFragment(toFragment(long(2 ** 16))!)).toEqual(long(2 ** 16));
    expect(toFragment(long(2 ** 16 + 1))).toBe(null);
    expect(ofFragment("#__proto__=x&%zz=%")).toEqual(NOTHING);
  });
});

it("a question as a curl command is the same question", () => {
  const text = fc.stringMatching(/^[ -~]{0,12}$/);
  const name = fc.stringMatching(/^x-[a-z]{1,5}$/);
  const value = fc.stringMatching(/^(?:[!-~](?:[ -~]{0,8}[!-~])?)?$/);
  const any = fc.record({
    authority: fc.constant("en.example:8080"),
    path: fc.stringMatching(/^\/[!"$-~]{0,12}$/),
    method: fc.constantFrom("GET", "POST", "HEAD", "PUT"),
    headers: fc.dictionary(name, fc.array(value, { minLength: 1, maxLength: 3 }), { noNullPrototype: true }),
    body: fc.option(text),
    client: fc.constant(null),
  });
  fc.assert(
    fc.property(any, (question) => {
      expect(questionOfCurl(asCurl(question))).toEqual(question);
    }),
  );
});
