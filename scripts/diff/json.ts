/** A diff as JSON: for scripts, so every name is in it. */
import type { Diff } from "./diff.ts";

export function toJson({ same, releases, wikis, clusters, hosts, rules, other }: Diff) {
  const { added, removed, ways, groups, offGroup, installed, uninstalled } = wikis;
  return {
    same,
    releases,
    moves: ways
      .filter(({ from, to }) => from !== to)
      .map(({ from, to, before, after, wikis }) => ({ from, to, before, after, wikis })),
    wikis: { added, removed },
    clusters: { added: clusters.added, removed: clusters.removed },
    groups,
    hosts: {
      added: hosts.added,
      removed: hosts.removed,
      changed: hosts.changed,
      own: hosts.own,
      notInstalled: { added: uninstalled, removed: installed },
      patterns: hosts.patterns,
      rewrites: hosts.rewrites,
    },
    rules: { ...rules, clusters: clusters.changed, offGroup, other },
  };
}
