/** The example of Wikimedia's farm against the real data. */
import { appendFileSync, cpSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { encode } from "../scripts/encode/encode.ts";
import type { Canonical, CanonicalRule } from "../scripts/plan.ts";
import { DATA, DATA_IS_ABSENT, projectPath, WHY_SKIPPED } from "./support/data.ts";
import { loadFarm, readTsv } from "./support/farms.ts";
import { folderOf } from "./support/folder.ts";
import { sourcesOfState } from "./support/values-files.ts";

/** Every Wikimedia table has to be smaller than this, all of its rules included. */
const BYTES_AT_MOST = 11_994;

describe.skipIf(DATA_IS_ABSENT)(`Wikimedia's farm${WHY_SKIPPED}`, () => {
  it.each(["production", "labs"] as const)("%s compiles, and its stripped table stays small", (realm) => {
    const { plan } = loadFarm(realm);
    expect(encode(plan, { generation: 1, names: null }).length).toBeLessThanOrEqual(BYTES_AT_MOST);
  });

  it("leads from every wiki back to its canonical host", () => {
    const hostOf = canonicalHosts(loadFarm("production").plan.canonical);
    const rows = readTsv(`${DATA}/canonical-hosts.tsv`);
    expect(rows.length).toBe(1072);
    expect(rows.filter(({ wiki, host }) => hostOf(wiki!) !== host)).toEqual([]);
  });

  it("gives a new wiki that is in preinstall alone its own host", () => {
    const source = folderOf({});
    cpSync(`${DATA}/mediawiki-config`, source, { recursive: true });
    const wikiversions = join(source, "wikiversions.json");
    const versions = JSON.parse(readFileSync(wikiversions, "utf8"));
    const added = {
      conductwiki: versions.metawiki,
      tokwiki: versions.enwiki,
      mswikiquote: versions.metawiki,
    };
    writeFileSync(wikiversions, JSON.stringify({ ...versions, ...added }, null, 1));
    const list = (name: string) => join(source, `dblists/${name}.dblist`);
    appendFileSync(list("preinstall"), "conductwiki\nmswikiquote\ntokwiki\n");
    appendFileSync(list("group1"), "conductwiki\nmswikiquote\n");
    appendFileSync(list("group2"), "tokwiki\n");
    appendFileSync(list("wikipedia"), "tokwiki\n");
    appendFileSync(list("wikiquote"), "mswikiquote\n");
    const hosts = canonicalHosts(loadFarm("production", source).plan.canonical);
    expect(Object.keys(added).map(hosts)).toEqual([
      "conduct.wikimedia.org",
      "tok.wikipedia.org",
      "ms.wikiquote.org",
    ]);
  });

  it("has sample values files of the data's state", () => {
    const folder = folderOf({});
    sourcesOfState(`${DATA}/mediawiki-config`, folder);
    const samples = projectPath("examples/wikimedia/releases");
    const { farm } = loadFarm("production");
    expect(readdirSync(samples).map((name) => `releases:${name}`)).toEqual(
      Object.values(farm.says.releases)
        .map(({ values }) => values)
        .sort(),
    );
    for (const name of readdirSync(samples)) {
      const sample = readFileSync(join(samples, name), "utf8").replace(/^#.*\n/, "");
      expect(sample, name).toBe(readFileSync(join(folder, name), "utf8"));
    }
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

/** A wiki's own host, by rule or by exception. */
function canonicalHosts({ rules, exceptions }: Canonical): (wiki: string) => string | null {
  const excepted = new Map(exceptions.map(({ wiki, host }) => [wiki, host]));
  const byRule = ({ tail, suffix, dashes }: CanonicalRule, wiki: string) => {
    const label = wiki.slice(0, wiki.length - tail.length);
    return (dashes ? label.replaceAll("_", "-") : label) + suffix;
  };
  return (wiki) => {
    const exception = excepted.get(wiki);
    if (typeof exception === "number") return byRule(rules[exception]!, wiki);
    if (exception !== undefined) return exception;
    return byRule(rules.find(({ tail }) => wiki.endsWith(tail) && wiki !== tail)!, wiki);
  };
}
