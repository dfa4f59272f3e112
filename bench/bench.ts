/** The farm, the Envoy and the settings that every part of the benchmark starts from. */
import type { BenchFarm } from "./farm.ts";

/** What every part of the benchmark works with. */
export interface Bench {
  farm: BenchFarm;
  /** The Envoy binary. */
  envoy: string;
  /** For files that are thrown away at the end. */
  folder: string;
  /** Two minutes instead of fifteen: fewer rounds, smaller farms. */
  quick: boolean;
  /** Progress, one line. */
  say(line: string): void;
}
