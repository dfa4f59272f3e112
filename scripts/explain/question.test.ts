/** Questions, as URLs and as lines of JSON. */
import { describe, expect, it } from "vitest";
import { type Question, questionOfLine, questionOfUrl } from "./question.ts";

const plain: Question = { authority: null, path: "/", method: "GET", headers: {}, body: null, client: null };

describe("a question by URL", () => {
  it.each<[string, Partial<Question>]>([
    ["https://en.example/wiki/X", { authority: "en.example", path: "/wiki/X" }],
    ["http://en.example", { authority: "en.example" }],
    ["en.example", { authority: "en.example" }],
    ["en.example/w/api.php?a=b/c&d#part", { authority: "en.example", path: "/w/api.php?a=b/c&d" }],
    ["en.example?a=b", { authority: "en.example", path: "/?a=b" }],
    ["https://EN.Example.:8080/a/../b//c", { authority: "EN.Example.:8080", path: "/a/../b//c" }],
    ["en.example/wiki/Café?q=ü x", { authority: "en.example", path: "/wiki/Caf%C3%A9?q=%C3%BC%20x" }],
    ["https://user:p@ss@en.example/@x", { authority: "en.example", path: "/@x" }],
    ["https://[::1]:80/", { authority: "[::1]:80" }],
    ["/wiki/X", { path: "/wiki/X" }],
    ["", {}],
  ])("%s is left as it is", (url, expected) => {
    expect(questionOfUrl(url)).toEqual({ ...plain, ...expected });
  });
});

describe("a question by line", () => {
  const ask = (line: unknown) => questionOfLine(JSON.stringify(line));

  it("needs a path alone", () => {
    expect(ask({ path: "/" })).toEqual(plain);
    expect(ask({ authority: null, path: "", body: null, client: null })).toEqual({ ...plain, path: "" });
  });

  it("refuses a header that would be lost", () => {
    expect(() => questionOfLine('{"path": "/", "headers": {"a": "1", "__proto__": "2"}}')).toThrow(
      "headers: `__proto__` cannot be a name here",
    );
  });

  it("has headers as a value or a list of values", () => {
    const headers = { "X-A": "1", cookie: ["a=b", "c=d"], "x-none": [] };
    expect(ask({ authority: "a", path: "/x", method: "POST", headers, body: "b" })).toEqual({
      authority: "a",
      path: "/x",
      method: "POST",
      headers: { "X-A": ["1"], cookie: ["a=b", "c=d"], "x-none": [] },
      body: "b",
      client: null,
    });
  });

  it("takes Host for the authority where there is none, and drops it beside one", () => {
    expect(ask({ path: "/", headers: { Host: "b" } })).toEqual({ ...plain, authority: "b" });
    expect(ask({ authority: "a", path: "/", headers: { host: "b" } })).toEqual({ ...plain, authority: "a" });
  });

  it.each<[string, string]>([
    ["", "not JSON: Unexpected end of JSON input"],
    ["{", "not JSON: "],
    ["null", "must be a JSON object"],
    ["[]", "must be a JSON object"],
    ['"/"', "must be a JSON object"],
    ["{}", "path: must be text"],
    ['{"path": 1}', "path: must be text"],
    ['{"path": "/", "authority": 1}', "authority: must be text"],
    ['{"path": "/", "method": ""}', "method: must not be empty"],
    ['{"path": "/", "authority": "a\\u001b[2J"}', "authority: has a control character, which no request has"],
    ['{"path": "/", "authority": "a\\n"}', "authority: has a control character"],
    ['{"path": "/", "method": "G\\u007fT"}', "method: has a control character"],
    ['{"path": "/", "body": {}}', "body: must be text"],
    ['{"path": "/", "headers": []}', "headers: must be an object of names and values"],
    ['{"path": "/", "headers": {"a b": "x"}}', "headers.a b: must be a header's name"],
    ['{"path": "/", "headers": {":path": "x"}}', "headers.:path: must be a header's name"],
    ['{"path": "/", "headers": {"a": 1}}', "headers.a: must be a header's value, or a list of them"],
    ['{"path": "/", "headers": {"a": "x\\ny"}}', "headers.a: must be a header's value, without line ends"],
    ['{"path": "/", "headers": {"a": ["x\\u0000"]}}', "headers.a"],
    [
      '{"path": "/", "hots": "x"}',
      "unknown key `hots`; known keys: `authority`, `path`, `method`, `headers`, `body`",
    ],
    ['{"authority": 1, "path": 2}', "authority: must be text; path: must be text"],
  ])("is refused: %s", (line, why) => {
    expect(() => questionOfLine(line)).toThrow(why);
  });
});
