/**
 * A list into which runs of items are put, each item and each run only once where they are there already. Equal
 * runs put in the same order give the same list.
 */
export class Runs<T> {
  readonly items: T[] = [];
  private readonly keys: string[] = [];
  private readonly places = new Map<string, number[]>();

  /** @param keyOf the same text for items that are the same */
  constructor(private readonly keyOf: (item: T) => string) {}

  /** Number of the run's first item; 0 for a run of none. What the list's end lacks of it is appended. */
  place(run: readonly T[]): number {
    const keys = run.map(this.keyOf);
    const first = keys.length === 0 ? 0 : (this.places.get(keys[0]!) ?? []).find((at) => this.fits(keys, at));
    const start = first ?? this.items.length;
    for (let i = this.items.length - start; i < run.length; i++) this.append(run[i]!, keys[i]!);
    return start;
  }

  /** The list says nothing else from there on, as far as it goes. */
  private fits(keys: readonly string[], start: number): boolean {
    const known = Math.min(keys.length, this.keys.length - start);
    for (let i = 0; i < known; i++) if (this.keys[start + i] !== keys[i]) return false;
    return true;
  }

  private append(item: T, key: string): void {
    const places = this.places.get(key);
    if (places) places.push(this.items.length);
    else this.places.set(key, [this.items.length]);
    this.items.push(item);
    this.keys.push(key);
  }
}
