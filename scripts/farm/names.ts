/** The names section: words of the farm that the filter does not need and people do. */

/**
 * The table's optional last section, as JSON: what `explain`, `inspect` and `wiki` tell people and no proxy needs.
 * Places are as `farm.yaml:12`; lists go by the numbers of the table.
 */
export interface Names {
  farm: string;
  realm: string;
  hosts: Record<string, string>;
  rewrites: string[];
  patterns: string[];
  paths: string[];
  /** As in the table. Of `routes`, null is for the rule that every farm has: addresses pass through. */
  listeners: { routes: (string | null)[]; assets: string[]; reads: string[] }[];
  /** The rules that lead from a wiki to its host. */
  canonical: string[];
  /** The release that `newest` is for the rules of `assets`; null where none says so. */
  newest: string | null;
  /** Group → the list that says who is in it. */
  groups: Record<string, string>;
  /** Group → the group that it is in; those that are in none are left out. Older tables do not say it. */
  within?: Record<string, string>;
  pins: Record<string, Pin>;
  /** Wikis that are not on their group's release, because it does not run their version. */
  moved: Record<string, { from: string }>;
}

export interface Pin {
  reason: string;
  expires: string;
}

type Check = (value: unknown) => boolean;

const text: Check = (value) => typeof value === "string";
const textOrNull: Check = (value) => value === null || text(value);
const list =
  (check: Check): Check =>
  (value) =>
    Array.isArray(value) && value.every(check);
const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const record =
  (check: Check): Check =>
  (value) =>
    isObject(value) && Object.values(value).every(check);
const members =
  (checks: Record<string, Check>): Check =>
  (value) =>
    isObject(value) && Object.entries(checks).every(([name, check]) => check(value[name]));

/** By hand: a library of schemas takes longer to start than `pointsman wiki` may take. */
const isNames = members({
  farm: text,
  realm: text,
  hosts: record(text),
  rewrites: list(text),
  patterns: list(text),
  paths: list(text),
  listeners: list(members({ routes: list(textOrNull), assets: list(text), reads: list(text) })),
  canonical: list(text),
  newest: textOrNull,
  groups: record(text),
  within: (value) => value === undefined || record(text)(value),
  pins: record(members({ reason: text, expires: text })),
  moved: record(members({ from: text })),
} satisfies Record<keyof Names, Check>);

/** null for text that is no names section of ours: the table works without. */
export function parseNames(bytes: Uint8Array): Names | null {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(bytes));
    return isNames(value) ? (value as Names) : null;
  } catch {
    return null;
  }
}
