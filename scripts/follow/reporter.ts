/** Tells the store what a node serves, under a lease: when nobody says it again in time, it is over. */
import { isDeepStrictEqual } from "node:util";
import { Refusal } from "../refusal.ts";
import { SourceError } from "../sources/problem.ts";
import { otherThan } from "../status/judge.ts";
import { Bell } from "../store/bell.ts";
import type { Report, Store } from "../store/store.ts";
import type { NodeFollower } from "./node-follower.ts";

/** So many times within a lease. */
const RENEWALS = 3;
const AGAIN_MS = 5_000;
const LISTENERS_AT_MOST = 100;
const WHAT_LENGTH = 2000;
const LISTENER_LENGTH = 500;

export class Reporter {
  /** When the store was last told; null: never. */
  sent: Date | null = null;
  /** Why it could not be told the last time; null: it could. */
  error: string | null = null;
  private told: Report["listeners"] | null = null;
  private readonly bell = new Bell();

  /** @param seconds of the lease */
  constructor(
    private readonly store: Store,
    private readonly follower: NodeFollower,
    private readonly seconds: number,
    private readonly say: (line: string) => void,
  ) {}

  /** Something may be another than it was told. */
  look(): void {
    if (this.follower.isHeard && !isDeepStrictEqual(listenersOf(this.follower), this.told)) this.bell.ring();
  }

  /** Until the signal. */
  async run(signal: AbortSignal): Promise<void> {
    const renewal = (this.seconds * 1000) / RENEWALS;
    while (!signal.aborted) {
      if (this.follower.isHeard) await this.report();
      await this.bell.wait(this.error === null ? renewal : Math.min(renewal, AGAIN_MS), signal);
    }
  }

  async report(): Promise<void> {
    const listeners = listenersOf(this.follower);
    const when = new Date();
    try {
      const node = this.follower.options.node.id;
      await this.store.putReport({ node, when: when.toISOString(), listeners }, this.seconds);
      if (this.error !== null) this.say("the store is told again what is served here");
      this.sent = when;
      this.error = null;
    } catch (error) {
      if (!(error instanceof Refusal || error instanceof SourceError)) throw error;
      if (this.error === null) this.say(`the store is not told what is served here: ${error.message}`);
      this.error = error.message;
    }
    this.told = listeners;
  }
}

/** What is known of each listener; never none, which would be no word against it. */
export function listenersOf(follower: NodeFollower): Report["listeners"] {
  const { due, proofs, options } = follower;
  if (due === null) return [unknown("nothing", "nothing was ever pushed to it")];
  const troubles = follower.state === "proven" || follower.why === null ? [] : [follower.why];
  const said =
    options.proxies.length > 0
      ? proofs.flatMap(({ proxy, listeners }) =>
          listeners.map(({ listener, verdict, what, served }) => ({
            listener: (listener ?? "").slice(0, LISTENER_LENGTH),
            generation: served?.generation ?? null,
            digest: served?.digest ?? null,
            verdict: verdict as string,
            what: proofs.length > 1 ? `${proxy}: ${what}` : what,
          })),
        )
      : follower.targets.map(({ target, has }) => {
          const other = has === null ? "nothing" : otherThan(has, due.version);
          return {
            listener: "",
            generation: has?.generation ?? null,
            digest: has?.digest ?? null,
            verdict: other ?? "unsure",
            what: `${target.name}: ${other === null ? "written, not proven" : "not what is to be served"}`,
          };
        });
  if (said.length === 0) return [unknown("unsure", "its proxies have not been asked yet")];
  return said
    .slice(0, LISTENERS_AT_MOST)
    .map((one) => ({ ...one, what: [one.what, ...troubles].join("; ").slice(0, WHAT_LENGTH) }));
}

function unknown(verdict: string, what: string): Report["listeners"][number] {
  return { listener: "", generation: null, digest: null, verdict, what };
}
