/** What is heard of proxies: of one that can be asked its own gauges, of another one what `follow` told the store. */
import type { Version } from "../store/stages.ts";
import type { Report } from "../store/store.ts";
import { askEach } from "./ask.ts";
import { readGauges, type Said } from "./gauges.ts";
import { type Judgement, judge, otherThan, silent, VERDICTS, type Verdict } from "./judge.ts";
import { type Endpoint, isReported } from "./proxies.ts";

/** A sentence where nothing is heard. */
export type Word = Said | Report | string;

const NO_REPORT = "no report: it is over, or there never was one: does `pointsman follow` run there?";
/** Verdicts that hold for what was wanted when it was reported; the others hold anyway. */
const OF_THEIR_TIME: readonly string[] = ["served", "behind", "ahead", "other", "unsure"];

/** @param reports those of the store; asked for only if one is needed */
export async function hearAll(
  endpoints: readonly Endpoint[],
  timeoutMs: number,
  reports: () => Promise<readonly Report[]>,
): Promise<Word[]> {
  const asked = endpoints.filter((endpoint) => !isReported(endpoint));
  const urls = asked.map(({ url }) => url);
  const heard = await askEach(urls, timeoutMs, readGauges);
  const told = asked.length < endpoints.length ? await reports() : [];
  const byNode = new Map(told.map((report) => [report.node, report]));
  return endpoints.map((endpoint) =>
    isReported(endpoint) ? (byNode.get(endpoint.node!.id) ?? NO_REPORT) : heard[asked.indexOf(endpoint)]!,
  );
}

/** One judgement a listener. @param instances how many should serve each, where the proxy does not say */
export function judgeWord(
  word: Word,
  wanted: Version,
  listeners: readonly string[],
  instances: number | null,
): Judgement[] {
  if (typeof word === "string") return [silent(word)];
  return "node" in word ? judgeReport(word, wanted, listeners) : judge(word, wanted, listeners, instances);
}

function judgeReport({ when, listeners }: Report, wanted: Version, expected: readonly string[]): Judgement[] {
  const unknown = { served: null, instances: null, instancesWanted: null, refused: null };
  const missing = expected.filter((name) => !listeners.some(({ listener }) => listener === name));
  return [
    ...listeners.map(({ listener, generation, digest, verdict, what }): Judgement => {
      const said = { generation, digest, verdict };
      return {
        ...unknown,
        listener: listener || null,
        verdict: verdictNow(said, wanted),
        what: `${what}, as it reported ${when}`,
        served: generation === null ? null : { generation, digest },
      };
    }),
    ...missing.map((listener): Judgement => {
      return { ...unknown, listener, verdict: "nothing", what: `not in its report of ${when}` };
    }),
  ];
}

/** A report may be of a moment before the last push. */
function verdictNow(
  { generation, digest, verdict }: { generation: number | null; digest: string | null; verdict: string },
  wanted: Version,
): Verdict {
  const known = VERDICTS.find((one) => one === verdict) ?? "unsure";
  if (generation === null || digest === null || !OF_THEIR_TIME.includes(known)) return known;
  return otherThan({ generation, digest }, wanted) ?? (known === "served" ? "served" : "unsure");
}
