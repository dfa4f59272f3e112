/** Which names and texts are in one list and not in the other. */

export interface Changed {
  added: string[];
  removed: string[];
}

/** In the order in which they stand; a text that a list has twice counts twice. */
export function compareLists(before: readonly string[], after: readonly string[]): Changed {
  return { added: without(after, before), removed: without(before, after) };
}

/** Whether what both lists have stands in another order. Each text once. */
export function isReordered(before: readonly string[], after: readonly string[]): boolean {
  const [old, now] = [new Set(before), new Set(after)];
  const kept = [...old].filter((text) => now.has(text));
  return [...now].filter((text) => old.has(text)).some((text, i) => text !== kept[i]);
}

function without(texts: readonly string[], others: readonly string[]): string[] {
  const left = new Map<string, number>();
  for (const text of others) left.set(text, (left.get(text) ?? 0) + 1);
  return texts.filter((text) => {
    const count = left.get(text) ?? 0;
    if (count > 0) left.set(text, count - 1);
    return count === 0;
  });
}

/**
 * Goes through two lists by a key that each entry has for itself, in the key's order, and shows what both have together
 * and what one alone has. A plan's lists are sorted already: a Map of a million hosts would take longer than all else.
 */
export function walk<Entry>(
  before: readonly Entry[],
  after: readonly Entry[],
  keyOf: (entry: Entry) => string,
  visit: (old: Entry | null, now: Entry | null) => void,
): void {
  const [olds, nows] = [sortedBy(before, keyOf), sortedBy(after, keyOf)];
  for (let i = 0, j = 0; i < olds.length || j < nows.length; ) {
    const [old, now] = [olds[i], nows[j]];
    const [key, other] = [old && keyOf(old), now && keyOf(now)];
    const isOld = now === undefined || (old !== undefined && key! <= other!);
    const isNow = old === undefined || (now !== undefined && other! <= key!);
    if (isOld) i++;
    if (isNow) j++;
    visit(isOld ? old! : null, isNow ? now! : null);
  }
}

function sortedBy<Entry>(list: readonly Entry[], keyOf: (entry: Entry) => string): readonly Entry[] {
  const isSorted = list.every((entry, i) => i === 0 || keyOf(list[i - 1]!) < keyOf(entry));
  return isSorted ? list : [...list].sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
}

/** Adds to the list of that key. */
export function push<Key, Value>(lists: Map<Key, Value[]>, key: Key, value: Value): void {
  const list = lists.get(key);
  if (list) list.push(value);
  else lists.set(key, [value]);
}
