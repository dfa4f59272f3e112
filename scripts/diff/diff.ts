/** What changes when one plan takes another's place. */
import isEqual from "fast-deep-equal";
import type { Referred } from "../describe.ts";
import type { Plan } from "../plan.ts";
import { compareHosts, type HostChanges } from "./hosts.ts";
import { type Changed, compareLists } from "./lists.ts";
import { compareRules, type RuleChanges } from "./rules.ts";
import { compareWikis, type Direction, directionOf, type VersionOrder, type WikiChanges } from "./wikis.ts";

export interface ReleaseChange {
  release: string;
  /** Its version; null where there is no such release. */
  before: string | null;
  after: string | null;
  direction: Direction | "added" | "removed";
  /** How many wikis are on it; of one that is removed, were. */
  wikis: number;
}

export interface ClusterChanges extends Changed {
  /** Of deployments and releases that both plans have. */
  changed: { deployment: string; release: string; before: string; after: string }[];
}

export interface Diff {
  /** The plans route alike, to the byte of a table. */
  same: boolean;
  releases: ReleaseChange[];
  /** Releases that had wikis and have none: what they ran, and how many they had. */
  emptied: { release: string; version: string; wikis: number }[];
  wikis: WikiChanges;
  clusters: ClusterChanges;
  hosts: HostChanges;
  rules: RuleChanges;
  /** Where nothing else differs: parts of the plan that do, by their order or in what is not told. */
  other: string[];
}

/** @param order which of two versions is newer */
export function diff(before: Plan, after: Plan, order: VersionOrder): Diff {
  const of = { before: referredIn(before), after: referredIn(after) };
  const wikis = compareWikis(before, after, order);
  const found = {
    releases: compareReleases(before, after, wikis.served, order),
    emptied: emptiedOf(before, wikis.served),
    wikis,
    clusters: compareClusters(before, after),
    hosts: compareHosts(before, after, of),
    rules: compareRules(before, after, of),
  };
  if (isAnything(found)) return { same: false, ...found, other: [] };
  const parts = Object.keys(before) as (keyof Plan)[];
  const other = parts.filter((part) => !isEqual(before[part], after[part]));
  return { same: other.length === 0, ...found, other };
}

function referredIn(plan: Plan): Referred {
  return {
    wiki: (number) => plan.wikis[number]!.id,
    path: (number) => plan.paths[number]!,
    deployment: (number) => plan.deployments[number]!,
    release: (number) => plan.releases[number]!,
    reply: (number) => plan.replies[number]!,
  };
}

function compareReleases(
  before: Plan,
  after: Plan,
  served: WikiChanges["served"],
  order: VersionOrder,
): ReleaseChange[] {
  const [old, now] = [before, after].map(
    ({ releases }) => new Map(releases.map(({ name, version }) => [name, version])),
  ) as [Map<string, string>, Map<string, string>];
  const change = (release: string): ReleaseChange | null => {
    const [was, is] = [old.get(release) ?? null, now.get(release) ?? null];
    const wikis = served.get(release)!;
    if (was === null) return { release, before: was, after: is, direction: "added", wikis: wikis.after };
    if (is === null) return { release, before: was, after: is, direction: "removed", wikis: wikis.before };
    const direction = directionOf(was, is, order);
    return direction && { release, before: was, after: is, direction, wikis: wikis.after };
  };
  return [...new Set([...old.keys(), ...now.keys()])].map(change).filter((one) => one !== null);
}

function emptiedOf({ releases }: Plan, served: WikiChanges["served"]): Diff["emptied"] {
  return releases.flatMap(({ name, version }) => {
    const wikis = served.get(name)!;
    return wikis.after === 0 && wikis.before > 0 ? [{ release: name, version, wikis: wikis.before }] : [];
  });
}

function compareClusters(before: Plan, after: Plan): ClusterChanges {
  const [old, now] = [before, after].map(clustersOf) as [Named, Named];
  const changed: ClusterChanges["changed"] = [];
  for (const [deployment, releases] of now) {
    for (const [release, cluster] of releases) {
      const was = old.get(deployment)?.get(release) ?? cluster;
      if (was !== cluster) changed.push({ deployment, release, before: was, after: cluster });
    }
  }
  const all = ({ clusters }: Plan) => [...new Set(clusters.flat())].sort();
  return { ...compareLists(all(before), all(after)), changed };
}

/** Deployment → release → cluster. */
type Named = Map<string, Map<string, string>>;

function clustersOf({ clusters, deployments, releases }: Plan): Named {
  const row = (names: readonly string[]) => new Map(names.map((name, r) => [releases[r]!.name, name]));
  return new Map(clusters.map((names, d) => [deployments[d]!.name, row(names)]));
}

/** Whether any list in it has an entry. Counts say nothing alone: two of them differ only with a list. */
function isAnything(found: object): boolean {
  return Object.values(found).some((value) => {
    if (value instanceof Map) return false;
    if (Array.isArray(value)) return value.length > 0;
    if (typeof value === "boolean") return value;
    return typeof value === "object" && value !== null && isAnything(value);
  });
}
