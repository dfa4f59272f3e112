/** `pointsman pause`, `resume`, `promote` and `abort`: a person's word to a push that is on its way through stages. */
import type { Command } from "commander";
import { Refusal } from "../refusal.ts";
import { notReady } from "../rollout/drive.ts";
import type { Fleet } from "../rollout/fleet.ts";
import { showRollout } from "../store/show.ts";
import { isOpen, type Rollout, type Store } from "../store/store.ts";
import { parseReason } from "./allow.ts";
import { addLeadOptions, clustersOf, fleetOf, type LeadOptions, lead } from "./lead.ts";
import { proxiesOf } from "./proxy-options.ts";
import { currentOf } from "./put-in-force.ts";
import { goBack } from "./rollback.ts";
import { addStoreOption, openStore, type StoreOptions } from "./store-options.ts";
import { addTargetOptions, type TargetOptions, targetsOf } from "./target-options.ts";
import { whoActs } from "./who.ts";

interface Said {
  reason?: string;
  json?: boolean;
}

export function pauseCommand(program: Command): void {
  said(addStoreOption(program.command("pause")))
    .description("hold a push in stages where it is: no further proxy gets its table")
    .addHelpText(
      "after",
      `
The proxies that have the table keep it. Who leads the push sees the pause within a second, and ends.

Examples:
  $ pointsman pause --store /srv/pointsman --reason 'T4711: searches are slow'
  $ pointsman resume --store /srv/pointsman`,
    )
    .action(async (options: StoreOptions & Said) => {
      const store = openStore(options);
      const next = await change(store, (rollout) => {
        if (rollout.state === "paused") return rollout;
        return { ...open(store, rollout), state: "paused", said: saidBy(options, "paused by hand") };
      });
      print(store, next, options);
    });
}

export function resumeCommand(program: Command): void {
  said(addLeadOptions(addTargetOptions(program.command("resume"))))
    .description(
      "go on with a push in stages, from where it is: one that was paused, or whose process has died",
    )
    .addHelpText(
      "after",
      `
Its stage is proven and baked once more, and then the next ones. It needs no farm: the store says what each stage must
show. It needs the proxies, as push does.

Examples:
  $ pointsman resume --store /srv/pointsman --proxies proxies.txt`,
    )
    .action(async (options: LeadOptions & TargetOptions & Said) => {
      const store = openStore(options);
      const next = await change(store, (rollout) => {
        open(store, rollout);
        if (rollout.state === "going") return rollout;
        return { ...rollout, state: "going", said: saidBy(options, "resumed by hand") };
      });
      await goOn(store, next, fleetFor(store, next, options), options);
    });
}

export function promoteCommand(program: Command): void {
  said(addLeadOptions(addTargetOptions(program.command("promote"))))
    .description("skip what is left of a stage, and go on with the next one; the last one is done then")
    .addHelpText(
      "after",
      `
The store keeps who did so and why until the next step. If another process leads the push, it ends, and this one leads
it.

Examples:
  $ pointsman promote --store /srv/pointsman --proxies proxies.txt --reason 'too little traffic at night'`,
    )
    .action(async (options: LeadOptions & TargetOptions & Said) => {
      const store = openStore(options);
      const begun = open(store, (await store.head()).rollout);
      const fleet = fleetFor(store, begun, options);
      if (begun.at < begun.stages.length - 1 && begun.forced === undefined) {
        const clusters = await clustersOf(store, begun);
        const why = await notReady(fleet, begun.stages, begun.at + 1, clusters);
        if (why !== null) throw new Refusal(why);
      }
      const next = await change(store, (rollout) => {
        const { at, stages } = open(store, rollout);
        if (at !== begun.at)
          throw new Refusal(`${store.name}: somebody else was quicker: ${showRollout(rollout)}`);
        const by = saidBy(options, `${stages[at]!.name} was cut short by hand`);
        if (at === stages.length - 1) return { ...rollout, state: "done", said: by };
        return { ...rollout, at: at + 1, state: "going", said: by };
      });
      await goOn(store, next, fleet, options);
    });
}

export function abortCommand(program: Command): void {
  said(addTargetOptions(program.command("abort")))
    .description("take a push in stages back: the whole fleet serves again what it served before, at once")
    .addHelpText(
      "after",
      `
That is a rollback to the generation before: a new generation of its content. Where nothing was served before, nobody
further gets the table.

Examples:
  $ pointsman abort --store /srv/pointsman --reason 'T4711: searches fail on the canaries'`,
    )
    .action(async (options: TargetOptions & Said) => {
      const store = openStore(options);
      const targets = targetsOf(options);
      const current = await currentOf(store);
      for (const warning of current.warnings) process.stderr.write(`warning: ${warning}\n`);
      const { rollout } = current.head;
      const { previous, generation, stages, at } = open(store, rollout);
      const why = `generation ${generation} is aborted at ${stages[at]!.name}`;
      if (previous === null) {
        const aborted = await change(store, (now) => ({
          ...same(store, open(store, now), generation),
          state: "aborted",
          said: saidBy(options, why),
        }));
        print(store, aborted, options);
        return;
      }
      await goBack(
        store,
        targets,
        current,
        previous,
        options.reason === undefined ? why : `${why}: ${options.reason}`,
        options,
      );
    });
}

function said(command: Command): Command {
  return command
    .option("--reason <text>", "why, for who looks at the store", parseReason)
    .option("--json", "print the rollout object as JSON");
}

function saidBy({ reason }: Said, otherwise: string): NonNullable<Rollout["said"]> {
  return { who: whoActs(), why: reason ?? otherwise, when: new Date().toISOString() };
}

/** Throws Refusal where there is nothing to steer. */
function open({ name }: Store, rollout: Rollout | null): Rollout {
  if (rollout === null) throw new Refusal(`${name}: nothing was pushed yet`);
  if (rollout.limits !== undefined && isOpen(rollout)) return rollout;
  const what =
    rollout.limits === undefined ? "it went to the whole fleet at once" : "there is nothing left of it";
  throw new Refusal(
    `${name}: ${showRollout(rollout)}: ${what}: \`pointsman rollback\` goes back, \`push --stages\` begins another`,
  );
}

function same({ name }: Store, rollout: Rollout, generation: number): Rollout {
  if (rollout.generation === generation) return rollout;
  throw new Refusal(`${name}: somebody else was quicker: ${showRollout(rollout)}`);
}

/** By compare-and-swap, until nobody else was quicker. Throws Refusal. */
async function change(store: Store, step: (rollout: Rollout) => Rollout): Promise<Rollout> {
  for (;;) {
    const { revision, rollout } = await store.head();
    if (rollout === null) throw new Refusal(`${store.name}: nothing was pushed yet`);
    const next = step(rollout);
    if (next === rollout || (await store.swap(revision, next))) return next;
  }
}

function fleetFor(store: Store, { forced }: Rollout, options: LeadOptions): Fleet {
  return fleetOf(store, forced === undefined ? proxiesOf(options) : [], options);
}

async function goOn(
  store: Store,
  rollout: Rollout,
  fleet: Fleet,
  options: LeadOptions & TargetOptions & Said,
): Promise<void> {
  if (rollout.state !== "done") await lead(store, rollout, fleet, targetsOf(options), options);
  print(store, { ...rollout, at: rollout.stages.length - 1, state: "done" }, options);
}

function print({ name }: Store, rollout: Rollout, { json }: Said): void {
  process.stdout.write(`${json ? JSON.stringify({ rollout }) : `${name}: ${showRollout(rollout)}`}\n`);
}
