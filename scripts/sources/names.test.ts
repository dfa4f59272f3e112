/** What a host, a wiki ID and a name may look like. */
import { expect, test } from "vitest";
import { HOST, isVersion, isWikiId } from "./names.ts";

test.each([
  "enwiki",
  "zh_min_nanwikisource",
  "test2wiki",
  "acme-corp",
  "EnWiki",
  "3F2504E0-4F89-41D3-9A0C-0305E82C3301",
  "1",
  "constructor",
])("%s is a wiki ID", (id) => {
  expect(isWikiId(id)).toBe(true);
});

test.each(["", "-wiki", "_wiki", "__proto__", "en wiki", "en.wiki", "enwiki\n", "ёwiki", "en|wiki"])(
  "%j is not a wiki ID",
  (id) => {
    expect(isWikiId(id)).toBe(false);
  },
);

test.each([
  "1.47.0-wmf.16",
  "1.43.1",
  "1.47.0-wmf16",
  "1.22wmf10",
  "1.36.0-maamedia.1",
  "REL1_43",
  "REL1_43-fork",
  "master",
  "Master",
  "branch_cut_pretest",
  "1",
  "1.47.0-wmf.",
])("%s is a version", (version) => {
  expect(isVersion(version)).toBe(true);
});

test.each([
  "",
  "php-1.47.0-wmf.16",
  "php-",
  "1.47.0-wmf.16 ",
  "1.47.0-wmf.16\n",
  "-1",
  "__proto__",
  "1.46,0",
])("%j is not a version", (version) => {
  expect(isVersion(version)).toBe(false);
});

test.each(["a.example", "localhost", "xn--bcher-kva.example", "_a.b-c"])("%s is a host", (host) => {
  expect(HOST.test(host)).toBe(true);
});

test.each(["", "A.example", "a..example", "a.example.", ".a", "a b", "bücher.example", "__proto__", "a:80"])(
  "%j is not a host",
  (host) => {
    expect(HOST.test(host)).toBe(false);
  },
);
