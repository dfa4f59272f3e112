/** Refusals on their way into a store that takes them later. */
import { setTimeout as sleep } from "node:timers/promises";
import { expect, it } from "vitest";
import { Refusals } from "./refusals.ts";
import { type NodeRefusal, type Store, StoreAway } from "./store.ts";

const DIGEST = "0".repeat(32);

/** Of which refusals alone are asked. */
function storeThat(refuse: (refusal: NodeRefusal) => Promise<void>): Store {
  return { refuse } as Store;
}

it("each is written once, however many come at once", async () => {
  const written: string[] = [];
  const store = storeThat(async ({ node }) => {
    await sleep(1);
    written.push(node);
  });
  const refusals = new Refusals(store, () => {});
  const nodes = Array.from({ length: 100 }, (_, i) => `node-${i}`);
  for (const node of nodes) refusals.add(node, { digest: DIGEST, generation: 1 }, "no");
  await expect.poll(() => written.length).toBeGreaterThanOrEqual(100);
  await sleep(50);
  expect(written).toEqual(nodes);
});

it("a store that is away is asked once at a time, and told of once", async () => {
  let asked = 0;
  const said: string[] = [];
  const store = storeThat(async () => {
    asked++;
    throw new StoreAway("away", false);
  });
  const refusals = new Refusals(store, (why) => said.push(why));
  for (let i = 0; i < 100; i++) refusals.add(`node-${i}`, { digest: DIGEST, generation: 1 }, "no");
  await sleep(50);
  expect([asked, said]).toEqual([1, ["away"]]);
  expect(refusals.why("node-99", { digest: DIGEST, generation: 1 })).toBe("no");
  refusals.stop();
});
