/** The deployments of a farm and their clusters. */
import type { Deployment, Plan, Release } from "../plan.ts";
import { Problems, quote, quoteAll } from "../sources/problem.ts";
import { suggestionFor } from "../sources/suggestion.ts";
import type { Farm, Path } from "./farm.ts";

/** The deployments of a plan, numbered in the order in which they are first named. */
export class Deployments {
  readonly list: Deployment[] = [];
  /** Number of a deployment that runs whatever version it runs → its one cluster. */
  private readonly anyVersion = new Map<number, string>();

  number(name: string): number {
    const known = this.list.findIndex((one) => one.name === name);
    return known === -1 ? this.list.push({ name, readOnly: null }) - 1 : known;
  }

  has(name: string): boolean {
    return this.list.some((one) => one.name === name);
  }

  addAnyVersion(name: string, cluster: string): number {
    const number = this.number(name);
    this.anyVersion.set(number, cluster);
    return number;
  }

  isAnyVersion(number: number): boolean {
    return this.anyVersion.has(number);
  }

  clusters(template: string, releases: readonly Release[]): string[][] {
    return this.list.map(({ name }, number) =>
      releases.map((release) => this.anyVersion.get(number) ?? clusterName(template, name, release.name)),
    );
  }
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

/** Where the farm lists its deployments, there are no others; backends for debugging are listed by `debug`. */
export function checkDeployments(farm: Farm): void {
  const { deployments, jobs, listeners = {} } = farm.says;
  const { names } = deployments;
  if (names === undefined) return;
  const problems = new Problems();
  const check = (deployment: string | undefined, path: Path) => {
    if (deployment === undefined || names.includes(deployment)) return;
    problems.add(farm.place(path), `unknown deployment ${quote(deployment)}; ${hint(deployment, names)}`);
  };
  const checkAll = (rules: readonly { deployment: string }[], path: Path) => {
    for (const [i, { deployment }] of rules.entries()) check(deployment, [...path, i, "deployment"]);
  };
  check(deployments.default, ["deployments", "default"]);
  checkAll(deployments.rules, ["deployments", "rules"]);
  checkAll(jobs?.rules ?? [], ["jobs", "rules"]);
  for (const [name, { deployment, rules = [] }] of Object.entries(listeners)) {
    check(deployment, ["listeners", name, "deployment"]);
    checkAll(rules, ["listeners", name, "rules"]);
  }
  problems.throwIfAny();
}

export function hint(name: string, names: readonly string[]): string {
  const near = suggestionFor(name, names);
  return near === undefined ? `there are ${quoteAll(names)}` : `did you mean ${quote(near)}?`;
}

/** No two pairs of deployment and release share a cluster, or requests would mix. */
export function checkClusters(farm: Farm, plan: Plan, deployments: Deployments): void {
  const problems = new Problems();
  const template = farm.says.cluster;
  const where = farm.place(["cluster"]);
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
    const { name } = plan.deployments[d]!;
    const anyVersion = deployments.isAnyVersion(d);
    for (const [r, cluster] of (anyVersion ? clusters.slice(0, 1) : clusters).entries()) {
      const pair = anyVersion ? name : `${name} of release ${plan.releases[r]!.name}`;
      const other = seen.get(cluster);
      if (other !== undefined && anyVersion) {
        const at = farm.place(["debug", "backends", name], "key");
        problems.add(at, `${quote(name)} has the same cluster ${quote(cluster)} as ${other}`);
      } else if (other !== undefined) {
        problems.add(
          where,
          `${quote(template)} gives ${other} and ${pair} the same cluster ${quote(cluster)}`,
        );
      }
      seen.set(cluster, pair);
    }
  }
  problems.throwIfAny();
}
