/** Which proxies have ever asked a server: in the store, so that none of a fleet is forgotten. */
import { setTimeout as sleep } from "node:timers/promises";
import { Refusal } from "../refusal.ts";
import { SourceError } from "../sources/problem.ts";
import type { Node } from "../store/stages.ts";
import { RECORDS_AT_MOST, type SeenNode, type Store } from "../store/store.ts";

/** Who connects again within it is not written again; who was retired by mistake is not missed for longer. */
const AT_MOST_EVERY_MS = 60_000;
const AGAIN_MS = 5_000;
/** Between two records: a fleet that connects at once must get its tables meanwhile. */
const BETWEEN_MS = 2;

export class Seen {
  /** When each was seen last, the one that was longest ago first. */
  private readonly last = new Map<string, number>();
  /** By id: what the store does not have yet. */
  private readonly unkept = new Map<string, SeenNode>();
  private isKeeping = false;
  private readonly ending = new AbortController();

  /** @param say hears why a node is not in the store yet */
  constructor(
    private readonly store: Store,
    private readonly say: (why: string) => void,
  ) {}

  add({ id, cluster, locality }: Node): void {
    const now = Date.now();
    if (now - (this.last.get(id) ?? 0) < AT_MOST_EVERY_MS) return;
    this.last.delete(id);
    this.last.set(id, now);
    if (this.last.size > RECORDS_AT_MOST) {
      const [oldest] = this.last.keys();
      this.last.delete(oldest!);
      this.unkept.delete(oldest!);
    }
    this.unkept.set(id, { node: id, cluster, locality, when: new Date(now).toISOString() });
    void this.keep();
  }

  /** Where the store is away, again and again. */
  private async keep(): Promise<void> {
    if (this.isKeeping) return;
    this.isKeeping = true;
    const { signal } = this.ending;
    while (!signal.aborted && this.unkept.size > 0) {
      const [id, one] = this.unkept.entries().next().value!;
      let pause = BETWEEN_MS;
      try {
        await this.store.putNode(one);
        if (this.unkept.get(id) === one) this.unkept.delete(id);
      } catch (error) {
        if (!(error instanceof Refusal || error instanceof SourceError)) throw error;
        this.say(error.message);
        pause = AGAIN_MS;
      }
      await sleep(pause, undefined, { signal, ref: false }).catch(() => {});
    }
    this.isKeeping = false;
  }

  stop(): void {
    this.ending.abort();
  }
}
