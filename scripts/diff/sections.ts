/** A diff in sentences for people, in sections. */
import { count } from "../count.ts";
import type { Diff, ReleaseChange } from "./diff.ts";
import type { HostChanges } from "./hosts.ts";
import { push } from "./lists.ts";
import type { RuleChange, RuleChanges } from "./rules.ts";
import type { Direction, Way } from "./wikis.ts";

/** How names are written. */
export interface Style {
  /** One that stands in a sentence of its own. */
  name(text: string): string;
  /** The first of many, in brackets. */
  some(names: readonly string[]): string;
}

export interface Section {
  title: string;
  lines: string[];
}

/** Lines of one kind; what is more is counted. */
const LINES = 8;

/** What is different, in the order in which it matters; a section without a line is left out. */
export function sectionsOf(diff: Diff, style: Style): Section[] {
  const { releases, emptied, wikis, clusters } = diff;
  const { name, some } = style;
  const gone = new Set(releases.filter(({ after }) => after === null).map(({ release }) => release));
  const moves = wikis.ways.filter(({ from, to }) => from !== to);
  const { before, after } = wikis.offGroup;
  const sections: Section[] = [
    {
      title: "releases",
      lines: [
        ...few(releases.map((one) => showRelease(one, style))),
        ...few(
          emptied
            .filter(({ release }) => !gone.has(release))
            .map(({ release, wikis }) => `${name(release)} has no wikis left, and had ${wikis}`),
        ),
      ],
    },
    { title: "moves", lines: few(moves.map((one) => showMove(one, style))) },
    {
      title: "wikis",
      lines: [
        ...counted(wikis.added, "wiki", "added", some),
        ...counted(wikis.removed, "wiki", "gone", some),
        ...counted(wikis.installed, "wiki", "now installed", some),
        ...counted(wikis.uninstalled, "wiki", "not installed any more", some),
        ...(before !== after ? [`off their group's release: ${before} → ${count(after, "wiki")}`] : []),
      ],
    },
    {
      title: "groups",
      lines: few(
        wikis.groups.map(({ group, before, after, added, removed }) => {
          const which = group === null ? "in no group" : name(group);
          const joined = added.length > 0 ? [`${added.length} joined ${some(added)}`] : [];
          const left = removed.length > 0 ? [`${removed.length} left ${some(removed)}`] : [];
          return `${which}: ${before} → ${count(after, "wiki")}, ${[...joined, ...left].join(", ")}`;
        }),
      ),
    },
    {
      title: "clusters",
      lines: [
        ...counted(clusters.added, "cluster", "added", some).map(
          (one) => `${one}: proxies must have them first`,
        ),
        ...counted(clusters.removed, "cluster", "gone", some),
        ...few(
          clusters.changed.map(
            ({ deployment, release, before, after }) =>
              `${name(deployment)} of ${name(release)}: ${name(before)} → ${name(after)}`,
          ),
        ),
      ],
    },
    { title: "hosts", lines: hostLines(diff.hosts, style) },
    { title: "rules", lines: ruleLines(diff.rules, style) },
    {
      title: "otherwise",
      lines: diff.other.map(
        (part) => `${part}: the same entries in another order, or in what is not told here`,
      ),
    },
  ];
  return sections.filter(({ lines }) => lines.length > 0);
}

/** Of one that has changed. */
export function showRelease(
  { release, before, after, direction, wikis }: ReleaseChange,
  { name }: Style,
): string {
  const many = wikis === 0 ? "no wikis" : count(wikis, "wiki");
  if (direction === "added") return `${name(release)}: added, ${name(after!)}, ${many}`;
  if (direction === "removed") return `${name(release)}: gone, ran ${name(before!)}, had ${many}`;
  return `${name(release)}: ${name(before!)} → ${name(after!)}, ${show(direction)}, ${many}`;
}

function show(direction: Direction): string {
  if (direction === "older") return "OLDER: a rollback";
  return direction === "newer" ? "newer" : "newer or older: nobody can tell";
}

function showMove({ from, to, before, after, direction, wikis }: Way, { name, some }: Style): string {
  const version =
    direction === null ? `still ${name(after)}` : `${name(before)} → ${name(after)}, ${show(direction)}`;
  return `${count(wikis.length, "wiki")} from ${name(from)} to ${name(to)}: ${version} ${some(wikis)}`;
}

function hostLines(
  { added, removed, changed, own, patterns, rewrites }: HostChanges,
  style: Style,
): string[] {
  const { name, some } = style;
  const none = (host: string | null) => (host === null ? "none" : name(host));
  return [
    ...counted(added, "exact host", "added", some),
    ...counted(removed, "exact host", "gone", some),
    ...few(changed.map(({ host, before, after }) => `${name(host)}: ${name(before)} → ${name(after)}`)),
    ...few(
      own.map(({ wiki, before, after }) => `own host of ${name(wiki)}: ${none(before)} → ${none(after)}`),
    ),
    ...[
      { what: "pattern", ...patterns },
      { what: "rewrite", ...rewrites },
    ].flatMap(({ what, added, removed, reordered }) => [
      ...few(removed.map((one) => `${what} gone: ${name(one)}`)),
      ...few(added.map((one) => `${what} added: ${name(one)}`)),
      ...(reordered ? [`${what}s in another order: the first match counts`] : []),
    ]),
  ];
}

function ruleLines({ added, removed, reordered, headers, settings }: RuleChanges, { name }: Style): string[] {
  const rules = (what: string, changes: readonly RuleChange[]) => {
    // Many listeners have the same rules.
    const listeners = new Map<string, string[]>();
    for (const { listener, rule } of changes) push(listeners, rule, listener ?? "every listener");
    return few(
      [...listeners].map(([rule, which]) => `${what}, ${[...new Set(which)].join(", ")}: ${name(rule)}`),
    );
  };
  const setting = (value: string | null) => (value === null ? "none" : name(value));
  return [
    ...rules("gone", removed),
    ...rules("added", added),
    ...few(
      reordered.map(
        ({ listener, list }) =>
          `${list} of ${listener ?? "every listener"} in another order: the first match counts`,
      ),
    ),
    ...headers.removed.map((header) => `header gone: ${name(header)}`),
    ...headers.added.map((header) => `header added: ${name(header)}`),
    ...few(settings.map(({ what, before, after }) => `${what}: ${setting(before)} → ${setting(after)}`)),
  ];
}

function counted(names: readonly string[], one: string, what: string, some: Style["some"]): string[] {
  return names.length === 0 ? [] : [`${count(names.length, one)} ${what} ${some(names)}`];
}

function few(lines: readonly string[]): string[] {
  if (lines.length <= LINES) return [...lines];
  return [...lines.slice(0, LINES - 1), `and ${lines.length - LINES + 1} more`];
}
