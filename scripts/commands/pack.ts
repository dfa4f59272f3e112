/** `pointsman pack`: a farm becomes a table. */
import { existsSync, readFileSync, statSync } from "node:fs";
import type { Command } from "commander";
import { count } from "../count.ts";
import { type Diff, diff } from "../diff/diff.ts";
import { inShort } from "../diff/formats.ts";
import { withLock } from "../disk/lock.ts";
import { behindLinks, writeWhole } from "../disk/write-whole.ts";
import { inGeneration } from "../encode/container.ts";
import { decode } from "../encode/decode.ts";
import { compile } from "../farm/compile.ts";
import { warnOfElsewhere } from "../farm/elsewhere.ts";
import { encodeFarm, warnOfLimits } from "../farm/encode-farm.ts";
import { Farm } from "../farm/farm.ts";
import type { Groups } from "../farm/groups.ts";
import { DEFAULT_LIMITS, GUARD_NAMES, type GuardName } from "../farm/guard-limits.ts";
import { type Allow, type Finding, guard, judge, showAllowed, showFinding } from "../guards/guards.ts";
import type { Plan } from "../plan.ts";
import { type Progress, progressLines, silent } from "../progress.ts";
import { Refusal } from "../refusal.ts";
import { quote } from "../sources/problem.ts";
import { reason } from "../sources/reason.ts";
import { TableError } from "../table/check.ts";
import { MAX_GENERATION, Table } from "../table/table.ts";
import { parseAllow, parseReason } from "./allow.ts";
import { addFarmOptions, type FarmOptions } from "./farm-options.ts";
import { refuseUnheard } from "./heard.ts";
import { wholeNumber } from "./whole-number.ts";

export interface PackOptions extends FarmOptions {
  strip?: boolean;
  generation?: number;
}

/** What a person lets pass, and why. */
interface Judgement {
  allow: Allow[];
  reason?: string;
}

export function packCommand(program: Command): void {
  addFarmOptions(program.command("pack"))
    .description("compile a farm into a table")
    .requiredOption(
      "--out <file>",
      "the table to write; if it exists, the new one takes the next generation; - is standard output",
    )
    .option("--strip", "leave out the names that only people read: proxies need none of them")
    .option(
      "--generation <n>",
      "the table's generation (default: one more than the old table's)",
      parseGeneration,
    )
    .option(
      "--allow <guard[=reason]>",
      `let pass what a guard finds (repeatable): ${GUARD_NAMES.join(", ")}`,
      parseAllow(GUARD_NAMES),
      [],
    )
    .option("--reason <text>", "why --allow lets it pass", parseReason)
    .option("--json", "print what was packed as JSON")
    .addHelpText(
      "after",
      `
If --out has a table already, pack says in short what changes; \`pointsman diff\` says all of it. Guards compare the two
tables, and refuse changes that hardly anybody wants. Their limits are \`guards\` in the farm. If two packs write to one
--out, the second waits for the first.

Examples:
  $ pointsman pack --farm examples/small/farm.yaml --out small.table
  $ pointsman pack --farm farm.yaml --source mediawiki-config=../mediawiki-config --strip --out production.table
  $ pointsman pack --farm farm.yaml --out production.table --allow wikis-change-release --reason "group1 is split"`,
    )
    .action((options: PackOptions & Judgement & { out: string; json?: boolean }, command: Command) => {
      if (options.allow.length === 0) refuseUnheard(command, ["reason"], "it needs --allow");
      const toStdout = options.out === "-";
      const { table, bytes, warnings, changes, allowed } = toStdout ? packToStdout(options) : packTo(options);
      const { generation, digest } = table;
      const facts = {
        out: options.out,
        bytes: bytes.length,
        wikis: table.wikis.count,
        generation,
        digest,
        warnings,
        changes,
        allowed,
      };
      const text = `${options.out}: ${bytes.length} bytes, ${count(table.wikis.count, "wiki")}, generation ${generation}, digest ${digest}${changes.map((line) => `\n  ${line}`).join("")}`;
      (toStdout ? process.stderr : process.stdout).write(`${options.json ? JSON.stringify(facts) : text}\n`);
    });
}

/** The farm's table in the place of the one at `out`. Throws SourceError, Refusal. */
function packTo(options: PackOptions & Judgement & { out: string }): Told {
  const { out } = options;
  if (existsSync(out) && !statSync(out).isFile() && !statSync(out).isDirectory()) {
    throw new Refusal(`${out}: exists and is not a regular file: name a file, or a new name in a folder`);
  }
  const progress = progressLines((line) => process.stderr.write(line));
  const pack = (isHeld: () => boolean) => {
    const old = readOld(out);
    const packed = tell(numbered(packFarm(options, old, progress), old, options.generation), options);
    if (!isHeld())
      throw new Refusal(`${out}: another process took the lock, and pack wrote nothing: pack again`);
    writeWhole(out, packed.bytes);
    return packed;
  };
  return withLock(behindLinks(out), pack, { progress });
}

/** In the old table's generation, or the next where the content is another. Throws Refusal. */
function numbered(packed: Packed, old: Table | null, wanted: number | undefined): Packed {
  if (old === null) return packed;
  const isSame = packed.table.digest === old.digest;
  if (wanted !== undefined) {
    if (isSame || wanted > old.generation) return packed;
    throw new Refusal(
      `generation ${wanted} is not above the old table's ${old.generation}, and the content differs: give a higher one`,
    );
  }
  if (!isSame && old.generation === MAX_GENERATION)
    throw new Refusal(
      `the old table has generation ${MAX_GENERATION}, the highest one: choose another --out`,
    );
  const table = inGeneration(packed.table, old.generation + (isSame ? 0 : 1));
  return { ...packed, table, bytes: table.bytes };
}

function packToStdout(options: PackOptions & Judgement & { out: string }): Told {
  const progress = progressLines((line) => process.stderr.write(line));
  const packed = tell(packFarm(options, null, progress), options);
  process.stdout.write(packed.bytes);
  return packed;
}

interface Told extends Packed {
  allowed: (Pick<Finding, "what"> & Allow)[];
}

/** Prints the warnings. Throws Refusal for what the guards found and nobody allowed. */
function tell(packed: Packed, { out, allow, reason }: Judgement & { out: string }): Told {
  const { allowed, refused } = judge(packed.findings, allow, reason ?? null);
  const warnings = [...packed.warnings, ...allowed.map(showAllowed)];
  for (const warning of warnings) process.stderr.write(`warning: ${warning}\n`);
  if (refused.length > 0) {
    throw new Refusal([...refused.map(showFinding), `${out}: nothing was written`].join("\n"));
  }
  return { ...packed, warnings, allowed };
}

export interface Packed {
  table: Table;
  bytes: Uint8Array;
  warnings: string[];
  headers: string[];
  clusters: string[];
  /** Against the old table; null where there is none, or one of the same content. */
  diff: Diff | null;
  /** The same in short. */
  changes: string[];
  /** What the guards found, against the old table. */
  findings: Finding[];
  farm: Farm;
}

/**
 * A farm's table in memory. Throws SourceError, Refusal.
 * @param old the table that this one follows, for what changes and the guards
 */
export function packFarm(
  options: PackOptions,
  old: Table | null = null,
  progress: Progress = silent,
): Packed {
  const farm = new Farm(options.farm, options.source, progress);
  const compiled = compile(farm, options.today);
  const { plan } = compiled;
  farm.warnings.unshift(...warnOfElsewhere(farm, compiled.groups, compiled.releases));
  const namesText = options.strip ? null : JSON.stringify(compiled.names);
  const { generation = 1 } = options;
  const table = encodeFarm(farm, plan, { generation, names: namesText, progress });
  warnOfLimits(farm, table);
  const changes = old && changesFrom(old, plan, table, farm);
  return {
    table,
    bytes: table.bytes,
    warnings: farm.tellWarnings(),
    headers: plan.emit.map(({ name }) => name),
    clusters: plan.clusters.flat(),
    diff: changes,
    changes: changes ? inShort(changes) : old ? [`the same content as generation ${old.generation}`] : [],
    findings: findingsOf(farm, compiled.groups, changes),
    farm,
  };
}

function changesFrom(old: Table, plan: Plan, table: Table, farm: Farm): Diff | null {
  if (old.digest === table.digest) return null;
  return diff(decode(old), plan, (a, b) => farm.versionOrder.tell(a, b));
}

function findingsOf(farm: Farm, groups: Groups, changes: Diff | null): Finding[] {
  const limits = farm.says.guards ?? DEFAULT_LIMITS;
  const findings = changes ? guard(changes, limits) : [];
  const shrinks: GuardName = "source-shrinks";
  if (limits[shrinks] === "off" || findings.some((one) => one.guard === shrinks)) return findings;
  // A list without a wiki in it needs no older table to be told.
  for (const { name, isEmpty } of groups.byName.values()) {
    const { dblist } = farm.says.groups[name]!;
    if (dblist !== undefined && isEmpty) {
      findings.push({ guard: shrinks, what: `the dblist ${quote(dblist)} of group ${name} has no wikis` });
    }
  }
  return findings;
}

function readOld(file: string): Table | null {
  if (!existsSync(file)) return null;
  try {
    return new Table(readFileSync(file));
  } catch (error) {
    const why = error instanceof TableError ? error.message : `cannot be read: ${reason(error)}`;
    throw new Refusal(`${file}: ${why}; nothing was written: move it away, or choose another --out`);
  }
}

export const parseGeneration = wholeNumber(
  1,
  MAX_GENERATION,
  `A generation is a whole number from 1 to ${MAX_GENERATION}.`,
);
