/** What a proxy serves to each listener, held against what the store wants served. */
import type { Version } from "../store/stages.ts";
import type { Gauges, Said } from "./gauges.ts";
import { type WhyRefused, whyRefused } from "./why-refused.ts";

/**
 * - `served`: all instances serve what is wanted.
 * - `behind`: an older generation; `ahead`: a newer one; `other`: the generation with another content.
 * - `mixed`: the instances differ.
 * - `short`: it is served, by fewer instances than there should be.
 * - `unsure`: it is served, by as many instances as nobody knows to be all, or a gauge is missing.
 * - `nothing`: no instance serves the listener.
 * - `silent`: the proxy says nothing that can be read.
 */
export const VERDICTS = [
  "served",
  "behind",
  "ahead",
  "other",
  "mixed",
  "short",
  "unsure",
  "nothing",
  "silent",
] as const;
export type Verdict = (typeof VERDICTS)[number];

export interface Judgement {
  /** null: of the proxy as a whole. */
  listener: string | null;
  verdict: Verdict;
  /** What is so, for people. */
  what: string;
  /** null where nothing is, or nobody knows. Of instances that differ the generation is the lowest, the digest null. */
  served: { generation: number; digest: string | null } | null;
  /** How many serve it, and how many should. */
  instances: number | null;
  instancesWanted: number | null;
  /** The last table that was sent, where it was refused. */
  refused: ({ code: number } & WhyRefused) | null;
}

/** Of the digest in a gauge: 48 bits. */
const DIGITS = 12;

/** A proxy that cannot be read. */
export function silent(why: string): Judgement {
  return { ...UNKNOWN, listener: null, verdict: "silent", what: why };
}

const UNKNOWN = { served: null, instances: null, instancesWanted: null, refused: null };

/**
 * One judgement a listener.
 * @param listeners those that the proxy is expected to have; none: those that it names itself
 * @param instances how many should serve each, where the proxy does not say
 */
export function judge(
  said: Said,
  wanted: Version,
  listeners: readonly string[],
  instances: number | null = null,
): Judgement[] {
  const should = said.instances ?? instances;
  if (listeners.length > 0) {
    return listeners.map((name) => judgeListener(name, gaugesOf(said, name), should, wanted));
  }
  if (said.gauges.length === 0) {
    const what = "it has none of the filter's gauges: no filter, an older one, or not the proxy's metrics";
    return [{ ...UNKNOWN, listener: null, verdict: "nothing", what }];
  }
  return said.gauges
    .map((gauges) => judgeListener(gauges.listener, gauges, should, wanted))
    .sort((a, b) => (a.listener! < b.listener! ? -1 : 1));
}

function gaugesOf({ gauges, isExact }: Said, name: string): Gauges | undefined {
  const spelt = isExact ? name : name.replace(/\W/g, "_");
  return (
    gauges.find(({ listener }) => listener === spelt) ?? gauges.find(({ listener }) => listener === name)
  );
}

function judgeListener(
  listener: string,
  gauges: Gauges | undefined,
  instancesWanted: number | null,
  wanted: Version,
): Judgement {
  const refused = gauges?.refused ? { code: gauges.refused, ...whyRefused(gauges.refused) } : null;
  const [verdict, what] = verdictOf(gauges, instancesWanted, wanted);
  return {
    listener,
    verdict,
    what,
    served: gauges && verdict !== "nothing" ? servedOf(gauges) : null,
    instances: gauges?.instances ?? null,
    instancesWanted,
    refused,
  };
}

function servedOf({ generation, digest }: Gauges): Judgement["served"] {
  if (generation === null || digest === null) return null;
  return { generation, digest: digestText(digest) };
}

/** null where instances differ, which is told as 0. */
function digestText(digest: number): string | null {
  return digest === 0 ? null : digest.toString(16).padStart(DIGITS, "0");
}

function verdictOf(
  gauges: Gauges | undefined,
  should: number | null,
  wanted: Version,
): [verdict: Verdict, what: string] {
  if (gauges === undefined) return ["nothing", "the proxy does not have this listener"];
  const { instances, generation, digest } = gauges;
  if (instances === 0) return ["nothing", "no instance serves it: it was removed, or all are dead"];
  const known = digest === null ? null : digestText(digest);
  if (instances === null && generation === null && known === null) return ["nothing", "it never had a table"];
  if (instances === null || generation === null || digest === null) return ["unsure", "a gauge is missing"];
  const by = `${instances} of ${should ?? "?"} instances`;
  if (known === null) return ["mixed", `its ${instances} instances differ, the oldest at ${generation}`];
  const content = wanted.digest.startsWith(known) ? "the same content" : "another content";
  const other = otherThan({ generation, digest: known }, wanted);
  if (other === "behind") return [other, `${content}, ${by}`];
  if (other === "ahead") return [other, `${content}, ${by}: of no push of this store`];
  if (other === "other") return [other, `another content under this number, ${by}`];
  if (should === null) return ["unsure", `${by}: say by --instances how many there should be`];
  return [instances < should ? "short" : "served", by];
}

/** What a table is that is not the wanted one; null: it is. @param digest as much of it as is known */
export function otherThan(
  { generation, digest }: Version,
  wanted: Version,
): "behind" | "ahead" | "other" | null {
  if (generation !== wanted.generation) return generation < wanted.generation ? "behind" : "ahead";
  return wanted.digest.startsWith(digest) ? null : "other";
}
