/** Where a push brings a table on this machine. */
import { Refusal } from "../refusal.ts";
import type { Table } from "../table/table.ts";

/** Which table, under which number. */
export type Has = Pick<Table, "generation" | "digest">;

/** A newer table is there, or another one of the same generation: somebody else's, which stays. */
export class HasNewer extends Refusal {}

/** What is there would refuse the table, however often it is brought. */
export class DoesNotFit extends Refusal {}

export interface Target {
  /** As people name it: `envoy-files=/etc/envoy`. */
  readonly name: string;

  /** Who follows a store for this target has a lock beside this path. */
  readonly followed: string;

  /** Whether its proxy reads what is there only when {@link write} tells it to. */
  readonly isTold: boolean;

  /** Which table all of it has; null: none, or not the same one everywhere. */
  has(): Has | null;

  /** Rejects with a Refusal, of the kinds above where they are why, where the table cannot go there; writes nothing. */
  check(table: Table): Promise<void>;

  /**
   * Each file whole or not at all; none of a newer generation is replaced. Says in a few words what was done, and what is
   * left to do. Throws Refusal.
   */
  write(table: Table): string;
}
