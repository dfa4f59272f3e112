/** `pointsman check`: is a farm right, and what is in it? */
import type { Command } from "commander";
import { count } from "../count.ts";
import { compileSurveyed, type Survey, survey } from "../farm/compile.ts";
import { encodeFarm, warnOfLimits } from "../farm/encode-farm.ts";
import { Farm } from "../farm/farm.ts";
import { strandedNext } from "../farm/stranded.ts";
import { progressLines } from "../progress.ts";
import { Refusal } from "../refusal.ts";
import { oneACause, quote, quoteFirst, SourceError } from "../sources/problem.ts";
import { suggestionFor } from "../sources/suggestion.ts";
import { type AskOptions, addAskOptions, askReleasesOf } from "./ask-options.ts";
import { addFarmOptions, type FarmOptions } from "./farm-options.ts";
import { packFarm } from "./pack.ts";

export function checkCommand(program: Command): void {
  addAskOptions(addFarmOptions(program.command("check")))
    .description("report what is wrong or remarkable in a farm; write nothing")
    .option("--json", "print the report as JSON")
    .addHelpText(
      "after",
      `
check exits with 1 if the farm cannot be packed, and still prints the overview. Warnings do not change the exit code.

Examples:
  $ pointsman check --farm farm.yaml --source mediawiki-config=../mediawiki-config
  $ pointsman check --farm examples/small/farm.yaml --json
  $ pointsman check --ask-releases 'http://mediawiki-{release}-tls-service.{deployment}.svc.cluster.local:4450/version.json'`,
    )
    .action(async (options: FarmOptions & AskOptions & { json?: boolean }) => {
      const report = checkFarm(options);
      if (report.errors.length === 0) report.errors.push(...(await answersAgainst(options)));
      process.stdout.write(options.json ? `${JSON.stringify(report)}\n` : showReport(report));
      if (report.errors.length > 0) throw new Refusal(report.errors.join("\n"), true);
    });
}

/** What releases that are asked say against the farm. */
async function answersAgainst(options: FarmOptions & AskOptions): Promise<string[]> {
  if (options.askReleases === undefined) return [];
  const progress = progressLines((line) => process.stderr.write(line));
  const { table, farm } = packFarm(options, null, progress);
  return askReleasesOf(table, farm.says.deployments.default, options, progress);
}

export interface Report {
  farm: string;
  realm: string;
  wikis: number;
  /** Bytes of the table without and with names; null where none can be made. */
  stripped: number | null;
  bytes: number | null;
  releases: { name: string; version: string; wikis: number; fromGroup: boolean; spilled: boolean }[];
  /** Groups of which no release has the name, with the releases that their wikis are on. `meant`: what looks like it. */
  groupsWithoutRelease: { group: string; wikis: number; releases: string[]; meant: string | null }[];
  /** Wikis that are not on their group's release, as that does not run their version. */
  moved: { wiki: string; group: string; version: string; groupRelease: string; release: string }[];
  /** On the release that most wikis of their version are on; null where none runs it. */
  inNoGroup: { wiki: string; version: string; release: string | null }[];
  /** Wikis whose version no release of the farm runs: whether the proxies answer for them, or they have no release. */
  stranded: { wiki: string; version: string; answered: boolean }[];
  /** By release, wikis that no other release could take if it went on to another version, and they did not. */
  strandedNext: { release: string; version: string; wikis: string[] }[];
  pins: { wiki: string; release: string; reason: string; expires: string }[];
  warnings: string[];
  /** Why the farm cannot be packed, or what its releases say against it. */
  errors: string[];
}

/** Throws SourceError where the farm's own file or its wikiversions cannot be read. */
export function checkFarm(options: FarmOptions): Report {
  const farm = new Farm(options.farm, options.source);
  const surveyed = survey(farm, options.today);
  const { groups, releases } = surveyed;
  const ofGroup = new Map(
    [...groups.byName.keys()].map((name) => [name, { wikis: 0, on: new Set<string>() }]),
  );
  const moved: Report["moved"] = [];
  const inNoGroup: Report["inNoGroup"] = [];
  const stranded: Report["stranded"] = [];
  for (const [i, { wiki, group, release, why, preferred }] of releases.placements.entries()) {
    const version = farm.wikis.versions[i]!;
    const name = release === -1 ? null : releases.list[release]!.name;
    const answered = releases.answered.has(wiki);
    if (name === null || answered) stranded.push({ wiki, version, answered });
    if (group !== null) {
      const its = ofGroup.get(group)!;
      its.wikis++;
      if (name !== null && !answered) its.on.add(name);
    }
    if (group === null) inNoGroup.push({ wiki, version, release: name });
    else if (why === "version" && name !== null && !answered) {
      moved.push({ wiki, group, version, groupRelease: releases.list[preferred!]!.name, release: name });
    }
  }
  const ownNames = releases.list.map(({ name }) => name).filter((name) => !groups.byName.has(name));
  return {
    farm: farm.says.farm,
    realm: farm.says.realm,
    wikis: farm.wikis.size,
    ...sizesOf(farm, surveyed),
    releases: releases.list.map(({ name, version }, number) => ({
      name,
      version,
      wikis: releases.ofWiki.filter((release) => release === number).length,
      fromGroup: releases.inferred.has(name),
      spilled: releases.spilled.has(name),
    })),
    groupsWithoutRelease: [...ofGroup]
      .filter(([group]) => releases.list.every(({ name }) => name !== group))
      .map(([group, { wikis, on }]) => ({
        group,
        wikis,
        releases: [...on],
        meant: suggestionFor(group, ownNames) ?? null,
      })),
    moved,
    inNoGroup: groups.byName.size === 0 ? [] : inNoGroup,
    stranded,
    strandedNext: strandedNext(releases),
    pins: farm.says.pins,
    warnings: farm.tellWarnings(),
  };
}

/** How large the table is, or why there is none. */
function sizesOf(farm: Farm, surveyed: Survey): Pick<Report, "stripped" | "bytes" | "errors"> {
  try {
    const { plan, names } = compileSurveyed(farm, surveyed);
    const table = encodeFarm(farm, plan, { generation: 1, names: JSON.stringify(names) });
    warnOfLimits(farm, table);
    const stripped = encodeFarm(farm, plan, { generation: 1, names: null }).bytes.length;
    return { stripped, bytes: table.bytes.length, errors: [] };
  } catch (error) {
    if (!(error instanceof SourceError)) throw error;
    return { stripped: null, bytes: null, errors: oneACause(error.problems) };
  }
}

function showReport(report: Report): string {
  const lines = [`farm ${report.farm}, realm ${report.realm}: ${count(report.wikis, "wiki")}`];
  const { stripped, bytes } = report;
  lines.push(
    bytes === null ? "table: none can be made" : `table: ${stripped} bytes stripped, ${bytes} with names`,
  );
  lines.push("releases:");
  for (const { name, version, wikis, fromGroup, spilled } of report.releases) {
    const note = spilled
      ? ", added for its version"
      : fromGroup
        ? ", version from its group: a shortcut"
        : "";
    lines.push(`  ${name}: ${version || "unknown version"}, ${count(wikis, "wiki")}${note}`);
  }
  const section = (title: string, entries: string[]) => {
    if (entries.length > 0) lines.push(`${title}:`, ...entries.map((entry) => `  ${entry}`));
  };
  section(
    "groups whose name is no release's",
    report.groupsWithoutRelease.map(({ group, wikis, releases, meant }) => {
      const on = releases.length > 0 ? ` on ${quoteFirst(releases)}` : "";
      const hint = meant === null ? "" : `; did you mean ${quote(meant)}?`;
      return `${group}: ${count(wikis, "wiki")}${on}${hint}`;
    }),
  );
  section(
    "not on their group's release, which does not run their version",
    sums(
      report.moved,
      (one) => ` of ${one.group}: ${one.version}, on ${one.release} instead of ${one.groupRelease}`,
    ),
  );
  section(
    "in no group",
    sums(report.inNoGroup, ({ version, release }) => `: ${version}, on ${release ?? "no release"}`),
  );
  section(
    "no release runs their version",
    sums(
      report.stranded,
      ({ version, answered }) => `: ${version}${answered ? ", answered by the proxies" : ""}`,
    ),
  );
  section(
    "the next promotion would strand them",
    report.strandedNext.map(
      ({ release, version, wikis }) =>
        `of ${release}: ${who(wikis)} on ${version}, which no other release runs`,
    ),
  );
  section(
    "pins",
    report.pins.map(
      ({ wiki, release, expires, reason }) => `${wiki} to ${release} until ${expires}: ${reason}`,
    ),
  );
  section("warnings", report.warnings);
  return `${lines.join("\n")}\n`;
}

/** A line for all of which the same is said. */
function sums<T extends { wiki: string }>(all: readonly T[], say: (one: T) => string): string[] {
  const alike = new Map<string, string[]>();
  for (const one of all) {
    const said = say(one);
    const wikis = alike.get(said);
    if (wikis) wikis.push(one.wiki);
    else alike.set(said, [one.wiki]);
  }
  return [...alike].map(([said, wikis]) => `${who(wikis)}${said}`);
}

function who(wikis: readonly string[]): string {
  return `${wikis.length} ${wikis.length === 1 ? "wiki" : "wikis"} (${quoteFirst(wikis)})`;
}
