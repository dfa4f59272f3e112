/** The real Envoy and the simulator side by side, on the same module and configurations. */
import type { UpdateResult } from "../../scripts/envoy/process.ts";
import { compileGuest, FILTER_FLAGS } from "../support/compile-guest.ts";
import { compared } from "./envoy-around.ts";
import type { Exchange, Outcome } from "./exchange.ts";
import type { GrpcCluster } from "./grpc-upstream.ts";
import { moduleFile } from "./module-file.ts";
import { Real } from "./real.ts";
import { Simulated } from "./simulated.ts";

export interface BothOptions {
  /** Default: the test guest. */
  readonly wasm?: Uint8Array;
  /** The guest says how far it is, as the test guest does. */
  readonly talkative?: boolean;
  readonly configuration?: Uint8Array | string;
  /** The first is also where requests without a cluster header go; default: `a`. */
  readonly clusters?: readonly string[];
  /** Of these: those to which the guest alone calls. */
  readonly called?: readonly string[];
  /** Beside these: clusters that speak gRPC, by name. */
  readonly grpc?: Readonly<Record<string, GrpcCluster>>;
  readonly clusterHeader?: string;
  readonly emittedHeaders?: readonly string[];
  readonly failurePolicy?: "closed" | "open" | "reload";
  readonly allowOnHeadersStopIteration?: boolean;
}

/** What each of the two made of the same. */
export interface Pair<T> {
  readonly real: T;
  readonly simulated: T;
}

export type Metrics = Readonly<Record<string, number>>;

const policies = { closed: "FAIL_CLOSED", open: "FAIL_OPEN", reload: "FAIL_RELOAD" } as const;

export class Both {
  readonly real: Real;
  readonly simulated: Simulated;
  readonly #remove: () => Promise<void>;

  private constructor(real: Real, simulated: Simulated, remove: () => Promise<void>) {
    this.real = real;
    this.simulated = simulated;
    this.#remove = remove;
  }

  static async start(options: BothOptions = {}): Promise<Both> {
    const {
      clusters = ["a"],
      clusterHeader = "x-cluster",
      emittedHeaders = [],
      failurePolicy = "reload",
    } = options;
    const { allowOnHeadersStopIteration = false, grpc = {} } = options;
    const wasm =
      options.wasm ?? (await compileGuest(["test/same-as-envoy/guest/script.ts", ...FILTER_FLAGS]));
    const configuration = bytesOf(options.configuration ?? "");
    const common = { configuration, clusterHeader, emittedHeaders, allowOnHeadersStopIteration, grpc };
    const file = await moduleFile(wasm);
    try {
      const simulated = await Simulated.start({
        ...common,
        wasm,
        failurePolicy,
        clusters,
      });
      const talkative = options.talkative ?? options.wasm === undefined;
      const policy = policies[failurePolicy];
      const real = await Real.start({
        ...common,
        wasm: file.path,
        clusters,
        failurePolicy: policy,
        talkative,
        called: options.called ?? [],
      });
      return new Both(real, simulated, file.remove);
    } catch (error) {
      await file.remove();
      throw error;
    }
  }

  /**
   * The same with a guest that does not say how far it is: as many lines are waited for as the simulated guest logs.
   * @param isOfTick lines that come whenever a tick comes, and are not compared
   */
  async runSilent(exchange: Exchange, isOfTick: RegExp | null = null): Promise<Pair<Outcome>> {
    const simulated = this.simulated.run(exchange, false);
    // Of a log of many lines Envoy's first alone can be told from its own.
    const logs = simulated.logs.map((line) => line.split("\n")[0] ?? "");
    const isOne = (line: string): boolean => isOfTick === null || !isOfTick.test(line);
    const real = await this.real.run(exchange, { count: logs.length, isOne });
    return { real: compared(real), simulated: compared({ ...simulated, logs }) };
  }

  async run(exchange: Exchange): Promise<Pair<Outcome>> {
    return {
      real: compared(await this.real.run(exchange)),
      simulated: compared(this.simulated.run(exchange)),
    };
  }

  /** Gives both a new configuration; `logs` are sorted, since Envoy's threads take it up side by side. */
  async configure(configuration: Uint8Array | string): Promise<Pair<{ accepted: boolean; logs: string[] }>> {
    const bytes = bytesOf(configuration);
    this.real.takeLogs();
    this.simulated.takeLogs();
    const verdict: UpdateResult = await this.real.envoy.updateFilter(bytes);
    const simulated = this.simulated.configure(bytes);
    const logs = this.simulated.takeLogs().sort();
    return {
      real: { accepted: verdict.accepted, logs: (await this.real.takeLines(logs.length)).sort() },
      simulated: { accepted: simulated.accepted, logs },
    };
  }

  /** What the first configuration made the guest log, sorted. */
  async firstLogs(): Promise<Pair<string[]>> {
    const simulated = this.simulated.takeLogs().sort();
    return { real: (await this.real.takeLines(simulated.length)).sort(), simulated };
  }

  /** Counters and gauges by name, beyond 2^53 as the nearest number. */
  async metrics(): Promise<Pair<Metrics>> {
    const real: Record<string, number> = {};
    for (const [name, value] of Object.entries(await this.real.envoy.stats("^wasmcustom\\."))) {
      real[name.slice("wasmcustom.".length)] = Number(value);
    }
    const simulated: Record<string, number> = {};
    for (const { name, type, value } of this.simulated.host.shared.metrics.all()) {
      if (type !== "histogram") simulated[name] = Number(value);
    }
    return { real, simulated };
  }

  async stop(): Promise<void> {
    await this.real.stop();
    await this.#remove();
  }
}

const bytesOf = (configuration: Uint8Array | string): Uint8Array =>
  typeof configuration === "string" ? Buffer.from(configuration) : configuration;
