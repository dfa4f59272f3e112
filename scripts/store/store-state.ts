/** How it stands with a store, as who follows it tells. */
import { gauge, type Metric } from "../pages.ts";
import type { Trouble } from "./follow-store.ts";

export interface StoreState {
  name: string;
  /** Why what is served is not what it says now, and since when; null: it is. */
  trouble: Trouble | null;
}

/** As JSON has it. */
export interface StoreStatus {
  name: string;
  trouble: { kind: string; why: string; since: string } | null;
}

export function statusOfStore({ name, trouble }: StoreState): StoreStatus {
  return { name, trouble: trouble && { ...trouble, since: trouble.since.toISOString() } };
}

/** After what is said of the rest; nothing where all is well. */
export function troubleText({ trouble }: StoreState): string {
  return trouble === null ? "" : `; since ${trouble.since.toISOString()} ${trouble.why}`;
}

export function storeMetrics({ trouble }: StoreState): Metric[] {
  const seconds = trouble === null ? 0 : (Date.now() - trouble.since.getTime()) / 1000;
  return [
    gauge("store_up", "Whether what is served is what the store says now.", trouble === null ? 1 : 0),
    gauge("store_trouble_seconds", "For how long it is not.", seconds),
  ];
}
