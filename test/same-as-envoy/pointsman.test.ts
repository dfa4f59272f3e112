/** Our own filter on the small farm: the same cluster and the same headers upstream, for the same requests. */
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Pair } from "../../host-sim/index.ts";
import { encode } from "../../scripts/encode/encode.ts";
import { filter } from "../../scripts/filter.ts";
import { loadFarm } from "../support/farms.ts";
import { requestsFor } from "../support/requests.ts";
import { Both } from "./both.ts";
import { type Exchange, exchange } from "./exchange.ts";
import { exchanges } from "./generate.ts";

const { plan } = loadFarm("small");
const emitted = plan.emit.map(({ name }) => name);
const clusters = ["fallback", ...new Set(plan.clusters.flat())];
const table = (generation: number): Uint8Array => encode(plan, { generation, names: null });

/** What Envoy lets through to a filter as it is: no dot segments, no odd bytes in host or path. */
const passes = ({ authority, target }: { authority: string | null; target: string }): boolean =>
  authority !== null && /^[\w.:[\]-]+$/.test(authority) && /^\/[\w~%?&=/-]*$/.test(target);

const forged = fc.subarray(emitted).map((names) => names.map((name): Pair => [name, "forged"]));
const requests: fc.Arbitrary<Exchange> = fc
  .tuple(requestsFor(plan).filter(passes), forged)
  .map(([{ authority, target }, headers]) => exchange("", { host: authority!, path: target, headers }));

let both: Both;
beforeAll(async () => {
  const configuration = table(1);
  both = await Both.start({
    wasm: filter,
    configuration,
    clusters,
    clusterHeader: "x-mw-cluster",
    emittedHeaders: emitted,
  });
}, 120_000);
afterAll(() => both?.stop());

async function sameFor(seed: number, count: number): Promise<Set<string>> {
  const seen = new Set<string>();
  for (const one of exchanges(count, seed, requests)) {
    const { real, simulated } = await both.run(one);
    expect(simulated, `seed ${seed}: ${JSON.stringify(one)}`).toEqual(real);
    for (const { cluster } of real.upstream) seen.add(cluster);
  }
  return seen;
}

test("200 requests go to the same clusters with the same headers, before and after updates", async () => {
  const first = await both.firstLogs();
  expect(first.simulated).toEqual(first.real);
  expect(first.real).toContainEqual(expect.stringContaining("serving generation 1"));
  const before = await sameFor(1, 100);
  expect(before).toContain("fallback");
  expect(before.size).toBeGreaterThan(3);

  const damaged = table(2);
  damaged[damaged.length - 1]! ^= 1;
  const refused = await both.configure(damaged);
  expect(refused.simulated).toEqual(refused.real);
  expect(refused.real).toMatchObject({ accepted: false });
  expect(refused.real.logs).toEqual([
    "4 pointsman: table refused: the checksum is wrong: the table is damaged",
  ]);
  await sameFor(2, 50);

  const accepted = await both.configure(table(3));
  expect(accepted.simulated).toEqual(accepted.real);
  expect(accepted.real).toMatchObject({ accepted: true });
  await sameFor(3, 50);
});
