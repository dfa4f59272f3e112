/**
 * A whole proxy: canary, main thread and workers, each with a VM of its own, filters that are configured while
 * requests run, and what the proxy does when a VM dies. `Vm` alone is one of these VMs.
 */

import { byteStringOf } from "./bytes.ts";
import { Clock } from "./clock.ts";
import type { Pair } from "./memory.ts";
import type { RequestInput, RequestResult } from "./messages.ts";
import { type CompiledModule, LoadError } from "./module.ts";
import type { Properties } from "./properties.ts";
import type { RootContext, RootOptions } from "./root.ts";
import { Shared } from "./shared.ts";
import type { Stream } from "./stream.ts";
import { type LoadOptions, type LogLine, Vm } from "./vm.ts";

export type FailurePolicy = "closed" | "open" | "reload";

export interface HostOptions extends Omit<LoadOptions, "profile" | "onLog" | "threads"> {
  readonly profile: NonNullable<LoadOptions["profile"]>;
  /** Worker threads; default 2. */
  readonly workers?: number;
  /** What a dead VM means for requests; default: the host's own. */
  readonly failurePolicy?: FailurePolicy;
  /** The shortest time between a VM's start and its reload, in milliseconds; default 1,000, without Envoy's jitter. */
  readonly reloadBackoff?: number;
}

/** What became of a configuration. */
export interface Verdict {
  readonly accepted: boolean;
  /** Why not; null if accepted. */
  readonly why: string | null;
}

export interface HostLogLine extends LogLine {
  /** `base`, `canary`, `main`, or `worker 0` and so on. */
  readonly vm: string;
}

/** The VMs that one module runs in. */
interface Generation {
  readonly module: CompiledModule;
  /** By thread name; a host with one VM for all has only `main`. */
  readonly vms: Map<string, Vm>;
  /** Canary verdicts by plugin key. */
  readonly verdicts: Map<string, Verdict>;
}

interface Filter {
  readonly generation: Generation;
  readonly options: RootOptions;
  readonly key: string;
  /** By thread name, with the time of its VM's start in nanoseconds. */
  readonly roots: Map<string, { root: RootContext; started: bigint }>;
}

const accepted: Verdict = { accepted: true, why: null };

/** Filters with the same root id and configuration share a root context (PluginBase::key). */
const keyOf = ({ rootId = "", configuration = "" }: RootOptions): string =>
  `${rootId}||${typeof configuration === "string" ? configuration : byteStringOf(configuration)}`;

export class ProxyHost {
  readonly clock: Clock;
  readonly shared: Shared;
  /** What all VMs logged, in order. */
  readonly logs: HostLogLine[] = [];
  /** Envoy's wasm.NAME.vm_reload_*. */
  readonly stats = { vmReloadSuccess: 0, vmReloadFailure: 0, vmReloadBackoff: 0 };
  /** Why the process died; null while it runs. */
  died: string | null = null;
  readonly #options: HostOptions;
  readonly #module: CompiledModule;
  readonly #threads: readonly string[];
  readonly #filters = new Map<string, Filter>();
  #vmsStarted = 0;
  /** Why the first configuration was refused, where no other is taken after that. */
  #refusedStart: string | null = null;

  constructor(module: CompiledModule, options: HostOptions) {
    this.#module = module;
    this.#options = options;
    this.clock = options.clock ?? new Clock();
    this.shared = options.shared ?? new Shared();
    const workers = Array.from({ length: options.workers ?? 2 }, (_, i) => `worker ${i}`);
    this.#threads = options.profile.vmPerWorker ? ["main", ...workers] : ["main"];
  }

  /** The VM of a thread (`main`, `worker 0` …) that runs a filter now. */
  vm(filter: string, thread: string): Vm | undefined {
    return this.#filters.get(filter)?.roots.get(this.#thread(thread))?.root.vm;
  }

  /** The root context of a thread that new requests of a filter go to. */
  root(filter: string, thread: string): RootContext | undefined {
    return this.#filters.get(filter)?.roots.get(this.#thread(thread))?.root;
  }

  #thread(thread: string): string {
    return this.#options.profile.vmPerWorker ? thread : "main";
  }

  /**
   * Configures a filter, first or again. A refused configuration leaves what served before; the same one again
   * does nothing. `module` is another module than the host's, whose VMs take over.
   */
  configure(filter: string, options: RootOptions = {}, module = this.#module): Verdict {
    if (this.died !== null) return { accepted: false, why: `the process died: ${this.died}` };
    if (this.#refusedStart !== null)
      return {
        accepted: false,
        why: `nothing is taken after the start, which was refused: ${this.#refusedStart}`,
      };
    const { profile, failurePolicy } = this.#options;
    const failOpen = failurePolicy === undefined ? options.failOpen : failurePolicy === "open";
    const withPolicy: RootOptions = failOpen === undefined ? options : { ...options, failOpen };
    const old = this.#filters.get(filter);
    const key = keyOf(withPolicy);
    const living = profile.updatesLivingVm ? this.#livingGeneration(module) : undefined;
    if (old !== undefined && old.generation === living && old.key === key) return accepted;

    const generation = living ?? { module, vms: new Map(), verdicts: new Map() };
    const next: Filter = { generation, options: withPolicy, key, roots: new Map() };
    try {
      const refused = this.#canary(generation, next) ?? this.#startThreads(next);
      if (refused !== null) {
        for (const { root } of next.roots.values()) root.retire();
        return this.#refuse(refused);
      }
    } catch (error) {
      if (!(error instanceof LoadError)) throw error;
      return this.#refuse(error.message);
    }
    this.#filters.set(filter, next);
    if (old !== undefined) this.#retire(old);
    return accepted;
  }

  #refuse(why: string): Verdict {
    if (this.#options.profile.refusedStartIsFinal && this.#filters.size === 0) this.#refusedStart = why;
    return { accepted: false, why };
  }

  #livingGeneration(module: CompiledModule): Generation | undefined {
    for (const { generation } of this.#filters.values()) if (generation.module === module) return generation;
    return undefined;
  }

  /** Tries the configuration on a VM that is then dropped without a word; null if it passes. */
  #canary(generation: Generation, filter: Filter): string | null {
    if (!this.#options.profile.canary) return null;
    if (!generation.vms.has("base")) generation.vms.set("base", this.#start("base", generation.module));
    let verdict = generation.verdicts.get(filter.key);
    if (verdict === undefined) {
      const vm = this.#start("canary", generation.module);
      const root = vm.createRoot(filter.options);
      vm.drop();
      verdict = root.ok ? accepted : { accepted: false, why: root.refused };
      generation.verdicts.set(filter.key, verdict);
    }
    return verdict.why;
  }

  #startThreads(filter: Filter): string | null {
    for (const thread of this.#threads) {
      const refused = this.#startOn(thread, filter);
      if (refused !== null) return refused;
    }
    return null;
  }

  /** Starts the filter's root context on a thread, in the VM there or in a new one if that is dead. */
  #startOn(thread: string, filter: Filter): string | null {
    const { vms, module } = filter.generation;
    let vm = vms.get(thread);
    if (vm === undefined || vm.failed) {
      vm = this.#start(thread, module);
      vms.set(thread, vm);
    }
    const root = vm.createRoot(filter.options);
    this.died ??= vm.hostDied;
    if (root.ok) filter.roots.set(thread, { root, started: this.clock.nanoseconds });
    return root.refused;
  }

  #start(name: string, module: CompiledModule): Vm {
    const { clock, shared } = this;
    const threads = this.#options.profile.vmPerWorker ? 1 : (this.#options.workers ?? 2);
    let vm: Vm | null = null;
    const onLog = (line: LogLine): void => {
      this.logs.push({ vm: name, ...line });
      // A proxy may run for long: its lines are kept once, where their reader can take them away.
      vm?.logs.splice(0);
    };
    // Each VM draws random bytes of its own, and the same ones in each run.
    const seed = (this.#options.seed ?? 1) + this.#vmsStarted++;
    vm = new Vm(module, { ...this.#options, clock, shared, threads, onLog, seed });
    return vm;
  }

  #retire(filter: Filter): void {
    for (const { root } of filter.roots.values()) root.retire();
  }

  /** A stream of a filter on a worker; null where nothing filters: see `unfiltered`. */
  begin(filter: string, worker = 0, properties: Properties = {}): Stream | null {
    const thread = this.#thread(`worker ${worker}`);
    const configured = this.#filters.get(filter);
    const running = configured?.roots.get(thread);
    if (configured === undefined || running === undefined) return null;
    if (running.root.vm.trap !== null && this.#options.failurePolicy === "reload") {
      this.#reload(thread, configured, running.started);
    }
    return configured.roots.get(thread)?.root.newStream(properties) ?? null;
  }

  /** PluginConfig::maybeReloadHandleIfNeeded */
  #reload(thread: string, filter: Filter, started: bigint): void {
    const { reloadBackoff = 1000 } = this.#options;
    if (this.clock.nanoseconds - started < BigInt(reloadBackoff) * 1_000_000n) this.stats.vmReloadBackoff++;
    else if (this.#startOn(thread, filter) === null) this.stats.vmReloadSuccess++;
    else this.stats.vmReloadFailure++;
  }

  /** One request through a filter, on a worker. */
  request(filter: string, input: RequestInput, worker = 0): RequestResult {
    if (this.died !== null)
      return { ...unfiltered(input), upstream: null, reset: `the process died: ${this.died}` };
    const stream = this.begin(filter, worker, input.properties);
    if (stream === null) return this.#unconfigured(input);
    stream.exchange(input);
    stream.close();
    this.died ??= stream.vm.hostDied;
    return stream.result();
  }

  /** No configuration was ever accepted. */
  #unconfigured(input: RequestInput): RequestResult {
    const { profile } = this.#options;
    const status = profile.neverConfiguredStatus;
    if (status === null) return unfiltered(input);
    const headers = profile.localReplyHeaders(status, "", []);
    const localReply = { status, body: "", headers, details: "filter_config_missing", grpcStatus: null };
    const downstream = { headers, body: new Uint8Array(0), trailers: null, ended: true };
    return { ...unfiltered(input), upstream: null, localReply, downstream };
  }
}

/** A request that no filter touched. */
function unfiltered({ headers }: RequestInput): RequestResult {
  const value = (name: string): string => headers.find((pair: Pair) => pair[0] === name)?.[1] ?? "";
  return {
    headers,
    target: {
      method: value(":method"),
      scheme: value(":scheme"),
      host: value(":authority"),
      path: value(":path"),
    },
    action: "continue",
    localReply: null,
    upstream: { headers, body: new Uint8Array(0), trailers: null, ended: true },
    downstream: null,
    reset: null,
    trapped: null,
    routeCacheClears: 0,
    hostCalls: 0,
  };
}
