/** Asks a proxy all probes, and sums up what its answers show. */
import { atMost } from "../collections/at-most.ts";
import { paced } from "../collections/paced.ts";
import { type Progress, silent } from "../progress.ts";
import { type AskedProxy, Asker } from "./ask.ts";
import { type Kind, outcomeOf, UNANSWERED, WRONG } from "./outcome.ts";
import type { Places } from "./places.ts";
import type { Probe } from "./probes.ts";

export interface VerifyOptions {
  proxy: AskedProxy;
  places: Places;
  /** Requests begun in a second, and those open at once. */
  rate: number;
  atOnce: number;
  progress?: Progress;
}

/** One that was not right. */
export interface Failed extends Probe {
  what: string;
}

export interface Verified {
  asked: number;
  right: number;
  wrong: number;
  unanswered: number;
  /** Of each kind that is not right and occurred: how many, and the first of them. */
  failed: Partial<Record<Kind, { count: number; first: Failed[] }>>;
}

/** Of each kind. */
const FIRST_AT_MOST = 20;

export async function verify(probes: readonly Probe[], options: VerifyOptions): Promise<Verified> {
  const { proxy, places, rate, atOnce, progress = silent } = options;
  const sums: Verified = { asked: 0, right: 0, wrong: 0, unanswered: 0, failed: {} };
  const asker = new Asker(proxy, atOnce);
  try {
    await atMost(atOnce, paced(probes, rate), async (probe) => {
      const answer = await asker.ask(probe);
      const { kind, what } = "kind" in answer ? answer : outcomeOf(probe, answer, places);
      add(sums, probe, kind, what);
      progress("asking", sums.asked, probes.length);
    });
  } finally {
    asker.close();
  }
  return sums;
}

function add(sums: Verified, probe: Probe, kind: Kind, what: string): void {
  sums.asked++;
  if (kind === "right") {
    sums.right++;
    return;
  }
  if (WRONG.some((one) => one === kind)) sums.wrong++;
  else sums.unanswered++;
  const known = sums.failed[kind] ?? { count: 0, first: [] };
  sums.failed[kind] = known;
  known.count++;
  if (known.first.length < FIRST_AT_MOST) known.first.push({ ...probe, what });
}

/** In the order in which they are told. */
export const FAILURES: readonly Kind[] = [...WRONG, ...UNANSWERED];
