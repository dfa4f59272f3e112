/** What `diff` is told to compare: a table, a file in which Envoy discovers one, a farm, or a generation of a store. */

import { decode } from "../encode/decode.ts";
import type { VersionOrder } from "../farm/version-order.ts";
import type { Plan } from "../plan.ts";
import type { Table } from "../table/table.ts";
import type { FarmOptions } from "./farm-options.ts";
import { readInput } from "./files.ts";
import { entryOf } from "./generations.ts";
import { packFarm } from "./pack.ts";
import { tableIn } from "./put.ts";
import { openStore, type StoreOptions } from "./store-options.ts";

export interface Opened {
  plan: Plan;
  digest: string;
  /** null: a farm, which has none before it is packed. */
  generation: number | null;
  /** The farm's; a table does not say one. */
  order: VersionOrder | null;
  /** Of a farm. */
  warnings: string[];
}

export const isFarm = (name: string): boolean => /\.ya?ml$/i.test(name);

/** Where there is a store, a number is one. */
export const isGeneration = (name: string, { store }: Partial<StoreOptions>): boolean =>
  store !== undefined && /^\d+$/.test(name);

/** @param name a farm where it ends as YAML does. Throws SourceError, Refusal. */
export async function openPlan(
  name: string,
  options: Omit<FarmOptions, "farm"> & Partial<StoreOptions>,
): Promise<Opened> {
  const { store: place } = options;
  if (place !== undefined && isGeneration(name, options)) {
    const store = openStore({ store: place });
    const { entries } = await store.history();
    const { generation, digest } = entryOf(entries, Number(name));
    return { ...opened(await store.table(digest)), generation, order: null, warnings: [] };
  }
  if (!isFarm(name)) {
    const table = tableIn(name);
    return { ...opened(table), generation: table.generation, order: null, warnings: [] };
  }
  readInput(name); // a farm that is not there is told as a table is
  const { table, farm, warnings } = packFarm({ ...options, farm: name, strip: true });
  return { ...opened(table), generation: null, order: farm.versionOrder, warnings };
}

function opened(table: Table): Pick<Opened, "plan" | "digest"> {
  return { plan: decode(table), digest: table.digest };
}
