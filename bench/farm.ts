/** The farm that is measured: its plan, its table, and where the decoder says that a request goes. */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { encode } from "../scripts/encode/encode.ts";
import { compile } from "../scripts/farm/compile.ts";
import { Farm } from "../scripts/farm/farm.ts";
import type { Canonical, Plan } from "../scripts/plan.ts";
import { projectRoot } from "../scripts/project-root.ts";
import { Table } from "../scripts/table/table.ts";
import { sourcesOfState } from "../test/support/values-files.ts";

/** Before any pin of the farm expires. */
const TODAY = "2026-01-01";

export interface BenchFarm {
  /** Path of farm.yaml, and what is put in its sources' places. */
  file: string;
  sources: Record<string, string>;
  plan: Plan;
  /** As proxies get it, without names. */
  table: Table;
  /** Wiki → the host that it is known by. */
  hosts: ReadonlyMap<string, string>;
}

/** Where Wikimedia's configuration lies beside the project. */
export const DEFAULT_SOURCE = "../shared/data/mediawiki-config";

/** @param source folder of mediawiki-config */
export function loadFarm(source?: string): BenchFarm {
  const folder = source === undefined ? join(projectRoot(), DEFAULT_SOURCE) : resolve(source);
  if (!existsSync(join(folder, "wikiversions.json"))) {
    throw new Error(
      `there is no wikiversions.json in ${source ?? DEFAULT_SOURCE}: give a checkout of mediawiki-config with --source DIR`,
    );
  }
  const file = join(projectRoot(), "examples/wikimedia/farm.yaml");
  const sources = sourcesOfState(folder, join(projectRoot(), "build/releases"));
  const { plan } = compile(new Farm(file, sources), TODAY);
  return {
    file,
    sources,
    plan,
    table: new Table(encode(plan, { generation: 1, names: null })),
    hosts: canonicalHosts(plan),
  };
}

function canonicalHosts({ wikis, canonical }: Plan): Map<string, string> {
  const exceptions = new Map(canonical.exceptions.map(({ wiki, host }) => [wiki, host]));
  const hosts = new Map<string, string>();
  for (const { id } of wikis) {
    const said = exceptions.get(id);
    const host = typeof said === "string" ? said : said === null ? null : byRule(id, canonical, said);
    if (host !== null) hosts.set(id, host);
  }
  return hosts;
}

/** @param number of the rule; without it the first whose tail fits */
function byRule(id: string, { rules }: Canonical, number?: number): string | null {
  const rule = number === undefined ? rules.find(({ tail }) => id.endsWith(tail)) : rules[number];
  if (!rule) return null;
  const rest = id.slice(0, id.length - rule.tail.length);
  return (rule.dashes ? rest.replaceAll("_", "-") : rest) + rule.suffix;
}
