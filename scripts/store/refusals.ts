/** Which proxies have refused what: in the store, so that every server knows it, and one that begins anew too. */
import { Keeper } from "./keeper.ts";
import type { Version } from "./stages.ts";
import { type NodeRefusal, RECORDS_AT_MOST, type Store } from "./store.ts";

export class Refusals {
  private known = new Map<string, string>();
  /** Has our own, until the store has them. */
  private readonly keeper: Keeper<NodeRefusal>;

  /** @param say hears why a refusal is not in the store yet */
  constructor(store: Store, say: (why: string) => void) {
    this.keeper = new Keeper({ keep: (refusal) => store.refuse(refusal), say });
  }

  /** Why; null: it has not. */
  why(id: string, version: Version): string | null {
    return this.known.get(keyOf(id, version)) ?? null;
  }

  /** What the store has now, of all servers. */
  heard(known: readonly NodeRefusal[]): void {
    const all = [...known, ...this.keeper.records.values()];
    this.known = new Map(all.map((one) => [keyOf(one.node, one), one.why]));
  }

  add(id: string, version: Version, why: string): void {
    const { digest, generation } = version;
    const key = keyOf(id, version);
    // Who invents names must not fill our memory.
    if (this.keeper.records.size >= RECORDS_AT_MOST && !this.keeper.records.has(key)) return;
    this.known.set(key, why);
    this.keeper.add(key, { node: id, digest, generation, when: new Date().toISOString(), why });
  }

  stop(): void {
    this.keeper.stop();
  }
}

function keyOf(id: string, { digest, generation }: Version): string {
  return `${generation} ${digest} ${id}`;
}
