/** Entries of a plan or a table in the farm file's words. */
import {
  type Deployment,
  type Destination,
  type PathForm,
  type Pattern,
  type Predicate,
  type Release,
  type Reply,
  type Rewrite,
  type Rule,
  SHARE_WHOLE,
  type WikilessOutcome,
} from "./plan.ts";
import { networksOf } from "./table/networks.ts";

/** What entries refer to by number: a table, or a plan. */
export interface Referred {
  wiki(number: number): string;
  path(number: number): PathForm;
  deployment(number: number): Deployment;
  release(number: number): Release;
  reply(number: number): Reply;
}

export function describePattern(of: Referred, pattern: Pattern): string {
  switch (pattern.kind) {
    case "join":
      return `${pattern.prefix}{label}${pattern.suffix} → ${describeCarried(of, pattern)}{label}${pattern.tail}`;
    case "family":
      return `${pattern.prefix}{label}.{family}${pattern.suffix} → ${describeCarried(of, pattern)}{label}{family}`;
    case "fixed":
      return `*${pattern.suffix} → ${describeDestination(of, pattern.destination)}`;
  }
}

function describeCarried(of: Referred, { path }: { path: number | null }): string {
  return path === null ? "" : `${describePath(of.path(path))}, else `;
}

export function describeDestination(of: Referred, destination: Destination): string {
  if (destination === null) return "no wiki";
  if ("wiki" in destination) return of.wiki(destination.wiki);
  const path = describePath(of.path(destination.path));
  return destination.else === undefined ? path : `${path}, else ${of.wiki(destination.else)}`;
}

/** `{1}` is the first segment of the path. */
export function describePath({ target, segments, closed, parts, lower, replacements }: PathForm): string {
  const form = segments.map((literal, i) => `/${literal ?? `{${i + 1}}`}`).join("");
  const swaps = replacements.map(({ segment, from, to }) => ` with {${segment + 1}} ${from} as ${to}`);
  const wiki = parts.map((part) => `{${part + 1}}`).join("");
  const how = `${wiki}${lower ? " in lower case" : ""}${swaps.join("")}`;
  return `${target ? "target" : "path"} ${form}${closed ? "/" : ""} as ${how}`;
}

export function describeRewrite(rewrite: Rewrite): string {
  if (rewrite.kind === "suffix") {
    const before = rewrite.prefix === "" ? "" : `${rewrite.prefix}, `;
    return `${before}${rewrite.labels} labels and ${rewrite.from} → ${rewrite.to}`;
  }
  const host = rewrite.from.startsWith(".") ? `*${rewrite.from}` : rewrite.from;
  return `${host}/{host}${rewrite.under} → {host}${rewrite.under}`;
}

/** Which requests a rule is for. */
export function describeRule({ when }: Rule): string {
  return when.map(describePredicate).join(" and ") || "every request";
}

const SAME = { host: "host", path: "path", method: "method", header: "header", cookie: "cookie" };

function percent(share: number): string {
  return `${share / (SHARE_WHOLE / 100)} %`;
}

/** One test of a rule. */
export function describePredicate(predicate: Predicate): string {
  const isNot = predicate.not ? "not " : "";
  if (predicate.test === "address") return `${isNot}no host name, or an IP address`;
  const subject = { ...SAME, query: "parameter", client: "client's address" }[predicate.subject];
  const of = `${subject}${"name" in predicate ? ` ${predicate.name}` : ""}`;
  if (predicate.test === "share") return `${isNot}${percent(predicate.share)} by ${of}`;
  const what = isNot + of;
  if (predicate.subject === "client") return `${what} in ${networksOf(predicate.values).join(" or ")}`;
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

export function describeOutcome(of: Referred, { outcome, wiki, debug }: Rule): string {
  if (outcome === "pass") return "passes through";
  if ("readOnly" in outcome) {
    if (outcome.readOnly === 0) return "the primary data centre";
    return `${percent(outcome.readOnly)} read-only`;
  }
  if (!("deployment" in outcome)) return describeWikiless(of, outcome);
  const from = { host: "", body: ", wiki from the body", none: ", no wiki" }[wiki];
  return of.deployment(outcome.deployment).name + from + (debug ? ", debugging" : "");
}

export function describeWikiless(of: Referred, outcome: WikilessOutcome): string {
  return "reply" in outcome
    ? `reply ${of.reply(outcome.reply).status}`
    : `release ${of.release(outcome.release).name}`;
}
