/** `pointsman rollback`: what was served before is to be served again, at once. */
import { Argument, type Command } from "commander";
import { diff } from "../diff/diff.ts";
import { inShort } from "../diff/formats.ts";
import { decode } from "../encode/decode.ts";
import { VersionOrder } from "../farm/version-order.ts";
import { Refusal } from "../refusal.ts";
import type { Version } from "../store/stages.ts";
import { type Entry, isUnderWay, type Store } from "../store/store.ts";
import { tableOf } from "../store/wanted.ts";
import type { Table } from "../table/table.ts";
import type { Target } from "../targets/target.ts";
import { parseReason } from "./allow.ts";
import { choices, entryOf } from "./generations.ts";
import { parseGeneration } from "./pack.ts";
import { bringAll, type Current, currentOf, nextGeneration, putInForce, tell } from "./put-in-force.ts";
import { openStore } from "./store-options.ts";
import { addTargetOptions, type TargetOptions, targetsOf } from "./target-options.ts";
import { whoActs } from "./who.ts";

interface Options extends TargetOptions {
  reason?: string;
  generation?: number;
  json?: boolean;
}

export function rollbackCommand(program: Command): void {
  addTargetOptions(program.command("rollback"))
    .description("make the content of an earlier generation the one to be served, at once")
    .addArgument(
      new Argument(
        "[generation]",
        "the generation whose content comes back (default: the one before)",
      ).argParser(parseGeneration),
    )
    .option("--reason <text>", "why, for the history", parseReason)
    .option("--generation <n>", "the new generation (default: the store's next)", parseGeneration)
    .option("--json", "print what was done as JSON")
    .addHelpText(
      "after",
      `
A rollback needs the store alone: no farm, no sources. It asks nobody, no guard looks, and a freeze does not stop it.
It makes a new generation of the old content, so every proxy takes it, and the next push goes on from it. It goes to the
whole fleet at once, also where a push is on its way through stages.

Examples:
  $ pointsman rollback --store /srv/pointsman
  $ pointsman rollback 41 --store /srv/pointsman --reason 'T4711: since 42 searches fail'`,
    )
    .action(rollback);
}

async function rollback(wanted: number | undefined, options: Options): Promise<void> {
  const store = openStore(options);
  const targets = targetsOf(options);
  const current = await currentOf(store);
  const { warnings, last } = current;
  for (const warning of warnings) process.stderr.write(`warning: ${warning}\n`);
  if (last === null)
    throw new Refusal(`${store.name}: nothing was pushed yet: \`pointsman push\` makes the first generation`);
  const back = wanted === undefined ? entryBefore(current) : entryOf(current.entries, wanted);
  await goBack(
    store,
    targets,
    current,
    back,
    options.reason ?? `back to generation ${back.generation}`,
    options,
  );
}

/** The content of an earlier generation is to be served by the whole fleet. Throws Refusal. */
export async function goBack(
  store: Store,
  targets: readonly Target[],
  current: Current,
  back: Version,
  why: string,
  options: { generation?: number; json?: boolean },
): Promise<void> {
  const { warnings, head } = current;
  const last = current.last!;
  const { digest } = back;
  const isWithAll = head.rollout === null || !(isUnderWay(head.rollout) || head.rollout.state === "aborted");
  const same = digest === last.digest && options.generation === undefined && isWithAll;
  const generation = same ? last.generation : nextGeneration(current, options.generation);
  const table = await tableOf(store, { digest, generation });
  const bring = async () => bringAll(store, table, await toldLater(targets, table));
  const answer = { kind: "rollback" as const, generation, digest, same, before: last, warnings, allowed: [] };
  if (same) {
    tell({ ...answer, changes: [], targets: await bring() }, store, options);
    return;
  }
  const entry: Entry = {
    generation,
    digest,
    when: new Date().toISOString(),
    who: whoActs(),
    why,
    kind: "rollback",
    of: back.generation,
    sources: [],
    allowed: [],
  };
  await putInForce(store, current, table, entry);
  const brought = await bring();
  // Only now: nobody has to wait for it.
  const changes = current.table === null ? [] : changesBetween(current.table, table);
  tell({ ...answer, changes, targets: brought }, store, options);
}

/** Where one cannot take it, that is told when the others have it: it does not keep a fleet on what is bad. */
async function toldLater(targets: readonly Target[], table: Table): Promise<Target[]> {
  return Promise.all(
    targets.map(async (target) => {
      try {
        await target.check(table);
        return target;
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        const write = () => {
          throw error;
        };
        return { ...target, write };
      }
    }),
  );
}

/** In short; a store knows no farm's own order of versions. */
function changesBetween(old: Table, next: Table): string[] {
  const order = new VersionOrder();
  return inShort(diff(decode(old), decode(next), (a, b) => order.tell(a, b)));
}

/** Of the content before. Who says it twice in a hurry must not get the bad table again. Throws Refusal. */
function entryBefore({ entries, last }: Current): Entry {
  const now = entries.findLast(({ generation }) => generation === last!.generation);
  if (now?.kind === "rollback") {
    throw new Refusal(
      `generation ${now.generation} is a rollback already, to the content of ${now.of}: say the generation to which you want to go\n${choices(entries)}`,
    );
  }
  const before = entries.findLast(
    ({ generation, digest }) => generation < last!.generation && digest !== last!.digest,
  );
  if (before) return before;
  throw new Refusal(`there is no content before that of generation ${last!.generation}`);
}
