import { readFileSync } from "node:fs";
import type { Command } from "commander";
import * as L from "../../assembly/layout.ts";
import {
  describeOutcome,
  describePath,
  describePattern,
  describeRule,
  describeTarget,
} from "../explain/describe.ts";
import { parseNames } from "../farm/names.ts";
import { TableError } from "../table/check.ts";
import { sectionName } from "../table/container.ts";
import { Table } from "../table/decode.ts";
import { EMIT_KIND_NAMES } from "../table/plan.ts";
import { Refusal } from "./refusal.ts";

export function inspectCommand(program: Command): void {
  program
    .command("inspect")
    .description("print what is in a table")
    .argument("<table>", "a packed table")
    .option("--json", "everything, every wiki and host included, as JSON")
    .addHelpText(
      "after",
      `
Examples:
  $ pointsman inspect production.table
  $ pointsman inspect --json production.table | jq '.wikis[] | select(.release == "group0").wiki'`,
    )
    .action((file: string, options: { json?: boolean }) => {
      const contents = contentsOf(readTable(file));
      process.stdout.write(options.json ? `${JSON.stringify(contents, null, 2)}\n` : show(contents));
      if (!contents.digestHolds) throw new Refusal(`${file}: the digest does not fit the content`);
    });
}

/** Throws Refusal. */
export function readTable(file: string): Table {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    throw new Refusal(`${file}: cannot be read: ${(error as Error).message}`);
  }
  try {
    return new Table(bytes);
  } catch (error) {
    if (!(error instanceof TableError)) throw error;
    throw new Refusal(`${file}: ${error.message}`);
  }
}

function contentsOf(table: Table) {
  const list = <T>(count: number, entry: (number: number) => T): T[] =>
    Array.from({ length: count }, (_, i) => entry(i));
  const names = table.section(L.SECTION_NAMES);
  const wikis = [...table.keys(table.wikis)].map(({ key, slot }) => {
    const { release, group } = table.placement(table.value(table.wikis, slot));
    return { wiki: key, release: table.release(release).name, group };
  });
  const hosts = [...table.keys(table.hosts)].map(({ key, slot }) => ({
    host: key,
    target: describeTarget(table, table.value(table.hosts, slot)),
  }));
  return {
    bytes: table.bytes.length,
    generation: table.generation,
    digest: table.digest,
    digestHolds: table.digestHolds(),
    sections: table.sections.map(({ name, start, length }) => ({
      name: sectionName(name),
      offset: start,
      length,
    })),
    farm: names ? (parseNames(names)?.farm ?? null) : null,
    headers: list(table.emitCount, (i) => {
      const { kind, name } = table.emit(i);
      return { header: name, value: EMIT_KIND_NAMES[kind]! };
    }),
    releases: list(table.releaseCount, (i) => {
      const release = table.release(i);
      return { ...release, wikis: wikis.filter((wiki) => wiki.release === release.name).length };
    }),
    defaultRelease: table.release(table.defaultRelease).name,
    deployments: list(table.deploymentCount, (d) => ({
      name: table.deployment(d),
      clusters: list(table.releaseCount, (r) => table.cluster(d, r)),
    })),
    defaultDeployment: table.deployment(table.defaultDeployment),
    rules: list(table.ruleCount, (i) => ({
      when: describeRule(table, i),
      outcome: describeOutcome(table, i),
    })),
    readAs: list(table.readAsCount, (i) => table.readAs(i)),
    patterns: list(table.patternCount, (i) => describePattern(table, i)),
    paths: list(table.pathCount, (i) => describePath(table, i)),
    wikis: wikis.sort((a, b) => (a.wiki < b.wiki ? -1 : 1)),
    hosts: hosts.sort((a, b) => (a.host < b.host ? -1 : 1)),
  };
}

function show(contents: ReturnType<typeof contentsOf>): string {
  const { wikis, hosts } = contents;
  const lines = [
    `generation ${contents.generation}, digest ${contents.digest}`,
    `${contents.bytes} bytes: ${contents.sections.map(({ name, length }) => `${name} ${length}`).join(", ")}`,
    `${wikis.length} wikis, ${hosts.length} exact hosts${contents.farm === null ? ", no names: stripped" : ""}`,
    "",
    "headers:",
    ...contents.headers.map(({ header, value }) => `  ${header}: the ${value}`),
    "releases:",
    ...contents.releases.map(
      ({ name, version, wikis }) =>
        `  ${name}: ${version}, ${wikis} wikis${name === contents.defaultRelease ? ", the default" : ""}`,
    ),
    "deployments:",
    ...contents.deployments.map(
      ({ name, clusters }) =>
        `  ${name}${name === contents.defaultDeployment ? ", the default" : ""}: ${clusters.join(", ")}`,
    ),
    "rules, the first match counts:",
    ...contents.rules.map(({ when, outcome }) => `  ${when} → ${outcome}`),
  ];
  if (contents.readAs.length > 0) lines.push("hosts that are read as others:");
  for (const { labels, from, to } of contents.readAs) lines.push(`  ${labels} labels and ${from} → ${to}`);
  lines.push("host patterns, the first match counts, after the exact hosts:");
  lines.push(...contents.patterns.map((pattern) => `  ${pattern}`));
  return `${lines.join("\n")}\n`;
}
