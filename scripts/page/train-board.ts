/** What a train board shows of a table: how many wikis of each group are on each release, and what is unusual. */
import { decode } from "../encode/decode.ts";
import { type Names, parseNames } from "../farm/names.ts";
import { VersionOrder } from "../farm/version-order.ts";
import { type Count, leftOver, versionsOf } from "../farm/versions.ts";
import { Table } from "../table/table.ts";

export interface TrainBoard {
  generation: number;
  digest: string;
  wikis: number;
  /** Those that have wikis, from the oldest version to the newest. */
  releases: Column[];
  groups: Row[];
  /** Beyond {@link COLUMNS} and {@link ROWS}: how many, and how many wikis they have. */
  more: { releases: number; groups: number; wikis: number };
  /** Releases that may be forgotten; pinned wikis, and wikis that another version keeps off their group's release. */
  notes: { title: string; lines: string[] }[];
  /** null for a stripped table. */
  farm: string | null;
}

export interface Column {
  release: string;
  version: string;
  wikis: number;
}

export interface Row {
  /** null: the wikis that are in none. */
  group: string | null;
  /** The list that says who is in it; null where nobody says it. */
  list: string | null;
  /** One a release. `off`: the group has a release of its name, and this is another. */
  cells: { wikis: number; off: boolean }[];
  wikis: number;
}

/** A table may have 256 releases, and as many groups as wikis. */
export const COLUMNS = 24;
export const ROWS = 50;

/** Throws TableError. */
export function trainBoard(bytes: Uint8Array): TrainBoard {
  const table = new Table(bytes);
  const names = table.names && parseNames(table.names);
  const plan = decode(table);
  const { counts, releases: uses } = versionsOf(plan, new VersionOrder());
  const all = columnsOf(counts);
  const named = new Set(plan.releases.map(({ name }) => name));
  const releases = all.slice(0, COLUMNS);
  const everyGroup = rowsOf(counts, releases, named, names);
  const groups = everyGroup.slice(0, ROWS);
  const shown = groups.flatMap(({ cells }) => cells).reduce((sum, { wikis }) => sum + wikis, 0);
  const releaseOf = new Map(plan.wikis.map(({ id, release }) => [id, plan.releases[release]!.name]));
  return {
    generation: table.generation,
    digest: table.digest,
    wikis: plan.wikis.length,
    releases,
    groups,
    more: {
      releases: all.length - releases.length,
      groups: everyGroup.length - groups.length,
      wikis: plan.wikis.length - shown,
    },
    notes: [...leftOver(uses), ...(names ? exceptions(names, releaseOf) : [])],
    farm: names?.farm ?? null,
  };
}

/** Counts come by version, then by release as the farm has them. */
function columnsOf(counts: readonly Count[]): Column[] {
  const columns = new Map<string, Column>();
  for (const { release, version, wikis } of counts) {
    const column = columns.get(release);
    if (column) column.wikis += wikis;
    else columns.set(release, { release, version, wikis });
  }
  return [...columns.values()];
}

function rowsOf(
  counts: readonly Count[],
  releases: readonly Column[],
  named: ReadonlySet<string>,
  names: Names | null,
): Row[] {
  const groups = new Map<string | null, Map<string, number>>();
  for (const { group, release, wikis } of counts) {
    const known = groups.get(group) ?? new Map<string, number>();
    groups.set(group, known.set(release, wikis));
  }
  return [...groups]
    .sort(([a], [b]) => (a === null ? 1 : b === null ? -1 : a < b ? -1 : 1))
    .map(([group, on]) => ({
      group,
      list: (group !== null && names && Object.hasOwn(names.groups, group) && names.groups[group]) || null,
      cells: releases.map(({ release }) => {
        const wikis = on.get(release) ?? 0;
        return { wikis, off: wikis > 0 && group !== null && named.has(group) && group !== release };
      }),
      wikis: [...on.values()].reduce((sum, wikis) => sum + wikis, 0),
    }));
}

function exceptions({ pins, moved }: Names, releaseOf: ReadonlyMap<string, string>): TrainBoard["notes"] {
  const on = (wiki: string) => `${wiki}: on ${releaseOf.get(wiki) ?? "no release"}`;
  return [
    {
      title: "pinned",
      lines: Object.entries(pins).map(
        ([wiki, { reason, expires }]) => `${on(wiki)}, until ${expires}: ${reason}`,
      ),
    },
    {
      title: "not on their group's release, which does not run their version",
      lines: Object.entries(moved).map(([wiki, { from }]) => `${on(wiki)}, not on ${from}`),
    },
  ].filter(({ lines }) => lines.length > 0);
}
