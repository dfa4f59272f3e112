/** Which proxies have refused what: in the store, so that every server knows it, and one that begins anew too. */
import { setTimeout as sleep } from "node:timers/promises";
import { Refusal } from "../refusal.ts";
import { SourceError } from "../sources/problem.ts";
import type { Version } from "./stages.ts";
import { type NodeRefusal, RECORDS_AT_MOST, type Store } from "./store.ts";

const AGAIN_MS = 5_000;

export class Refusals {
  private known = new Map<string, string>();
  /** Of our own, which the store does not have yet, by what they are about. */
  private readonly unkept = new Map<string, NodeRefusal>();
  private isKeeping = false;
  private readonly ending = new AbortController();

  /** @param say hears why a refusal is not in the store yet */
  constructor(
    private readonly store: Store,
    private readonly say: (why: string) => void,
  ) {}

  /** Why; null: it has not. */
  why(id: string, version: Version): string | null {
    return this.known.get(keyOf(id, version)) ?? null;
  }

  /** What the store has now, of all servers. */
  heard(known: readonly NodeRefusal[]): void {
    this.known = new Map([...known, ...this.unkept.values()].map((one) => [keyOf(one.node, one), one.why]));
  }

  add(id: string, version: Version, why: string): void {
    const { digest, generation } = version;
    const key = keyOf(id, version);
    // Who invents names must not fill our memory.
    if (this.unkept.size >= RECORDS_AT_MOST && !this.unkept.has(key)) return;
    this.known.set(key, why);
    this.unkept.set(key, { node: id, digest, generation, when: new Date().toISOString(), why });
    void this.keep();
  }

  /** One after the other, however many come at once; where the store is away, again and again. */
  private async keep(): Promise<void> {
    if (this.isKeeping) return;
    this.isKeeping = true;
    const { signal } = this.ending;
    while (!signal.aborted && this.unkept.size > 0) {
      const [key, one] = this.unkept.entries().next().value!;
      try {
        await this.store.refuse(one);
        if (this.unkept.get(key) === one) this.unkept.delete(key);
      } catch (error) {
        if (!(error instanceof Refusal || error instanceof SourceError)) throw error;
        this.say(error.message);
        await sleep(AGAIN_MS, undefined, { signal, ref: false }).catch(() => {});
      }
    }
    this.isKeeping = false;
  }

  stop(): void {
    this.ending.abort();
  }
}

function keyOf(id: string, { digest, generation }: Version): string {
  return `${generation} ${digest} ${id}`;
}
