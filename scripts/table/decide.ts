import * as L from "../../assembly/layout.ts";
import type { Reply, Wikiless } from "../plan.ts";
import { canonicalHost } from "./canonical.ts";
import { partsOf, type RequestParts } from "./headers.ts";
import { wikiOfBody } from "./job-body.ts";
import { readAs } from "./read-as.ts";
import { firstRule } from "./rules.ts";
import { isInShare } from "./share.ts";
import type { Table, TableListener } from "./table.ts";
import { type HostWiki, wikiOfHost } from "./wiki.ts";

/** What a decision looks at. Characters are bytes. */
export interface Request {
  /** null where the request has none. */
  authority: string | null;
  /** The raw target: path and query. */
  target: string;
  /** GET where it is left out. */
  method?: string;
  /** Names in any case; without pseudo-headers. */
  headers?: readonly (readonly [name: string, value: string])[];
  body?: string | null;
  /** The client's address without port, null where it is not known. */
  client?: string | null;
}

/** Where a request is asked about. */
export interface Where {
  /** Name of the listener; null: the table's first. */
  listener: string | null;
  /** This proxy is not in the primary data centre. */
  near: boolean;
  /** The proxy routes before it has a body, as ATS does: where the body should say the wiki, the host does. */
  bodiless?: boolean;
}

/** Where a request goes. */
export interface Decision {
  wiki: string | null;
  group: string | null;
  release: string;
  /** Without `php-`. */
  version: string;
  deployment: string;
  cluster: string;
  /** What Host is set to, null where it stays. */
  host: string | null;
  /** The response says what was decided. */
  debug: boolean;
}

/** `null` for a request that is not ours and passes through. */
export type Answer = Decision | Reply | null;

export function isReply(answer: Answer): answer is Reply {
  return answer !== null && "status" in answer;
}

/** The steps that led to an answer, for `why`. Numbers are those of the table. */
export interface Trail extends Omit<HostWiki, "slot"> {
  listener: string | null;
  /** Host as it was looked up: normalised, and read as another host where a read-as says so. */
  host: string;
  address: boolean;
  /** Entry of READ by which the path's first segment is the host. */
  readAsPath: number | null;
  /** Entry of READ by which the host has another suffix. */
  readAs: number | null;
  /** The path as rules saw it. */
  pathForRules: string;
  /** The rule that matched; null: none did. */
  rule: number | null;
  /** Where the wiki was looked for; the host's steps are null where it was not there. */
  wikiFrom: "host" | "body" | "none";
  /** What the body said; null where it was not read. */
  body: "text" | "none" | "conflict" | null;
  /** Why there is no wiki; only where it was looked for in the host. */
  wrong: Wikiless | null;
  /** The rule that chose another release than the wiki's. */
  asset: number | null;
  /** The rule of reads that matched. */
  read: number | null;
  /** The request goes to the deployment's twin in this data centre. */
  near: boolean;
}

/** The table has listeners, and none of this name. */
export class UnknownListener extends Error {}

const ANYWHERE: Where = { listener: null, near: false };

/** The TypeScript reader's answer, step for step that of `assembly/decide.ts`. Throws UnknownListener. */
export function decide(
  table: Table,
  request: Request,
  where: Where = ANYWHERE,
): { answer: Answer; trail: Trail } {
  const listener = findListener(table, where.listener);
  const read = readAs(table, request.authority, request.target);
  const parts = partsOf(request, read);
  const route = firstRule(table, listener.routes, parts);
  const trail: Trail = {
    listener: listener.name,
    host: read.host,
    address: read.address,
    readAsPath: read.pathEntry,
    readAs: read.suffixEntry,
    pathForRules: parts.path,
    rule: route?.number ?? null,
    wikiFrom: route?.wiki ?? "host",
    ...{ source: { kind: "nothing" }, path: null, key: null },
    ...{ body: null, wrong: null, asset: null, read: null, near: false },
  };
  if (route?.outcome === L.OUTCOME_PASS) return { answer: null, trail };
  if (route?.outcome === L.OUTCOME_REPLY) return { answer: table.reply(route.value), trail };

  const placed =
    trail.wikiFrom === "body" && where.bodiless
      ? placeByHost(table, parts, trail)
      : place(table, request.body ?? null, parts, trail);
  if ("status" in placed) return { answer: placed, trail };
  const asset = trail.wikiFrom === "body" ? null : firstRule(table, listener.assets, parts);
  if (asset) trail.asset = asset.number;
  const release = asset ? asset.value : placed.release;
  if (typeof release === "object") return { answer: release, trail };

  const primary = route?.value ?? listener.deployment;
  const deployment = where.near ? nearest(table, listener, primary, parts, trail) : primary;
  const { name, version } = table.release(release);
  const answer = {
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

interface Placed {
  /** In WIKI; null for a request without a wiki. */
  slot: number | null;
  group: string | null;
  /** A reply, where the farm has one for requests without a wiki. */
  release: number | Reply;
}

/** The wiki and its release, before rules of assets; a reply where no rule of assets is asked. */
function place(table: Table, body: string | null, parts: RequestParts, trail: Trail): Placed | Reply {
  const nowhere = { slot: null, group: null, release: table.defaultRelease };
  if (trail.wikiFrom === "none") return nowhere;
  if (trail.wikiFrom === "body") {
    const found = wikiOfBody(body ?? "", table.jobs!.field, table.jobs!.limit);
    trail.body = found.kind;
    if (found.kind === "conflict") return { status: 400, body: L.CONFLICT_TEXT };
    if (found.kind === "none") return nowhere;
    trail.key = found.text;
    const slot = table.find(table.wikis, found.text);
    return slot === -1 ? nowhere : { slot, ...table.placement(table.value(table.wikis, slot)) };
  }
  const { slot, ...steps } = wikiOfHost(table, parts);
  Object.assign(trail, steps);
  if (typeof slot === "number") {
    const placement = table.placement(table.value(table.wikis, slot));
    if (placement.installed) return { slot, ...placement };
  }
  trail.wrong = typeof slot === "number" ? "notInstalled" : slot;
  const { outcome, value } = table.wikiless(trail.wrong);
  return { ...nowhere, release: outcome === L.OUTCOME_REPLY ? table.reply(value) : value };
}

/** For a job whose body the proxy cannot wait for. */
function placeByHost(table: Table, parts: RequestParts, trail: Trail): Placed {
  const { slot, ...steps } = wikiOfHost(table, parts);
  Object.assign(trail, steps);
  if (typeof slot !== "number") return { slot: null, group: null, release: table.defaultRelease };
  return { slot, ...table.placement(table.value(table.wikis, slot)) };
}

/** The deployment's twin in this data centre, where a rule of reads has the request stay; else the deployment. */
function nearest(
  table: Table,
  listener: TableListener,
  deployment: number,
  parts: RequestParts,
  trail: Trail,
): number {
  const twin = table.deployment(deployment).near;
  const rule = twin === null ? null : firstRule(table, listener.reads, parts);
  if (twin === null || rule === null) return deployment;
  trail.read = rule.number;
  trail.near = isInShare(table, rule.value, parts, listener.internal);
  return trail.near ? twin : deployment;
}

/** What Host becomes for a request whose body has named the wiki. */
function hostOfJob(table: Table, slot: number | null, parts: RequestParts): string | null {
  const { host } = table.jobs!;
  if (slot === null || host === "never") return null;
  if (host === "if-unknown" && typeof wikiOfHost(table, parts).slot === "number") return null;
  return canonicalHost(table, slot);
}
