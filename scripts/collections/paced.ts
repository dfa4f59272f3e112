/** Things one after the other, so many a second. */
import { setTimeout as sleep } from "node:timers/promises";

/** What timers are late by, and no more, is caught up with. */
const LATE_MS = 10;

export async function* paced<T>(things: Iterable<T>, perSecond: number): AsyncGenerator<T> {
  const gap = 1000 / perSecond;
  let next = performance.now();
  for (const thing of things) {
    const wait = next - performance.now();
    if (wait > 0) await sleep(wait);
    next = Math.max(next, performance.now() - LATE_MS) + gap;
    yield thing;
  }
}
