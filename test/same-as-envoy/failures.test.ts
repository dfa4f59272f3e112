/** A guest that traps: what its request gets, and those after it, under each failure policy. */
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, expect, test } from "vitest";
import { Both } from "./both.ts";
import { type Exchange, exchange } from "./exchange.ts";

let both: Both;
afterEach(() => both?.stop());

/** Envoy's backoff: at least 1 s since the VM's start, and up to half as much again. */
const BACKOFF_MS = 1_700;

/** @param alive whether the guest can say how far it is */
async function statusOf(one: Exchange, alive: boolean): Promise<number | null> {
  both.real.talkative = alive;
  const { real, simulated } = await both.run(one);
  expect(simulated).toEqual(real);
  return real.client?.status ?? null;
}

const plain = exchange("plain");
const trap = exchange("trap", { script: "request_headers:trap" });

async function pass(milliseconds: number): Promise<void> {
  await sleep(milliseconds);
  both.simulated.host.clock.advance(milliseconds);
}

test("a trap in any callback ends its request in the same way, and an update brings the guest back", async () => {
  both = await Both.start({ failurePolicy: "closed" });
  const statuses: (number | null)[] = [];
  const callbacks = ["request_headers", "request_body", "response_headers", "response_body", "log", "done"];
  for (const callback of callbacks) {
    const script = `${callback}:trap`;
    const response = { status: 200, headers: [], body: ["one", "two"] };
    statuses.push(await statusOf(exchange("trap", { method: "POST", body: ["x"], script, response }), true));
    expect(await statusOf(plain, false)).toBe(503);
    const update = await both.configure(`say:${callback}`);
    expect(update.simulated).toEqual(update.real);
    expect(await statusOf(plain, true)).toBe(200);
  }
  expect(statuses).toEqual([503, 503, 503, null, 200, 200]);
});

test("where the policy is to reload, a dead VM is replaced once its backoff is over", async () => {
  both = await Both.start({ failurePolicy: "reload" });
  await pass(BACKOFF_MS);
  expect(await statusOf(trap, true)).toBe(503);
  expect(await statusOf(plain, true)).toBe(200);
  expect(await statusOf(trap, true)).toBe(503);
  expect(await statusOf(plain, false)).toBe(503);
  await pass(BACKOFF_MS);
  expect(await statusOf(plain, true)).toBe(200);
  const { vmReloadSuccess, vmReloadBackoff, vmReloadFailure } = both.simulated.host.stats;
  const stats = await both.real.envoy.stats("vm_reload");
  const stat = (name: string) => Object.entries(stats).find(([key]) => key.endsWith(name))?.[1];
  expect([stat("vm_reload_success"), stat("vm_reload_backoff"), stat("vm_reload_failure")]).toEqual([
    vmReloadSuccess,
    vmReloadBackoff,
    vmReloadFailure,
  ]);
});

test("where the policy is to fail open, requests pass a dead VM unchanged, but not the one that killed it", async () => {
  both = await Both.start({ failurePolicy: "open" });
  expect(await statusOf(trap, true)).toBe(503);
  expect(await statusOf(plain, false)).toBe(200);
});
