/** `pointsman versions`: which version runs where, and which release is left over? */
import { type Command, Option } from "commander";
import { count } from "../count.ts";
import { decode } from "../encode/decode.ts";
import { compile } from "../farm/compile.ts";
import { Farm } from "../farm/farm.ts";
import { VersionOrder } from "../farm/version-order.ts";
import { isUnused, leftOver, type Versions, versionsOf } from "../farm/versions.ts";
import type { Plan } from "../plan.ts";
import { showRollout } from "../store/show.ts";
import { wantedTable } from "../store/wanted.ts";
import { addFarmOptions, type FarmOptions } from "./farm-options.ts";
import { refuseUnheard } from "./heard.ts";
import { tableIn } from "./put.ts";
import { openStore, STORE_PLACES } from "./store-options.ts";

interface VersionsOptions extends FarmOptions {
  table?: string;
  store?: string;
  json?: boolean;
}

export function versionsCommand(program: Command): void {
  addFarmOptions(program.command("versions"))
    .description(
      "print which version how many wikis run, by group and release, and which releases are left over",
    )
    .option("--table <file>", "ask a table, or what Envoy discovers (pointsman.json); - is standard input")
    .addOption(
      new Option("--store <place>", `ask what is to be served by a store: ${STORE_PLACES}`).conflicts(
        "table",
      ),
    )
    .option("--json", "print it as JSON")
    .addHelpText(
      "after",
      `
Each line has a version, a group, a release and how many wikis are on it, the oldest version first. Then come releases
that no wiki is on: those that nothing points to may go; others are the default release, or rules send requests to them.
A release whose version no wiki has may have been forgotten by a promotion, or be ahead of one.

Examples:
  $ pointsman versions --farm farm.yaml --source mediawiki-config=../mediawiki-config
  $ pointsman versions --table production.table
  $ pointsman versions --store /srv/pointsman --json | jq -r '.releases[] | select(.unused).release'`,
    )
    .action(async (options: VersionsOptions, command: Command) => {
      if (options.table !== undefined || options.store !== undefined)
        refuseUnheard(command, ["farm", "source", "today"], "no farm is read");
      const { what, plan, order } = await opened(options);
      const versions = versionsOf(plan, order);
      process.stdout.write(options.json ? `${JSON.stringify(asJson(versions))}\n` : show(what, versions));
    });
}

/** What is asked, for people. Throws SourceError, Refusal. */
async function opened(options: VersionsOptions): Promise<{ what: string; plan: Plan; order: VersionOrder }> {
  const { table: file, store: place } = options;
  if (file !== undefined) {
    const table = tableIn(file);
    const what = `generation ${table.generation} (${file})`;
    return { what, plan: decode(table), order: new VersionOrder() };
  }
  if (place !== undefined) {
    const { rollout, table } = await wantedTable(openStore({ store: place }));
    const what = rollout ? showRollout(rollout) : `generation ${table.generation}, digest ${table.digest}`;
    return { what, plan: decode(table), order: new VersionOrder() };
  }
  const farm = new Farm(options.farm, options.source);
  const { plan } = compile(farm, options.today);
  for (const warning of farm.tellWarnings()) process.stderr.write(`warning: ${warning}\n`);
  const { farm: name, realm } = farm.says;
  return { what: `farm ${name}, realm ${realm}`, plan, order: farm.versionOrder };
}

function asJson({ counts, releases }: Versions) {
  return {
    wikis: counts.reduce((sum, { wikis }) => sum + wikis, 0),
    counts,
    releases: releases.map((use) => ({ ...use, unused: isUnused(use) })),
  };
}

function show(what: string, { counts, releases }: Versions): string {
  const rows = counts.map(({ version, group, release, wikis }) => [
    version,
    group ?? "-",
    release,
    `${wikis}`,
  ]);
  const versions = new Set(counts.map(({ version }) => version)).size;
  const wikis = counts.reduce((sum, one) => sum + one.wikis, 0);
  const lines = [
    `${what}: ${count(wikis, "wiki")}, ${count(versions, "version")}, ${count(releases.length, "release")}`,
    ...aligned([["version", "group", "release", "wikis"], ...rows]),
  ];
  for (const { title, lines: some } of leftOver(releases))
    lines.push(`${title}:`, ...some.map((line) => `  ${line}`));
  return `${lines.join("\n")}\n`;
}

/** Columns under each other; the last is of numbers. */
function aligned(rows: readonly string[][]): string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) =>
    row
      .map((cell, i) => (i === row.length - 1 ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)))
      .join("  "),
  );
}
