/** `pointsman history`: what was pushed, when, by whom and why. */
import type { Command } from "commander";
import { count } from "../count.ts";
import { SourceError } from "../sources/problem.ts";
import { showRollout, showTime } from "../store/show.ts";
import type { Entry, Freeze } from "../store/store.ts";
import { visibleOnLine } from "../visible.ts";
import { addStoreOption, openStore, type StoreOptions } from "./store-options.ts";
import { wholeNumber } from "./whole-number.ts";

export function historyCommand(program: Command): void {
  addStoreOption(program.command("history"))
    .description("say what was pushed, when, by whom and why, the newest first")
    .option(
      "--last <n>",
      "how many generations to print",
      wholeNumber(1, 1e9, "So many are a whole number from 1."),
      20,
    )
    .option("--json", "print it as JSON")
    .addHelpText(
      "after",
      `
Damaged lines of the history are left out, with a warning for each.

Examples:
  $ pointsman history --store /srv/pointsman
  $ POINTSMAN_STORE=/srv/pointsman pointsman history --last 100 --json | jq '.entries[] | select(.kind == "rollback")'`,
    )
    .action(async (options: StoreOptions & { last: number; json?: boolean }) => {
      const store = openStore(options);
      const { entries: all, warnings } = await store.history();
      /** What is damaged is a warning: people look here when something is. */
      const whole = <T>(read: Promise<T>): Promise<T | null> =>
        read.catch((error) => {
          if (!(error instanceof SourceError)) throw error;
          process.exitCode = 1;
          if (!warnings.includes(error.message)) warnings.push(error.message);
          return null;
        });
      const head = await whole(store.head());
      const freeze = await whole(store.freeze());
      for (const warning of warnings) process.stderr.write(`warning: ${warning}\n`);
      const entries = all.slice(-options.last).reverse();
      const rest = all.length - entries.length;
      const lines = [
        ...(head === null ? [] : [head.rollout === null ? showNoRollout(all) : showRollout(head.rollout)]),
        ...(freeze !== null && isFrozen(freeze) ? [showFreeze(freeze)] : []),
        ...entries.flatMap(showEntry),
        ...(rest > 0 ? [`… and ${count(rest, "generation")} before: --last ${all.length}`] : []),
      ];
      const facts = { rollout: head?.rollout ?? null, freeze, entries, warnings };
      process.stdout.write(options.json ? `${JSON.stringify(facts)}\n` : `${lines.join("\n")}\n`);
    });
}

/** Whose rollout object was moved away goes on with the history. */
function showNoRollout(entries: readonly Entry[]): string {
  const last = entries.at(-1);
  if (last === undefined) return "nothing was pushed yet";
  return `generation ${last.generation}, digest ${last.digest}, by the history alone: the rollout object is gone, and the next push makes it`;
}

export function isFrozen({ until }: Freeze): boolean {
  return Date.parse(until) > Date.now();
}

export function showFreeze({ until, who, why }: Freeze): string {
  return `frozen until ${showTime(until)} by ${visibleOnLine(who)}: ${visibleOnLine(why)}`;
}

function showEntry(entry: Entry): string[] {
  const { generation, when, kind, of, digest, who, why, sources, allowed, stages, forced } = entry;
  const what = kind === "rollback" ? `back to ${of}` : "push";
  const from = sources.flatMap(({ name, commit }) =>
    commit === undefined ? [] : [`${name} ${commit.replace(/^(.{12})[0-9a-f]+/, "$1")}`],
  );
  return [
    `${generation}  ${showTime(when)}  ${what}  ${digest.slice(0, 12)}  ${visibleOnLine(who)}: ${visibleOnLine(why)}`,
    ...(stages === undefined ? [] : [`   in stages ${stages.map(visibleOnLine).join(", ")}`]),
    ...(forced === undefined ? [] : [`   forced: ${visibleOnLine(forced)}`]),
    ...(from.length > 0 ? [`   from ${from.join(", ")}`] : []),
    ...allowed.map((one) => `   allowed ${one.guard}: ${one.what} (${visibleOnLine(one.why)})`),
  ];
}
