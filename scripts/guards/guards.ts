/**
 * What a table may not do to the one that it follows unless a person says so. Each guard has a name, a limit that the
 * farm may change, and a sentence that says what was found against what is allowed.
 */

import type { GuardLimits, GuardName } from "../farm/guard-limits.ts";
import { quoteFirst } from "../sources/problem.ts";
import type { Table } from "../table/table.ts";
import { type Changes, changesBetween, type Move, type VersionOrder } from "./changes.ts";

export interface Finding {
  guard: GuardName;
  what: string;
}

/** Fewer wikis than these may vanish, however few a farm has. */
const VANISHED_AT_LEAST = 3;
/** Of a source with fewer entries than these, only that it is empty counts. */
const SHRINKS_FROM = 4;

type Guard<Name extends GuardName> = (
  changes: Changes,
  limit: Exclude<GuardLimits[Name], "off">,
) => string | null;

const GUARDS: { [Name in GuardName]: Guard<Name> } = {
  "wikis-change-release": ({ moved }, most) => {
    if (moved.length <= most) return null;
    return `${count(moved.length, "wiki")} ${moved.length === 1 ? "changes" : "change"} release (${quoteFirst(wikisOf(moved))}; ${mostOf(moved)}), and at most ${most} may`;
  },
  "release-empties": ({ emptied }, most) => {
    if (emptied.length <= most) return null;
    const each = emptied.slice(0, 5).map(({ release, wikis }) => `${release}, which served ${wikis}`);
    return `${count(emptied.length, "release")} ${emptied.length === 1 ? "has" : "have"} no wiki left (${each.join("; ")}), and at most ${most} may`;
  },
  "wikis-vanish": ({ vanished, wikis }, most) => {
    const share = (100 * vanished.length) / wikis;
    if (vanished.length < VANISHED_AT_LEAST || share <= most) return null;
    return `${vanished.length} of ${wikis} wikis are gone (${quoteFirst(vanished)}), which is ${share.toFixed(1)} %, and at most ${most} % may`;
  },
  "version-goes-back": ({ back, forward }, most) => {
    if (back.length <= most || forward === 0) return null;
    return `${count(back.length, "wiki")} ${back.length === 1 ? "goes" : "go"} back to an older version (${quoteFirst(wikisOf(back))}; ${mostOf(back)}) while others go forward (${forward}), and at most ${most} may`;
  },
  "source-shrinks": ({ sources }, most) => {
    const lost = sources.filter(({ before, now }) => {
      if (before > 0 && now === 0) return true;
      return before >= SHRINKS_FROM && 100 * (before - now) >= most * before && now < before;
    });
    if (lost.length === 0) return null;
    const each = lost.slice(0, 5).map(({ what, before, now }) => `${what}: ${before} before, ${now} now`);
    return `${count(lost.length, "source")} ${lost.length === 1 ? "is" : "are"} empty or much smaller (${each.join("; ")}), and less than ${most} % may be lost`;
  },
};

/** What the guards find where `next` takes the place of `old`. */
export function guard(old: Table, next: Table, limits: GuardLimits, order: VersionOrder): Finding[] {
  if (old.digest === next.digest) return [];
  const changes = changesBetween(old, next, order);
  const found = <Name extends GuardName>(name: Name): Finding[] => {
    const limit = limits[name];
    const what = limit === "off" ? null : GUARDS[name](changes, limit as never);
    return what === null ? [] : [{ guard: name, what }];
  };
  return (Object.keys(GUARDS) as GuardName[]).flatMap(found);
}

/** With the way out. */
export function showFinding({ guard, what }: { guard: string; what: string }): string {
  return `guard ${guard}: ${what}; if it is meant, say --allow ${guard}`;
}

function wikisOf(moves: readonly Move[]): string[] {
  return moves.map(({ wiki }) => wiki);
}

/** The commonest way: `346 from group2 to group1`. */
function mostOf(moves: readonly Move[]): string {
  const ways = new Map<string, number>();
  for (const { from, to } of moves) {
    const way = `from ${from} to ${to}`;
    ways.set(way, (ways.get(way) ?? 0) + 1);
  }
  const [[way, wikis]] = [...ways].sort(([, m], [, n]) => n - m) as [[string, number]];
  return `${wikis} ${way}`;
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? "" : "s"}`;
}
