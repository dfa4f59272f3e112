/** `pointsman inspect`: what does a table hold? */
import type { Command } from "commander";
import { count } from "../count.ts";
import {
  describeDestination,
  describeOutcome,
  describePath,
  describePattern,
  describeRewrite,
  describeRule,
  describeWikiless,
} from "../describe.ts";
import { parseNames } from "../farm/names.ts";
import { Refusal } from "../refusal.ts";
import { TableError } from "../table/check.ts";
import { digestHolds } from "../table/digest.ts";
import { type Range, Table, type TableListener } from "../table/table.ts";
import { sectionName } from "../table/table-bytes.ts";
import { readInput } from "./files.ts";

export function inspectCommand(program: Command): void {
  program
    .command("inspect")
    .description("print what is in a table")
    .argument("<table>", "a packed table; - is standard input")
    .option("--json", "print everything as JSON, every wiki and every host included")
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
      if (contents.digestHolds) return;
      process.stderr.write(
        `${file}: the digest in the table is not the digest of its content: pack the table again\n`,
      );
      process.exitCode = 1;
    });
}

/** Throws Refusal. */
export function readTable(file: string): Table {
  const bytes = readInput(file);
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
  const { names } = table;
  const wikis = [...table.keys(table.wikis)].map(({ key, slot }) => {
    const { release, group } = table.placement(slot);
    return { wiki: key, release: table.release(release).name, group };
  });
  const hosts = [...table.keys(table.hosts)].map(({ key, slot }) => ({
    host: key,
    destination: describeDestination(table, table.destinationOf(slot)),
  }));
  return {
    bytes: table.bytes.length,
    generation: table.generation,
    digest: table.digest,
    digestHolds: digestHolds(table),
    sections: table.sections.map(({ name, start, length }) => ({
      name: sectionName(name),
      offset: start,
      length,
    })),
    farm: names ? (parseNames(names)?.farm ?? null) : null,
    headers: table.emit.map(({ kind, name }) => ({ header: name, value: kind })),
    releases: list(table.releaseCount, (i) => {
      const release = table.release(i);
      return { ...release, wikis: wikis.filter((wiki) => wiki.release === release.name).length };
    }),
    defaultRelease: table.release(table.defaultRelease).name,
    deployments: list(table.deploymentCount, (d) => ({
      name: table.deployment(d).name,
      readOnly: nameOfDeployment(table, table.deployment(d).readOnly),
      clusters: list(table.releaseCount, (r) => table.cluster(d, r)),
    })),
    listeners: table.listeners.map((listener) => listenerOf(table, listener)),
    shareCookie: table.shareCookie,
    withoutWiki: {
      unknownHost: describeWikiless(table, table.wikiless("unknownHost")),
      missing: describeWikiless(table, table.wikiless("missing")),
      notInstalled: describeWikiless(table, table.wikiless("notInstalled")),
    },
    jobs: table.jobs,
    canonicalHosts: {
      rules: list(table.canonicalRuleCount, (i) => table.canonicalRule(i)),
      exceptions: table.exceptionCount,
    },
    rewrites: list(table.rewriteCount, (i) => describeRewrite(table.rewrite(i))),
    patterns: list(table.patternCount, (i) => describePattern(table, table.pattern(i))),
    paths: list(table.pathCount, (i) => describePath(table.path(i))),
    wikis: wikis.sort((a, b) => (a.wiki < b.wiki ? -1 : 1)),
    hosts: hosts.sort((a, b) => (a.host < b.host ? -1 : 1)),
  };
}

function nameOfDeployment(table: Table, number: number | null): string | null {
  return number === null ? null : table.deployment(number).name;
}

function listenerOf(
  table: Table,
  { name, trust, trustedHops, datacentre, deployment, ...lists }: TableListener,
) {
  const rules = ({ first, count }: Range) =>
    Array.from({ length: count }, (_, i) => ({
      number: first + i,
      when: describeRule(table.rule(first + i)),
      outcome: describeOutcome(table, table.rule(first + i)),
    }));
  return {
    name,
    trust,
    trustedHops,
    datacentre,
    deployment: nameOfDeployment(table, deployment),
    routes: rules(lists.routes),
    assets: rules(lists.assets),
    reads: rules(lists.reads),
  };
}

function show(contents: ReturnType<typeof contentsOf>): string {
  const { wikis, hosts } = contents;
  const lines = [
    `generation ${contents.generation}, digest ${contents.digest}`,
    `${count(contents.bytes, "byte")}: ${contents.sections.map(({ name, length }) => `${name} ${length}`).join(", ")}`,
    `${count(wikis.length, "wiki")}, ${count(hosts.length, "exact host")}${contents.farm === null ? ", no names: stripped" : ""}`,
    "",
    "headers:",
    ...contents.headers.map(({ header, value }) => `  ${header}: the ${value}`),
    "releases:",
    ...contents.releases.map(
      ({ name, version, wikis }) =>
        `  ${name}: ${version}, ${count(wikis, "wiki")}${name === contents.defaultRelease ? ", the default" : ""}`,
    ),
    "deployments:",
    ...contents.deployments.map(
      ({ name, readOnly, clusters }) =>
        `  ${name}: ${[...new Set(clusters)].join(", ")}${readOnly === null ? "" : `; read-only: ${readOnly}`}`,
    ),
  ];
  for (const listener of contents.listeners) {
    const { name, trust, trustedHops, datacentre, deployment, routes, assets, reads } = listener;
    const behind = trustedHops === 0 ? "" : ` behind ${count(trustedHops, "trusted hop")}`;
    const where = datacentre === null ? "" : `, in ${datacentre}`;
    lines.push(
      `${name === null ? "every listener" : `listener ${name}`} (${trust}${behind}${where}), the first match counts:`,
    );
    for (const { number, when, outcome } of [...routes, ...assets, ...reads])
      lines.push(`  ${String(number).padStart(3)}  ${when} → ${outcome}`);
    lines.push(`       no rule matches → ${deployment}`);
  }
  const { unknownHost, missing, notInstalled } = contents.withoutWiki;
  lines.push(
    `without a wiki: unknown host → ${unknownHost}, missing → ${missing}, not installed → ${notInstalled}`,
  );
  if (contents.jobs !== null) {
    const { field, limit, host, heldBytes, heldStreams, heldSeconds } = contents.jobs;
    lines.push(
      `jobs: the wiki is the body's "${field}" within ${count(limit, "byte")}; Host becomes the wiki's own: ${host}`,
      `      a worker holds ${count(heldStreams, "job")}, ${count(heldBytes, "byte")}, each for ${count(heldSeconds, "second")}`,
    );
  }
  if (contents.rewrites.length > 0) lines.push("rewrites:", ...contents.rewrites.map((one) => `  ${one}`));
  lines.push("host patterns, the first match counts, after the exact hosts:");
  lines.push(...contents.patterns.map((pattern) => `  ${pattern}`));
  return `${lines.join("\n")}\n`;
}
