/** Generations as people name them: which there are, and the table that one had. */
import { Refusal } from "../refusal.ts";
import type { Entry } from "../store/store.ts";
import { visibleOnLine } from "../visible.ts";

/** Throws Refusal, with the last ones. */
export function entryOf(entries: readonly Entry[], wanted: number): Entry {
  const entry = entries.find(({ generation }) => generation === wanted);
  if (entry) return entry;
  throw new Refusal(`the history has no generation ${wanted}\n${choices(entries)}`);
}

const CHOICES = 5;

/** The last ones, a line each. */
export function choices(entries: readonly Entry[]): string {
  return entries
    .slice(-CHOICES)
    .reverse()
    .map(
      ({ generation, digest, who, why }) =>
        `  ${generation}  ${digest.slice(0, 12)}  ${visibleOnLine(who)}: ${visibleOnLine(why)}`,
    )
    .join("\n");
}
