/** The TypeScript reader's answer to a request, step for step that of `assembly/decide.ts`. */
import { CONFLICT_TEXT, TWO_WIKIS_TEXT } from "../../assembly/layout.ts";
import type { ReadOutcome, ReleaseOutcome, Route, Rule, Wikiless } from "../plan.ts";
import { canonicalHost } from "./canonical.ts";
import { partsOf, type RequestParts } from "./headers.ts";
import { rewrite } from "./host.ts";
import { wikiOfBody } from "./job-body.ts";
import type { Answer, ReplyAnswer, Request, RouteAnswer, Where } from "./request.ts";
import { firstRule } from "./rules.ts";
import { isInShareOfReads } from "./share.ts";
import type { Table, TableListener } from "./table.ts";
import { type HostWiki, wikiOfHost } from "./wiki.ts";

/** The steps that led to an answer, for `why`. Numbers are those of the table. */
export interface Trail extends Omit<HostWiki, "slot"> {
  listener: string | null;
  /** Host as it was looked up: normalised, and rewritten where a rewrite says so. */
  host: string;
  address: boolean;
  /** The rewrite by which the path's first segment is the host. */
  pathRewrite: number | null;
  /** The rewrite by which the host has another suffix. */
  suffixRewrite: number | null;
  /** The path as rules saw it. */
  pathForRules: string;
  /** The rule that matched; null: none did. */
  rule: number | null;
  /** Rules before it, of which the request is not in the share. */
  outside: number[];
  /** Where the wiki was looked for; the host's steps are null where it was not there. */
  wikiFrom: Rule["wiki"];
  /** What the body said; null where it was not read. */
  body: "text" | "none" | "conflict" | null;
  /** Why there is no wiki; only where it was looked for in the host. */
  wrong: Wikiless | "twoWikis" | null;
  /** The rule that chose another release than the wiki's. */
  asset: number | null;
  /** The rule of reads that matched. */
  read: number | null;
  /** The request goes to the read-only deployment. */
  readOnly: boolean;
}

/** The table has listeners, and none of this name. */
export class UnknownListener extends Error {}

const ANYWHERE: Where = { listener: null, secondary: false };

/** Throws UnknownListener. */
export function decide(
  table: Table,
  request: Request,
  where: Where = ANYWHERE,
): { answer: Answer; trail: Trail } {
  const listener = findListener(table, where.listener);
  const read = rewrite(table, request.authority, request.target);
  const parts = partsOf(request, read, table.readsForwarded ? listener : null);
  const outside: number[] = [];
  const route = firstRule<Route>(table, listener.routes, parts, outside);
  const trail: Trail = {
    listener: listener.name,
    host: read.host,
    address: read.address,
    pathRewrite: read.pathRewrite,
    suffixRewrite: read.suffixRewrite,
    pathForRules: parts.path,
    rule: route?.number ?? null,
    outside,
    wikiFrom: route?.wiki ?? "host",
    ...{ source: { kind: "nothing" }, path: null, key: null },
    ...{ body: null, wrong: null, asset: null, read: null, readOnly: false },
  };
  const outcome = route?.outcome ?? { deployment: listener.deployment };
  if (outcome === "pass") return { answer: { kind: "pass" }, trail };
  if ("reply" in outcome) return { answer: replyOf(table, outcome.reply), trail };

  const placed =
    trail.wikiFrom === "body" && where.bodiless
      ? placeByHost(table, parts, trail)
      : place(table, request.body ?? null, parts, trail);
  if ("kind" in placed) return { answer: placed, trail };
  const asset = trail.wikiFrom === "body" ? null : firstRule<ReleaseOutcome>(table, listener.assets, parts);
  if (asset) trail.asset = asset.number;
  const release = asset ? asset.outcome.release : placed.release;
  if (typeof release === "object") return { answer: release, trail };

  const deployment = where.secondary
    ? readOnlyOr(table, listener, outcome.deployment, parts, trail)
    : outcome.deployment;
  const { name, version } = table.release(release);
  const answer: RouteAnswer = {
    kind: "route",
    wiki: placed.slot === null ? null : table.key(table.wikis, placed.slot),
    group: placed.group,
    release: name,
    version,
    deployment: table.deployment(deployment).name,
    cluster: table.cluster(deployment, release),
    host: trail.wikiFrom === "body" && !where.bodiless ? hostOfJob(table, placed.slot, parts) : null,
    debug: route?.debug ?? false,
  };
  return { answer, trail };
}

/** A listener by its name, null for the first; a nameless one answers to any. Throws UnknownListener. */
export function findListener(table: Table, name: string | null): TableListener {
  const first = table.listeners[0]!;
  if (name === null || first.name === null) return first;
  const found = table.listeners.find((listener) => listener.name === name);
  if (!found) throw new UnknownListener(`the table has no listener "${name}"`);
  return found;
}

function replyOf(table: Table, number: number): ReplyAnswer {
  return { kind: "reply", ...table.reply(number) };
}

interface Placed {
  /** In WIKI; null for a request without a wiki. */
  slot: number | null;
  group: string | null;
  /** A reply, where the farm has one for requests without a wiki. */
  release: number | ReplyAnswer;
}

/** The wiki and its release, before rules of assets; a reply where no rule of assets is asked. */
function place(table: Table, body: string | null, parts: RequestParts, trail: Trail): Placed | ReplyAnswer {
  const nowhere = { slot: null, group: null, release: table.defaultRelease };
  if (trail.wikiFrom === "none") return nowhere;
  if (trail.wikiFrom === "body") {
    const found = wikiOfBody(body ?? "", table.jobs!.field, table.jobs!.limit);
    trail.body = found.kind;
    if (found.kind === "conflict") return { kind: "reply", status: 400, body: CONFLICT_TEXT };
    if (found.kind === "none") return nowhere;
    trail.key = found.text;
    const slot = table.find(table.wikis, found.text);
    return slot === -1 ? nowhere : { slot, ...table.placement(slot) };
  }
  const { slot, ...steps } = wikiOfHost(table, parts);
  Object.assign(trail, steps);
  if (typeof slot === "number") {
    const placement = table.placement(slot);
    if (placement.installed) return { slot, ...placement };
  }
  trail.wrong = typeof slot === "number" ? "notInstalled" : slot;
  if (trail.wrong === "twoWikis") return { kind: "reply", status: 400, body: TWO_WIKIS_TEXT };
  const outcome = table.wikiless(trail.wrong);
  return { ...nowhere, release: "reply" in outcome ? replyOf(table, outcome.reply) : outcome.release };
}

/** For a job whose body the proxy cannot wait for. */
function placeByHost(table: Table, parts: RequestParts, trail: Trail): Placed {
  const { slot, ...steps } = wikiOfHost(table, parts);
  Object.assign(trail, steps);
  if (typeof slot !== "number") return { slot: null, group: null, release: table.defaultRelease };
  return { slot, ...table.placement(slot) };
}

/** The read-only deployment, where a rule of reads sends the request there; else the deployment. */
function readOnlyOr(
  table: Table,
  listener: TableListener,
  deployment: number,
  parts: RequestParts,
  trail: Trail,
): number {
  const { readOnly } = table.deployment(deployment);
  if (readOnly === null) return deployment;
  const rule = firstRule<ReadOutcome>(table, listener.reads, parts);
  if (rule === null) return deployment;
  trail.read = rule.number;
  trail.readOnly = isInShareOfReads(table, rule.outcome.readOnly, parts);
  return trail.readOnly ? readOnly : deployment;
}

/** What Host becomes for a request whose body has named the wiki. */
function hostOfJob(table: Table, slot: number | null, parts: RequestParts): string | null {
  const { host } = table.jobs!;
  if (slot === null || host === "never") return null;
  if (host === "if-unknown" && typeof wikiOfHost(table, parts).slot === "number") return null;
  return canonicalHost(table, slot);
}
