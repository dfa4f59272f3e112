/** The example of Wikimedia's farm against the real data. */
import { appendFileSync, cpSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { encode } from "../scripts/encode/encode.ts";
import type { Canonical, CanonicalRule } from "../scripts/plan.ts";
import { readVersionFromValues } from "../scripts/sources/values-file.ts";
import { DATA, DATA_IS_ABSENT, projectPath, WHY_SKIPPED } from "./support/data.ts";
import { loadFarm, readTsv } from "./support/farms.ts";
import { folderOf } from "./support/folder.ts";
import { sourcesOfState, valuesText } from "./support/values-files.ts";

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

  it("has sample values files of the data's state: those of its releases, of other deployments, and of scripts", () => {
    const { farm, plan } = loadFarm("production");
    const rule = farm.says["version-from-image"]!;
    // By what most wikis of each release's group run.
    const { releases } = sourcesOfState(`${DATA}/mediawiki-config`, folderOf({}));
    const byGroup = (release: string) =>
      readVersionFromValues(join(releases!, `mw-web-${release}-eqiad.yaml`), rule).version;
    const folder = projectPath("examples/wikimedia/releases");
    const found = new Set<string>();
    for (const file of readdirSync(folder)) {
      const [, deployment, release, cluster] = /^(.+)-([^-]+)-(eqiad|codfw)\.yaml$/.exec(file) ?? [];
      const image = deployment === "mw-script" ? "restricted/mediawiki-cli" : "restricted/mediawiki";
      const whose = `the release ${deployment}-${release} in the cluster ${cluster}`;
      expect(readFileSync(join(folder, file), "utf8"), file).toBe(
        `# As a deployment writes it: the values of ${whose}.\n${valuesText(byGroup(release!), image)}`,
      );
      found.add(deployment!);
    }
    expect([...found]).toEqual(["mw-api-ext", "mw-jobrunner", "mw-script", "mw-web"]);
    // Whatever release a wiki is on, the farm finds its version and a script has its image.
    for (const { name } of plan.releases) {
      const script = join(folder, `mw-script-${name}-eqiad.yaml`);
      expect(readVersionFromValues(script, rule).version).toBe(byGroup(name));
      expect(farm.says.releases[name]!.values).toBe(`releases:mw-web-${name}-eqiad.yaml`);
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
