import * as L from "../../assembly/layout.ts";
import type { Table, TablePredicate } from "../table/table.ts";

/** Entries of the table in the farm file's words, for `why` and `inspect`. */

export function describePattern(table: Table, number: number): string {
  const { kind, suffix, tail, target } = table.pattern(number);
  if (kind === L.PATTERN_JOIN) return `{label}${suffix} → {label}${tail}`;
  if (kind === L.PATTERN_FAMILY) return `{label}.{family}${suffix} → {label}{family}`;
  return `*${suffix} → ${describeTarget(table, target)}`;
}

export function describeTarget(table: Table, target: number): string {
  if (target < table.wikis.slots) return table.key(table.wikis, target) ?? "no wiki";
  const form = target - table.wikis.slots;
  return form < table.pathCount ? describePath(table, form) : "no wiki";
}

/** `{1}` is the first segment of the path. */
export function describePath(table: Table, number: number): string {
  const { flags, segments, parts, replacements } = table.path(number);
  const what = flags & L.FLAG_TARGET ? "target" : "path";
  const form = Array.from({ length: segments }, (_, i) => `/{${i + 1}}`).join("");
  const swaps = replacements.map(({ segment, from, to }) => ` with {${segment + 1}} ${from} as ${to}`);
  const wiki = parts.map((part) => `{${part + 1}}`).join("");
  return `${what} ${form}${flags & L.FLAG_CLOSED ? "/" : ""} as ${wiki}${swaps.join("")}`;
}

export function describeReadAs(table: Table, number: number): string {
  const readAs = table.readAs(number);
  if (readAs.kind === "suffix") return `${readAs.labels} labels and ${readAs.from} → ${readAs.to}`;
  const host = readAs.from.startsWith(".") ? `*${readAs.from}` : readAs.from;
  return `${host}/{host}${readAs.under} → {host}${readAs.under}`;
}

export function describeRule(table: Table, number: number): string {
  return table.rule(number).when.map(describePredicate).join(" and ") || "every request";
}

const SUBJECTS: Record<number, string> = {
  [L.SUBJECT_HOST]: "host",
  [L.SUBJECT_PATH]: "path",
  [L.SUBJECT_METHOD]: "method",
  [L.SUBJECT_HEADER]: "header",
  [L.SUBJECT_COOKIE]: "cookie",
  [L.SUBJECT_QUERY]: "parameter",
};

function describePredicate({ subject, test, not, name, values }: TablePredicate): string {
  const isNot = not ? "not " : "";
  if (test === L.TEST_ADDRESS) return `${isNot}no host name, or an IP address`;
  const what = `${isNot}${SUBJECTS[subject]}${name === null ? "" : ` ${name}`}`;
  const [option, ...rest] = values;
  switch (test) {
    case L.TEST_PRESENT:
      return `${what} present`;
    case L.TEST_OPTION:
      return `${what} with ${option}=${rest.join(" or ")}`;
    case L.TEST_SUFFIX:
      return `${what} ${values.map((value) => `*${value}`).join(" or ")}`;
    case L.TEST_PREFIX:
      return `${what} beginning with ${values.join(" or ")}`;
    case L.TEST_CONTAINS:
      return `${what} containing ${values.join(" or ")}`;
    case L.TEST_UNDER:
      return `${what} at or under ${values.join(" or ")}`;
    default:
      return `${what} ${values.join(" or ")}`;
  }
}

export function describeOutcome(table: Table, number: number): string {
  const { outcome, value, wiki, debug } = table.rule(number);
  const how =
    { host: "", body: ", wiki from the body", none: ", no wiki" }[wiki] + (debug ? ", debugging" : "");
  switch (outcome) {
    case L.OUTCOME_PASS:
      return "passes through";
    case L.OUTCOME_REPLY:
      return `reply ${table.reply(value).status}`;
    case L.OUTCOME_RELEASE:
      return `release ${table.release(value).name}`;
    case L.OUTCOME_NEAR:
      return value === 0 ? "the primary data centre" : `${value / (L.SHARE_WHOLE / 100)} % near`;
    default:
      return table.deployment(value).name + how;
  }
}
