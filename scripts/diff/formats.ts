/** A diff as text for a terminal, as Markdown for a review, and in short for who has just packed. */
import { count } from "../count.ts";
import { quoteFirst } from "../sources/problem.ts";
import type { Diff } from "./diff.ts";
import { type Style, sectionsOf, showRelease } from "./sections.ts";

export const TEXT: Style = { name: (text) => text, some: (names) => `(${quoteFirst(names)})` };

/** @param from as people know it, `generation 41 (old.table)` */
export function titleOf({ same }: Diff, from: string, to: string): string {
  return same ? `${to}: the same content as ${from}` : `${from} → ${to}`;
}

export function asText(diff: Diff): string {
  return sectionsOf(diff, TEXT)
    .map(({ title, lines }) => `${title}:\n${lines.map((line) => `  ${line}\n`).join("")}`)
    .join("");
}

/** A review has room for more names than a terminal. */
const MARKDOWN_NAMES = 20;
const MARKDOWN: Style = {
  name: code,
  some(names) {
    const more = names.length > MARKDOWN_NAMES ? ` and ${names.length - MARKDOWN_NAMES} more` : "";
    return `(${names.slice(0, MARKDOWN_NAMES).map(code).join(", ")}${more})`;
  },
};

export function asMarkdown(diff: Diff): string {
  return sectionsOf(diff, MARKDOWN)
    .map(({ title, lines }) => `### ${title}\n\n${lines.map((line) => `- ${line}\n`).join("")}`)
    .join("\n");
}

/** A code span: nothing in it is Markdown, also where it has a backtick. */
export function code(text: string): string {
  const longest = Math.max(0, ...(text.match(/`+/g) ?? []).map((run) => run.length));
  const fence = "`".repeat(longest + 1);
  const space = text.startsWith("`") || text.endsWith("`") ? " " : "";
  return `${fence}${space}${text}${space}${fence}`;
}

const RELEASES = 3;

/** A line or two: what releases run, then what else there is, in counts. */
export function inShort(diff: Diff): string[] {
  const { releases, wikis, clusters, hosts, rules, emptied, other } = diff;
  const shown = releases.slice(0, RELEASES).map((one) => showRelease(one, TEXT));
  if (releases.length > RELEASES) shown.push(`and ${releases.length - RELEASES} more releases`);
  const moved = wikis.ways.filter(({ from, to }) => from !== to);
  const sum = (ways: typeof moved) => ways.reduce((all, { wikis }) => all + wikis.length, 0);
  const back = sum(moved.filter(({ direction }) => direction === "older"));
  const counts = [
    counted(sum(moved), "wiki moves", "wikis move") + (back > 0 ? ` (${back} to an OLDER version)` : ""),
    counted(wikis.added.length, "wiki added", "wikis added"),
    counted(wikis.removed.length, "wiki gone", "wikis gone"),
    counted(wikis.uninstalled.length, "wiki not installed any more", "wikis not installed any more"),
    counted(wikis.installed.length, "wiki now installed", "wikis now installed"),
    counted(emptied.length, "release without wikis", "releases without wikis"),
    counted(wikis.groups.length, "group changes", "groups change"),
    counted(clusters.added.length, "new cluster", "new clusters") +
      (clusters.added.length > 0 ? ", which proxies must have first" : ""),
    counted(clusters.removed.length, "cluster gone", "clusters gone"),
    counted(clusters.changed.length, "cluster changes", "clusters change"),
    counted(hostsOf(hosts), "host or pattern changes", "hosts or patterns change"),
    counted(rulesOf(rules), "rule or setting changes", "rules or settings change"),
    ...other.map((part) => `${part} change`),
  ];
  return [shown, counts].map((parts) => parts.filter(Boolean).join("; ")).filter(Boolean);
}

const counted = (number: number, one: string, many: string): string =>
  number === 0 ? "" : count(number, one, many);

function hostsOf({ added, removed, changed, own, patterns, rewrites }: Diff["hosts"]): number {
  const lists = [patterns, rewrites].map(
    (one) => one.added.length + one.removed.length + Number(one.reordered),
  );
  return [added, removed, changed, own].reduce((all, { length }) => all + length, lists[0]! + lists[1]!);
}

function rulesOf({ added, removed, reordered, headers, settings }: Diff["rules"]): number {
  return [added, removed, reordered, headers.added, headers.removed, settings].reduce(
    (all, { length }) => all + length,
    0,
  );
}
