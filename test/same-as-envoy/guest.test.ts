/** Hundreds of generated requests, with a guest that does all sorts of things to them. */
import { afterEach, expect, test } from "vitest";
import { Both } from "./both.ts";
import { type Exchange, exchange } from "./exchange.ts";
import { exchanges } from "./generate.ts";
import { PROFILE } from "./which-envoy.ts";

let both: Both;
afterEach(() => both?.stop());

/** Fails with the exchange that differs. */
async function sameFor(seed: number, count: number): Promise<void> {
  for (const generated of exchanges(count, seed)) {
    const one = PROFILE.losesResumedPiece ? withoutLengths(generated) : generated;
    const { real, simulated } = await both.run(one);
    expect(simulated, `seed ${seed}: ${JSON.stringify(one)}`).toEqual(real);
  }
}

/** A body that loses a piece never ends where its length was announced: whoever gets it waits for good. */
function withoutLengths(one: Exchange): Exchange {
  const { response } = one;
  const headers = response.headers.filter(([name]) => name.toLowerCase() !== "content-length");
  return {
    ...one,
    framing: "chunked",
    response: response.body.length === 0 ? response : { ...response, headers },
  };
}

async function sameMetrics(): Promise<void> {
  const { real, simulated } = await both.metrics();
  expect(simulated).toEqual(real);
  expect(Object.keys(real)).toEqual(expect.arrayContaining(["count", "level", "other_count"]));
}

test("300 requests, with configurations accepted and refused in between, are the same in both", async () => {
  both = await Both.start({ configuration: "configure: metric 0 configured;inc 4 1;prop plugin_root_id" });
  const first = await both.firstLogs();
  expect(first.simulated).toEqual(first.real);
  await sameFor(1, 100);

  const accepted = await both.configure("configure: metric 0 configured;inc 4 1;bytes 7 0 999");
  expect(accepted.simulated).toEqual(accepted.real);
  expect(accepted.real.accepted).toBe(true);
  await sameFor(2, 100);

  const refused = await both.configure("configure: metric 1 refused;record 5 7;return 0");
  expect(refused.simulated).toEqual(refused.real);
  expect(refused.real.accepted).toBe(false);
  await sameFor(3, 100);
  await sameMetrics();
});

test("150 requests are the same where pausing on headers lets the body through", async () => {
  both = await Both.start({ allowOnHeadersStopIteration: true });
  await sameFor(4, 150);
  await sameMetrics();
});

test("a body that is sent while its headers are held reaches the guest in one piece", async () => {
  both = await Both.start();
  const held = exchange("held", {
    method: "POST",
    body: ["one", "two", "three"],
    impatient: true,
    script: "request_headers:tick 100;return 1|tick:resume 0",
  });
  const { real, simulated } = await both.run(held);
  expect(simulated).toEqual(real);
  expect(real.logs.filter((line) => line.includes("> request_body"))).toEqual(["2 2 > request_body 11 end"]);
});

test("a request that is held for good reaches no upstream, and ends when its client gives up", async () => {
  both = await Both.start();
  for (const [id, body, script] of [
    ["headers", [], "request_headers:return 1"],
    ["body", ["one", "two"], "request_body:return 1|done:prop request/path;get 0 :path"],
  ] as const) {
    const { real, simulated } = await both.run(
      exchange(id, { method: "POST", body, script, abandoned: true }),
    );
    expect(simulated).toEqual(real);
    expect(real).toMatchObject({ upstream: [], client: null });
    expect(real.logs.at(-1)).toMatch(/< 0$/);
  }
});
