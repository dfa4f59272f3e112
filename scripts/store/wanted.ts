/** Which content a store wants served, and tables under the number that they have there. */
import { inGeneration } from "../encode/container.ts";
import { Refusal } from "../refusal.ts";
import type { Table } from "../table/table.ts";
import type { Version } from "./stages.ts";
import type { Head, History, Rollout, Store } from "./store.ts";

/** null: nothing was ever pushed. Whose rollout object was moved away goes on with the history. */
export function wantedOf({ rollout }: Head, { entries }: History): Version | null {
  const last = rollout ?? entries.at(-1);
  return last === undefined ? null : { generation: last.generation, digest: last.digest };
}

/** A store has a content under the number in which it came first. Throws Refusal, SourceError. */
export async function tableOf(store: Store, { digest, generation }: Version): Promise<Table> {
  return inGeneration(await store.table(digest), generation);
}

/** What is to be served. Throws Refusal, where nothing is, and SourceError. */
export async function wantedTable(store: Store): Promise<{ table: Table; rollout: Rollout | null }> {
  const head = await store.head();
  const wanted = wantedOf(head, await store.history());
  if (wanted === null) throw new Refusal(`${store.name}: nothing was pushed yet`);
  return { table: await tableOf(store, wanted), rollout: head.rollout };
}
