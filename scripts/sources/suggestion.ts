/** The candidate that `word` is most likely a slip of; undefined where none is like it. */
export function suggestionFor(word: string, candidates: Iterable<string>): string | undefined {
  return suggestionsFor(word, candidates, 1)[0];
}

/** The candidates that are like `word`, in capitals or not, the nearest first, at most so many. */
export function suggestionsFor(word: string, candidates: Iterable<string>, atMost: number): string[] {
  const found: { candidate: string; distance: number }[] = [];
  const wanted = word.toLowerCase();
  for (const candidate of candidates) {
    const longest = Math.max(word.length, candidate.length);
    const isFull = found.length === atMost;
    const limit = Math.min(
      Math.max(1, Math.floor(longest / 3)),
      // Of one letter, another one is another word.
      Math.min(word.length, candidate.length) - 1,
      isFull ? found.at(-1)!.distance - 1 : longest,
    );
    if (Math.abs(word.length - candidate.length) > limit) continue;
    const distance = editDistance(wanted, candidate.toLowerCase(), limit);
    if (distance > limit) continue;
    if (isFull) found.pop();
    const at = found.findIndex((one) => one.distance > distance);
    found.splice(at === -1 ? found.length : at, 0, { candidate, distance });
  }
  return found.map(({ candidate }) => candidate);
}

/**
 * Fewest single edits from `a` to `b`: insert, delete, replace, or swap two neighbours.
 * @param limit beyond it, any number beyond it will do: thousands of candidates are gone through for each wrong word
 */
export function editDistance(a: string, b: string, limit: number = Math.max(a.length, b.length)): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  let row: number[] = [];
  let leastOfLast = 0;
  for (let i = 1; i <= a.length; i++) {
    // Further from the diagonal, nothing is within the limit.
    const from = Math.max(1, i - limit);
    const to = Math.min(b.length, i + limit);
    row[from - 1] = from === 1 ? i : limit + 1;
    if (i + limit <= b.length) last[to] = limit + 1;
    const char = a.charCodeAt(i - 1);
    let least = row[from - 1]!;
    for (let j = from; j <= to; j++) {
      const other = b.charCodeAt(j - 1);
      let cheapest = Math.min(last[j - 1]! + (char === other ? 0 : 1), last[j]! + 1, row[j - 1]! + 1);
      if (i > 1 && j > 1 && char === b.charCodeAt(j - 2) && a.charCodeAt(i - 2) === other)
        cheapest = Math.min(cheapest, beforeLast[j - 2]! + 1);
      row[j] = cheapest;
      if (cheapest < least) least = cheapest;
    }
    // A swap comes from the row before the last one.
    if (least > limit && leastOfLast >= limit) return least;
    leastOfLast = least;
    [beforeLast, last, row] = [last, row, beforeLast];
  }
  return Math.abs(a.length - b.length) > limit ? limit + 1 : last[b.length]!;
}
