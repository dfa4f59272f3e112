/** What push and rollback share: what is to be served now, and a new generation's way from the store to the targets. */
import { count } from "../count.ts";
import { Refusal } from "../refusal.ts";
import type { Staged } from "../rollout/stages-of.ts";
import { SourceError } from "../sources/problem.ts";
import { showRollout } from "../store/show.ts";
import { type Version, WHOLE_FLEET } from "../store/stages.ts";
import { type Entry, type Head, isOpen, isUnderWay, type Rollout, type Store } from "../store/store.ts";
import { tableOf, wantedOf } from "../store/wanted.ts";
import { MAX_GENERATION, type Table } from "../table/table.ts";
import type { Target } from "../targets/target.ts";
import { visibleOnLine } from "../visible.ts";

/** What the store says is to be served. */
export interface Current {
  head: Head;
  /** By generation, the oldest first. */
  entries: Entry[];
  /** null: nothing was ever pushed. */
  last: Version | null;
  /** In its generation; null: there is none, or it cannot be read. */
  table: Table | null;
  /** Why it cannot be read. */
  damage: string | null;
  /** Of the history. */
  warnings: string[];
}

/** Throws Refusal, and SourceError where the rollout object is damaged. */
export async function currentOf(store: Store): Promise<Current> {
  const head = await store.head();
  const history = await store.history();
  const last = wantedOf(head, history);
  const known = { head, ...history, last };
  if (last === null) return { ...known, table: null, damage: null };
  try {
    return { ...known, table: await tableOf(store, last), damage: null };
  } catch (error) {
    if (!(error instanceof SourceError)) throw error;
    return { ...known, table: null, damage: error.message };
  }
}

/** The generation after the last one. @param wanted what a person says instead. Throws Refusal. */
export function nextGeneration({ last }: Current, wanted: number | undefined): number {
  const before = last?.generation ?? 0;
  if (before === MAX_GENERATION)
    throw new Refusal(`the store has generation ${MAX_GENERATION}, the highest one: begin a new store`);
  if (wanted !== undefined && wanted <= before)
    throw new Refusal(`generation ${wanted} is not above the store's ${before}: give a higher one`);
  return wanted ?? before + 1;
}

/** What became of a target. */
export interface Brought {
  target: string;
  said: string | null;
  /** Why it was not written. */
  error: string | null;
}

/** The stages of a push, and why they need not show anything. */
export interface InStages extends Staged {
  forced?: string;
}

/**
 * The table becomes what is to be served: by the whole fleet, or by the first stage. Throws Refusal where somebody else
 * was quicker, and nothing has happened then.
 */
export async function putInForce(
  store: Store,
  { head, last }: Current,
  table: Table,
  entry: Entry,
  inStages: InStages | null = null,
): Promise<Rollout> {
  const { generation, digest, who, why } = entry;
  await store.putTable(table);
  // Who did not get what was aborted has nothing of it.
  const previous = head.rollout?.state === "aborted" ? head.rollout.previous : last;
  const stages = { stages: [WHOLE_FLEET], ...inStages };
  const next: Rollout = { digest, generation, previous, ...stages, at: 0, state: "going", who, why };
  if (await store.swap(head.revision, next, entry)) return next;
  const { rollout } = await store.head();
  const what = rollout
    ? `${showRollout(rollout)}, by ${visibleOnLine(rollout.who)}: ${visibleOnLine(rollout.why)}`
    : "nothing is pushed now";
  throw new Refusal(`${store.name}: somebody else was quicker, and nothing of this was pushed: ${what}`);
}

/** Throws Refusal where another push is on its way through stages: this one would overtake it. */
export function refuseUnderWay({ head }: Current, digest: string, { name }: Store): void {
  const { rollout } = head;
  if (rollout === null || rollout.limits === undefined) return;
  if (isUnderWay(rollout)) {
    throw new Refusal(
      `${name}: ${showRollout(rollout)}, by ${visibleOnLine(rollout.who)}: ${visibleOnLine(rollout.why)}: let \`pointsman promote\` bring it to all, or take it back by \`abort\` or \`rollback\`, before you push`,
    );
  }
  if (isOpen(rollout) && rollout.digest === digest)
    throw new Refusal(`${name}: ${showRollout(rollout)}: \`pointsman resume\` goes on with it`);
}

/** To each target. */
export function bring(table: Table, targets: readonly Target[]): Brought[] {
  return targets.map((target): Brought => {
    try {
      return { target: target.name, said: target.write(table), error: null };
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      return { target: target.name, said: null, error: error.message };
    }
  });
}

/** To each target; the rollout, if it is not one in stages, is done when all have it. */
export async function bringAll(store: Store, table: Table, targets: readonly Target[]): Promise<Brought[]> {
  const brought = bring(table, targets);
  const { revision, rollout } = await store.head();
  const isDone = brought.every(({ error }) => error === null);
  if (
    isDone &&
    rollout?.generation === table.generation &&
    rollout.state === "going" &&
    rollout.limits === undefined
  ) {
    try {
      // Where somebody has pushed since, theirs is what counts.
      await store.swap(revision, { ...rollout, state: "done" });
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      process.stderr.write(`warning: all is done, and the store could not be told so: ${error.message}\n`);
    }
  }
  return brought;
}

/** What push and rollback answer. */
export interface PushReport {
  kind: Entry["kind"];
  generation: number;
  digest: string;
  /** Nothing new: what is to be served has this content, and only the targets were seen to. */
  same: boolean;
  /** What was to be served before. */
  before: Version | null;
  /** Against that, in short. */
  changes: string[];
  warnings: string[];
  allowed: Entry["allowed"];
  targets: Brought[];
}

/** Throws Refusal where a target was not written. */
export function tell(report: PushReport, { name }: Store, { json }: { json?: boolean }): void {
  const { kind, generation, digest, same, changes, targets } = report;
  // By its number, as rollback without one goes back no further.
  const again = kind === "push" ? "the same again" : `\`pointsman rollback ${generation}\``;
  const failed = targets.filter(({ error }) => error !== null);
  const missing = `${failed.map(({ target, error }) => `${target}: ${error}`).join("\n")}
generation ${generation} is in the store and in ${targets.length - failed.length} of ${count(targets.length, "target")}: once that is mended, say ${again}`;
  if (json) process.stdout.write(`${JSON.stringify(report)}\n`);
  else {
    const what = same ? `has generation ${generation} already` : `generation ${generation}`;
    const lines = [
      `${name}: ${what}, digest ${digest}`,
      ...(kind === "rollback" ? changes.map((line) => `  ${line}`) : []),
      ...targets.flatMap(({ target, said }) => (said === null ? [] : [`${target}: ${said}`])),
      ...(targets.length === 0 ? ["no targets: the store alone has it"] : []),
    ];
    process.stdout.write(`${lines.join("\n")}\n`);
  }
  if (failed.length > 0) throw new Refusal(missing, json);
}
