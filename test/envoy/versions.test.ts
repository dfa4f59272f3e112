/**
 * Envoys of other days: what we render starts right in each, whatever comes late or is bad first. `npm run test:envoys`
 * gives each 1,000 updates.
 */
import { expect, test, vi } from "vitest";
import {
  ENVOY_VERSION,
  EnvoyUnavailable,
  findEnvoy,
  OTHER_ENVOY_VERSIONS,
} from "../../scripts/envoy/install.ts";
import { XdsServer } from "../support/xds-server.ts";
import { PLAN, type Started, start, tableOf, WASM } from "./farm.ts";

const UPDATES = Number(process.env.POINTSMAN_UPDATES ?? 200);
const TIMEOUT = 60_000 + 500 * UPDATES;
const LISTENERS = ["edge", "mesh"];
const VERSIONS = [...OTHER_ENVOY_VERSIONS, ENVOY_VERSION];

const [FIRST, SECOND] = [1, 0].map((release) => ({
  wikis: PLAN.wikis.map((one) => ({ ...one, release })),
}));
/** Odd and even generations route differently: nothing that is left behind looks right. */
const table = (generation: number) => tableOf(generation % 2 === 1 ? FIRST : SECOND, generation);
const clusterOf = (generation: number) => `web-1.47.0-wmf.${generation % 2 === 1 ? 2 : 1}`;

function bad(generation: number): Uint8Array {
  const bytes = table(generation);
  bytes[bytes.length >> 1]! ^= 1;
  return bytes;
}

/** Both listeners, on connections of their own, so that either worker answers. */
async function expectAll(farm: Started, generation: number, times: number): Promise<void> {
  for (let i = 0; i < times; i++) {
    const seen = await Promise.all(
      LISTENERS.map((listener) => farm.ask({ listener, host: "test.wiki.example" })),
    );
    expect(seen.map(({ cluster }) => cluster)).toEqual(LISTENERS.map(() => clusterOf(generation)));
  }
}

/** Its own word, for both listeners. */
async function expectServed(farm: Started, generation: number): Promise<void> {
  for (const listener of LISTENERS) {
    const name = `wasmcustom.pointsman.generation.listener.${listener}`;
    await farm.envoy.waitForStat(name, (value) => value === generation, 10_000);
  }
  const stats = await farm.envoy.stats("^wasm\\..*vm_reload");
  expect(Object.values(stats).filter((value) => value !== 0)).toEqual([]);
  expect(farm.envoy.gone).toBe(false);
}

const options = (envoy: string) => ({
  envoy,
  concurrency: 2,
  listeners: [{ name: "edge", trust: "edge" as const }, { name: "mesh" }],
});

/** null, said why, where the version cannot be had; in CI that is a failure. */
async function envoyOf(version: string, skip: (why: string) => never): Promise<string> {
  try {
    return await findEnvoy({ version });
  } catch (error) {
    if (!(error instanceof EnvoyUnavailable) || process.env.CI) throw error;
    return skip(`Envoy ${version} cannot be had here: ${error.message.split("\n", 1)[0]}`);
  }
}

for (const version of VERSIONS) {
  test(
    `Envoy ${version} by a server: the first table late, a bad one first, ${UPDATES} updates`,
    async ({ skip }) => {
      const envoy = await envoyOf(version, skip);
      const server = new XdsServer(WASM);
      await server.start();
      const farm = await start({ ...options(envoy), server: server.port, table: table(1) });
      const push = (bytes: Uint8Array, attempt: number) => server.push(LISTENERS, { table: bytes, attempt });
      try {
        // Nothing has come yet.
        await expectAll(farm, 1, 4);
        await expectServed(farm, 1);
        expect(await push(bad(2), 1)).toBe("NACK");
        await expectAll(farm, 1, 4);
        for (let n = 2; n <= UPDATES; n++) {
          expect(await push(table(n), n)).toBe("ACK");
          // The word comes from the main thread; workers follow.
          await vi.waitFor(() => expectAll(farm, n, 1), { timeout: 5_000, interval: 1 });
        }
        expect(await push(bad(UPDATES + 1), UPDATES + 1)).toBe("NACK");
        await expectAll(farm, UPDATES, 4);
        await expectServed(farm, UPDATES);
      } finally {
        await farm.stop();
        server.stop();
      }
    },
    TIMEOUT,
  );

  test(
    `Envoy ${version} by files: a bad table first, ${UPDATES} updates`,
    async ({ skip }) => {
      const envoy = await envoyOf(version, skip);
      const atStart = (listener: string) => ({ wasm: WASM, table: table(1), listener });
      const farm = await start({ ...options(envoy), table: bad(1), atStart });
      try {
        await expectAll(farm, 1, 4);
        await expectServed(farm, 1);
        for (let n = 2; n <= UPDATES; n++) {
          expect(await farm.envoy.updateFilter(table(n))).toEqual({ accepted: true });
          await expectAll(farm, n, 1);
        }
        expect((await farm.envoy.updateFilter(bad(UPDATES + 1))).accepted).toBe(false);
        await expectAll(farm, UPDATES, 4);
        await expectServed(farm, UPDATES);
      } finally {
        await farm.stop();
      }
    },
    TIMEOUT,
  );
}
