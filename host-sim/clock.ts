/** A clock that only the test moves. */

export class Clock {
  /** Nanoseconds since 1970. */
  #now: bigint;
  readonly #timers = new Set<{ due: bigint; run: () => void }>();

  constructor(start = 1_700_000_000_000_000_000n) {
    this.#now = start;
  }

  get nanoseconds(): bigint {
    return this.#now;
  }

  /** Runs a function once, when the clock has been moved on by so many milliseconds; returns its cancellation. */
  after(milliseconds: number, run: () => void): () => void {
    const timer = { due: this.#now + milliToNano(milliseconds), run };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** Moves the clock on, and runs what falls due on the way, in the order of time. */
  advance(milliseconds: number): void {
    const end = this.#now + milliToNano(milliseconds);
    for (;;) {
      let next: { due: bigint; run: () => void } | null = null;
      for (const timer of this.#timers)
        if (timer.due <= end && timer.due < (next?.due ?? end + 1n)) next = timer;
      if (next === null) break;
      this.#timers.delete(next);
      this.#now = next.due;
      next.run();
    }
    this.#now = end;
  }
}

const milliToNano = (milliseconds: number): bigint => BigInt(Math.round(milliseconds * 1e6));
