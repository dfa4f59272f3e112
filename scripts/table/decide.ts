import * as L from "../../assembly/layout.ts";
import { hostOf } from "./authority.ts";
import type { Table } from "./decode.ts";

/** What a decision looks at. Characters are bytes. */
export interface Request {
  /** null where the request has none. */
  authority: string | null;
  /** The raw target: path and query. */
  target: string;
}

/** Where a request goes; `null` for a request that is not ours and passes through. */
export interface Decision {
  wiki: string | null;
  group: string | null;
  release: string;
  /** Without `php-`. */
  version: string;
  deployment: string;
  cluster: string;
}

/** The steps that led to a decision, for `why`. */
export interface Trail {
  /** Host as it was looked up: normalised, and read as another host where a read-as says so. */
  host: string;
  address: boolean;
  /** Number of the read-as that applied. */
  readAs: number | null;
  /** Number of the rule that matched; null: none did. */
  rule: number | null;
  /** Where the wiki's name came from. */
  source: { kind: "host" } | { kind: "pattern"; pattern: number } | { kind: "nothing" };
  /** Number of the path form that was read. */
  path: number | null;
  /** The wiki ID that the host or path stands for, in the table or not; null where they stand for none. */
  key: string | null;
}

/** The TypeScript reader's answer, step for step that of `assembly/decide.ts`. */
export function decide(table: Table, request: Request): { decision: Decision | null; trail: Trail } {
  const { host: asked, address } = hostOf(request.authority);
  const readAs = findReadAs(table, asked);
  const host = readAs?.host ?? asked;
  const path = request.target.split("?", 1)[0]!;
  const rule = findRule(table, host, address, path);
  const trail: Trail = {
    host,
    address,
    readAs: readAs?.number ?? null,
    rule: rule?.number ?? null,
    source: { kind: "nothing" },
    path: null,
    key: null,
  };
  if (rule?.outcome === L.OUTCOME_PASS) return { decision: null, trail };

  const slot = findWiki(table, host, request.target, path, trail);
  const deployment = rule ? rule.deployment : table.defaultDeployment;
  const placement = slot === -1 ? null : table.placement(table.value(table.wikis, slot));
  const release = placement?.release ?? table.defaultRelease;
  const { name, version } = table.release(release);
  const decision = {
    wiki: slot === -1 ? null : table.key(table.wikis, slot),
    group: placement?.group ?? null,
    release: name,
    version,
    deployment: table.deployment(deployment),
    cluster: table.cluster(deployment, release),
  };
  return { decision, trail };
}

function findReadAs(table: Table, host: string): { host: string; number: number } | null {
  for (let number = 0; number < table.readAsCount; number++) {
    const { labels, from, to } = table.readAs(number);
    if (!host.endsWith(from)) continue;
    const head = host.slice(0, host.length - from.length).split(".");
    if (head.length === labels && !head.includes("")) return { host: head.join(".") + to, number };
  }
  return null;
}

function findRule(table: Table, host: string, address: boolean, path: string) {
  for (let number = 0; number < table.ruleCount; number++) {
    const { when, outcome, value } = table.rule(number);
    if (when.every((predicate) => holds(predicate, host, address, path))) {
      return { number, outcome, deployment: value };
    }
  }
  return null;
}

function holds(
  { subject, test, value }: { subject: number; test: number; value: string | null },
  host: string,
  address: boolean,
  path: string,
): boolean {
  const text = subject === L.SUBJECT_HOST ? host : path;
  switch (test) {
    case L.TEST_ADDRESS:
      return address;
    case L.TEST_SUFFIX:
      return text.length > value!.length && text.endsWith(value!);
    case L.TEST_PREFIX:
      return text.startsWith(value!);
    case L.TEST_UNDER:
      return text === value || text.startsWith(`${value}/`);
    default:
      return text === value;
  }
}

/** Slot of the request's wiki in WIKI, -1 for none; fills in the trail. */
function findWiki(table: Table, host: string, target: string, path: string, trail: Trail): number {
  const exact = table.find(table.hosts, host);
  if (exact !== -1) {
    trail.source = { kind: "host" };
    return follow(table, table.value(table.hosts, exact), target, path, trail);
  }
  for (let number = 0; number < table.patternCount; number++) {
    const { kind, dashes, suffix, tail, target: fixed } = table.pattern(number);
    if (!host.endsWith(suffix)) continue;
    const label = host.slice(0, host.length - suffix.length);
    if (kind === L.PATTERN_FIXED) {
      if (label === "") continue;
      trail.source = { kind: "pattern", pattern: number };
      return follow(table, fixed, target, path, trail);
    }
    let key = label + (tail ?? "");
    if (kind === L.PATTERN_FAMILY) {
      const dot = label.lastIndexOf(".");
      if (dot === -1 || !/^[a-z]+$/.test(label.slice(dot + 1))) continue;
      key = label.slice(0, dot) + label.slice(dot + 1);
    }
    trail.source = { kind: "pattern", pattern: number };
    return findKey(table, dashes ? key.replaceAll("-", "_") : key, trail);
  }
  return -1;
}

/** From a target number to a wiki's slot. */
function follow(table: Table, targetNumber: number, target: string, path: string, trail: Trail): number {
  if (targetNumber < table.wikis.slots) {
    trail.key = table.key(table.wikis, targetNumber);
    return targetNumber;
  }
  const number = targetNumber - table.wikis.slots;
  if (number >= table.pathCount) return -1;
  trail.path = number;
  const form = table.path(number);
  const text = form.flags & L.FLAG_TARGET ? target : path;
  const segments = text.split("/");
  const closed = form.flags & L.FLAG_CLOSED ? 1 : 0;
  if (segments[0] !== "" || segments.length < 1 + form.segments + closed) return -1;
  const key = form.parts
    .map((part) => {
      const segment = segments[1 + part]!;
      return form.replacements.find((r) => r.segment === part && r.from === segment)?.to ?? segment;
    })
    .join("");
  return findKey(table, form.flags & L.FLAG_DASHES ? key.replaceAll("-", "_") : key, trail);
}

function findKey(table: Table, key: string, trail: Trail): number {
  trail.key = key;
  return table.find(table.wikis, key);
}
