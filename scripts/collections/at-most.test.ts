/** Work on many things at once: how many, in which places, and what happens when one fails. */
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { atMost } from "./at-most.ts";

/** Sees what is begun, and how much at once. */
function watched(work: (thing: number) => Promise<number>) {
  const seen = { begun: 0, now: 0, most: 0 };
  const watching = async (thing: number) => {
    seen.begun++;
    seen.most = Math.max(seen.most, ++seen.now);
    try {
      return await work(thing);
    } finally {
      seen.now--;
    }
  };
  return { seen, watching };
}

const NUMBERS = Array.from({ length: 20 }, (_, i) => i);
/** The first takes longest. */
const double = async (thing: number) => {
  await sleep(thing === 0 ? 30 : 1);
  return 2 * thing;
};
async function* slowly(): AsyncGenerator<number> {
  for (const number of NUMBERS) {
    await sleep(1);
    yield number;
  }
}

describe("work on many things", () => {
  it.each([
    ["a list", () => NUMBERS],
    ["what comes one by one", slowly],
  ])("of %s is done so many at once, and each result has its place", async (_, things) => {
    const { seen, watching } = watched(double);
    expect(await atMost(3, things(), watching)).toEqual(NUMBERS.map((number) => 2 * number));
    expect(seen).toEqual({ begun: 20, now: 0, most: seen.most });
    expect(seen.most).toBeGreaterThan(1);
    expect(seen.most).toBeLessThanOrEqual(3);
  });

  it("is none where there is nothing", async () => {
    expect(await atMost(3, [], double)).toEqual([]);
  });

  it("ends with the first failure, when all that was begun has ended", async () => {
    const { seen, watching } = watched(async (thing) => {
      if (thing === 4) throw new Error("the fourth");
      return double(thing);
    });
    await expect(atMost(3, NUMBERS, watching)).rejects.toThrow("the fourth");
    expect(seen.now).toBe(0);
    expect(seen.begun).toBeLessThanOrEqual(8);
  });

  it("ends with the failure of what brings the things", async () => {
    async function* breaking(): AsyncGenerator<number> {
      yield 1;
      throw new Error("no more");
    }
    const { seen, watching } = watched(double);
    await expect(atMost(3, breaking(), watching)).rejects.toThrow("no more");
    expect(seen).toMatchObject({ begun: 1, now: 0 });
  });
});
