/** The candidate that `word` is most likely a slip of; undefined where none is like it. */
export function suggestionFor(word: string, candidates: Iterable<string>): string | undefined {
  return suggestionsFor(word, candidates, 1)[0];
}

/** The candidates that are like `word`, the nearest first, at most so many. */
export function suggestionsFor(word: string, candidates: Iterable<string>, atMost: number): string[] {
  const found: { candidate: string; distance: number }[] = [];
  for (const candidate of candidates) {
    const limit = Math.max(1, Math.floor(Math.max(word.length, candidate.length) / 3));
    if (Math.abs(word.length - candidate.length) > limit) continue;
    const distance = editDistance(word, candidate);
    // Of one letter, another one is another word.
    if (distance > limit || distance >= Math.min(word.length, candidate.length)) continue;
    if (found.length === atMost && distance >= found.at(-1)!.distance) continue;
    const at = found.findIndex((one) => one.distance > distance);
    found.splice(at === -1 ? found.length : at, 0, { candidate, distance });
    if (found.length > atMost) found.pop();
  }
  return found.map(({ candidate }) => candidate);
}

/** Fewest single edits from `a` to `b`: insert, delete, replace, or swap two neighbours. */
export function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = last[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      let cheapest = Math.min(replaced, last[j]! + 1, row[j - 1]! + 1);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        cheapest = Math.min(cheapest, beforeLast[j - 2]! + 1);
      }
      row.push(cheapest);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length]!;
}
