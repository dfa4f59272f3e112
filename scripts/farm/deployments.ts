/** The deployments of a farm and their clusters. */
import type { Deployment, Plan, Release } from "../plan.ts";
import { Problems, quote, quoteAll } from "../sources/problem.ts";
import { suggestionFor } from "../sources/suggestion.ts";
import type { Farm, Path } from "./farm.ts";
import { ALL } from "./upstreams-says.ts";

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

  /**
   * @param template of a deployment
   * @param spilled names of the releases that were added for their version
   */
  clusters(
    template: (deployment: string) => string,
    releases: readonly Release[],
    spilled: ReadonlySet<string>,
  ): string[][] {
    return this.list.map(({ name }, number) =>
      releases.map(
        (release) =>
          this.anyVersion.get(number) ??
          clusterName(template(name), name, release.name, spilled.has(release.name)),
      ),
    );
  }
}

/** `1.47.0-wmf.1` → `1-47-0-wmf-1`, for names in which a dot may not stand. */
export function slug(release: string): string {
  return release.toLowerCase().replace(/[^a-z0-9]+/g, "-");
}

/** @param spilled a version is the release's name, and its dots may not stand in the name of a service */
export function clusterName(template: string, deployment: string, release: string, spilled: boolean): string {
  return template
    .replaceAll("{deployment}", deployment)
    .replaceAll("{release-slug}", slug(release))
    .replaceAll("{release}", spilled ? slug(release) : release);
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
  const suggestion = suggestionFor(name, names);
  return suggestion === undefined ? `there are ${quoteAll(names)}` : `did you mean ${quote(suggestion)}?`;
}

/** How the clusters of a deployment are called, and where the farm says so. */
export function templateOf(farm: Farm, deployment: string): { template: string; path: Path } {
  const { clusters } = farm.says.deployments;
  return Object.hasOwn(clusters, deployment)
    ? { template: clusters[deployment]!, path: ["deployments", "clusters", deployment] }
    : { template: farm.says.cluster, path: ["cluster"] };
}

/** No two pairs of deployment and release share a cluster, or requests would mix. */
export function checkClusters(farm: Farm, plan: Plan, deployments: Deployments): void {
  const problems = new Problems();
  checkTemplate(farm, ["cluster"], farm.says.cluster, problems);
  for (const [name, template] of Object.entries(farm.says.deployments.clusters)) {
    checkTemplate(farm, ["deployments", "clusters", name], template, problems);
    checkNamed(farm, name, deployments, problems);
  }
  const seen = new Map<string, { pair: string; template: string }>();
  for (const [d, clusters] of plan.clusters.entries()) {
    const { name } = plan.deployments[d]!;
    const { template, path } = templateOf(farm, name);
    const anyVersion = deployments.isAnyVersion(d);
    for (const [r, cluster] of (anyVersion ? clusters.slice(0, 1) : clusters).entries()) {
      const pair = anyVersion ? name : `${name} of release ${plan.releases[r]!.name}`;
      const other = seen.get(cluster);
      if (other !== undefined && anyVersion) {
        const at = farm.place(["debug", "backends", name], "key");
        problems.add(
          at,
          `${quote(name)} has the same cluster ${quote(cluster)} as ${other.pair}: give it another`,
        );
      } else if (other !== undefined) {
        const what =
          other.template === template
            ? `gives ${other.pair} and ${pair} the same cluster ${quote(cluster)}`
            : `gives ${pair} the same cluster ${quote(cluster)} as ${other.pair}`;
        problems.add(farm.place(path), `${quote(template)} ${what}`);
      }
      seen.set(cluster, { pair, template });
    }
  }
  problems.throwIfAny();
}

function checkTemplate(farm: Farm, path: Path, template: string, problems: Problems): void {
  const left = template.replaceAll(/\{(deployment|release|release-slug)\}/g, "");
  if (/^[A-Za-z0-9._:|-]*$/.test(left)) return;
  const known = "`{deployment}`, `{release}` and `{release-slug}`";
  const what = `${quote(template)} is no cluster template: it may hold ${known} and letters, digits, \`.:|-_\``;
  problems.add(farm.place(path), what);
}

/** A deployment of that name is there, and its clusters are called by a template. */
function checkNamed(farm: Farm, name: string, deployments: Deployments, problems: Problems): void {
  const where = farm.place(["deployments", "clusters", name], "key");
  const isKnown = deployments.has(name);
  if (isKnown && !deployments.isAnyVersion(deployments.number(name))) return;
  if (isKnown) {
    const wayOut = "say its `cluster` in `debug.backends`";
    problems.add(where, `${quote(name)} has one cluster for all releases: ${wayOut}`);
    return;
  }
  const known = deployments.list.map((one) => one.name);
  problems.add(where, `no rule sends requests to ${quote(name)}; ${hint(name, known)}`);
}

/** A name that is none would be heard by nobody. */
export function checkUpstreams(farm: Farm, deployments: Deployments): void {
  const problems = new Problems();
  const known = deployments.list.map(({ name }) => name);
  for (const name of Object.keys(farm.says.upstreams)) {
    if (name === ALL || known.includes(name)) continue;
    problems.add(
      farm.place(["upstreams", name], "key"),
      `no rule sends requests to ${quote(name)}; ${hint(name, known)}`,
    );
  }
  problems.throwIfAny();
}
