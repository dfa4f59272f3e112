/** Which proxies have refused what: in the store, so that every server knows it, and one that begins anew too. */
import { Refusal } from "../refusal.ts";
import { SourceError } from "../sources/problem.ts";
import type { Version } from "./stages.ts";
import type { NodeRefusal, Store } from "./store.ts";

const AGAIN_MS = 5_000;

export class Refusals {
  private known = new Map<string, string>();
  /** Of our own, which the store does not have yet. */
  private unkept: NodeRefusal[] = [];
  private timer: NodeJS.Timeout | null = null;
  private isStopped = false;

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
    this.known = new Map([...known, ...this.unkept].map((one) => [keyOf(one.node, one), one.why]));
  }

  add(id: string, version: Version, why: string): void {
    const { digest, generation } = version;
    this.known.set(keyOf(id, version), why);
    this.unkept.push({ node: id, digest, generation, when: new Date().toISOString(), why });
    void this.keep();
  }

  /** Where the store is away, again and again. */
  private async keep(): Promise<void> {
    if (this.timer !== null) clearTimeout(this.timer);
    try {
      for (const one of [...this.unkept]) {
        await this.store.refuse(one);
        this.unkept = this.unkept.filter((other) => other !== one);
      }
    } catch (error) {
      if (!(error instanceof Refusal || error instanceof SourceError)) throw error;
      this.say(error.message);
      if (!this.isStopped) this.timer = setTimeout(() => void this.keep(), AGAIN_MS);
    }
  }

  stop(): void {
    this.isStopped = true;
    if (this.timer !== null) clearTimeout(this.timer);
  }
}

function keyOf(id: string, { digest, generation }: Version): string {
  return `${generation} ${digest} ${id}`;
}
