/** What should be served, and when, in words. */
import { visibleOnLine } from "../visible.ts";
import type { Rollout } from "./store.ts";

/** `generation 8, paused at canary (1 of 3), digest …, by …`. */
export function showRollout({ generation, digest, state, stages, at, said }: Rollout): string {
  const where = stages.length === 1 ? "" : ` at ${stages[at]!.name} (${at + 1} of ${stages.length})`;
  const by = said === undefined ? "" : `, by ${visibleOnLine(said.who)}: ${visibleOnLine(said.why)}`;
  return `generation ${generation}, ${state}${state === "done" ? "" : where}, digest ${digest}${by}`;
}

/** To the second; all times are UTC. */
export function showTime(when: string): string {
  return when.replace(/\.\d+Z$/, "Z");
}
