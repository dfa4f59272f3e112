/** What push and rollback share: what is to be served now, and a new generation's way from the store to the targets. */
import { count } from "../count.ts";
import { withGeneration } from "../encode/container.ts";
import { Refusal } from "../refusal.ts";
import { SourceError } from "../sources/problem.ts";
import type { Version } from "../store/stages.ts";
import { WHOLE_FLEET } from "../store/stages.ts";
import type { Entry, Head, Store } from "../store/store.ts";
import { wantedOf } from "../store/wanted.ts";
import { MAX_GENERATION, Table } from "../table/table.ts";
import type { Target } from "../targets/target.ts";
import { showRollout } from "./history.ts";

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
    const { bytes } = await store.table(last.digest);
    return { ...known, table: new Table(withGeneration(bytes, last.generation)), damage: null };
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

/**
 * The table becomes what is to be served, and then what this machine's targets have. Throws Refusal where somebody else
 * was quicker, and nothing has happened then.
 */
export async function putInForce(
  store: Store,
  { head, last }: Current,
  table: Table,
  entry: Entry,
  targets: readonly Target[],
): Promise<Brought[]> {
  const { generation, digest, who, why } = entry;
  await store.putTable(table);
  const state = "going" as const;
  const all = { digest, generation, previous: last, stages: [WHOLE_FLEET], at: 0, state, who, why };
  if (!(await store.swap(head.revision, all, entry))) {
    const { rollout } = await store.head();
    const what = rollout
      ? `${showRollout(rollout)}, by ${rollout.who}: ${rollout.why}`
      : "nothing is pushed now";
    throw new Refusal(`${store.name}: somebody else was quicker, and nothing of this was pushed: ${what}`);
  }
  return bring(store, table, targets);
}

/** To each target; the rollout is done when all have it. */
export async function bring(store: Store, table: Table, targets: readonly Target[]): Promise<Brought[]> {
  const brought = targets.map((target): Brought => {
    try {
      return { target: target.name, said: target.write(table), error: null };
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      return { target: target.name, said: null, error: error.message };
    }
  });
  const { revision, rollout } = await store.head();
  const isDone = brought.every(({ error }) => error === null);
  if (isDone && rollout?.generation === table.generation && rollout.state === "going") {
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
  const failed = targets.filter(({ error }) => error !== null);
  const missing = `${failed.map(({ target, error }) => `${target}: not written: ${error}`).join("\n")}
generation ${generation} is in the store and in ${targets.length - failed.length} of ${count(targets.length, "target")}: once that is mended, say the same again`;
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
