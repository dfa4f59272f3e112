/** Which proxies have ever asked a server: in the store, so that none of a fleet is forgotten. */
import { Keeper } from "../store/keeper.ts";
import type { Node } from "../store/stages.ts";
import { RECORDS_AT_MOST, type SeenNode, type Store } from "../store/store.ts";

/** Who connects again within it is not written again; who was retired by mistake is not missed for longer. */
const AT_MOST_EVERY_MS = 60_000;
/** Between two records: a fleet that connects at once must get its tables meanwhile. */
const BETWEEN_MS = 2;

export class Seen {
  /** When each was seen last, the one that was longest ago first. */
  private readonly last = new Map<string, number>();
  private readonly keeper: Keeper<SeenNode>;

  /** @param say hears why a node is not in the store yet */
  constructor(store: Store, say: (why: string) => void) {
    this.keeper = new Keeper({ keep: (node) => store.putNode(node), say, betweenMs: BETWEEN_MS });
  }

  add({ id, cluster, locality }: Node): void {
    const now = Date.now();
    if (now - (this.last.get(id) ?? 0) < AT_MOST_EVERY_MS) return;
    this.last.delete(id);
    this.last.set(id, now);
    if (this.last.size > RECORDS_AT_MOST) {
      const [oldest] = this.last.keys();
      this.last.delete(oldest!);
      this.keeper.forget(oldest!);
    }
    this.keeper.add(id, { node: id, cluster, locality, when: new Date(now).toISOString() });
  }

  stop(): void {
    this.keeper.stop();
  }
}
