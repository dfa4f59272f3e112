/** Entries of the table in the farm file's words, for `why` and `inspect`. */
import { type Destination, type Predicate, SHARE_WHOLE, type WikilessOutcome } from "../plan.ts";
import type { Table } from "../table/table.ts";

export function describePattern(table: Table, number: number): string {
  const pattern = table.pattern(number);
  switch (pattern.kind) {
    case "join":
      return `{label}${pattern.suffix} → {label}${pattern.tail}`;
    case "family":
      return `{label}.{family}${pattern.suffix} → {label}{family}`;
    case "fixed":
      return `*${pattern.suffix} → ${describeDestination(table, pattern.destination)}`;
  }
}

/** @param destination of the table: a wiki's number is its slot */
export function describeDestination(table: Table, destination: Destination): string {
  if (destination === null) return "no wiki";
  if ("path" in destination) return describePath(table, destination.path);
  return table.key(table.wikis, destination.wiki)!;
}

/** `{1}` is the first segment of the path. */
export function describePath(table: Table, number: number): string {
  const { target, segments, closed, parts, replacements } = table.path(number);
  const form = Array.from({ length: segments }, (_, i) => `/{${i + 1}}`).join("");
  const swaps = replacements.map(({ segment, from, to }) => ` with {${segment + 1}} ${from} as ${to}`);
  const wiki = parts.map((part) => `{${part + 1}}`).join("");
  return `${target ? "target" : "path"} ${form}${closed ? "/" : ""} as ${wiki}${swaps.join("")}`;
}

export function describeRewrite(table: Table, number: number): string {
  const rewrite = table.rewrite(number);
  if (rewrite.kind === "suffix") return `${rewrite.labels} labels and ${rewrite.from} → ${rewrite.to}`;
  const host = rewrite.from.startsWith(".") ? `*${rewrite.from}` : rewrite.from;
  return `${host}/{host}${rewrite.under} → {host}${rewrite.under}`;
}

export function describeRule(table: Table, number: number): string {
  return table.rule(number).when.map(describePredicate).join(" and ") || "every request";
}

function describePredicate(predicate: Predicate): string {
  const isNot = predicate.not ? "not " : "";
  if (predicate.test === "address") return `${isNot}no host name, or an IP address`;
  const subject = predicate.subject === "query" ? "parameter" : predicate.subject;
  const what = `${isNot}${subject}${"name" in predicate ? ` ${predicate.name}` : ""}`;
  switch (predicate.test) {
    case "present":
      return `${what} present`;
    case "option":
      return `${what} with ${predicate.option}=${predicate.values.join(" or ")}`;
    case "suffix":
      return `${what} ${predicate.values.map((value) => `*${value}`).join(" or ")}`;
    case "prefix":
      return `${what} beginning with ${predicate.values.join(" or ")}`;
    case "contains":
      return `${what} containing ${predicate.values.join(" or ")}`;
    case "under":
      return `${what} at or under ${predicate.values.join(" or ")}`;
    case "exact":
      return `${what} ${predicate.values.join(" or ")}`;
  }
}

export function describeOutcome(table: Table, number: number): string {
  const { outcome, wiki, debug } = table.rule(number);
  if (outcome === "pass") return "passes through";
  if ("readOnly" in outcome) {
    if (outcome.readOnly === 0) return "the primary data centre";
    return `${outcome.readOnly / (SHARE_WHOLE / 100)} % read-only`;
  }
  if (!("deployment" in outcome)) return describeWikiless(table, outcome);
  const from = { host: "", body: ", wiki from the body", none: ", no wiki" }[wiki];
  return table.deployment(outcome.deployment).name + from + (debug ? ", debugging" : "");
}

export function describeWikiless(table: Table, outcome: WikilessOutcome): string {
  return "reply" in outcome
    ? `reply ${table.reply(outcome.reply).status}`
    : `release ${table.release(outcome.release).name}`;
}
