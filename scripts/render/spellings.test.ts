/** Spellings of a header's name that PHP takes for the same. */
import { expect, test } from "vitest";
import { spellings } from "./spellings.ts";

test.each([
  [["x-mw-cluster"], "^x(?:[^a-z0-9]mw[^a-z0-9]cluster)$"],
  [["X-MW-Cluster", "x-wiki"], "^x(?:[^a-z0-9]mw[^a-z0-9]cluster|[^a-z0-9]wiki)$"],
  [["wiki", "x-mw"], "^(?:wiki|x[^a-z0-9]mw)$"],
  [["release", "rel"], "^rel(?:ease|)$"],
])("of %j: %s", (names, regex) => {
  expect(spellings(names)).toBe(regex);
  for (const name of names) {
    const lower = name.toLowerCase();
    for (const spelt of [lower, lower.replaceAll("-", "_"), lower.replace("-", ".")])
      expect(spelt).toMatch(new RegExp(regex));
    for (const other of [`${lower}s`, `a${lower}`, lower.slice(1)])
      expect(other).not.toMatch(new RegExp(regex));
  }
});
