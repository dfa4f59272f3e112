import type { Command } from "commander";
import * as L from "../../assembly/layout.ts";
import { count } from "../count.ts";
import { sectionName } from "../encode/container.ts";
import type { Range } from "../encode/rule-lists.ts";
import {
  describeOutcome,
  describePath,
  describePattern,
  describeReadAs,
  describeRule,
  describeTarget,
} from "../explain/describe.ts";
import { parseNames } from "../farm/names.ts";
import { EMIT_KIND_NAMES, type Wikiless } from "../plan.ts";
import { TableError } from "../table/check.ts";
import { Table, type TableListener, type TableOutcome } from "../table/table.ts";
import { readInput } from "./files.ts";
import { Refusal } from "./refusal.ts";

export function inspectCommand(program: Command): void {
  program
    .command("inspect")
    .description("print what is in a table")
    .argument("<table>", "a packed table; - is standard input")
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
      if (contents.digestHolds) return;
      process.stderr.write(`${file}: the digest does not fit the content\n`);
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
      name: table.deployment(d).name,
      near: nameOfDeployment(table, table.deployment(d).near),
      clusters: list(table.releaseCount, (r) => table.cluster(d, r)),
    })),
    listeners: table.listeners.map((listener) => listenerOf(table, listener)),
    shareCookie: table.shareCookie,
    withoutWiki: {
      invalidHost: outcomeOf(table, "noHost"),
      missing: outcomeOf(table, "missing"),
      notInstalled: outcomeOf(table, "notInstalled"),
    },
    jobs: table.jobs,
    canonicalHosts: {
      rules: list(table.canonicalRuleCount, (i) => table.canonicalRule(i)),
      exceptions: table.exceptionCount,
    },
    readAs: list(table.readAsCount, (i) => describeReadAs(table, i)),
    patterns: list(table.patternCount, (i) => describePattern(table, i)),
    paths: list(table.pathCount, (i) => describePath(table, i)),
    wikis: wikis.sort((a, b) => (a.wiki < b.wiki ? -1 : 1)),
    hosts: hosts.sort((a, b) => (a.host < b.host ? -1 : 1)),
  };
}

function nameOfDeployment(table: Table, number: number | null): string | null {
  return number === null ? null : table.deployment(number).name;
}

function listenerOf(table: Table, { name, internal, datacentre, deployment, ...lists }: TableListener) {
  const rules = ({ first, count }: Range) =>
    Array.from({ length: count }, (_, i) => ({
      number: first + i,
      when: describeRule(table, first + i),
      outcome: describeOutcome(table, first + i),
    }));
  return {
    name,
    trust: internal ? "internal" : "edge",
    datacentre,
    deployment: nameOfDeployment(table, deployment),
    routes: rules(lists.routes),
    assets: rules(lists.assets),
    reads: rules(lists.reads),
  };
}

function outcomeOf(table: Table, what: Wikiless): string {
  const { outcome, value }: TableOutcome = table.wikiless(what);
  return outcome === L.OUTCOME_REPLY
    ? `reply ${table.reply(value).status}`
    : `release ${table.release(value).name}`;
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
      ({ name, near, clusters }) =>
        `  ${name}: ${[...new Set(clusters)].join(", ")}${near === null ? "" : `; near: ${near}`}`,
    ),
  ];
  for (const { name, trust, datacentre, deployment, routes, assets, reads } of contents.listeners) {
    const where = datacentre === null ? "" : `, in ${datacentre}`;
    lines.push(
      `${name === null ? "every listener" : `listener ${name}`} (${trust}${where}), the first match counts:`,
    );
    for (const { number, when, outcome } of [...routes, ...assets, ...reads])
      lines.push(`  ${String(number).padStart(3)}  ${when} → ${outcome}`);
    lines.push(`       no rule matches → ${deployment}`);
  }
  const { invalidHost, missing, notInstalled } = contents.withoutWiki;
  lines.push(
    `without a wiki: invalid host → ${invalidHost}, missing → ${missing}, not installed → ${notInstalled}`,
  );
  if (contents.jobs !== null) {
    const { field, limit, host } = contents.jobs;
    lines.push(
      `jobs: the wiki is the body's "${field}" within ${count(limit, "byte")}; Host becomes the wiki's own: ${host}`,
    );
  }
  if (contents.readAs.length > 0) lines.push("read as others:", ...contents.readAs.map((one) => `  ${one}`));
  lines.push("host patterns, the first match counts, after the exact hosts:");
  lines.push(...contents.patterns.map((pattern) => `  ${pattern}`));
  return `${lines.join("\n")}\n`;
}
