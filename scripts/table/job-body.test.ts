/** The wiki in a job's body. */
import { describe, expect, it } from "vitest";
import { wikiOfBody } from "./job-body.ts";

/** Characters are bytes. */
const bytes = (text: string): string => Buffer.from(text).toString("latin1");

const answer = (body: string, limit = body.length): string => {
  const found = wikiOfBody(body, "database", limit);
  return found.kind === "text" ? `text ${found.text}` : found.kind;
};

describe("the wiki of a body", () => {
  it.each([
    ['{"database":"enwiki"}', "text enwiki"],
    [' \t\r\n{ "a" : 1 , "database" : "enwiki" } \n', "text enwiki"],
    ['{"database":""}', "text "],
    ['{"data":"a","databases":"b","":"c","Database":"d","database":"enwiki"}', "text enwiki"],
    ['{"a":{"database":"x"},"b":[[{"database":"y"}]],"database":"enwiki"}', "text enwiki"],
    ['{"a":"\\"database\\":\\"x\\",","database":"enwiki"}', "text enwiki"],
    ['{"a":[1,-2.5e+3,true,false,null,"]"],"database":"enwiki"}', "text enwiki"],
    ['{"d\\u0061t\\u0061base":"en\\u0077iki"}', "text enwiki"],
    ['{"database":"\\"\\\\\\/\\b\\f\\n\\r\\t\\\\u0041"}', 'text "\\/\b\f\n\r\t\\u0041'],
    ['{"database":"\\u00e9\\u20AC\\uD83D\\uDE00\\u0000"}', bytes("text é€😀\0")],
    [bytes('{"database":"é€😀"}'), bytes("text é€😀")],
    ['{"database":"enwiki', "none"],
    ["{}", "none"],
    ["", "none"],
    [" ", "none"],
  ])("of %j is %j", (body, expected) => {
    expect(answer(body)).toBe(expected);
  });

  it.each([
    "null",
    "true",
    "17",
    "-0.5E-3",
    "[]",
    "{}",
    '["enwiki"]',
    '{"database":"enwiki"}',
    `"${"x".repeat(511)}"`,
  ])("is none where the field is %s", (value) => {
    expect(answer(`{"database":${value}}`)).toBe("none");
    expect(answer(`{"database":${value},"database": ${value} }`)).toBe("none");
    expect(answer(`{"database":${value},"database":"enwiki"}`)).toBe("conflict");
    expect(answer(`{"database":"enwiki","database":${value}}`)).toBe("conflict");
  });

  it.each([
    ['"enwiki"', '"enwiki"', "text enwiki"],
    ['"enwiki"', '"\\u0065nwiki"', "text enwiki"],
    ['"enwiki"', '"dewiki"', "conflict"],
    ['"1"', "1", "conflict"],
    ['"null"', "null", "conflict"],
    ["1", "1.0", "conflict"],
    ['[1, 2, "a b"]', '[1,2,\n"a b"]', "none"],
    ['["a b"]', '["ab"]', "conflict"],
    ['["a"]', '["\\u0061"]', "conflict"],
    [`"${"x".repeat(510)}"`, `"${"x".repeat(510)}"`, `text ${"x".repeat(510)}`],
    [`"${"x".repeat(511)}"`, `"${"x".repeat(510)}y"`, "conflict"],
  ])("of %s and then %s is %s", (first, second, expected) => {
    expect(answer(`{"database":${first},"a":[{"database":"x"}],"database":${second}}`)).toBe(expected);
    expect(answer(`{"database":${second},"database":${first}}`).slice(0, 4)).toBe(expected.slice(0, 4));
  });

  it.each([
    ["a byte order mark", bytes('\ufeff{"database":"enwiki"}')],
    ["no object", '["database","enwiki"]'],
    ["a name without quotes", '{a:1,"database":"enwiki"}'],
    ["no colon", '{"a" 1,"database":"enwiki"}'],
    ["no comma", '{"a":1 "database":"enwiki"}'],
    ["two commas", '{"a":1,,"database":"enwiki"}'],
    ["a closing bracket of the other kind", '{"a":1],"database":"enwiki"}'],
    ["an escape that is none", '{"a":"\\x","database":"enwiki"}'],
    ["a capital escape", '{"a":"\\N","database":"enwiki"}'],
    ["an escape with three digits", '{"a":"\\u123","database":"enwiki"}'],
    ["an escape that is none, below the top", '{"a":["\\U0041"],"database":"enwiki"}'],
    ["a control character in a string", '{"a":"\n","database":"enwiki"}'],
    ["a control character in a string below the top", '{"a":["\x1f"],"database":"enwiki"}'],
    ["a value that cannot begin so", '{"a":+1,"database":"enwiki"}'],
    ["a misspelt literal", '{"a":trve,"database":"enwiki"}'],
    ["a literal that goes on", '{"a":nulll,"database":"enwiki"}'],
    ["a literal cut in two", '{"a":nu ll,"database":"enwiki"}'],
    ["a no-break space", '{"a":\xa01,"database":"enwiki"}'],
  ])("is none after %s", (_, body) => {
    expect(answer(body)).toBe("none");
  });

  it.each([
    '{"database":"enwiki"',
    '{"database":"enwiki"}{"database":"dewiki"}',
    '{"database":"enwiki"} x,"database":"dewiki"}',
    '{"database":"enwiki":"database":"dewiki"}',
    '{"database":"enwiki",}',
    '{"database":"enwiki",x,"database":"dewiki"}',
    '{"database":"enwiki","database":"dewiki',
    '{"database":"enwiki","database":1',
    '{"database":"enwiki","a":[,"database":"dewiki"}',
  ])("stays where JSON ends, or a value is not whole: %s", (body) => {
    expect(answer(body)).toBe("text enwiki");
  });

  it.each([
    '{"a":TRUE,"b":Null,"database":"enwiki"}',
    '{"a":1-2e..,"b":00,"database":"enwiki"}',
    '{"a":[1 2,,:x},"database":"enwiki"}',
    '{"a":"\xff\x7f","database":"enwiki"}',
  ])("is found after what only a parser refuses: %j", (body) => {
    expect(answer(body)).toBe("text enwiki");
  });

  it("makes three bytes of half a surrogate pair, and keeps bytes that are no UTF-8", () => {
    const lone = answer('{"database":"\\ud83d\\ud83d\\ude00x\\ude00\\ud83d"}');
    expect(lone).toBe("text \xed\xa0\xbd\xf0\x9f\x98\x80x\xed\xb8\x80\xed\xa0\xbd");
    expect(answer('{"database":"\xff\xc0\x80"}')).toBe("text \xff\xc0\x80");
  });

  it("must end within the limit; a conflict is looked for in the whole body", () => {
    const body = '{"database":"enwiki","database":"dewiki"}';
    expect(answer(body, 19)).toBe("none");
    expect(answer(body, 20)).toBe("conflict");
    expect(answer('{"database":"enwiki"}', 19)).toBe("none");
    expect(answer('{"database":"enwiki"}', 20)).toBe("text enwiki");
    expect(answer('{"database":null,"database":"enwiki"}', 16)).toBe("none");
    expect(answer('{"database":null,"database":"enwiki"}', 17)).toBe("conflict");
  });

  it("takes any field's name", () => {
    expect(wikiOfBody('{"":"a"}', "", 100)).toEqual({ kind: "text", text: "a" });
    expect(wikiOfBody('{"\\u00e9\\"":"a"}', bytes('é"'), 100)).toEqual({ kind: "text", text: "a" });
  });

  it("neither recurses nor gives up on depth", () => {
    const body = `{"a":${"[".repeat(1_000_000)}${"]".repeat(1_000_000)},"database":"enwiki"}`;
    expect(answer(body)).toBe("text enwiki");
  });
});
