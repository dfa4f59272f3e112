/** Paths are normalised as Envoy normalises them. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { pathInEnvoy } from "./envoy-path.ts";

/** test/envoy/normalise.test.ts asks the real Envoy about many more. */
test.each([
  ["/wiki/A", "/wiki/A"],
  ["/a/./b/../c", "/a/c"],
  ["/..", "/"],
  ["/a/..", "/"],
  ["/../../a", "/a"],
  ["/a/.", "/a/"],
  ["/a/.b", "/a/.b"],
  ["/a/..b", "/a/..b"],
  ["/...", "/..."],
  ["/a//../b", "/a/b"],
  ["//a", "//a"],
  ["/%2e%2E/a", "/a"],
  ["/a.%2eb", "/a..b"],
  ["/a\\..\\b", "/b"],
  ["/a%2f../b", "/a%2f../b"],
  ["/AC%2FDC", "/AC%2FDC"],
  ["/%61%7E%5f%2d", "/a~_-"],
  ["/%c3%a9", "/%c3%a9"],
  ["/%2561", "/%2561"],
  ['/"<>^`{|}', "/%22%3C%3E%5E%60%7B%7C%7D"],
  ["/!$&'()*+,;=:@[]", "/!$&'()*+,;=:@[]"],
  ["/a%zz", "/a%zz"],
  ["/%4%31", "/%2541"],
  ["/%341x", "/41x"],
  ["/%%341x", "/%2541x"],
  ["/a?b=/../c\\%61{", "/a?b=/../c\\%61{"],
  ["/../?/../", "/?/../"],
  ["/\xe9", "/%E9"],
  ["*", "*"],
])("%s is %s", (sent, seen) => {
  expect(pathInEnvoy(sent)).toBe(seen);
});

test.each(["/a#b", "/a?b#c", "/a%00", "/a b", "/a\tb", "/a\x7f", "/a?b=\xe9", ""])(
  "%j is refused, or nothing",
  (sent) => {
    expect(pathInEnvoy(sent)).toBe(sent === "" ? "" : null);
  },
);

test("what Envoy has logged is the same again: a log can be replayed", () => {
  const part = fc.constantFrom(
    ..."/./%2e4%1%31%41%2f\\aA~%zz?{",
    "..",
    "%2e",
    "%4",
    "%31",
    "%41",
    "%25",
    "%",
  );
  fc.assert(
    fc.property(fc.array(part, { maxLength: 12 }), (parts) => {
      const once = pathInEnvoy(`/${parts.join("")}`);
      expect(once === null ? null : pathInEnvoy(once)).toBe(once);
    }),
    { numRuns: 2_000 },
  );
});
