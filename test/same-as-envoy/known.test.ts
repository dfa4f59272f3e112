/** Differences between the simulator and Envoy that are known. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { Both } from "./both.ts";
import { notCompared } from "./envoy-around.ts";
import { exchange } from "./exchange.ts";
import { known } from "./known.ts";

describe("known to differ, and still so:", () => {
  let both: Both;
  beforeAll(async () => {
    both = await Both.start();
  }, 120_000);
  afterAll(() => both?.stop());

  test.each(known)("$name", async ({ show, ...expected }) => {
    const { real, simulated } = await show(both);
    expect({ real, simulated }).toEqual({ real: expected.real, simulated: expected.simulated });
  });

  test("every header that is left out of the comparison is one that Envoy changes", async () => {
    const calls =
      "request_headers:call a :method=GET,:path=/call,:authority=x - - 5000;return 1|answer:resume 0";
    const chunked = { method: "POST", body: ["x"], framing: "chunked" as const };
    const { upstream, client } = await both.real.run(exchange("names", { ...chunked, script: calls }));
    const names = (headers: readonly (readonly [string, string])[]) =>
      headers.map(([name]) => name.toLowerCase());
    const sent = new Set(upstream.flatMap(({ headers }) => names(headers)));
    expect([...notCompared.request].filter((name) => !sent.has(name))).toEqual([]);
    const got = new Set(names(client?.headers ?? []));
    expect([...notCompared.response].filter((name) => !got.has(name))).toEqual([]);
  });
});

describe("a mistake that ends Envoy", () => {
  let both: Both;
  afterEach(() => both?.stop());

  test("is to continue the response before it has come: both hosts die of it", async () => {
    both = await Both.start();
    const { real, simulated } = await both.run(exchange("early", { script: "request_headers:continue 1" }));
    await both.real.envoy.exited;
    expect(both.real.envoy.logs.at(-1)).toBe("Envoy ended (SIGSEGV)");
    expect(both.simulated.host.vm("pointsman", "worker 0")?.hostDied).toBe(
      "proxy_continue_stream on a response that has not come",
    );
    expect([real.client, simulated.client]).toEqual([null, null]);
  });
});
