/**
 * `pointsman/table`: a table for programs that ask it. It has no import of Node's, so that browsers run it too, and
 * nothing of the table's layout shows in its types.
 */
import { canonicalHost } from "./canonical.ts";
import { decide } from "./decide.ts";
import type { Answer, Request, Where } from "./request.ts";
import { Table } from "./table.ts";

export type * from "./request.ts";

/** What a table says of a wiki. */
export interface WikiFacts {
  /** The wiki's ID. */
  wiki: string;
  /** Its train group, null for a wiki in none. */
  group: string | null;
  release: string;
  /** Without `php-`. */
  version: string;
  /** Its canonical host, null where it has none. */
  host: string | null;
  /** false: it is in wikiversions, and not installed yet. */
  installed: boolean;
}

/** A table that was checked. */
export interface OpenTable {
  readonly generation: number;
  /** Hexadecimal: tables that route alike have the same. */
  readonly digest: string;
  /** The names that `where.listener` may have; one without a name answers to any. */
  readonly listeners: readonly (string | null)[];
  /** Where a request goes. Throws an Error for a listener that the table does not have. */
  decide(request: Request, where?: Where): Answer;
  /** null for an ID that the table does not have. */
  wiki(id: string): WikiFacts | null;
  /** The ID of every wiki, sorted. */
  wikis(): string[];
}

/** Throws an Error that says in one sentence what is wrong with the bytes and where, as the filter logs it. */
export function open(bytes: Uint8Array): OpenTable {
  const table = new Table(bytes);
  return {
    generation: table.generation,
    digest: table.digest,
    listeners: table.listeners.map(({ name }) => name),
    decide: (request: Request, where?: Where): Answer => decide(table, request, where).answer,
    wiki: (id: string): WikiFacts | null => factsOf(table, id),
    wikis: (): string[] => Array.from(table.keys(table.wikis), ({ key }) => key).sort(),
  };
}

function factsOf(table: Table, id: string): WikiFacts | null {
  const slot = table.find(table.wikis, id);
  if (slot === -1) return null;
  const { group, release, installed } = table.placement(slot);
  const { name, version } = table.release(release);
  return { wiki: id, group, release: name, version, host: canonicalHost(table, slot), installed };
}
