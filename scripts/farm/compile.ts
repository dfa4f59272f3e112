/** From a farm to its plan. */
import { isAlmostFull, limitsOf, showLimit } from "../encode/limits.ts";
import { EMIT_KIND_NAMES, type EmitKind, type Plan } from "../plan.ts";
import { driftError } from "../sources/dblist.ts";
import { Problems } from "../sources/problem.ts";
import { newestNamed } from "./assets.ts";
import { assignReleases } from "./assign.ts";
import { compileCanonical } from "./canonical.ts";
import { checkClusters, checkDeployments, checkUpstreams, Deployments, templateOf } from "./deployments.ts";
import type { Farm, Path } from "./farm.ts";
import { type Groups, readGroups } from "./groups.ts";
import { compileHosts, type Hosts, placesOfHosts } from "./hosts.ts";
import { compileJobs } from "./jobs.ts";
import { bare, checkHeaders, compileListeners, type PlacedListener } from "./listeners.ts";
import type { Names } from "./names.ts";
import { addReadOnly } from "./reads.ts";
import type { Releases } from "./releases.ts";
import { Replies } from "./replies.ts";
import type { Placed } from "./rules.ts";
import { DEFAULT_CLUSTER_HEADER } from "./schema.ts";
import { notInstalled, withoutWiki } from "./without-wiki.ts";

export interface Compiled {
  plan: Plan;
  /** Made when asked for: with many hosts it is work, and a table for proxies has none. */
  readonly names: Names;
  groups: Groups;
  releases: Releases;
}

/** Who is in which group, and which release each wiki is on: there also where no table can be made of it. */
export interface Survey {
  groups: Groups;
  releases: Releases;
  problems: Problems;
}

/** @param today as `2026-12-31`, for the expiry of pins alone */
export function survey(farm: Farm, today: string): Survey {
  const problems = new Problems();
  const groups = readGroups(farm, problems);
  const releases = assignReleases(farm, groups, today, problems);
  return { groups, releases, problems };
}

/**
 * The farm as a plan, with nothing left to look up. Throws SourceError with everything that is wrong; what is only
 * odd is added to the farm's warnings.
 * @param today as `2026-12-31`, for the expiry of pins alone
 */
export function compile(farm: Farm, today: string): Compiled {
  return compileSurveyed(farm, survey(farm, today));
}

/** The same of a farm that was surveyed already. */
export function compileSurveyed(farm: Farm, { groups, releases: assigned, problems }: Survey): Compiled {
  const releases = problems.any ? undefined : assigned;
  farm.progress("reading hosts");
  const hosts = problems.attempt(() => compileHosts(farm));
  const canonical = hosts && problems.attempt(() => compileCanonical(farm, hosts));
  const jobs = problems.attempt(() => compileJobs(farm));
  const missing = problems.attempt(() => notInstalled(farm));
  problems.attempt(() => checkDeployments(farm));
  const deployments = new Deployments();
  const replies = new Replies();
  const listeners =
    releases && problems.attempt(() => compileListeners(farm, releases, deployments, replies));
  const wikiless = releases && problems.attempt(() => withoutWiki(farm, releases, replies));
  if (listeners) problems.attempt(() => addReadOnly(farm, deployments));
  problems.throwIfAny();

  const { says } = farm;
  const headers: Partial<Record<EmitKind, string>> = { cluster: DEFAULT_CLUSTER_HEADER, ...says.headers };
  const shareBy = says.reads?.["share-by"];
  const { rewrites, patterns, paths } = hosts!;
  const plan: Plan = {
    wikis: farm.wikis.ids.map((id, i) => ({
      id,
      release: releases!.ofWiki[i]!,
      group: groups.ofWiki.get(id) ?? null,
      installed: !missing!.has(id) && !releases!.answered.has(id),
    })),
    hosts: hosts!.hosts,
    rewrites,
    patterns,
    paths,
    listeners: listeners!.map(bare),
    shareCookie: typeof shareBy === "object" ? shareBy.cookie : null,
    replies: replies.list,
    deployments: deployments.list,
    releases: releases!.list,
    defaultRelease: releases!.default,
    wikiless: wikiless!,
    clusters: deployments.clusters(
      (name) => templateOf(farm, name).template,
      releases!.list,
      releases!.spilled,
    ),
    emit: EMIT_KIND_NAMES.filter((kind) => headers[kind] !== undefined).map((kind) => ({
      kind,
      name: headers[kind]!,
    })),
    jobs: jobs!,
    canonical: canonical!.canonical,
  };
  problems.attempt(() => checkClusters(farm, plan, deployments));
  problems.attempt(() => checkUpstreams(farm, deployments));
  problems.attempt(() => checkHeaders(farm, plan.emit, plan.listeners));
  problems.throwIfAny();
  for (const drift of farm.dblists?.drifts() ?? []) {
    farm.warnings.push(driftError(drift));
  }
  farm.warnings.push(...(farm.dblists?.warnings ?? []));
  for (const limit of limitsOf(plan)) {
    if (limit.used > limit.most) problems.add({ file: farm.file }, showLimit(limit));
    else if (isAlmostFull(limit)) farm.warn({ file: farm.file }, showLimit(limit));
  }
  problems.throwIfAny();
  return {
    plan,
    get names() {
      return namesOf(farm, hosts!, releases!, listeners!, canonical!.places);
    },
    groups,
    releases: releases!,
  };
}

function namesOf(
  farm: Farm,
  hosts: Hosts,
  releases: Releases,
  listeners: PlacedListener[],
  canonical: string[],
): Names {
  const groups: Names["groups"] = {};
  const inside: Record<string, string> = {};
  for (const name of farm.keys(["groups"])) {
    const { dblist, within } = farm.says.groups[name]!;
    groups[name] = dblist === undefined ? farm.shortPlace(["groups", name]) : `dblist ${dblist}`;
    if (within !== undefined) inside[name] = within;
  }
  const pins: Names["pins"] = {};
  for (const { wiki, reason, expires } of farm.says.pins) pins[wiki] = { reason, expires };
  const moved: Names["moved"] = {};
  for (const { wiki, why, preferred } of releases.placements) {
    if (why === "version") moved[wiki] = { from: releases.list[preferred!]!.name };
  }
  const place = (path: Path | null) => path && farm.shortPlace(path);
  const places = (rules: Placed<unknown>[]) => rules.map(({ path }) => farm.shortPlace(path!));
  return {
    farm: farm.says.farm,
    realm: farm.says.realm,
    hosts: placesOfHosts(farm, hosts),
    ...hosts.places,
    listeners: listeners.map(({ routes, assets, reads }) => ({
      routes: routes.map(({ path }) => place(path)),
      assets: places(assets),
      reads: places(reads),
    })),
    canonical,
    newest: newestNamed(farm, releases),
    groups,
    within: inside,
    pins,
    moved,
  };
}
