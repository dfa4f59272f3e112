import { driftError } from "../sources/dblist.ts";
import { nearest } from "../sources/nearest.ts";
import { type Place, Problems, quote, quoteAll } from "../sources/problem.ts";
import { isNear, limitsOf, showLimit } from "../table/limits.ts";
import { EMIT_KIND_NAMES, type EmitKind, type Plan, type Predicate, type Rule } from "../table/plan.ts";
import type { Farm } from "./farm.ts";
import { type Groups, readGroups } from "./groups.ts";
import { compileHosts, type Hosts } from "./hosts.ts";
import type { Names } from "./names.ts";
import { assignReleases, type Releases } from "./releases.ts";
import { DEFAULT_CLUSTER_HEADER, type DeploymentRule } from "./schema.ts";

export interface Compiled {
  plan: Plan;
  names: Names;
  groups: Groups;
  releases: Releases;
}

/**
 * The farm as a plan, with nothing left to look up. Throws SourceError with everything that is wrong; what is only
 * odd is added to the farm's warnings.
 * @param today as `2026-12-31`, for the expiry of pins alone
 */
export function compile(farm: Farm, today: string): Compiled {
  const problems = new Problems();
  const groups = problems.attempt(() => readGroups(farm));
  const releases = groups && problems.attempt(() => assignReleases(farm, groups, today));
  const hosts = problems.attempt(() => compileHosts(farm));
  problems.attempt(() => checkDeployments(farm));
  problems.throwIfAny();
  const plan = planOf(farm, releases!, hosts!);
  checkClusters(farm, plan);
  for (const drift of farm.dblists?.drifts() ?? []) {
    farm.warnings.push(driftError(drift));
  }
  farm.warnings.push(...(farm.dblists?.warnings ?? []));
  for (const limit of limitsOf(plan)) {
    if (limit.used > limit.most) problems.add({ file: farm.file }, showLimit(limit));
    else if (isNear(limit)) farm.warn({ file: farm.file }, showLimit(limit));
  }
  problems.throwIfAny();
  return { plan, names: namesOf(farm, hosts!, releases!, plan), groups: groups!, releases: releases! };
}

function planOf(farm: Farm, releases: Releases, { hosts, readAs, patterns, paths }: Hosts): Plan {
  const { says } = farm;
  const deployments = [
    ...new Set([says.deployments.default, ...says.deployments.rules.map((r) => r.deployment)]),
  ];
  const headers: Partial<Record<EmitKind, string>> = { cluster: DEFAULT_CLUSTER_HEADER, ...says.headers };
  return {
    wikis: releases.placements.map(({ wiki, release, group }) => ({ id: wiki, release, group })),
    hosts,
    readAs,
    patterns,
    paths,
    rules: [
      ...passThrough(says["pass-through"]),
      ...says.deployments.rules.map((rule) => ruleOf(rule, deployments)),
    ],
    deployments,
    defaultDeployment: 0,
    releases: releases.list,
    defaultRelease: releases.default,
    clusters: deployments.map((deployment) =>
      releases.list.map(({ name }) => clusterName(says.cluster, deployment, name)),
    ),
    emit: EMIT_KIND_NAMES.filter((kind) => headers[kind] !== undefined).map((kind) => ({
      kind,
      name: headers[kind]!,
    })),
  };
}

/** Where the farm lists its deployments, there are no others. */
function checkDeployments(farm: Farm): void {
  const { names, rules, default: byDefault } = farm.says.deployments;
  if (names === undefined) return;
  const problems = new Problems();
  const check = (deployment: string, path: readonly (string | number)[]) => {
    if (names.includes(deployment)) return;
    const near = nearest(deployment, names);
    const hint = near === undefined ? `there are ${quoteAll(names)}` : `did you mean ${quote(near)}?`;
    problems.add(farm.place(path), `unknown deployment ${quote(deployment)}; ${hint}`);
  };
  check(byDefault, ["deployments", "default"]);
  for (const [i, { deployment }] of rules.entries())
    check(deployment, ["deployments", "rules", i, "deployment"]);
  problems.throwIfAny();
}

/** IP addresses and requests without an authority are never ours, whatever else the farm lists. */
function passThrough(hosts: readonly string[]): Rule[] {
  const tests: Predicate[] = [{ subject: "host", test: "address" }, ...hosts.map(hostPredicate)];
  return tests.map((test) => ({ when: [test], outcome: "pass" }));
}

function ruleOf({ host, path, deployment }: DeploymentRule, deployments: string[]): Rule {
  const when: Predicate[] = host === undefined ? [] : [hostPredicate(host)];
  if (typeof path === "string") when.push({ subject: "path", test: "exact", value: path });
  else if (path && "prefix" in path) when.push({ subject: "path", test: "prefix", value: path.prefix });
  else if (path) when.push({ subject: "path", test: "under", value: path.under });
  return { when, outcome: { deployment: deployments.indexOf(deployment) } };
}

function hostPredicate(host: string): Predicate {
  if (host.startsWith("*.")) return { subject: "host", test: "suffix", value: host.slice(1) };
  return { subject: "host", test: "exact", value: host };
}

/** `1.47.0-wmf.1` → `1-47-0-wmf-1`, for names in which a dot may not stand. */
export function slug(release: string): string {
  return release.toLowerCase().replace(/[^a-z0-9]+/g, "-");
}

function clusterName(template: string, deployment: string, release: string): string {
  return template
    .replaceAll("{deployment}", deployment)
    .replaceAll("{release-slug}", slug(release))
    .replaceAll("{release}", release);
}

function checkClusters(farm: Farm, plan: Plan): void {
  const problems = new Problems();
  const template = farm.says.cluster;
  const where: Place = farm.place(["cluster"]);
  const left = template.replaceAll(/\{(deployment|release|release-slug)\}/g, "");
  if (!/^[A-Za-z0-9._:|-]*$/.test(left)) {
    const known = "`{deployment}`, `{release}` and `{release-slug}`";
    problems.add(
      where,
      `${quote(template)} is no cluster template: it may hold ${known} and letters, digits, \`.:|-_\``,
    );
  }
  const seen = new Map<string, string>();
  for (const [d, clusters] of plan.clusters.entries()) {
    for (const [r, cluster] of clusters.entries()) {
      const pair = `${plan.deployments[d]} of release ${plan.releases[r]!.name}`;
      const other = seen.get(cluster);
      if (other !== undefined) {
        problems.add(
          where,
          `${quote(template)} gives ${other} and ${pair} the same cluster ${quote(cluster)}`,
        );
      }
      seen.set(cluster, pair);
    }
  }
  const names = plan.emit.map(({ name }) => name);
  for (const name of names.filter((one, i) => names.indexOf(one) !== i)) {
    problems.add(farm.place(["headers"]), `two headers are called ${quote(name)}`);
  }
  problems.throwIfAny();
}

function namesOf(farm: Farm, hosts: Hosts, releases: Releases, plan: Plan): Names {
  const groups: Names["groups"] = {};
  for (const name of farm.keys(["groups"])) {
    const { dblist } = farm.says.groups[name]!;
    groups[name] = dblist === undefined ? farm.shortPlace(["groups", name]) : `dblist ${dblist}`;
  }
  const pins: Names["pins"] = {};
  for (const { wiki, reason, expires } of farm.says.pins) pins[wiki] = { reason, expires };
  const moved: Names["moved"] = {};
  for (const { wiki, why, preferred } of releases.placements) {
    if (why === "version") moved[wiki] = { from: releases.list[preferred!]!.name };
  }
  const firstRule = plan.rules.length - farm.says.deployments.rules.length;
  return {
    farm: farm.says.farm,
    realm: farm.says.realm,
    ...hosts.places,
    rules: plan.rules.map((_, i) =>
      i >= firstRule
        ? farm.shortPlace(["deployments", "rules", i - firstRule])
        : i === 0
          ? null
          : farm.shortPlace(["pass-through", i - 1]),
    ),
    groups,
    pins,
    moved,
  };
}
