/** Records on their way into a store: one after the other, however many come at once, and again where it is away. */
import { setTimeout as sleep } from "node:timers/promises";
import { Refusal } from "../refusal.ts";
import { SourceError } from "../sources/problem.ts";

const AGAIN_MS = 5_000;

export interface KeeperOptions<T> {
  /** Rejects with a Refusal or a SourceError where it cannot. */
  keep: (record: T) => Promise<void>;
  /** Hears why a record is not in the store yet. */
  say: (why: string) => void;
  /** Between two records. */
  betweenMs?: number;
}

export class Keeper<T> {
  /** What the store does not have yet, by what it is about. */
  private readonly waiting = new Map<string, T>();
  private isKeeping = false;
  private readonly ending = new AbortController();

  constructor(private readonly options: KeeperOptions<T>) {}

  /** Takes the place of one that waits. */
  add(key: string, record: T): void {
    this.waiting.set(key, record);
    void this.keepAll();
  }

  forget(key: string): void {
    this.waiting.delete(key);
  }

  get records(): ReadonlyMap<string, T> {
    return this.waiting;
  }

  private async keepAll(): Promise<void> {
    if (this.isKeeping) return;
    this.isKeeping = true;
    const { keep, say, betweenMs = 0 } = this.options;
    const { signal } = this.ending;
    while (!signal.aborted && this.waiting.size > 0) {
      const [key, record] = this.waiting.entries().next().value!;
      let pause = betweenMs;
      try {
        await keep(record);
        if (this.waiting.get(key) === record) this.waiting.delete(key);
      } catch (error) {
        if (!(error instanceof Refusal || error instanceof SourceError)) throw error;
        say(error.message);
        pause = AGAIN_MS;
      }
      if (pause > 0) await sleep(pause, undefined, { signal, ref: false }).catch(() => {});
    }
    this.isKeeping = false;
  }

  stop(): void {
    this.ending.abort();
  }
}
