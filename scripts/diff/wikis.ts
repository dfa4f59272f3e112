/** What becomes of each wiki when one plan takes another's place: the one computation, for `diff` and the guards. */
import type { Plan, PlanWiki, Release } from "../plan.ts";
import { push, walk } from "./lists.ts";

/** Above 0 where the first version is the newer one; null where nobody can tell. */
export type VersionOrder = (a: string, b: string) => number | null;
/** `changed`: to another version, and nobody can tell which of the two is newer. */
export type Direction = "newer" | "older" | "changed";

/** Wikis that went from one release to another, or whose release went from one version to another, or both. */
export interface Way {
  from: string;
  to: string;
  /** Versions. */
  before: string;
  after: string;
  /** null: the version stays. */
  direction: Direction | null;
  /** Sorted. */
  wikis: string[];
}

export interface GroupChange {
  /** null: the wikis that are in none. */
  group: string | null;
  before: number;
  after: number;
  added: string[];
  removed: string[];
}

export interface WikiChanges {
  before: number;
  after: number;
  added: string[];
  removed: string[];
  /** Of both plans' wikis, those that were not installed and are, and the other way round. */
  installed: string[];
  uninstalled: string[];
  /** Those with most wikis first. */
  ways: Way[];
  /** By name of a release of either plan, how many wikis it has. */
  served: Map<string, { before: number; after: number }>;
  /** Those whose wikis change. */
  groups: GroupChange[];
  /** How many are not on the release that is called as their group, where there is such a release. */
  offGroup: { before: number; after: number };
}

export function compareWikis(before: Plan, after: Plan, order: VersionOrder): WikiChanges {
  const added: string[] = [];
  const removed: string[] = [];
  const installed: string[] = [];
  const uninstalled: string[] = [];
  const joined = new Map<string | null, string[]>();
  const left = new Map<string | null, string[]>();
  const ways = new Ways(before, after, order);
  walk(before.wikis, after.wikis, idOf, (old, next) => {
    if (old?.group !== next?.group) {
      if (old) push(left, old.group, old.id);
      if (next) push(joined, next.group, next.id);
    }
    if (!old) added.push(next!.id);
    else if (!next) removed.push(old.id);
    else {
      ways.add(old, next);
      if (old.installed !== next.installed) (next.installed ? installed : uninstalled).push(old.id);
    }
  });
  return {
    before: before.wikis.length,
    after: after.wikis.length,
    added,
    removed,
    installed,
    uninstalled,
    ways: ways.sorted(),
    served: servedBy(before, after),
    groups: groupsOf(before, after, joined, left),
    offGroup: { before: offGroup(before), after: offGroup(after) },
  };
}

export function directionOf(before: string, after: string, order: VersionOrder): Direction | null {
  if (before === after) return null;
  const newer = order(after, before);
  return newer === null ? "changed" : newer > 0 ? "newer" : "older";
}

const idOf = ({ id }: PlanWiki): string => id;

/** The ways of all wikis, by the numbers of the releases that they come from and go to. */
class Ways {
  /** null: they stay where they are, and as they are. */
  private readonly known = new Map<number, Way | null>();

  constructor(
    private readonly before: Plan,
    private readonly after: Plan,
    private readonly order: VersionOrder,
  ) {}

  add(old: PlanWiki, next: PlanWiki): void {
    const key = old.release * this.after.releases.length + next.release;
    let way = this.known.get(key);
    if (way === undefined) {
      way = this.between(this.before.releases[old.release]!, this.after.releases[next.release]!);
      this.known.set(key, way);
    }
    way?.wikis.push(next.id);
  }

  private between(from: Release, to: Release): Way | null {
    const direction = directionOf(from.version, to.version, this.order);
    if (from.name === to.name && direction === null) return null;
    return { from: from.name, to: to.name, before: from.version, after: to.version, direction, wikis: [] };
  }

  sorted(): Way[] {
    const name = ({ from, to }: Way) => `${from}\n${to}`;
    return [...this.known.values()]
      .filter((way) => way !== null)
      .sort((a, b) => b.wikis.length - a.wikis.length || (name(a) < name(b) ? -1 : 1));
  }
}

function servedBy(before: Plan, after: Plan): WikiChanges["served"] {
  const served: WikiChanges["served"] = new Map();
  const [old, now] = [before, after].map((plan) => {
    const sums = counts(plan.wikis, ({ release }) => release);
    return new Map(plan.releases.map(({ name }, number) => [name, sums.get(number) ?? 0]));
  });
  for (const name of new Set([...old!.keys(), ...now!.keys()])) {
    served.set(name, { before: old!.get(name) ?? 0, after: now!.get(name) ?? 0 });
  }
  return served;
}

function groupsOf(
  before: Plan,
  after: Plan,
  joined: Map<string | null, string[]>,
  left: Map<string | null, string[]>,
): GroupChange[] {
  const [old, now] = [before, after].map(({ wikis }) => counts(wikis, ({ group }) => group));
  // Where there are no groups, all wikis are in none.
  if (![...old!.keys(), ...now!.keys()].some((group) => group !== null)) return [];
  return [...new Set([...left.keys(), ...joined.keys()])]
    .map((group) => ({
      group,
      before: old!.get(group) ?? 0,
      after: now!.get(group) ?? 0,
      added: joined.get(group) ?? [],
      removed: left.get(group) ?? [],
    }))
    .sort((a, b) => ((a.group ?? "") < (b.group ?? "") ? -1 : 1));
}

function offGroup({ wikis, releases }: Plan): number {
  const numbers = new Map(releases.map(({ name }: Release, number) => [name, number]));
  return wikis.filter(({ group, release }) => (numbers.get(group ?? "") ?? release) !== release).length;
}

function counts<Key>(wikis: readonly PlanWiki[], of: (wiki: PlanWiki) => Key): Map<Key, number> {
  const found = new Map<Key, number>();
  for (const wiki of wikis) {
    const key = of(wiki);
    found.set(key, (found.get(key) ?? 0) + 1);
  }
  return found;
}
