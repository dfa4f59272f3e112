/** One Wasm VM: a module's instance, its contexts, and every way into the guest. */
import { type AbiVersion, enumNames } from "./abi.ts";
import { backtrace, type Code, withStack } from "./backtrace.ts";
import type { Body } from "./body.ts";
import { textOf } from "./bytes.ts";
import { type CallbackName, callbackOf } from "./callbacks.ts";
import { Clock } from "./clock.ts";
import { Context } from "./context.ts";
import type { Faults } from "./faults.ts";
import { DEFERRED, FOLLOWING_CALLBACKS, HOST_CALLS, PASSED_BYTES, trapBeyond } from "./limits.ts";
import { link, missingExports } from "./link.ts";
import { GuestMemory, pairsSize } from "./memory.ts";
import { abiVersionOf, CompiledModule, compileModule, LoadError } from "./module.ts";
import { envoy140 } from "./profiles/envoy.ts";
import type { Profile } from "./profiles/profile.ts";
import type { Properties } from "./properties.ts";
import { RootContext, type RootOptions } from "./root.ts";
import { MetricIds, Shared } from "./shared.ts";
import type { TraceEvent } from "./trace.ts";
import { GuestTrap, HostAbort, trapMessage } from "./trap.ts";
import { STACK_IN_USE } from "./wasm/stack-limit.ts";
import { DEFAULT_TURNS, TURNS_LEFT } from "./wasm/turn-limit.ts";

/** Answers a call of `proxy_call_foreign_function`: the results, or a status. */
export type ForeignFunction = (args: Uint8Array, context: Context) => Uint8Array | string | number;

export interface LoadOptions {
  /** Default: `envoy140`. */
  readonly profile?: Profile;
  readonly vmId?: string;
  /** Bytes, or text. */
  readonly vmConfiguration?: Uint8Array | string;
  /** The VMs of one host have these two in common; default: the VM's own. */
  readonly clock?: Clock;
  readonly shared?: Shared;
  /** Threads that serve requests by this VM, where a host has one for all; default 1. */
  readonly threads?: number;
  /** Environment variables, for WASI. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Properties that hold for every request, by dotted path. */
  readonly properties?: Properties;
  /** Upstreams that `proxy_http_call` can name; default: any. */
  readonly upstreams?: readonly string[];
  readonly foreignFunctions?: Readonly<Record<string, ForeignFunction>>;
  readonly faults?: Faults;
  readonly trace?: (event: TraceEvent) => void;
  /** Gets each line that the guest logs, beside `Vm.logs`. */
  readonly onLog?: (line: LogLine) => void;
  /** What `proxy_get_log_level` answers, 0 (trace) to 5 (critical); default 2 (info). Every log is kept anyway. */
  readonly logLevel?: number;
  /** What WASI's `random_get` gives: the same seed, the same bytes. Default 1. */
  readonly seed?: number;
  /**
   * How many turns of loops and calls of functions the guest has for one callback, to 4,294,967,295; then it traps.
   * Default: 1,000,000,000, a second or two.
   */
  readonly turns?: number;
  /** The JSON of the module's source map, where bytes are loaded: traps then tell lines of its sources. */
  readonly sourceMap?: string;
  /** Offer `env.abort` and `env.seed`, which asc imports by default and no proxy has. */
  readonly assemblyScript?: boolean;
}

export interface LogLine {
  /** 0 (trace) to 5 (critical). */
  readonly level: number;
  readonly text: string;
}

/** Envoy looks for the memory where there is none (V8::getMemory), and faults. */
const noMemory = {
  get buffer(): ArrayBuffer {
    throw new HostAbort("the module has no memory");
  },
} as WebAssembly.Memory;

type GuestFunction = (...args: number[]) => number | undefined;

export class Vm {
  readonly profile: Profile;
  readonly abiVersion: AbiVersion;
  readonly vmId: string;
  readonly configuration: Uint8Array;
  readonly clock: Clock;
  readonly shared: Shared;
  readonly environment: Readonly<Record<string, string>>;
  readonly properties: Properties;
  readonly upstreams: ReadonlySet<string> | null;
  readonly foreignFunctions: Readonly<Record<string, ForeignFunction>>;
  readonly logLevel: number;
  readonly threads: number;
  readonly memory: GuestMemory;
  readonly metricIds = new MetricIds();
  readonly pairsSize = pairsSize;
  /** Everything that the guest logged, in order. */
  readonly logs: LogLine[] = [];
  /** How often each host call was made, by name. */
  readonly calls: Record<string, number> = {};
  /** The sum of `calls`. */
  hostCalls = 0;
  /** Gets every event; null, the default, costs nothing. */
  trace: ((event: TraceEvent) => void) | null;
  faults: Faults | null;
  /** The context that host calls work on: the effective one, or the callback's. */
  context: Context;
  /** `_initialize`, `main` or `_start` is running. */
  starting = true;
  /** The module has been instantiated: before that, host calls have no memory to work on. */
  instantiated = false;
  /** The trap that killed this VM: its message, and a line for each frame of the guest. */
  trap: string | null = null;
  /** Why the host's process aborted. */
  hostDied: string | null = null;
  /** The buffer FOREIGN_FUNCTION_ARGUMENTS, during `proxy_on_foreign_function`. */
  foreignArguments: Body | null = null;

  readonly #exports: Readonly<Record<string, GuestFunction | undefined>>;
  readonly #allocator: GuestFunction;
  readonly #hasMemory: boolean;
  readonly #code: Code;
  readonly #turns: number;
  readonly #turnsLeft: { value: number } | null;
  readonly #stackInUse: { readonly value: number } | null;
  readonly #readString: ((address: number) => string) | null;
  readonly #contexts = new Map<number, Context>();
  readonly #afterCall: (() => void)[] = [];
  readonly #onLog: ((line: LogLine) => void) | undefined;
  #depth = 0;
  /** Callbacks that run, each in consequence of the one before. */
  #following = 0;
  /** What `hostCalls` may come to, and what may still pass, in this callback. */
  #hostCallsAtMost = HOST_CALLS;
  #bytesLeft = PASSED_BYTES;
  #lastContextId = 0;
  /** By kind; where calls are numbered whatever they are, the first alone. */
  readonly #lastCallIds = [0, 1, 2];
  #random: number;

  static readonly compile = compileModule;

  /**
   * Instantiates a module and runs its `_initialize` (and its main) or `_start`. Throws a LoadError if the host of the
   * profile would not load it.
   * @param wasm bytes, or what `compile` made of them for the same profile
   */
  static async load(wasm: Uint8Array | CompiledModule, options: LoadOptions = {}): Promise<Vm> {
    const compiled =
      wasm instanceof CompiledModule ? wasm : await compileModule(wasm, options.profile, options.sourceMap);
    return new Vm(compiled, options);
  }

  constructor(module: CompiledModule, options: LoadOptions = {}) {
    this.profile = options.profile ?? envoy140;
    this.vmId = options.vmId ?? "";
    const { vmConfiguration = "" } = options;
    this.configuration =
      typeof vmConfiguration === "string" ? new TextEncoder().encode(vmConfiguration) : vmConfiguration;
    this.clock = options.clock ?? new Clock();
    this.shared = options.shared ?? new Shared();
    this.environment = options.environment ?? {};
    this.properties = options.properties ?? {};
    this.upstreams = options.upstreams === undefined ? null : new Set(options.upstreams);
    this.foreignFunctions = options.foreignFunctions ?? {};
    this.faults = options.faults ?? null;
    this.trace = options.trace ?? null;
    this.logLevel = options.logLevel ?? 2;
    this.threads = options.threads ?? 1;
    this.#onLog = options.onLog;
    this.#random = options.seed ?? 1;
    this.context = new Context(this, 0);
    this.#contexts.set(0, this.context);

    const { outline } = module;
    this.abiVersion = abiVersionOf(outline, this.profile);
    const instance = link(this, module, options.assemblyScript === true);
    const { exports } = instance;
    const allocator = this.profile.allocators.find((name) => typeof exports[name] === "function");
    const [lacking] = missingExports(outline, this.profile);
    if (allocator === undefined || lacking !== undefined) throw new LoadError(lacking!.why);
    this.memory = new GuestMemory(instance.memory ?? noMemory);
    this.#hasMemory = instance.memory !== null;
    this.#exports = Object.fromEntries(
      outline.exports.flatMap(({ name, kind }) =>
        kind === "function" && callbackOf(name, this.abiVersion) !== undefined
          ? [[name, exports[name] as GuestFunction]]
          : [],
      ),
    );
    this.#code = module;
    this.#turns = options.turns ?? DEFAULT_TURNS;
    this.#turnsLeft = (exports[TURNS_LEFT] as { value: number } | undefined) ?? null;
    this.#stackInUse = (exports[STACK_IN_USE] as { readonly value: number } | undefined) ?? null;
    this.#allocator = exports[allocator] as GuestFunction;
    this.#readString = instance.readString;
    this.instantiated = true;
    this.#start();
  }

  /** Bytes of the guest's linear memory. */
  get memoryBytes(): number {
    return this.#hasMemory ? this.memory.size : 0;
  }

  /** The guest is dead, or its host is: nothing calls it any more. */
  get failed(): boolean {
    return this.trap !== null || this.hostDied !== null;
  }

  exports(name: CallbackName): boolean {
    return this.#exports[name] !== undefined;
  }

  /** proxy-wasm-cpp-host `startVm`: a reactor's `_initialize`, then its main, whatever that answers; a command's `_start`. */
  #start(): void {
    if (this.exports("_initialize")) {
      this.#run("_initialize", this.context, []);
      if (this.exports("main")) this.#run("main", this.context, [0, 0]);
      else if (this.profile.mainVoid) this.#run("__main_void", this.context, []);
    } else this.#run("_start", this.context, []);
    this.starting = false;
    if (this.failed) throw new LoadError(`the module did not start: ${this.trap ?? this.hostDied}`);
  }

  /** Starts a plugin in this VM; `refused` on what it returns says whether the guest took its configuration. */
  createRoot(options: RootOptions = {}): RootContext {
    const root = new RootContext(this, this.nextContextId(), options);
    this.remember(root);
    root.start();
    return root;
  }

  nextContextId(): number {
    return ++this.#lastContextId;
  }

  /** The number of a call to an upstream: HTTP, gRPC, or a gRPC stream. */
  nextCallId(kind: "http" | "call" | "stream"): number {
    const { httpCallStep } = this.profile;
    const place = httpCallStep === 1 ? 0 : ["http", "call", "stream"].indexOf(kind);
    const id = this.#lastCallIds[place]! + httpCallStep;
    this.#lastCallIds[place] = id;
    return id;
  }

  remember(context: Context): void {
    this.#contexts.set(context.id, context);
  }

  forget(context: Context): void {
    this.#contexts.delete(context.id);
  }

  contextById(id: number): Context | undefined {
    return this.#contexts.get(id);
  }

  /** Contexts that the guest should know, the VM's own not counted. */
  get liveContexts(): number {
    return this.#contexts.size - 1;
  }

  /**
   * Calls an export with a context's id and further arguments. Undefined if there is no such export, if it has no
   * result, or if the VM is dead or just died.
   */
  enter(name: CallbackName, context: Context, ...args: number[]): number | undefined {
    return this.#run(name, context, [context.id, ...args]);
  }

  #run(name: CallbackName, context: Context, args: number[]): number | undefined {
    const callback = this.#exports[name];
    if (callback === undefined || this.failed) return undefined;
    const outer = this.context;
    this.context = context;
    this.#depth++;
    if (this.trace !== null) this.#traceCallback(name, context, args);
    let result: number | undefined;
    try {
      if (this.#depth === 1) this.#renewBounds();
      result = withStack(() => callback(...args));
      if (result !== undefined) result >>>= 0;
    } catch (error) {
      this.#caught(error, name);
    } finally {
      this.context = outer;
      this.#depth--;
    }
    this.trace?.({ type: "return", name, result: shownResult(name, result) });
    if (this.#depth === 0) this.#runAfterCall();
    return result;
  }

  #renewBounds(): void {
    trapBeyond(FOLLOWING_CALLBACKS, this.#following, "callbacks, each in consequence of the one before");
    if (this.#turnsLeft !== null) this.#turnsLeft.value = this.#turns;
    this.#hostCallsAtMost = this.hostCalls + HOST_CALLS;
    this.#bytesLeft = PASSED_BYTES;
  }

  /** @internal Traps the guest that has made too many host calls in one callback. */
  boundHostCalls(): void {
    if (this.hostCalls > this.#hostCallsAtMost)
      throw new GuestTrap(`more than ${HOST_CALLS} host calls in one callback`);
  }

  /** @internal Bytes go to the host or come from it; traps the guest that lets too many in one callback. */
  passBytes(size: number): void {
    this.#bytesLeft -= size;
    if (this.#bytesLeft < 0)
      throw new GuestTrap(`more than ${PASSED_BYTES} bytes to and from the host in one callback`);
  }

  /** @param bytes a byte string; what is shown is text */
  log(level: number, bytes: string): void {
    const text = textOf(bytes);
    const line = { level, text };
    this.logs.push(line);
    this.#onLog?.(line);
    this.trace?.({ type: "log", level: enumNames.logLevel[level] ?? `${level}`, text });
  }

  /** The VM is dropped without a word to the guest: nothing that it waits for comes any more. */
  drop(): void {
    for (const { root } of this.#contexts.values()) root?.stopTimers();
  }

  /** For WASI's random_get. */
  randomBytes(size: number): Uint8Array {
    const bytes = new Uint8Array(size);
    for (let i = 0; i < size; i++) {
      this.#random = (Math.imul(this.#random, 1664525) + 1013904223) >>> 0;
      bytes[i] = this.#random >>> 24;
    }
    return bytes;
  }

  /** What must wait until the guest has returned, such as a local reply (DeferAfterCallActions). */
  afterCall(action: () => void): void {
    trapBeyond(DEFERRED, this.#afterCall.length + 1, "things to do once the guest has returned");
    this.#afterCall.push(action);
  }

  #runAfterCall(): void {
    if (this.#afterCall.length === 0) return;
    this.#following++;
    try {
      for (let action = this.#afterCall.shift(); action !== undefined; action = this.#afterCall.shift())
        action();
    } finally {
      this.#following--;
    }
  }

  #traceCallback(name: CallbackName, context: Context, args: number[]): void {
    const names = callbackOf(name, this.abiVersion)?.params ?? [];
    const shown = Object.fromEntries(args.map((arg, i) => [names[i] ?? `${i}`, arg]));
    this.trace?.({ type: "callback", name, context: context.id, args: shown });
  }

  #caught(error: unknown, name: CallbackName): void {
    if (error instanceof HostAbort) {
      this.killHost(error.message);
      return;
    }
    let message = trapMessage(error);
    if (message === null) throw error;
    if (this.#isOutOfStack()) message = "stack overflow";
    else if (this.#isOutOfTurns())
      message = `${name} did not end within ${this.#turns} turns of loops and calls`;
    const lines = backtrace(error as Error, this.#code);
    this.trap = [message, ...lines].join("\n  ");
    this.trace?.({ type: "trap", message });
  }

  #isOutOfTurns(): boolean {
    return this.#turnsLeft !== null && this.#turnsLeft.value === 0;
  }

  /** The trap was the bound on the stack, where the profile has one. */
  #isOutOfStack(): boolean {
    return (
      this.#stackInUse !== null &&
      this.#stackInUse.value > (this.profile.stackBytes ?? Number.POSITIVE_INFINITY)
    );
  }

  /** Ends the host's process from within a host call. */
  abortHost(why: string): never {
    throw new HostAbort(why);
  }

  /** The host's process is gone. */
  killHost(why: string): void {
    this.hostDied = why;
    this.trace?.({ type: "host-died", message: why });
  }

  /** Memory in the guest, from its own allocator; 0 if it gives none. */
  allocate(size: number): number {
    const fault = this.faults?.match("allocate") ?? null;
    if (fault !== null) return 0;
    const outer = this.context;
    this.context = this.#contexts.get(0) as Context;
    const before = this.memory.size;
    const address = (this.#allocator(size) ?? 0) >>> 0;
    this.context = outer;
    if (this.profile.growthTraps && this.memory.size > before)
      throw new GuestTrap("out of bounds memory access: the memory grew during a host call");
    this.trace?.({ type: "memory", size, address });
    return address;
  }

  /** An AssemblyScript string, or null where there is none; 0 is the empty string. */
  assemblyScriptString(address: number): string | null {
    if (address === 0) return "";
    // Its size stands in the 4 bytes before it.
    const size = address < 4 ? null : this.memory.u32(address - 4);
    if (size === null || !this.memory.contains(address, size) || this.#readString === null) return null;
    return this.#readString(address);
  }
}

/** A callback's result by its meaning; an action above the specification's two stays a number. */
function shownResult(name: CallbackName, result: number | undefined): string | number | null {
  if (result === undefined) return null;
  const kind = callbackOf(name, "0.2.1")?.result;
  if (kind === "bool") return result === 0 ? "false" : "true";
  return kind === "action" ? (["Continue", "Pause"][result] ?? result) : result;
}
