/**
 * What a table may not do to the one that it follows unless a person says so. Each guard has a name, a limit that the
 * farm may change, and a sentence that says what was found against what is allowed.
 */

import { count } from "../count.ts";
import type { Diff } from "../diff/diff.ts";
import type { Way } from "../diff/wikis.ts";
import type { GuardLimits, GuardName } from "../farm/guard-limits.ts";
import { isNamedByVersion } from "../farm/stranded.ts";
import { quoteFirst } from "../sources/problem.ts";

export interface Finding {
  guard: GuardName;
  what: string;
}

/** Fewer wikis than these may vanish, however few a farm has. */
const VANISHED_AT_LEAST = 3;
/** Of a source with fewer entries than these, only that it is empty counts. */
const SHRINKS_FROM = 4;

type Guard<Name extends GuardName> = (diff: Diff, limit: Exclude<GuardLimits[Name], "off">) => string | null;

const GUARDS: { [Name in GuardName]: Guard<Name> } = {
  "wikis-change-release": ({ wikis }, most) => {
    const ways = movesOf(wikis.ways);
    const moved = wikisOf(ways);
    if (moved.length <= most) return null;
    const { from, to, wikis: first } = ways[0]!;
    return `${count(moved.length, "wiki")} ${moved.length === 1 ? "changes" : "change"} release (${quoteFirst(moved)}; ${first.length} from ${from} to ${to}), and at most ${most} may`;
  },
  "move-changes-version": ({ wikis, releases }, most) => {
    // A promotion or a rollback changes a release's version; what goes by it may catch up.
    const changed = new Set(releases.map(({ release }) => release));
    const ways = movesOf(wikis.ways).filter(
      ({ from, to, direction }) => direction !== null && !changed.has(from) && !changed.has(to),
    );
    const moved = wikisOf(ways);
    if (moved.length <= most) return null;
    const [{ from, to, before, after, wikis: first }] = ways as [Way, ...Way[]];
    return `${count(moved.length, "wiki")} ${moved.length === 1 ? "gets" : "get"} another version while no release does (${quoteFirst(moved)}; ${first.length} from ${from}, ${before}, to ${to}, ${after}), and at most ${most} may`;
  },
  "release-empties": (diff, most) => {
    const emptied = diff.emptied.filter((one) => !isItsEnd(one, diff.wikis.ways));
    if (emptied.length <= most) return null;
    const each = emptied.slice(0, 5).map(({ release, wikis }) => `${release}, which served ${wikis}`);
    return `${count(emptied.length, "release")} ${emptied.length === 1 ? "has" : "have"} no wiki left (${each.join("; ")}), and at most ${most} may`;
  },
  "wikis-vanish": ({ wikis: { removed, before } }, most) => {
    const share = (100 * removed.length) / before;
    if (removed.length < VANISHED_AT_LEAST || share <= most) return null;
    return `${removed.length} of ${before} wikis are gone (${quoteFirst(removed)}), which is ${share.toFixed(1)} %, and at most ${most} % may`;
  },
  "version-goes-back": ({ wikis: { ways } }, most) => {
    const older = ways.filter(({ direction }) => direction === "older");
    const forward = wikisOf(ways.filter(({ direction }) => direction === "newer")).length;
    const back = wikisOf(older);
    if (back.length <= most || forward === 0) return null;
    return `${count(back.length, "wiki")} ${back.length === 1 ? "goes" : "go"} back to an older version (${quoteFirst(back)}; ${mostOf(older)}) while others go forward (${forward}), and at most ${most} may`;
  },
  "source-shrinks": ({ wikis, hosts }, most) => {
    const sources = [
      { what: "the farm's wikis", ...wikis },
      { what: "the exact hosts", ...hosts },
      ...wikis.groups
        .filter(({ group }) => group !== null)
        .map(({ group, before, after }) => ({ what: `the wikis of ${group}`, before, after })),
    ];
    const lost = sources.filter(({ before, after }) => {
      if (before > 0 && after === 0) return true;
      return before >= SHRINKS_FROM && 100 * (before - after) >= most * before && after < before;
    });
    if (lost.length === 0) return null;
    const each = lost.slice(0, 5).map(({ what, before, after }) => `${what}: ${before} before, ${after} now`);
    return `${count(lost.length, "source")} ${lost.length === 1 ? "is" : "are"} empty or much smaller (${each.join("; ")}), and less than ${most} % may be lost`;
  },
};

/** What the guards find in what a table changes. */
export function guard(diff: Diff, limits: GuardLimits): Finding[] {
  const found = <Name extends GuardName>(name: Name): Finding[] => {
    const limit = limits[name];
    const what = limit === "off" ? null : GUARDS[name](diff, limit as never);
    return what === null ? [] : [{ guard: name, what }];
  };
  return (Object.keys(GUARDS) as GuardName[]).flatMap(found);
}

/** A guard that a person lets pass what it finds. */
export interface Allow {
  guard: string;
  /** null: not said of this one alone. */
  why: string | null;
}

/** @param reason why, where `allow` does not say it */
export function judge<Found extends { guard: string; what: string }, Reason extends string | null>(
  findings: readonly Found[],
  allow: readonly Allow[],
  reason: Reason,
): { allowed: { guard: string; what: string; why: string | Reason }[]; refused: Found[] } {
  const reasons = new Map(allow.map(({ guard, why }) => [guard, why ?? reason]));
  return {
    allowed: findings.flatMap(({ guard, what }) => {
      const why = reasons.get(guard);
      return why === undefined ? [] : [{ guard, what, why }];
    }),
    refused: findings.filter(({ guard }) => !reasons.has(guard)),
  };
}

/** With the way out. */
export function showFinding({ guard, what }: { guard: string; what: string }): string {
  return `guard ${guard}: ${what}; if it is meant, say --allow ${guard}`;
}

export function showAllowed({
  guard,
  what,
  why,
}: {
  guard: string;
  what: string;
  why: string | null;
}): string {
  return `guard ${guard}, allowed${why === null ? "" : ` (${why})`}: ${what}`;
}

/** A release that is named by its version loses its wikis when they are promoted: that is its end, not a fault. */
function isItsEnd({ release, version }: Diff["emptied"][number], ways: readonly Way[]): boolean {
  const out = ways.filter(({ from }) => from === release);
  return isNamedByVersion({ name: release, version }) && out.every(({ direction }) => direction !== null);
}

/** A promotion to a release that is named by its version is no move. */
function movesOf(ways: readonly Way[]): Way[] {
  const isPromotion = ({ to, after, direction }: Way) =>
    direction !== null && isNamedByVersion({ name: to, version: after });
  return ways.filter((way) => way.from !== way.to && !isPromotion(way));
}

/** Sorted. */
function wikisOf(ways: readonly Way[]): string[] {
  return ways.flatMap(({ wikis }) => wikis).sort();
}

/** The commonest way: `346 from 1.47.0-wmf.16 to 1.47.0-wmf.15`. */
function mostOf(ways: readonly Way[]): string {
  const sums = new Map<string, number>();
  for (const { before, after, wikis } of ways) {
    const way = `from ${before} to ${after}`;
    sums.set(way, (sums.get(way) ?? 0) + wikis.length);
  }
  const [[way, wikis]] = [...sums].sort(([, m], [, n]) => n - m) as [[string, number]];
  return `${wikis} ${way}`;
}
