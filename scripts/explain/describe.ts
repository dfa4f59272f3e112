import * as L from "../../assembly/layout.ts";
import type { Table } from "../table/decode.ts";

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

export function describeRule(table: Table, number: number): string {
  const { when } = table.rule(number);
  const tests = when.map(({ subject, test, value }) => {
    const what = subject === L.SUBJECT_HOST ? "host" : "path";
    if (test === L.TEST_ADDRESS) return "no host name, or an IP address";
    if (test === L.TEST_SUFFIX) return `${what} *${value}`;
    if (test === L.TEST_PREFIX) return `${what} beginning with ${value}`;
    return test === L.TEST_UNDER ? `${what} at or under ${value}` : `${what} ${value}`;
  });
  return tests.join(" and ") || "every request";
}

export function describeOutcome(table: Table, number: number): string {
  const { outcome, value } = table.rule(number);
  return outcome === L.OUTCOME_PASS ? "passes through" : table.deployment(value);
}
