/** Middle, least and most of repeated measurements. */
export interface Spread {
  min: number;
  median: number;
  max: number;
  rounds: number;
}

export function spread(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  return { min: sorted[0]!, median: quantile(sorted, 0.5), max: sorted.at(-1)!, rounds: sorted.length };
}

/** @param sorted from the least on */
export function quantile(sorted: readonly number[], part: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))]!;
}
