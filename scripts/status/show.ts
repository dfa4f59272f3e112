/** What `pointsman status` finds of a fleet, and its sentences. */
import { count } from "../count.ts";
import { showTime } from "../store/show.ts";
import type { Version } from "../store/stages.ts";
import type { Rollout } from "../store/store.ts";
import { visibleOnLine } from "../visible.ts";
import type { Judgement } from "./judge.ts";

export interface ListenerState extends Omit<Judgement, "served"> {
  /** `pushed` is when that generation was, by the store's history; null: it has none such. */
  served: (NonNullable<Judgement["served"]> & { pushed: string | null }) | null;
}

/** As JSON has it. */
export interface Status {
  fine: boolean;
  wanted: Version & {
    pushed: string | null;
    state: Rollout["state"] | null;
    /** Where it stands, of a push in stages. */
    stage?: { name: string; number: number; of: number };
    /** Who has changed its state last, and why. */
    said?: NonNullable<Rollout["said"]>;
  };
  /** `wanted`: the generation that this one is to serve, by its stage. */
  proxies: { proxy: string; fine: boolean; wanted: number; listeners: ListenerState[] }[];
  warnings: string[];
}

/** As `pointsman status` prints it. */
export function showStatus(state: Status): string[] {
  return [showWanted(state), ...showProxies(state), showServed(state)];
}

/** N of M. */
export function showServed(state: Pick<Status, "wanted" | "proxies">): string {
  const { generation } = state.wanted;
  const served = state.proxies.filter(({ fine, wanted }) => fine && wanted === generation).length;
  const waiting = state.proxies.filter(({ fine, wanted }) => fine && wanted !== generation).length;
  const all = count(state.proxies.length, "proxy", "proxies");
  const rest = waiting === 0 ? "" : `; ${waiting} serve what was before it until their stage begins`;
  return `generation ${generation} is served by ${served} of ${all}${rest}`;
}

export function showWanted({ wanted }: Pick<Status, "wanted">): string {
  const { generation, digest, pushed, state, stage, said } = wanted;
  const where =
    stage === undefined || state === "done" ? "" : ` at ${stage.name} (${stage.number} of ${stage.of})`;
  const facts = [
    `generation ${generation}`,
    ...(state === null ? [] : [`${state}${where}`]),
    `digest ${digest}`,
    ...(pushed === null ? [] : [`pushed ${showTime(pushed)}`]),
    ...(said === undefined ? [] : [`by ${visibleOnLine(said.who)}: ${visibleOnLine(said.why)}`]),
  ];
  return `wanted: ${facts.join(", ")}`;
}

/** In columns. */
function showProxies(state: Status): string[] {
  const rows = proxyRows(state);
  const widths = [0, 1, 2].map((column) =>
    rows.reduce((widest, row) => Math.max(widest, row[column]!.length), 0),
  );
  return rows.map((row) => row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join("  "));
}

/** A row a listener: the proxy, the listener, the verdict, and what is so. */
export function proxyRows({ proxies }: Pick<Status, "proxies">): string[][] {
  return proxies.flatMap(({ proxy, listeners }) =>
    listeners.map(({ listener, verdict, what, served, refused }) => {
      const of = served === null ? [] : [showGeneration(served)];
      const why = refused
        ? `; refused the last table sent (${refused.code}): ${refused.means} ${refused.wayOut}`
        : "";
      return [
        visibleOnLine(proxy),
        listener === null ? "-" : visibleOnLine(listener),
        verdict === "served" ? verdict : verdict.toUpperCase(),
        `${[...of, what].join(", ")}${why}`,
      ];
    }),
  );
}

function showGeneration({ generation, pushed }: NonNullable<ListenerState["served"]>): string {
  return `generation ${generation}${pushed === null ? "" : ` of ${showTime(pushed)}`}`;
}
