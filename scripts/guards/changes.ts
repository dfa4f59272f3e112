/** What becomes of wikis when one table takes another's place. */
import { isNamedByVersion } from "../farm/stranded.ts";
import type { Table } from "../table/table.ts";

export interface Move {
  wiki: string;
  from: string;
  to: string;
}

export interface Changes {
  /** How many the old table has. */
  wikis: number;
  /** From one release to another, but for promotions to a release that is named by its version. */
  moved: Move[];
  /** Releases that served wikis and serve none, but for those named by a version that all their wikis have left. */
  emptied: { release: string; wikis: number }[];
  vanished: string[];
  /** To an older version, from one to the other. */
  back: Move[];
  /** How many go to a newer version. */
  forward: number;
  /** Counts of what sources say: of wikis, of exact hosts, of a group's wikis. */
  sources: { what: string; before: number; now: number }[];
}

/** A placement, read once a table. */
interface Placed {
  release: { name: string; version: string };
  group: string | null;
  /** The release is there for its version. */
  isNamedByVersion: boolean;
}

/** Above 0 where the first version is the newer one. */
export type VersionOrder = (a: string, b: string) => number;

export function changesBetween(old: Table, next: Table, order: VersionOrder): Changes {
  const [before, now] = [placementsOf(old), placementsOf(next)];
  const changes: Omit<Changes, "emptied" | "sources"> = {
    wikis: old.wikis.count,
    moved: [],
    vanished: [],
    back: [],
    forward: 0,
  };
  const served = new Map<string, { wikis: number; stay: boolean }>();
  const groups = new Map<string, { before: number; now: number }>();
  const group = (name: string | null) => {
    const known = groups.get(name ?? "") ?? { before: 0, now: 0 };
    if (name !== null) groups.set(name, known);
    return known;
  };
  for (const { key: wiki, slot } of old.keys(old.wikis)) {
    const from = before[old.value(old.wikis, slot)]!;
    group(from.group).before++;
    const found = next.find(next.wikis, wiki);
    const to = found === -1 ? null : now[next.value(next.wikis, found)]!;
    const known = served.get(from.release.name) ?? { wikis: 0, stay: false };
    known.wikis++;
    // A release that is named by its version loses its wikis when they are promoted: that is its end, not a fault.
    if (to?.release.version === from.release.version || !from.isNamedByVersion) known.stay = true;
    served.set(from.release.name, known);
    if (to === null) {
      changes.vanished.push(wiki);
      continue;
    }
    const isPromoted = to.release.version !== from.release.version;
    if (to.release.name !== from.release.name && !(isPromoted && to.isNamedByVersion)) {
      changes.moved.push({ wiki, from: from.release.name, to: to.release.name });
    }
    if (!isPromoted) continue;
    if (order(to.release.version, from.release.version) > 0) changes.forward++;
    else changes.back.push({ wiki, from: from.release.version, to: to.release.version });
  }
  const serves = new Set<string>();
  for (const { slot } of next.keys(next.wikis)) {
    const placed = now[next.value(next.wikis, slot)]!;
    serves.add(placed.release.name);
    group(placed.group).now++;
  }
  changes.vanished.sort();
  const byWiki = (a: Move, b: Move) => (a.wiki < b.wiki ? -1 : 1);
  changes.moved.sort(byWiki);
  changes.back.sort(byWiki);
  return {
    ...changes,
    emptied: [...served]
      .filter(([release, { stay }]) => stay && !serves.has(release))
      .map(([release, { wikis }]) => ({ release, wikis })),
    sources: [
      { what: "the farm's wikis", before: old.wikis.count, now: next.wikis.count },
      { what: "the exact hosts", before: old.hosts.count, now: next.hosts.count },
      ...[...groups].map(([name, counts]) => ({ what: `the wikis of ${name}`, ...counts })),
    ],
  };
}

function placementsOf(table: Table): Placed[] {
  return Array.from({ length: table.placementCount }, (_, number) => {
    const placement = table.placementOf(number);
    const release = table.release(placement.release);
    return { release, group: placement.group, isNamedByVersion: isNamedByVersion(release) };
  });
}
