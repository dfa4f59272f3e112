/** Which content a store wants served. */
import type { Version } from "./stages.ts";
import type { Head, History } from "./store.ts";

/** null: nothing was ever pushed. Whose rollout object was moved away goes on with the history. */
export function wantedOf({ rollout }: Head, { entries }: History): Version | null {
  const last = rollout ?? entries.at(-1);
  return last === undefined ? null : { generation: last.generation, digest: last.digest };
}
