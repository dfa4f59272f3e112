/** Where a push brings a table on this machine. */
import type { Table } from "../table/table.ts";

export interface Target {
  /** As people name it: `envoy-files=/etc/envoy`. */
  readonly name: string;

  /** Rejects with a Refusal where the table cannot go there; writes nothing. */
  check(table: Table): Promise<void>;

  /**
   * Each file whole or not at all; none of a newer generation is replaced. Says in a few words what was done, and what is
   * left to do. Throws Refusal.
   */
  write(table: Table): string;
}
