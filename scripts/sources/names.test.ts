import { expect, test } from "vitest";
import { isVersion, isWikiId } from "./names.ts";

test.each(["enwiki", "zh_min_nanwikisource", "test2wiki", "be_x_oldwiki"])("%s is a wiki ID", (id) => {
  expect(isWikiId(id)).toBe(true);
});

test.each(["", "EnWiki", "en-wiki", "en wiki", "enwiki\n", "ёwiki"])("%j is not a wiki ID", (id) => {
  expect(isWikiId(id)).toBe(false);
});

test.each(["1.47.0-wmf.16", "1.43.1", "1.44", "1.45.0-rc.0", "REL1_43", "master"])(
  "%s is a version",
  (version) => {
    expect(isVersion(version)).toBe(true);
  },
);

test.each([
  "",
  "php-1.47.0-wmf.16",
  "1.47.0-wmf16",
  "1.47.0-wmf.",
  "1.47.0-wmf.16 ",
  "1",
  "Master",
  "1.47.0-wmf.16\n",
  `1.${"4".repeat(80)}`,
])("%j is not a version", (version) => {
  expect(isVersion(version)).toBe(false);
});
