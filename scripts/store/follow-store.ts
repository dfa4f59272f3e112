/**
 * Follows a store: what is to be served, as soon as it changes, and the last good copy of it on the disk for the time
 * when the store is away.
 *
 * A watch alone never notices a store that hangs. So the store is asked once a second, within a time; its watch only
 * makes the next question come at once.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import { inGeneration } from "../encode/container.ts";
import { Refusal } from "../refusal.ts";
import { SourceError } from "../sources/problem.ts";
import type { Table } from "../table/table.ts";
import { Bell } from "./bell.ts";
import { FollowCache, type Followed } from "./follow-cache.ts";
import { type NodeRefusal, type Revision, type Rollout, type Store, StoreAway } from "./store.ts";

/** Why the store is not what is followed now. Only `away` mends itself. */
export interface Trouble {
  kind: "away" | "damaged" | "empty" | "older";
  since: Date;
  why: string;
}

export interface FollowState {
  /** What is to be served. It never goes again: null only as long as nothing was ever heard. */
  followed: Followed | null;
  /** `cache`: the store was not heard yet. */
  from: "store" | "cache";
  /** Who does not take which table, as the store has it; the last ones that were heard. */
  refusals: readonly NodeRefusal[];
  /** null: the store says what `followed` is. */
  trouble: Trouble | null;
  /** Why there is no last good copy on the disk, or an older one; null: there is. */
  cacheTrouble: string | null;
}

export interface FollowOptions {
  signal: AbortSignal;
  /** A folder for the last good copy. */
  cache?: string | undefined;
  pollMs?: number;
  /** How long the store may take to say what is to be served. */
  timeoutMs?: number;
}

const POLL_MS = 1_000;
const TIMEOUT_MS = 2_000;
/** For a table: it may be large. */
const TABLE_TIMEOUT_MS = 30_000;

/** Each state that differs from the one before, the first at once. Who takes one late misses those in between. */
export async function* follow(store: Store, options: FollowOptions): AsyncGenerator<FollowState, void> {
  const { signal, pollMs = POLL_MS } = options;
  const follower = new Follower(store, options);
  const bell = new Bell();
  const ending = new AbortController();
  const ends = AbortSignal.any([signal, ending.signal]);
  store.watch(() => bell.ring(), ends);
  try {
    if (follower.state.followed !== null) yield follower.state;
    while (!signal.aborted) {
      if (await follower.look()) yield follower.state;
      // Many followers do not ask at the same moment.
      await bell.wait(pollMs * (0.5 + Math.random() / 2), ends);
    }
  } finally {
    ending.abort();
  }
}

class Follower {
  state: FollowState;
  /** Whose rollout object is followed; null: not one of the store. */
  private revision: Revision | null = null;
  /** For refusals, and not answered yet. */
  private asked: ReturnType<Store["refusals"]> | null = null;
  private readonly cache: FollowCache | null;
  private readonly timeoutMs: number;

  constructor(
    private readonly store: Store,
    { cache, timeoutMs = TIMEOUT_MS }: FollowOptions,
  ) {
    this.timeoutMs = timeoutMs;
    this.cache = cache === undefined ? null : new FollowCache(cache);
    const { followed, trouble } = this.cache?.read() ?? { followed: null, trouble: null };
    this.state = { followed, from: "cache", trouble: null, cacheTrouble: trouble, refusals: [] };
  }

  /** Whether the state is another one now. */
  async look(): Promise<boolean> {
    const before = this.state;
    try {
      this.state = await this.next();
    } catch (error) {
      if (!(error instanceof Refusal || error instanceof SourceError)) throw error;
      this.state = this.troubled(kindOf(error), error.message);
    }
    return this.state !== before;
  }

  /** Throws Refusal, SourceError. */
  private async next(): Promise<FollowState> {
    const { followed, cacheTrouble } = this.state;
    const { revision, rollout } = await within(this.store.head(), this.timeoutMs, this.store);
    if (rollout === null) return this.troubled("empty", `${this.store.name}: nothing is pushed there`);
    const { refusals, trouble } = await this.refusals(rollout);
    const isSame = refusals === this.state.refusals && trouble === this.state.trouble;
    const isKnown = revision === this.revision;
    if (isKnown && isSame && cacheTrouble === null) return this.state;
    const why = followed && isNoSuccessor(followed.rollout, rollout);
    if (why) return this.troubled("older", `${this.store.name}: ${why}`);
    const next = isKnown && followed ? followed : await this.read(rollout);
    this.revision = revision;
    const kept = this.keep(next);
    if (isKnown && isSame && kept === cacheTrouble) return this.state;
    return { followed: next, from: "store", trouble, cacheTrouble: kept, refusals };
  }

  /** The same array as long as nothing has changed in it. Where they cannot be read, what is to be served is taken all the same. */
  private async refusals({ digest, previous }: Rollout): Promise<Pick<FollowState, "refusals" | "trouble">> {
    const { refusals: known } = this.state;
    const digests = [...new Set([digest, ...(previous ? [previous.digest] : [])])];
    // One question at a time, also where its time is over.
    this.asked ??= this.store.refusals(digests).finally(() => {
      this.asked = null;
    });
    try {
      const { records } = await within(this.asked, this.timeoutMs, this.store);
      return { refusals: isDeepStrictEqual(records, known) ? known : records, trouble: null };
    } catch (error) {
      if (!(error instanceof Refusal || error instanceof SourceError)) throw error;
      return { refusals: known, trouble: this.troubled(kindOf(error), error.message).trouble };
    }
  }

  private async read(rollout: Rollout): Promise<Followed> {
    const { followed } = this.state;
    const known = [followed?.table, followed?.previous];
    const get = async ({ digest, generation }: { digest: string; generation: number }): Promise<Table> => {
      const table =
        known.find((one) => one?.digest === digest) ??
        (await within(this.store.table(digest), TABLE_TIMEOUT_MS, this.store));
      return inGeneration(table, generation);
    };
    const table = await get(rollout);
    const previous =
      rollout.previous &&
      (await get(rollout.previous).catch((error) => {
        if (!(error instanceof SourceError)) throw error;
        return null;
      }));
    return { rollout, table, previous };
  }

  /** The time stays that of the trouble's beginning. */
  private troubled(kind: Trouble["kind"], why: string): FollowState {
    const { trouble } = this.state;
    if (trouble?.kind === kind && (kind === "away" || trouble.why === why)) return this.state;
    return { ...this.state, trouble: { kind, since: new Date(), why } };
  }

  private keep(followed: Followed): string | null {
    if (this.cache === null) return null;
    try {
      this.cache.write(followed);
      return null;
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      return error.message;
    }
  }
}

const kindOf = (error: Refusal | SourceError) => (error instanceof SourceError ? "damaged" : "away");

/** A store that goes back was made anew or restored; its rollbacks go forward. null: it may follow. */
function isNoSuccessor(known: Rollout, next: Rollout): string | null {
  if (next.generation > known.generation) return null;
  if (next.generation === known.generation && next.digest === known.digest) return null;
  const what =
    next.generation < known.generation
      ? `it has generation ${next.generation}, and ${known.generation} was to be served already`
      : `generation ${next.generation} has another content than before`;
  return `${what}: was it restored, or is it another store? Push with a --generation above ${known.generation}`;
}

/** Throws StoreAway when the time is over. */
async function within<T>(promise: Promise<T>, ms: number, { name }: Store): Promise<T> {
  const over = new AbortController();
  const timer = sleep(ms, undefined, { signal: over.signal }).then(
    () => {
      throw new StoreAway(`${name}: no answer within ${ms / 1000} s`, false);
    },
    () => new Promise<never>(() => {}),
  );
  try {
    return await Promise.race([promise, timer]);
  } finally {
    over.abort();
  }
}
