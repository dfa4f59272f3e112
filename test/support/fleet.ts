/** A fleet, all of it real: Envoys that ask `pointsman serve` for their tables, and upstreams that tell which one serves. */
import { execFile } from "node:child_process";
import { appendFileSync, cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findEnvoy } from "../../scripts/envoy/install.ts";
import { type EnvoyProcess, startConfigured } from "../../scripts/envoy/process.ts";
import { send } from "../../scripts/envoy/request.ts";
import { type Seen, startUpstreams, type Upstreams } from "../../scripts/envoy/upstream.ts";
import type { ServeStatus } from "../../scripts/serve/http.ts";
import { projectPath } from "./data.ts";
import { freePort } from "./free-port.ts";
import { Staying } from "./staying.ts";

/** Of the small farm; testwiki runs the last one at first. */
export const VERSIONS = ["1.46.0", "1.47.0-wmf.1", "1.47.0-wmf.2", "1.47.0-wmf.3"];
/** Of an Envoy with two workers: theirs and the main thread's. */
const INSTANCES = 3;

export interface FleetOptions {
  envoys: number;
  /** What `--store` says; default: a folder. */
  store?: string;
  /** Of `pointsman serve`. */
  serve?: string[];
  /** For the farm: keys that the small one does not have. */
  farm?: string;
  /** Makes another farm in `farm/` of the folder, whose clusters are these. */
  other?: { write: (folder: string) => void; clusters: string[] };
  /** Envoys, by number, for which a cluster leads nowhere: they answer 503 for it. */
  dead?: Record<number, string>;
}

export interface Ran {
  code: number;
  out: string;
  err: string;
}

export class FleetUnderTest {
  readonly envoys: EnvoyProcess[] = [];
  server: Served | null = null;
  /** Beside PATH, of the commands and servers that are started from now on. */
  readonly env: NodeJS.ProcessEnv = {};
  /** The version of testwiki in each generation that was pushed. */
  readonly pushes = new Map<number, string>();
  /** Where Envoys ask. */
  xdsPort = 0;
  private promoted = VERSIONS.at(-1)!;

  private constructor(
    readonly folder: string,
    readonly store: string,
    private readonly upstreams: Upstreams,
    private readonly options: FleetOptions,
  ) {}

  /** Every Envoy starts with generation 1, which is in the store too; the server runs. */
  static async start(options: FleetOptions): Promise<FleetUnderTest> {
    const folder = mkdtempSync(join(tmpdir(), "pointsman-fleet-"));
    cpSync(projectPath("examples/small"), join(folder, "farm"), { recursive: true });
    if (options.farm !== undefined) appendFileSync(join(folder, "farm/farm.yaml"), options.farm);
    options.other?.write(folder);
    const ofSmall = ["mw-web", "mw-api"].flatMap((name) =>
      VERSIONS.map((version) => `${name}-${version.replaceAll(".", "-")}`),
    );
    const names = options.other?.clusters ?? ofSmall;
    const store = options.store ?? join(folder, "store");
    const fleet = new FleetUnderTest(folder, store, await startUpstreams(names), options);
    try {
      fleet.xdsPort = await freePort();
      await fleet.pushed();
      await fleet.serve();
      await fleet.well("pack", "--farm", "farm/farm.yaml", "--strip", "--out", "first.table");
      const envoy = await findEnvoy();
      for (let i = 0; i < options.envoys; i++) {
        const file = await fleet.render(i);
        fleet.envoys.push(await startConfigured(file, { envoy, concurrency: 2 }));
      }
      return fleet;
    } catch (error) {
      await fleet.stop();
      throw error;
    }
  }

  /** Its configuration; `envoy-0` alone is of the cluster `canary`. */
  private async render(i: number): Promise<string> {
    const out = join(this.folder, `envoy-${i}`);
    const addresses = this.upstreams.clusters.flatMap(({ name, port }) => [
      "--cluster",
      `${name}=127.0.0.1:${name === this.options.dead?.[i] ? 9 : port}`,
    ]);
    await this.well(
      ...["render", "envoy", "--table", "first.table", "--out", out, "--xds", `127.0.0.1:${this.xdsPort}`],
      ...["--node-id", `envoy-${i}`, "--node-cluster", i === 0 ? "canary" : "edge"],
      ...["--listener", "main=0", "--admin-port", "0", "--fallback", "127.0.0.1:9", ...addresses],
    );
    return join(out, "envoy.yaml");
  }

  /** What `status` and who leads a push ask: each Envoy's admin. */
  proxies(): string[] {
    return this.envoys.flatMap(({ adminPort }) => ["--proxy", `http://127.0.0.1:${adminPort} main`]);
  }

  /** Beside us, as upstreams answer in this process. */
  run(...args: string[]): Promise<Ran> {
    const env = { PATH: process.env.PATH, POINTSMAN_WHO: "me", POINTSMAN_STORE: this.store, ...this.env };
    const cli = projectPath("build/pointsman.mjs");
    return new Promise((resolve) => {
      execFile(process.execPath, [cli, ...args], { cwd: this.folder, env }, (error, out, err) =>
        resolve({ code: error === null ? 0 : Number(error.code ?? -1), out, err }),
      );
    });
  }

  async well(...args: string[]): Promise<Ran> {
    const ran = await this.run(...args);
    if (ran.code !== 0) throw new Error(`pointsman ${args.join(" ")}: ${ran.err}`);
    return ran;
  }

  /** Starts the server, where it stood before. */
  async serve(store = this.store, options = this.options.serve ?? []): Promise<Served> {
    const listen = ["--listen", String(this.xdsPort)];
    this.server = await Served.of(this.folder, store, [...listen, ...options], this.env);
    return this.server;
  }

  /** testwiki runs this version from the next push on. */
  promote(version: string): void {
    const file = join(this.folder, "farm/wikiversions.json");
    const versions = JSON.parse(readFileSync(file, "utf8"));
    writeFileSync(file, JSON.stringify({ ...versions, testwiki: `php-${version}` }));
    this.promoted = version;
  }

  /** Pushes the farm as it is; says the generation. */
  async pushed(...more: string[]): Promise<number> {
    const { out } = await this.well(
      "push",
      "--farm",
      "farm/farm.yaml",
      "--yes",
      "--reason",
      "x",
      "--json",
      ...more,
    );
    const { generation } = JSON.parse(out) as { generation: number };
    this.pushes.set(generation, this.promoted);
    return generation;
  }

  /** Pushes another table than the one before. */
  async pushedNext(...more: string[]): Promise<number> {
    const next = VERSIONS.indexOf(this.promoted) + 1;
    this.promote(VERSIONS[next] ?? VERSIONS[1]!);
    return this.pushed(...more);
  }

  /** `pointsman status` of the Envoys that run, and the version that each one's upstreams are asked for. */
  async status(): Promise<{
    code: number;
    said: (string | undefined)[];
    seen: string[];
    verdicts: string[];
  }> {
    const proxies = this.envoys.flatMap(({ adminPort }) => ["--proxy", `http://127.0.0.1:${adminPort} main`]);
    const { code, out } = await this.run("status", ...proxies, "--timeout", "2s", "--json");
    const state = JSON.parse(out) as {
      proxies: { listeners: [{ verdict: string; served: { generation: number } | null }] }[];
    };
    const listeners = state.proxies.map(({ listeners: [one] }) => one);
    return {
      code,
      said: listeners.map(({ served }) => (served === null ? undefined : this.pushes.get(served.generation))),
      seen: await this.versions(),
      verdicts: listeners.map(({ verdict }) => verdict),
    };
  }

  /** Where an Envoy's filter is, on its disk. */
  wasmOf(i: number): string {
    return join(this.folder, `envoy-${i}`, "pointsman.wasm");
  }

  /** The same Envoy again, from what is on its disk. */
  async restart(i: number): Promise<void> {
    await this.envoys[i]!.stop();
    const file = join(this.folder, `envoy-${i}`, "envoy.yaml");
    this.envoys[i] = await startConfigured(file, { envoy: await findEnvoy(), concurrency: 2 });
  }

  /** What each Envoy's upstreams are asked for: the version that testwiki gets, over connections of their own. */
  async versions(): Promise<string[]> {
    return Promise.all(
      this.envoys.map(async ({ port }) => {
        const request = { port, host: "test.wikipedia.org", timeoutMs: 2_000 };
        const { status, body } = await send(request).catch((error) => ({ status: error.message, body: "" }));
        if (status !== 200) return String(status);
        const slug = (JSON.parse(body) as Seen).cluster.replace("mw-web-", "");
        return VERSIONS.find((version) => version.replaceAll(".", "-") === slug) ?? slug;
      }),
    );
  }

  /** The generation that all workers of each Envoy serve, by their own word; null where they differ or are too few. */
  async generations(): Promise<(number | null)[]> {
    return Promise.all(
      this.envoys.map(async (envoy) => {
        const stats = await envoy.stats("^wasmcustom\\.pointsman\\.(generation|instances|digest)\\.");
        const of = (name: string) => Number(stats[`wasmcustom.pointsman.${name}.listener.main`] ?? 0);
        return of("instances") === INSTANCES && of("digest") !== 0 ? of("generation") : null;
      }),
    );
  }

  async stop(): Promise<void> {
    await Promise.all(this.envoys.map((envoy) => envoy.stop()));
    await this.server?.stop();
    await this.upstreams.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** A `pointsman serve`. */
export class Served extends Staying {
  static of(
    folder: string,
    store: string,
    options: readonly string[],
    env: NodeJS.ProcessEnv = {},
  ): Promise<Served> {
    return Served.start({ folder, args: ["serve", "--store", store, ...options], env });
  }

  /** Each proxy's state, by its id. */
  async states(): Promise<Record<string, string>> {
    const { proxies } = await this.status<ServeStatus>();
    return Object.fromEntries(proxies.map(({ id, state }) => [id, state]));
  }
}
