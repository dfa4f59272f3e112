/** `pointsman push`: a farm's table becomes what is to be served: in the store, and on this machine's proxies. */
import { resolve } from "node:path";
import { createInterface } from "node:readline";
import { type Command, InvalidArgumentError } from "commander";
import { inGeneration } from "../encode/container.ts";
import { GUARD_NAMES } from "../farm/guard-limits.ts";
import { type Allow, judge, showAllowed, showFinding } from "../guards/guards.ts";
import { type Progress, progressLines } from "../progress.ts";
import { Refusal } from "../refusal.ts";
import { stagesOf } from "../rollout/stages-of.ts";
import type { Entry, Store } from "../store/store.ts";
import type { Table } from "../table/table.ts";
import { parseAllow, parseReason } from "./allow.ts";
import { ASK_RELEASES, type AskOptions, addAskOptions, askReleasesOf } from "./ask-options.ts";
import { addFarmOptions, type FarmOptions } from "./farm-options.ts";
import { refuseUnheard } from "./heard.ts";
import { isFrozen, showFreeze } from "./history.ts";
import { addLeadOptions, checkBegin, fleetOf, type LeadOptions, lead } from "./lead.ts";
import { type Packed, packFarm, parseGeneration } from "./pack.ts";
import { proxiesOf } from "./proxy-options.ts";
import {
  bringAll,
  type Current,
  currentOf,
  type InStages,
  nextGeneration,
  putInForce,
  refuseUnderWay,
  tell,
} from "./put-in-force.ts";
import { storeAt } from "./store-options.ts";
import { addTargetOptions, type TargetOptions, targetsOf } from "./target-options.ts";
import { commitOf, whoActs } from "./who.ts";

/** What a push is refused for beside what guards find. */
const OWN_NAMES = ["frozen", "unreadable", ASK_RELEASES];
const NAMES = [...GUARD_NAMES, ...OWN_NAMES];

type NamedFinding = Pick<Entry["allowed"][number], "guard" | "what">;

interface Options extends FarmOptions, AskOptions, TargetOptions, LeadOptions {
  reason: string;
  allow: Allow[];
  generation?: number;
  again?: boolean;
  yes?: boolean;
  stages?: string[];
  force?: string;
  json?: boolean;
}

export function pushCommand(program: Command): void {
  const command = addTargetOptions(addAskOptions(addFarmOptions(program.command("push"))));
  command
    .description("pack a farm, and make its table the one to be served: in the store, then on this machine")
    .requiredOption("--reason <text>", "why, for the history", parseReason)
    .option("--yes", "do not ask; without a terminal, nothing is pushed unless this is given")
    .option(
      "--allow <guard[=reason]>",
      `let pass what a guard finds (repeatable): ${NAMES.join(", ")}`,
      parseAllow(NAMES),
      [],
    )
    .option("--again", "make a new generation even if the content is what is to be served already")
    .option("--generation <n>", "the generation of the table (default: the store's next)", parseGeneration)
    .option(
      "--stages <names>",
      "bring it to these parts of the fleet, one after the other: of the farm's `stages`, 10%, all",
      parseStages,
    )
    .option(
      "--force <reason>",
      "in an emergency: go through the stages without looking at proxies",
      parseReason,
    )
    .option("--json", "print what was done as JSON")
    .addHelpText(
      "after",
      `
push checks and packs the farm, compares it with what is to be served, and lets the guards look at the change; then it
asks you. Until then it writes nothing. If the content is what is to be served already, it writes only targets that
lack it.

With --stages the table goes to the first stage. Its proxies must prove that they serve it, and must be no worse than the
others for a while; then the next stage gets it. Where something is bad, or nobody can say, the push pauses and exits
with 1: see resume, promote, abort.

Examples:
  $ pointsman push --farm farm.yaml --store /srv/pointsman --target envoy-files=/etc/envoy --reason 'train 1.47.0-wmf.3'
  $ pointsman push --store /srv/pointsman --yes --reason T4711 --allow release-empties='group2 is given up'
  $ pointsman push --reason T4711 --ask-releases 'https://{release}.mw-web.svc:4450/version' --ask-header x-mw-version
  $ pointsman push --stages canary,10%,all --proxies proxies.txt --announce 'logger "$POINTSMAN_WHAT"' --reason T4711
  $ POINTSMAN_WHO=ci POINTSMAN_STORE=/srv/pointsman pointsman push --yes --json --reason "$CI_COMMIT_TITLE"`,
    )
    .action(push);
  addLeadOptions(command);
}

async function push(options: Options, command: Command): Promise<void> {
  if (options.stages === undefined) {
    const all = ["proxy", "proxies", "instances", "timeout", "announce", "probe", "force"];
    refuseUnheard(command, all, "it needs --stages");
  }
  const progress = progressLines((line) => process.stderr.write(line));
  const store = storeAt(options.store);
  const targets = targetsOf(options);
  const current = await currentOf(store);
  const packed = packNext(options, current, progress);
  refuseUnderWay(current, packed.table.digest, store);
  const inStages = inStagesOf(packed, options);
  const fleet = inStages && fleetOf(store, options.force === undefined ? proxiesOf(options) : [], options);
  const again = options.again || options.generation !== undefined;
  const same = current.last?.digest === packed.table.digest && !again;
  const next = same ? current.last!.generation : nextGeneration(current, options.generation);
  const table = inGeneration(packed.table, next);
  const warnings = [...current.warnings, ...packed.warnings];
  for (const warning of warnings) process.stderr.write(`warning: ${warning}\n`);
  if (!same) for (const line of whatChanges(current, packed, table)) process.stderr.write(`${line}\n`);
  const asked = await askFindings(packed, options, progress);
  const findings = same ? asked : [...(await findingsOf(store, current, packed)), ...asked];
  const allowed = allowFindings(findings, options);
  for (const one of allowed) process.stderr.write(`warning: ${showAllowed(one)}\n`);
  for (const target of targets) await target.check(table);
  if (fleet !== null && inStages !== null && !same && options.force === undefined)
    await checkBegin(fleet, inStages, table, current.table);
  const { generation, digest } = table;
  const answer = { kind: "push" as const, generation, digest, same, before: current.last, warnings, allowed };
  if (same) {
    await store.putTable(table); // it may be damaged there
    tell({ ...answer, changes: [], targets: await bringAll(store, table, targets) }, store, options);
    return;
  }
  await ask(`Push generation ${generation} to ${store.name}?`, options.yes);
  const entry: Entry = {
    generation,
    digest,
    when: new Date().toISOString(),
    who: whoActs(),
    why: options.reason,
    kind: "push",
    sources: sourcesOf(packed),
    allowed,
    ...(inStages && { stages: options.stages! }),
    ...(options.force !== undefined && { forced: options.force }),
  };
  progress("writing");
  const rollout = await putInForce(store, current, table, entry, inStages);
  const brought =
    fleet === null
      ? await bringAll(store, table, targets)
      : await lead(store, rollout, fleet, targets, options);
  tell({ ...answer, changes: packed.changes, targets: brought }, store, options);
}

/** null: to the whole fleet at once. Throws Refusal. */
function inStagesOf({ farm }: Packed, { stages, force }: Options): InStages | null {
  if (stages === undefined) return null;
  return { ...stagesOf(farm.says, stages), ...(force !== undefined && { forced: force }) };
}

function parseStages(text: string): string[] {
  const names = text.split(",").map((name) => name.trim());
  if (names.includes("") || new Set(names).size !== names.length || names.length > 100)
    throw new InvalidArgumentError("Stages look like canary,10%,all: each of them once.");
  return names;
}

/** The farm's table, after the one that is to be served. Throws SourceError, Refusal. */
function packNext({ farm, source, today }: Options, { table }: Current, progress: Progress): Packed {
  return packFarm({ farm, source, today, strip: true }, table, progress);
}

/** What speaks against the push. */
async function findingsOf(store: Store, { damage }: Current, { findings }: Packed): Promise<NamedFinding[]> {
  const freeze = await store.freeze();
  return [
    ...findings,
    ...(freeze !== null && isFrozen(freeze) ? [{ guard: "frozen", what: showFreeze(freeze) }] : []),
    ...(damage === null
      ? []
      : [{ guard: "unreadable", what: `what is to be served now cannot be compared with: ${damage}` }]),
  ];
}

/** What releases that are asked say against the table; the same content is held against them too. */
async function askFindings(
  { table, farm }: Packed,
  options: Options,
  progress: Progress,
): Promise<NamedFinding[]> {
  const said = await askReleasesOf(table, farm.says.deployments.default, options, progress);
  return said.map((what) => ({ guard: ASK_RELEASES, what }));
}

/** The findings that are let pass, each with why. Throws Refusal for the others. */
function allowFindings(findings: readonly NamedFinding[], { allow, reason }: Options): Entry["allowed"] {
  const { allowed, refused } = judge(findings, allow, reason);
  if (refused.length > 0) {
    throw new Refusal([...refused.map(showFinding), "nothing was pushed"].join("\n"));
  }
  return allowed;
}

/** In lines, for who is asked. */
function whatChanges({ last, entries }: Current, { diff, changes }: Packed, { digest }: Table): string[] {
  const alike = entries.findLast((entry) => entry.digest === digest);
  return [
    ...(alike ? [`same content as generation ${alike.generation}`] : []),
    ...(last === null ? ["nothing was pushed before"] : []),
    ...(diff ? [`against generation ${last!.generation}:`, ...changes.map((line) => `  ${line}`)] : []),
  ];
}

/** Throws Refusal where the answer is no, or nobody can answer. */
async function ask(question: string, isYes = false): Promise<void> {
  if (isYes) return;
  if (!process.stdin.isTTY)
    throw new Refusal("nothing was pushed: there is no terminal to ask on: say --yes");
  process.stderr.write(`${question} [y/N] `);
  // The terminal itself edits the line: what a program writes for that would be shown, not obeyed (see visible.ts).
  const terminal = createInterface({ input: process.stdin });
  const answer = await new Promise<string | null>((resolve) => {
    terminal.once("line", resolve);
    terminal.once("close", () => resolve(null));
  });
  terminal.close();
  if (answer === null) process.stderr.write("\n");
  if (!/^y(es)?$/i.test(answer?.trim() ?? "")) throw new Refusal("nothing was pushed");
}

/** With the commits that they are of. */
function sourcesOf({ farm }: Packed): Entry["sources"] {
  return farm.folders().map(({ name, folder }) => {
    const commit = commitOf(folder);
    return { name, path: resolve(folder), ...(commit !== null && { commit }) };
  });
}
