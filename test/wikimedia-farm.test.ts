/** The example of Wikimedia's farm against the real data. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { encode } from "../scripts/encode/encode.ts";
import type { CanonicalRule } from "../scripts/plan.ts";
import { DATA, DATA_IS_ABSENT, WHY_SKIPPED } from "./support/data.ts";
import { loadFarm, readTsv } from "./support/farms.ts";

/** Every Wikimedia table has to be smaller than this, all of its rules included. */
const BYTES_AT_MOST = 11_994;

describe.skipIf(DATA_IS_ABSENT)(`Wikimedia's farm${WHY_SKIPPED}`, () => {
  it.each(["production", "labs"] as const)("%s compiles, and its stripped table stays small", (realm) => {
    const { plan } = loadFarm(realm);
    expect(encode(plan, { generation: 1, names: null }).length).toBeLessThanOrEqual(BYTES_AT_MOST);
  });

  it("leads from every wiki back to its canonical host", () => {
    const { rules, exceptions } = loadFarm("production").plan.canonical;
    const excepted = new Map(exceptions.map(({ wiki, host }) => [wiki, host]));
    const byRule = ({ tail, suffix, dashes }: CanonicalRule, wiki: string) => {
      const label = wiki.slice(0, wiki.length - tail.length);
      return (dashes ? label.replaceAll("_", "-") : label) + suffix;
    };
    const hostOf = (wiki: string) => {
      const exception = excepted.get(wiki);
      if (typeof exception === "number") return byRule(rules[exception]!, wiki);
      if (exception !== undefined) return exception;
      return byRule(rules.find(({ tail }) => wiki.endsWith(tail) && wiki !== tail)!, wiki);
    };
    const rows = readTsv(`${DATA}/canonical-hosts.tsv`);
    expect(rows.length).toBe(1072);
    expect(rows.filter(({ wiki, host }) => hostOf(wiki!) !== host)).toEqual([]);
  });

  it("knows the backends of debug.json, and no other", () => {
    const { farm } = loadFarm("production");
    const { backends } = JSON.parse(readFileSync(`${DATA}/mediawiki-config/debug.json`, "utf8"));
    expect(farm.keys(["debug", "backends"])).toEqual(backends);
    const anyVersion = Object.entries(farm.says.debug!.backends).filter(([, one]) => one["any-version"]);
    expect(anyVersion.map(([name]) => name)).toEqual(
      (backends as string[]).filter((name) => /-next|-experimental/.test(name)),
    );
  });
});
