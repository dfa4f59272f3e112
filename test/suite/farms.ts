/** The farms that the suite asks about, with what their sources say of a wiki, so that no case has to spell it out. */
import { compile } from "../../scripts/farm/compile.ts";
import { Farm } from "../../scripts/farm/farm.ts";
import type { Plan } from "../../scripts/plan.ts";
import type { Answer } from "../../scripts/table/request.ts";
import type { Table } from "../../scripts/table/table.ts";
import { projectPath } from "../support/data.ts";
import { loadFarm, TODAY, tableOf } from "../support/farms.ts";
import type { Expected } from "./cases.ts";

const WIKIMEDIA = ["production", "labs"] as const;
type Wikimedia = (typeof WIKIMEDIA)[number];

export const needsData = (farm: string): farm is Wikimedia => WIKIMEDIA.includes(farm as Wikimedia);

export class SuiteFarm {
  readonly plan: Plan;
  readonly table: Table;
  private readonly farm: Farm;
  private readonly groupOf: ReadonlyMap<string, string>;
  private readonly versionOf: ReadonlyMap<string, string>;

  constructor(readonly name: string) {
    this.farm = needsData(name)
      ? loadFarm(name).farm
      : new Farm(projectPath(`test/suite/farms/${name}.yaml`));
    const { plan, groups } = compile(this.farm, TODAY);
    this.plan = plan;
    this.table = tableOf(plan);
    this.groupOf = groups.ofWiki;
    this.versionOf = new Map(plan.releases.map((release) => [release.name, release.version]));
  }

  /** Of each wiki, its version. */
  versions(): ReadonlyMap<string, string> {
    return new Map([...this.farm.wikis].map(([wiki, { version }]) => [wiki, version]));
  }

  /** The whole answer that a case expects, in this data centre or the primary one. */
  answer(says: Expected, secondary: boolean): Answer {
    if (says.pass) return { kind: "pass" };
    if (says.status !== undefined) return { kind: "reply", status: says.status, body: says.says! };
    const deployment = (secondary ? says.secondary : says.to)!;
    const release = says.release ?? this.releaseOf(says.wiki);
    const version = this.versionOf.get(release);
    if (version === undefined) throw new Error(`the farm has no release "${release}"`);
    return {
      kind: "route",
      wiki: says.wiki ?? null,
      group: (says.wiki !== undefined && this.groupOf.get(says.wiki)) || null,
      release,
      version,
      deployment,
      cluster: says.cluster ?? `${deployment}-${release}`,
      host: says.host ?? null,
      debug: says.debug ?? false,
    };
  }

  /** A wiki's group has a release of its name; one that runs another version than the wiki is none for it. */
  private releaseOf(wiki: string | undefined): string {
    if (wiki === undefined) return this.farm.says["default-release"];
    const own = this.farm.wikis.get(wiki);
    if (!own) throw new Error(`the farm has no wiki "${wiki}"`);
    const group = this.groupOf.get(wiki);
    if (group !== undefined && this.versionOf.get(group) === own.version) return group;
    throw new Error(`no release of the group of "${wiki}" runs its version: say which release it goes to`);
  }
}
