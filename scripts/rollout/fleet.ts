/** The proxies that are expected: who they are, in which stage, and whether they serve what they should, by their own word. */
import { askAll, askEach } from "../status/ask.ts";
import { IDENTITY_QUERY, readIdentity } from "../status/identity.ts";
import type { Judgement } from "../status/judge.ts";
import type { Endpoint } from "../status/proxies.ts";
import { hearAll, judgeWord } from "../status/word.ts";
import { type Node, type Stage, stageOf, type Version } from "../store/stages.ts";
import type { Report, SeenNode } from "../store/store.ts";
import { CLUSTERS_QUERY, readClusters, showMissing } from "./clusters.ts";
import { COUNTERS_QUERY, type Counters, readCounters } from "./counters.ts";

export interface FleetOptions {
  timeoutMs: number;
  /** How many instances serve a listener, for proxies that do not say it. */
  instances: number | null;
  /** What proxies told the store that cannot be asked. */
  reports: () => Promise<readonly Report[]>;
}

/** A proxy of the list. */
export interface Member {
  endpoint: Endpoint;
  /** null: it was never heard. */
  node: Node | null;
  /** Why not. */
  why: string;
}

/** One that does not serve what it should, or cannot be asked. */
export interface Lacking {
  name: string;
  why: string;
}

export class Fleet {
  readonly proxies: Member[];
  /** Of those whose node the list says: who has said the same, and the id that others have said. */
  private readonly verified = new Set<Member>();
  private readonly others = new Map<Member, string>();

  constructor(
    endpoints: readonly Endpoint[],
    private readonly options: FleetOptions,
  ) {
    this.proxies = endpoints.map((endpoint) => ({
      endpoint,
      node: endpoint.node,
      why: endpoint.admin ? "" : "it does not say its node id: say node= after it in the list",
    }));
  }

  /** Asks those who they are that were not heard yet. Who was heard once is known, also when it is silent later. */
  async identify(): Promise<void> {
    const unknown = this.proxies.filter(({ node, endpoint }) => node === null && endpoint.admin !== null);
    const urls = unknown.map(({ endpoint }) => new URL(IDENTITY_QUERY, endpoint.admin!));
    const heard = await askEach(urls, this.options.timeoutMs, readIdentity);
    for (const [i, proxy] of unknown.entries()) {
      const said = heard[i]!;
      if (typeof said === "string") proxy.why = said;
      else proxy.node = said;
    }
  }

  /** Those that are in one of the first stages, up to `at`; and those of which nobody knows, as they may be. */
  reached(stages: readonly Stage[], at: number): Member[] {
    return this.proxies.filter(({ node }) => node === null || stageOf({ stages }, node) <= at);
  }

  /** Those that get the table with this stage. */
  ofStage(stages: readonly Stage[], at: number): Member[] {
    return this.proxies.filter(({ node }) => node !== null && stageOf({ stages }, node) === at);
  }

  /** Those that a server has seen and that the list does not have, of the stages up to `at`. */
  unlisted(seen: readonly SeenNode[], stages: readonly Stage[], at: number): SeenNode[] {
    const listed = new Set(this.proxies.map(({ node }) => node?.id));
    return seen.filter((one) => !listed.has(one.node) && stageOf({ stages }, { ...one, id: one.node }) <= at);
  }

  /** Which of the proxies do not serve this, each with what is so. */
  async lacking(proxies: readonly Member[], wanted: Version): Promise<Lacking[]> {
    const judged = await this.judge(proxies, wanted);
    await this.verifyNodes(proxies);
    return proxies.flatMap((proxy, i): Lacking[] => {
      const { endpoint, node, why } = proxy;
      const { name } = endpoint;
      const other = this.others.get(proxy);
      if (other !== undefined)
        return [{ name, why: `it says that it is ${other}, and the list says ${node?.id}: mend the list` }];
      if (node === null) return [{ name, why: `nobody knows in which stage it is: ${why}` }];
      const wrong = judged[i]!.filter(({ verdict }) => verdict !== "served");
      return wrong.length === 0 ? [] : [{ name, why: wrong.map(showJudgement).join("; ") }];
    });
  }

  /** An address may be another proxy's by now: that one's word is no proof of the one that the list means. */
  private async verifyNodes(proxies: readonly Member[]): Promise<void> {
    const listed = proxies.filter(
      (one) => one.endpoint.node !== null && one.endpoint.admin !== null && !this.verified.has(one),
    );
    const urls = listed.map(({ endpoint }) => new URL(IDENTITY_QUERY, endpoint.admin!));
    const heard = await askAll(urls, this.options.timeoutMs, (answer) =>
      "error" in answer ? null : readIdentity(answer.text),
    );
    for (const [i, proxy] of listed.entries()) {
      const said = heard[i]!;
      if (said === null) continue;
      this.others.delete(proxy);
      // One that names no node may be the one that is meant.
      if (typeof said === "string" || said.id === proxy.endpoint.node!.id) this.verified.add(proxy);
      else this.others.set(proxy, said.id);
    }
  }

  /** Which of the proxies do not have all of these clusters; those that do not tell are not asked. */
  async lackingClusters(proxies: readonly Member[], names: readonly string[]): Promise<Lacking[]> {
    if (names.length === 0) return [];
    const asked = proxies.filter(({ endpoint }) => endpoint.admin !== null);
    const urls = asked.map(({ endpoint }) => new URL(CLUSTERS_QUERY, endpoint.admin!));
    const heard = await askEach(urls, this.options.timeoutMs, readClusters);
    return asked.flatMap(({ endpoint: { name } }, i): Lacking[] => {
      const has = heard[i]!;
      if (typeof has === "string") return [{ name, why: has }];
      const missing = names.filter((one) => !has.has(one));
      return missing.length === 0 ? [] : [{ name, why: showMissing(missing) }];
    });
  }

  /** Of each proxy what it has counted, or why that is not known. */
  async counters(): Promise<Map<Member, Counters | string>> {
    const urls = this.proxies.map(({ endpoint: { admin, url } }) =>
      admin ? new URL(COUNTERS_QUERY, admin) : url,
    );
    const heard = await askEach(urls, this.options.timeoutMs, readCounters);
    return new Map(this.proxies.map((proxy, i) => [proxy, heard[i]!]));
  }

  private async judge(proxies: readonly Member[], wanted: Version): Promise<Judgement[][]> {
    const { timeoutMs, instances, reports } = this.options;
    const endpoints = proxies.map(({ endpoint }) => endpoint);
    const words = await hearAll(endpoints, timeoutMs, reports);
    return endpoints.map(({ listeners }, i) => judgeWord(words[i]!, wanted, listeners, instances));
  }
}

function showJudgement({ listener, verdict, what, served, refused }: Judgement): string {
  const where = listener === null ? "" : `${listener} `;
  const of = served === null ? "" : `generation ${served.generation}, `;
  const why = refused ? `; refused the last table sent (${refused.code}): ${refused.means}` : "";
  return `${where}${verdict.toUpperCase()}: ${of}${what}${why}`;
}
