/** `pointsman freeze`: no push until then; `pointsman unfreeze`: pushes again. */
import { type Command, InvalidArgumentError } from "commander";
import { secondsOf } from "../seconds.ts";
import { SourceError } from "../sources/problem.ts";
import type { Freeze } from "../store/store.ts";
import { parseReason } from "./allow.ts";
import { isFrozen, showFreeze } from "./history.ts";
import { addStoreOption, openStore, type StoreOptions } from "./store-options.ts";
import { whoActs } from "./who.ts";

export function freezeCommand(program: Command): void {
  addStoreOption(program.command("freeze"))
    .description("refuse every push until a given time")
    .requiredOption(
      "--until <time>",
      "when it ends: a day (its end in UTC), a time, or after how long (90m, 12h, 3d)",
      parseUntil,
    )
    .requiredOption("--reason <text>", "why: whoever tries to push is told", parseReason)
    .option("--json", "print it as JSON")
    .addHelpText(
      "after",
      `
Until then a push is refused and told the reason, unless it has --allow frozen. A rollback is never refused for a
freeze. A new freeze replaces the old one.

Examples:
  $ pointsman freeze --store /srv/pointsman --until 2027-01-02 --reason 'end of the year'
  $ pointsman freeze --store /srv/pointsman --until 2h --reason 'incident 4711: nothing moves'
  $ pointsman unfreeze --store /srv/pointsman`,
    )
    .action(async (options: StoreOptions & { until: Date; reason: string; json?: boolean }) => {
      const store = openStore(options);
      const freeze: Freeze = {
        until: options.until.toISOString(),
        who: whoActs(),
        why: options.reason,
        when: new Date().toISOString(),
      };
      await store.setFreeze(freeze);
      process.stdout.write(`${options.json ? JSON.stringify({ freeze }) : showFreeze(freeze)}\n`);
    });
}

export function unfreezeCommand(program: Command): void {
  addStoreOption(program.command("unfreeze"))
    .description("end a freeze: let pushes through again")
    .option("--json", "print it as JSON")
    .addHelpText(
      "after",
      `
Examples:
  $ pointsman unfreeze --store /srv/pointsman`,
    )
    .action(async (options: StoreOptions & { json?: boolean }) => {
      const store = openStore(options);
      // A damaged one goes as well.
      const freeze = await store.freeze().catch((error) => {
        if (error instanceof SourceError) return null;
        throw error;
      });
      await store.setFreeze(null);
      const text =
        freeze !== null && isFrozen(freeze) ? `no longer ${showFreeze(freeze)}` : "it was not frozen";
      process.stdout.write(`${options.json ? JSON.stringify({ freeze: null, before: freeze }) : text}\n`);
    });
}

const DAY_MS = 86_400_000;

function parseUntil(text: string): Date {
  const seconds = secondsOf(text, "mhd");
  const until = seconds === null ? endOf(text) : new Date(Date.now() + seconds * 1000);
  if (until === null) {
    throw new InvalidArgumentError(
      "A time looks like 2026-12-31 (to its end, UTC), 2026-12-31T18:00Z, 90m, 12h or 3d.",
    );
  }
  if (until.getTime() <= Date.now())
    throw new InvalidArgumentError("That time is over already: give a later one.");
  return until;
}

/** Of a day its end; null: no time, or one that there is not, as 30 February. */
function endOf(text: string): Date | null {
  const isDay = /^\d{4}-\d{2}-\d{2}$/.test(text);
  if (!isDay && !/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2})?(Z|[+-]\d{2}:\d{2})$/.test(text)) return null;
  const day = new Date(`${text.slice(0, 10)}T00:00:00Z`);
  if (Number.isNaN(day.getTime()) || !day.toISOString().startsWith(text.slice(0, 10))) return null;
  const time = isDay ? new Date(day.getTime() + DAY_MS) : new Date(text);
  return Number.isNaN(time.getTime()) ? null : time;
}
