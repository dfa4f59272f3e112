import type { Command } from "commander";
import { count } from "../count.ts";
import { compile } from "../farm/compile.ts";
import { Farm } from "../farm/farm.ts";
import { encodeFarm, warnOfLimits } from "./encode-farm.ts";
import { addFarmOptions, type FarmOptions } from "./farm-options.ts";

export function checkCommand(program: Command): void {
  addFarmOptions(program.command("check"))
    .description("say what is wrong or remarkable in a farm; writes nothing")
    .option("--json", "as JSON")
    .addHelpText(
      "after",
      `
Exits with 1 if the farm cannot be packed. What is only remarkable does not count.

Example:
  $ pointsman check --farm farm.yaml --source mediawiki-config=../mediawiki-config`,
    )
    .action((options: FarmOptions & { json?: boolean }) => {
      const report = checkFarm(options);
      process.stdout.write(options.json ? `${JSON.stringify(report)}\n` : showReport(report));
    });
}

export interface Report {
  farm: string;
  realm: string;
  wikis: number;
  /** Bytes of the table without and with names. */
  stripped: number;
  bytes: number;
  releases: { name: string; version: string; wikis: number; fromGroup: boolean; spilled: boolean }[];
  /** Wikis that are not on their group's release, as that does not run their version. */
  moved: { wiki: string; group: string; version: string; groupRelease: string; release: string }[];
  /** On the default release, or on the first that runs their version. */
  inNoGroup: { wiki: string; version: string; release: string }[];
  pins: { wiki: string; release: string; reason: string; expires: string }[];
  warnings: string[];
}

/** Throws SourceError. */
export function checkFarm(options: FarmOptions): Report {
  const farm = new Farm(options.farm, options.source);
  const { plan, names, groups, releases } = compile(farm, options.today);
  const moved: Report["moved"] = [];
  const inNoGroup: Report["inNoGroup"] = [];
  for (const { wiki, group, release, why, preferred } of releases.placements) {
    const { name, version } = releases.list[release]!;
    if (group === null) inNoGroup.push({ wiki, version, release: name });
    else if (why === "version") {
      moved.push({ wiki, group, version, groupRelease: releases.list[preferred!]!.name, release: name });
    }
  }
  const table = encodeFarm(farm, plan, { generation: 1, names: JSON.stringify(names) });
  warnOfLimits(farm, table);
  return {
    farm: names.farm,
    realm: names.realm,
    wikis: plan.wikis.length,
    stripped: encodeFarm(farm, plan, { generation: 1, names: null }).bytes.length,
    bytes: table.bytes.length,
    releases: releases.list.map(({ name, version }, number) => ({
      name,
      version,
      wikis: releases.placements.filter(({ release }) => release === number).length,
      fromGroup: releases.fromGroup.includes(name),
      spilled: releases.spilled.includes(name),
    })),
    moved,
    inNoGroup: groups.byName.size === 0 ? [] : inNoGroup,
    pins: farm.says.pins,
    warnings: farm.warnings.map((warning) => warning.message),
  };
}

function showReport(report: Report): string {
  const lines = [`farm ${report.farm}, realm ${report.realm}: ${count(report.wikis, "wiki")}`];
  lines.push(`table: ${report.stripped} bytes stripped, ${report.bytes} with names`);
  lines.push("releases:");
  for (const { name, version, wikis, fromGroup, spilled } of report.releases) {
    const note = spilled
      ? ", added for its version"
      : fromGroup
        ? ", version from its group: a shortcut"
        : "";
    lines.push(`  ${name}: ${version}, ${count(wikis, "wiki")}${note}`);
  }
  if (report.moved.length > 0) lines.push("not on their group's release, which does not run their version:");
  for (const { wiki, group, version, groupRelease, release } of report.moved) {
    lines.push(`  ${wiki} (${group}): ${version}, on ${release} instead of ${groupRelease}`);
  }
  if (report.inNoGroup.length > 0) lines.push("in no group:");
  for (const { wiki, version, release } of report.inNoGroup)
    lines.push(`  ${wiki}: ${version}, on ${release}`);
  if (report.pins.length > 0) lines.push("pins:");
  for (const { wiki, release, reason, expires } of report.pins) {
    lines.push(`  ${wiki} to ${release} until ${expires}: ${reason}`);
  }
  if (report.warnings.length > 0) lines.push("warnings:");
  for (const warning of report.warnings) lines.push(`  ${warning}`);
  return `${lines.join("\n")}\n`;
}
