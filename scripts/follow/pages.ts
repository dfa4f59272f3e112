/** What `pointsman follow` says of itself over HTTP. */
import { gauge, type Metric, type Pages, showMetrics } from "../pages.ts";
import type { Version } from "../store/stages.ts";
import {
  type StoreState,
  type StoreStatus,
  statusOfStore,
  storeMetrics,
  troubleText,
} from "../store/store-state.ts";
import type { TargetState } from "./kept-target.ts";
import { type NodeFollower, type Proof, STATES, type State } from "./node-follower.ts";
import type { Reporter } from "./reporter.ts";

/** What /status answers. */
export interface FollowStatus {
  node: string;
  store: StoreStatus;
  /** What the node is to serve; null: nothing, as far as is known. */
  wanted: Version | null;
  state: State;
  why: string | null;
  /** Since when it does not have what it is to serve, proven where there are proxies to ask; null: it does. */
  unservedSince: string | null;
  targets: { target: string; state: TargetState; why: string | null; has: Version | null }[];
  proxies: readonly Proof[];
  /** What the store was told: when, and why it could not be told since. */
  report: { sent: string | null; error: string | null };
}

export function pagesOf(follower: NodeFollower, reporter: Reporter, store: StoreState): Pages {
  return {
    health: () => healthOf(follower, store),
    status: () => statusOf(follower, reporter, store),
    metrics: () => metricsOf(follower, reporter, store),
  };
}

/** To start it anew helps against nothing that it goes on with. */
function healthOf({ due, state, why }: NodeFollower, store: StoreState): { status: number; text: string } {
  const how = troubleText(store);
  if (due === null) return { status: 503, text: `nothing to serve${how}` };
  const said = `generation ${due.version.generation}, ${state}${why === null ? "" : `: ${why}`}`;
  return { status: 200, text: `${said}${how}` };
}

function statusOf(follower: NodeFollower, reporter: Reporter, store: StoreState): FollowStatus {
  const { options, due, state, why, unservedSince, targets, proofs } = follower;
  return {
    node: options.node.id,
    store: statusOfStore(store),
    wanted: due?.version ?? null,
    ...{ state, why, unservedSince: unservedSince?.toISOString() ?? null },
    targets: targets.map((one) => ({
      target: one.target.name,
      ...{ state: one.state, why: one.why, has: one.has },
    })),
    proxies: proofs,
    report: { sent: reporter.sent?.toISOString() ?? null, error: reporter.error },
  };
}

function metricsOf(follower: NodeFollower, reporter: Reporter, store: StoreState): string {
  const { due, state, unservedSince, targets } = follower;
  const since = (time: Date | null) => (time === null ? 0 : (Date.now() - time.getTime()) / 1000);
  const sum = (of: "writes" | "failures") => targets.reduce((all, target) => all + target[of], 0);
  const metrics: Metric[] = [
    ...storeMetrics(store),
    gauge("generation", "What the node is to serve, as it was last heard.", due?.version.generation ?? 0),
    {
      name: "state",
      type: "gauge",
      help: "How it stands with that: one of them is 1.",
      samples: STATES.map((one) => [`{state="${one}"}`, one === state ? 1 : 0]),
    },
    gauge("unserved_seconds", "For how long it has not been served, or written.", since(unservedSince)),
    gauge("report_seconds", "How long ago the store was told; 0: never.", since(reporter.sent)),
    ...(["writes", "failures"] as const).map((of): Metric => {
      const help = of === "writes" ? "Tables written to targets." : "Tables that could not be written.";
      return { name: `${of}_total`, type: "counter", help, samples: [["", sum(of)]] };
    }),
  ];
  return showMetrics("pointsman_follow_", metrics);
}
