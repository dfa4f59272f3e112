/** What the tests of `scripts/envoy` start from: an Envoy with the guest, two clusters and a fallback. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findEnvoy } from "../../scripts/envoy/install.ts";
import { type EnvoyOptions, type EnvoyProcess, startEnvoy } from "../../scripts/envoy/process.ts";
import { type SendOptions, send } from "../../scripts/envoy/request.ts";
import { type Seen, startUpstreams } from "../../scripts/envoy/upstream.ts";
import { compileGuest, FILTER_FLAGS } from "./compile-guest.ts";

export const HEADER = "x-mw-cluster";

export interface Fixture {
  /** Starts an Envoy whose guest says this: `HEADER:VALUE`, or `bad…`. */
  start(says: string | null, options?: Partial<EnvoyOptions>): Promise<EnvoyProcess>;
  /** Sends a request and returns what the upstream saw; fails on anything but a 200. */
  ask(envoy: EnvoyProcess, options?: Partial<SendOptions>): Promise<Seen>;
  stopAll(): Promise<void>;
}

export async function makeFixture(): Promise<Fixture> {
  const folder = await mkdtemp(join(tmpdir(), "pointsman-guest-"));
  const wasm = join(folder, "guest.wasm");
  await writeFile(wasm, await compileGuest(["test/support/guest/tiny.ts", ...FILTER_FLAGS]));
  const envoy = await findEnvoy();
  const upstreams = await startUpstreams(["a", "b", "fallback"]);
  const started: EnvoyProcess[] = [];
  return {
    async start(says, options = {}) {
      const filter = says === null ? undefined : { wasm, table: table(says), ...options.filter };
      const process = await startEnvoy({
        envoy,
        clusters: upstreams.clusters,
        fallbackCluster: "fallback",
        clusterHeader: HEADER,
        emittedHeaders: [],
        ...options,
        ...(filter && { filter }),
      });
      started.push(process);
      return process;
    },
    async ask(process, options = {}) {
      const response = await send({ port: process.port, ...options });
      if (response.status !== 200) throw new Error(`${response.status} ${response.body}`);
      return JSON.parse(response.body) as Seen;
    },
    async stopAll() {
      await Promise.all(started.map((one) => one.stop()));
      await upstreams.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

export function table(text: string): Uint8Array {
  return Buffer.from(text);
}

/** The values of a header that the upstream saw, in order. */
export function seenValues(seen: Seen, name: string): string[] {
  return seen.headers.filter(([key]) => key.toLowerCase() === name).map(([, value]) => value);
}
