/** The path as the rules see it. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { percentDecoded } from "./bytes.ts";
import { pathForRules } from "./path.ts";

describe("the path that rules see", () => {
  it.each<[string, string]>([
    ["/", "/"],
    ["/w/api.php", "/w/api.php"],
    ["/w/", "/w/"],
    ["//w//api.php", "/w/api.php"],
    ["/w/./api.php", "/w/api.php"],
    ["/x/../w/api.php", "/w/api.php"],
    ["/a/..", "/"],
    ["/a/b/..", "/a/"],
    ["/a/.", "/a/"],
    ["/a//", "/a/"],
    ["/..", "/"],
    ["/../../a", "/a"],
    ["//", "/"],
    ["/a/...", "/a/..."],
    ["/.a/..b", "/.a/..b"],
    ["/w%2Fapi.php", "/w/api.php"],
    ["/w%2fapi.php", "/w/api.php"],
    ["/%77/%61pi.php", "/w/api.php"],
    ["/x/%2e%2E/w", "/w"],
    ["/%2E", "/"],
    ["/a%3Fb", "/a?b"],
    ["/%252e%252e/a", "/%2e%2e/a"],
    ["/%", "/%"],
    ["/%4", "/%4"],
    ["/%4g%zz", "/%4g%zz"],
    ["/%%34", "/%4"],
    ["/%C3%A9%00", "/\u00c3\u00a9\u0000"],
    ["/a+b", "/a+b"],
    ["", ""],
    ["*", "*"],
    ["a/../b", "a/../b"],
    ["%2Fw", "%2Fw"],
    ["http://a//b", "http://a//b"],
  ])("of %j is %j", (path, seen) => {
    expect(pathForRules(path)).toBe(seen);
  });

  it("has neither `//` nor dot segments, and is the same when it is spelled out", () => {
    const piece = fc.constantFrom("/", ".", "..", "a", "b", "%2F", "%2e", "%41", "//", "%");
    fc.assert(
      fc.property(fc.array(piece), (pieces) => {
        const seen = pathForRules(`/${pieces.join("")}`);
        expect(seen).toMatch(/^\//);
        expect(seen).not.toMatch(/\/\/|\/\.\.?(\/|$)/);
        const spelled = [...seen].map((c) => `%${c.charCodeAt(0).toString(16).padStart(2, "0")}`).join("");
        expect(pathForRules(`/${spelled}`)).toBe(seen);
      }),
      { numRuns: 2000 },
    );
  });

  it("is that of WHATWG's URL, which knows all but `//` and encoded slashes", () => {
    const piece = fc.constantFrom("/a", "/b.c", "/..", "/.", "/%2e", "/.%2E", "/c%20");
    fc.assert(
      fc.property(fc.array(piece, { minLength: 1 }), (pieces) => {
        const path = pieces.join("");
        expect(pathForRules(path)).toBe(percentDecoded(new URL(`http://x${path}`).pathname));
      }),
      { numRuns: 1000 },
    );
  });
});
