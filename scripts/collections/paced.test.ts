/** Things so many a second, whatever holds their taker up. */
import { setTimeout as sleep } from "node:timers/promises";
import { expect, it } from "vitest";
import { atMost } from "./at-most.ts";
import { paced } from "./paced.ts";

const NUMBERS = Array.from({ length: 60 }, (_, i) => i);

it("gives all things in their order, and in no stretch of time more than so many", async () => {
  const perSecond = 200;
  const times: number[] = [];
  const taken = await atMost(8, paced(NUMBERS, perSecond), async (thing) => {
    times.push(performance.now());
    // Long enough that all eight wait at once: what was missed then must not come in a burst.
    await sleep(thing === 10 || thing % 16 < 8 ? 60 : 1);
    return thing;
  });
  expect(taken).toEqual(NUMBERS);
  for (let from = 0; from < times.length; from++) {
    for (let to = from + 1; to < times.length; to++) {
      const ms = times[to]! - times[from]!;
      // 10 ms are caught up with, and the clock of a timer has whole milliseconds.
      expect(to - from, `${to - from} in ${ms} ms`).toBeLessThanOrEqual(((ms + 12) * perSecond) / 1000 + 1);
    }
  }
});

it("keeps a rate that is finer than a timer's millisecond", async () => {
  const started = performance.now();
  let count = 0;
  for await (const _ of paced(Array(2000).keys(), 5000)) count++;
  const seconds = (performance.now() - started) / 1000;
  expect(count / seconds).toBeLessThan(5200);
  expect(count / seconds).toBeGreaterThan(500);
});
