/** The parts of a fleet, one after the other: which nodes are in them, and what a node is to serve of a rollout. */
import { createHash } from "node:crypto";
import { z } from "zod";

/** A proxy, as it names itself: `node` of Envoy's bootstrap, its `--service-node` and the like. */
export interface Node {
  id: string;
  cluster: string;
  /** `REGION/ZONE/SUB_ZONE`, as far as they are known. */
  locality: string;
}

/** Of a wait: 30 days. */
const SECONDS_AT_MOST = 30 * 86_400;

const pattern = z.string().min(1).max(256);
const patterns = z.array(pattern).min(1).max(10_000);

/** A stage has the nodes for which all holds that it says; without anything, all of them. */
export const stageSchema = z.strictObject({
  name: z.string().min(1).max(100),
  /** Of their ids; `*` stands for any text. */
  nodes: patterns.optional(),
  /** Of their clusters, as `nodes`. */
  clusters: patterns.optional(),
  /** Of their localities, as `nodes`; one that is a locality's beginning, up to a `/`, is enough. */
  localities: patterns.optional(),
  /** So many of a hundred, by their ids: the same ones at every rollout, and all of a smaller share. */
  percent: z.number().gt(0).max(100).optional(),
  /** For so many seconds its proxies serve the table before the next stage begins. */
  bake: z.number().min(0).max(SECONDS_AT_MOST).optional(),
});
export type Stage = z.infer<typeof stageSchema>;

/** What a stage must show before the next one begins. */
export const limitsSchema = z.strictObject({
  /** Within so many seconds all its proxies serve the table. */
  proof: z.number().min(1).max(SECONDS_AT_MOST),
  /** So many percentage points may its share of 5xx be above that of the other proxies; null: it is not compared. */
  errors: z.number().min(0).max(100).nullable(),
  /** So many times that of the other proxies may its mean latency be; null: it is not compared. */
  latency: z.number().min(1).max(1000).nullable(),
  /** Of fewer requests, on either side, nothing is concluded. */
  requests: z.int().min(1).max(1e9),
});
export type Limits = z.infer<typeof limitsSchema>;

/** Of a push at once. */
export const WHOLE_FLEET: Stage = { name: "all" };

/** What the last stage must be: else some nodes would never have what is done. */
export function isWholeFleet({ nodes, clusters, localities, percent = 100 }: Stage): boolean {
  return !nodes && !clusters && !localities && percent === 100;
}

export function selects({ nodes, clusters, localities, percent = 100 }: Stage, node: Node): boolean {
  return (
    (!nodes || nodes.some((one) => matches(one, node.id))) &&
    (!clusters || clusters.some((one) => matches(one, node.cluster))) &&
    (!localities ||
      localities.some((one) => matches(one, node.locality) || matches(`${one}/*`, node.locality))) &&
    (percent === 100 || shareOf(node.id) * 100 < percent)
  );
}

/** A share's place of a node: from 0 to below 1, by its id alone. */
function shareOf(id: string): number {
  return createHash("sha256").update(id).digest().readUInt32BE(0) / 2 ** 32;
}

/** Without a regular expression: a pattern of many `*` must not hang. */
function matches(pattern: string, text: string): boolean {
  const [first = "", ...rest] = pattern.split("*");
  const last = rest.pop();
  if (last === undefined) return text === first;
  if (text.length < first.length + last.length || !text.startsWith(first) || !text.endsWith(last))
    return false;
  let at = first.length;
  for (const part of rest) {
    const found = text.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return at <= text.length - last.length;
}

/** Which table, under which number. */
export interface Version {
  digest: string;
  generation: number;
}

export function isSame(a: Version | null, b: Version | null): boolean {
  return a !== null && b !== null && a.generation === b.generation && a.digest === b.digest;
}

/** What of a rollout says who gets what. */
interface Staged extends Version {
  previous: Version | null;
  stages: readonly Stage[];
  at: number;
}

/** The first stage that has the node; the last one has all. */
export function stageOf({ stages }: Pick<Staged, "stages">, node: Node): number {
  return stages.findIndex((stage) => selects(stage, node));
}

/** What the node is to serve, by the rollout object and the node alone; null: nothing was ever pushed to it. */
export function versionFor(rollout: Staged, node: Node): Version | null {
  const { digest, generation, previous } = rollout;
  return stageOf(rollout, node) <= rollout.at ? { digest, generation } : previous;
}
