/** The routes of requests whose hosts are alike: the listener's rules one after the other, as `decide` asks them. */
import { describeRule } from "../../describe.ts";
import type { Predicate, ReadOutcome, ReleaseOutcome, Reply, Route, Rule } from "../../plan.ts";
import { SHARE_WHOLE } from "../../plan.ts";
import type { Range, Table, TableListener } from "../../table/table.ts";
import type { Standing } from "./hosts.ts";
import { type HostTest, type Match, said } from "./match.ts";
import { HIDDEN_DOTS } from "./regex.ts";
import { Unsaid } from "./unsaid.ts";

/** A route of which all of `match` must hold. */
export interface NativeRoute {
  match: Match[];
  action: ClusterAction | ReplyAction | "pass" | Unsaid;
}

export interface ClusterAction {
  cluster: string;
  deployment: number;
  /** What upstream gets. */
  headers: [name: string, value: string][];
  /** What the response says to debugging, null for what it does not say; null: nothing at all. */
  says: [name: string, value: string | null][] | null;
}

export type ReplyAction = Reply;

/** What is true of all requests that come to these routes. */
export interface Place {
  standing: Standing;
  hostTest: HostTest;
}

/** The decision of one listener. */
export class Routes {
  private readonly rules: Numbered<Route>[];
  private readonly assets: Numbered<ReleaseOutcome>[];
  /** Asked in a secondary data centre alone. */
  private readonly reads: Numbered<ReadOutcome>[] | null;
  /** Every predicate that may be asked. */
  readonly predicates: readonly Predicate[];

  /** @param secondary the proxy is in a secondary data centre */
  constructor(
    private readonly table: Table,
    private readonly listener: TableListener,
    secondary: boolean,
  ) {
    this.rules = numbered(table, listener.routes);
    this.assets = numbered(table, listener.assets);
    this.reads = secondary ? numbered(table, listener.reads) : null;
    const all = [...this.rules, ...this.assets, ...(this.reads ?? [])];
    this.predicates = all.flatMap(({ when }) => when);
  }

  /** A wiki has routes of its own, as upstream gets its ID. */
  get tellsWiki(): boolean {
    return this.tells("wiki");
  }

  get tellsGroup(): boolean {
    return this.tells("group");
  }

  private tells(kind: string): boolean {
    return this.table.emit.some((one) => one.kind === kind);
  }

  /** Of all requests of a place; the last has no condition but `always`. */
  of(place: Place, always: readonly Match[] = []): NativeRoute[] {
    const routes: NativeRoute[] = [];
    const add = (match: readonly Match[], action: NativeRoute["action"]) =>
      routes.push({ match: [...always, ...match], action });
    if (this.predicates.some(({ subject }) => subject === "path"))
      add([HAS_HIDDEN_DOTS], { status: 400, body: HIDDEN_DOTS_TEXT });
    for (const { match, unsaid, rule } of this.matching(this.rules, place)) {
      const outcome = rule?.outcome ?? { deployment: this.listener.deployment };
      if (unsaid !== null) add(match, new Unsaid(`rule ${this.nameOf(rule!)}`, unsaid));
      else if (outcome === "pass") add(match, "pass");
      else if ("reply" in outcome) add(match, this.table.reply(outcome.reply));
      else if (rule?.wiki === "body")
        add(
          match,
          new Unsaid(`jobs of ${this.deploymentName(outcome.deployment)}`, "the body names the wiki"),
        );
      else this.addClusters(add, match, place, outcome.deployment, rule);
    }
    return routes;
  }

  /** The release's rules, and those of reads, for one rule of the deployment. */
  private addClusters(
    add: (match: Match[], action: NativeRoute["action"]) => void,
    before: readonly Match[],
    place: Place,
    deployment: number,
    rule: Numbered<Route> | null,
  ): void {
    const placed = rule?.wiki === "none" ? this.nowhere() : this.placed(place.standing);
    if (placed instanceof Unsaid) {
      add([...before], placed);
      return;
    }
    for (const asset of this.matching(this.assets, place)) {
      const match = [...before, ...asset.match];
      const release = asset.rule?.outcome.release ?? placed.release;
      if (asset.unsaid !== null) add(match, new Unsaid(`rule ${this.nameOf(asset.rule!)}`, asset.unsaid));
      else if (typeof release === "object") add(match, release);
      else {
        for (const [more, to] of this.readOnlyOr(deployment, place)) {
          const action = to instanceof Unsaid ? to : this.cluster(to, release, { ...placed, rule });
          add([...match, ...more], action);
        }
      }
    }
  }

  private *readOnlyOr(deployment: number, place: Place): Generator<[Match[], number | Unsaid]> {
    const { readOnly, name } = this.table.deployment(deployment);
    if (readOnly === null || this.reads === null) {
      yield [[], deployment];
      return;
    }
    for (const { match, unsaid, rule } of this.matching(this.reads, place)) {
      const share = rule?.outcome.readOnly ?? 0;
      if (unsaid !== null) yield [match, new Unsaid(`reads of ${name}`, unsaid)];
      else if (share === 0) yield [match, deployment];
      else if (share === SHARE_WHOLE) yield [match, readOnly];
      else yield [match, new Unsaid(`reads of ${name}`, "a share is cut by a hash")];
    }
  }

  /** Rules that may match in this place, and at last none; what comes after one that always matches is left out. */
  private *matching<T>(rules: readonly Numbered<T>[], place: Place): Generator<Matching<T>> {
    for (const rule of rules) {
      const all = rule.when.map((one) => said(one, place.hostTest));
      if (all.includes(false)) continue;
      const match = all.filter((one) => typeof one === "object");
      const unsaid = all.find((one) => typeof one === "string") ?? null;
      yield { match, unsaid, rule };
      if (match.length === 0) return;
    }
    yield { match: [], unsaid: null, rule: null };
  }

  private placed(standing: Standing): Placed | Unsaid {
    const { table } = this;
    if (standing instanceof Unsaid) return standing;
    if ("slot" in standing) {
      const { release, group } = table.placement(standing.slot);
      return { wiki: table.wiki(standing.slot), group, release };
    }
    const outcome = table.wikiless(standing.wrong);
    return {
      ...this.nowhere(),
      release: "reply" in outcome ? table.reply(outcome.reply) : outcome.release,
    };
  }

  private nowhere(): Placed {
    return { wiki: null, group: null, release: this.table.defaultRelease };
  }

  private cluster(deployment: number, release: number, { wiki, group, rule }: Decided): ClusterAction {
    const { table } = this;
    const cluster = table.cluster(deployment, release);
    const { name, version } = table.release(release);
    const texts = {
      cluster,
      release: name,
      version,
      wiki,
      group,
      deployment: this.deploymentName(deployment),
    };
    return {
      cluster,
      deployment,
      headers: table.emit.flatMap(({ kind, name }): [string, string][] => {
        const text = texts[kind];
        return text === null ? [] : [[name, text]];
      }),
      says: rule?.debug
        ? [
            // Else all wikis of a release would need routes of their own.
            ["x-pointsman-wiki", this.tellsWiki ? wiki : null],
            ["x-pointsman-release", name],
            ["x-pointsman-cluster", cluster],
            ["x-pointsman-rule", String(rule.number)],
            ["x-pointsman-generation", String(table.generation)],
            ["x-pointsman-digest", table.digest],
          ]
        : null,
    };
  }

  private deploymentName(number: number): string {
    return this.table.deployment(number).name;
  }

  private nameOf(rule: Rule & { number: number }): string {
    return `${rule.number} (${describeRule(rule)})`;
  }
}

type Numbered<T> = Rule<T> & { number: number };

interface Matching<T> {
  match: Match[];
  /** Why it cannot be said whether it matches, where all of `match` hold. */
  unsaid: string | null;
  rule: Numbered<T> | null;
}

interface Placed {
  wiki: string | null;
  group: string | null;
  release: number | Reply;
}

type Decided = Pick<Placed, "wiki" | "group"> & { rule: Numbered<Route> | null };

/** A path that rules may see otherwise than Envoy does. */
const HAS_HIDDEN_DOTS: Match = { header: ":path", test: { regex: HIDDEN_DOTS }, not: false };
const HIDDEN_DOTS_TEXT = "the request's path has dot segments behind an encoded slash\n";

function numbered<T extends Rule["outcome"]>(table: Table, range: Range): Numbered<T>[] {
  return table.rules<T>(range).map((rule, i) => ({ ...rule, number: range.first + i }));
}
