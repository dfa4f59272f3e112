/** A clock that only the test moves. */

export class Clock {
  /** Nanoseconds since 1970. */
  #now: bigint;
  /** What guests read is so much behind, since the time was set back. */
  #behind = 0n;
  readonly #timers = new Set<{ due: bigint; run: () => void }>();

  constructor(start = 1_700_000_000_000_000_000n) {
    this.#now = start;
  }

  get nanoseconds(): bigint {
    return this.#now - this.#behind;
  }

  /** Runs a function once, when the clock has been moved on by so many milliseconds; returns its cancellation. */
  after(milliseconds: number, run: () => void): () => void {
    const timer = { due: this.#now + milliToNano(milliseconds), run };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** Sets back the time that guests read. Timers go on as they were: a proxy's do not go by it. */
  setBack(milliseconds: number): void {
    this.#behind += milliToNano(milliseconds);
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
