/** A plugin (root) context: its configuration, its streams, its ticks, its calls by HTTP and gRPC. */
import { BufferType, MapType } from "./abi.ts";
import { Body } from "./body.ts";
import { bytesOf } from "./bytes.ts";
import { Connection, type ConnectionInput, type ConnectionResult } from "./connection.ts";
import { Context } from "./context.ts";
import { type Broken, type GrpcAnswer, type GrpcCall, GrpcCalls } from "./grpc.ts";
import { OPEN_CALLS, trapBeyond } from "./limits.ts";
import type { Pair } from "./memory.ts";
import type { BodyInput, RequestInput, RequestResult } from "./messages.ts";
import type { Properties } from "./properties.ts";
import { Stream } from "./stream.ts";
import type { Vm } from "./vm.ts";

export interface RootOptions {
  readonly rootId?: string;
  /** The plugin's name, for `plugin_name`. */
  readonly name?: string;
  /** Bytes, or text. */
  readonly configuration?: Uint8Array | string;
  /** With a dead VM requests pass unfiltered instead of being refused; the host's default without it. */
  readonly failOpen?: boolean;
  /** Envoy's `allow_on_headers_stop_iteration`. */
  readonly allowOnHeadersStopIteration?: boolean;
}

/** An HTTP call that waits for its answer. */
export interface HttpCall {
  readonly id: number;
  readonly upstream: string;
  readonly headers: readonly Pair[];
  readonly body: Uint8Array;
  readonly trailers: readonly Pair[];
  /** Milliseconds; 0 for none. */
  readonly timeout: number;
}

export interface HttpCallResponse {
  readonly headers: readonly Pair[];
  readonly body?: Uint8Array | string;
  readonly trailers?: readonly Pair[];
}

interface ReceivedResponse {
  readonly headers: Pair[];
  readonly body: Body;
  readonly trailers: Pair[] | null;
}

const textBytes = (value: Uint8Array | string | undefined): Uint8Array =>
  typeof value === "string" ? new TextEncoder().encode(value) : (value ?? new Uint8Array(0));

export class RootContext extends Context {
  readonly rootId: string;
  readonly name: string;
  readonly failOpen: boolean;
  readonly allowOnHeadersStopIteration: boolean;
  configuration: Uint8Array;
  /** Why the configuration is not in force; null if it is. */
  refused: string | null = null;
  /** `draining`: waits for its streams; `pending`: waits for `proxy_done`. */
  state: "live" | "draining" | "pending" | "deleted" = "live";
  /** Milliseconds between ticks; 0 for none. */
  tickPeriod = 0;
  /** What `proxy_get_status` answers. */
  status: { readonly code: number; readonly message: string } = { code: 0, message: "" };
  /** Calls that wait for an answer, the oldest first. */
  readonly httpCalls: HttpCall[] = [];
  /** What the guest has of gRPC; a test sees it by `grpcCalls`. */
  readonly grpc = new GrpcCalls(this);
  #streams = 0;
  #configuring = false;
  #response: ReceivedResponse | null = null;
  #cancelTick: (() => void) | null = null;
  /** Cancellations of the timeouts of waiting HTTP calls, by the call's id. */
  readonly #timeouts = new Map<number, () => void>();

  constructor(vm: Vm, id: number, options: RootOptions) {
    super(vm, id);
    this.rootId = options.rootId ?? "";
    this.name = options.name ?? "";
    this.configuration = textBytes(options.configuration);
    this.failOpen = options.failOpen ?? vm.profile.failOpenByDefault;
    this.allowOnHeadersStopIteration = options.allowOnHeadersStopIteration ?? false;
  }

  get ok(): boolean {
    return this.refused === null;
  }

  override get root(): RootContext {
    return this;
  }

  /** Streams that have begun and not ended. */
  get streams(): number {
    return this.#streams;
  }

  override map(type: number, writable: boolean): Pair[] | null {
    if (writable) return null;
    if (type === MapType.GrpcCallInitialMetadata || type === MapType.GrpcCallTrailingMetadata)
      return this.grpc.map(type);
    if (this.#response === null) return null;
    if (type === MapType.HttpCallResponseHeaders) return this.#response.headers;
    return type === MapType.HttpCallResponseTrailers ? this.#response.trailers : null;
  }

  override buffer(type: number): Body | null {
    if (type === BufferType.VmConfiguration) return new Body(this.vm.configuration);
    if (type === BufferType.PluginConfiguration) {
      const readable = this.#configuring || this.vm.profile.configurationAlwaysReadable;
      return readable ? new Body(this.configuration) : null;
    }
    if (type === BufferType.HttpCallResponseBody) return this.#response?.body ?? null;
    if (type === BufferType.GrpcCallMessage) return this.grpc.message;
    return type === BufferType.ForeignFunctionArguments ? this.vm.foreignArguments : null;
  }

  /** Creates the context in the guest, starts the VM for it and configures it; `refused` says why not. */
  start(): void {
    const { vm } = this;
    this.refused = vm.profile.refusesConfiguration(this.configuration);
    if (this.refused !== null) return;
    vm.enter("proxy_on_context_create", this, 0);
    const started = vm.enter("proxy_on_vm_start", this, vm.configuration.length);
    if (started === 0 || vm.failed) {
      this.refused = vm.trap ?? vm.hostDied ?? "proxy_on_vm_start returned 0";
      if (vm.profile.refusedStartKillsHost && vm.hostDied === null) vm.killHost(this.refused);
      return;
    }
    this.#configure();
  }

  /** Configures the living context again; true if the guest accepts it. What a refusal leaves is the guest's matter. */
  configure(configuration: Uint8Array | string): boolean {
    this.configuration = textBytes(configuration);
    this.#configure();
    return this.ok;
  }

  #configure(): void {
    this.#configuring = true;
    const result = this.vm.enter("proxy_on_configure", this, this.configuration.length);
    this.#configuring = false;
    if (this.vm.failed) this.refused = this.vm.trap ?? this.vm.hostDied;
    else this.refused = result === 0 ? "proxy_on_configure returned 0" : null;
  }

  /** One request from its first header to the stream's end. */
  request(input: RequestInput): RequestResult {
    const stream = this.newStream(input.properties);
    stream.exchange(input);
    stream.close();
    return stream.result();
  }

  /** A stream for the test to drive piece by piece. */
  newStream(properties: Properties = {}): Stream {
    this.#streams++;
    const stream = new Stream(this, this.vm.nextContextId(), properties);
    this.vm.remember(stream);
    return stream;
  }

  /** One TCP connection from its beginning to its end. */
  connection(input: ConnectionInput): ConnectionResult {
    const connection = this.newConnection(input.properties);
    connection.exchange(input);
    return connection.result();
  }

  /** A connection for the test to drive piece by piece. */
  newConnection(properties: Properties = {}): Connection {
    const { profile } = this.vm;
    if (!profile.hasTcpFilters) throw new Error(`${profile.name} has no filters for TCP`);
    this.#streams++;
    const connection = new Connection(this, this.vm.nextContextId(), properties);
    this.vm.remember(connection);
    return connection;
  }

  streamEnded(): void {
    this.#streams--;
    if (this.state === "draining") this.retire();
  }

  /** The host has no more use for the context: it goes when its streams have ended. */
  retire(): void {
    if (this.state !== "live" && this.state !== "draining") return;
    if (this.#streams > 0) {
      this.state = "draining";
      return;
    }
    // Deleted, or waiting for `proxy_done` (WasmBase::startShutdown).
    this.state = "pending";
    if (this.vm.enter("proxy_on_done", this) !== 0) this.delete();
  }

  delete(): void {
    if (this.state === "deleted") return;
    this.state = "deleted";
    this.stopTimers();
    this.vm.enter("proxy_on_delete", this);
    this.vm.forget(this);
  }

  /** No tick comes any more, and what the context still waits for goes with it. */
  stopTimers(): void {
    this.setTickPeriod(0);
    for (const { id } of [...this.httpCalls]) this.#take(id);
    this.grpc.cancelAll();
  }

  setTickPeriod(milliseconds: number): void {
    this.#cancelTick?.();
    this.#cancelTick = null;
    this.tickPeriod = milliseconds;
    if (milliseconds > 0) this.#cancelTick = this.vm.clock.after(milliseconds, () => this.#tick());
  }

  #tick(): void {
    this.#cancelTick = null;
    this.vm.enter("proxy_on_tick", this);
    // The guest may have set another period, or none, from within.
    if (this.tickPeriod > 0 && this.#cancelTick === null && !this.vm.failed)
      this.setTickPeriod(this.tickPeriod);
  }

  /** Sends an HTTP call on its way: `httpCalls` has it until it is answered, fails or times out. */
  startHttpCall(call: HttpCall): void {
    trapBeyond(OPEN_CALLS, this.httpCalls.length + 1, "HTTP calls that wait for an answer");
    this.httpCalls.push(call);
    if (call.timeout > 0) {
      // The host answers for an upstream that does not (Envoy's async client sends itself a local reply).
      const response: HttpCallResponse = { headers: [[":status", "504"]], body: "upstream request timeout" };
      const cancel = this.vm.clock.after(call.timeout, () => this.answerHttpCall(call.id, response));
      this.#timeouts.set(call.id, cancel);
    }
  }

  /** The upstream answers a call. */
  answerHttpCall(id: number, { headers, body = "", trailers }: HttpCallResponse): void {
    this.#take(id);
    const bytes = typeof body === "string" ? bytesOf(body) : body;
    this.#response = {
      headers: [...headers],
      body: new Body(bytes),
      trailers: trailers === undefined ? null : [...trailers],
    };
    this.vm.enter(
      "proxy_on_http_call_response",
      this,
      id,
      headers.length,
      bytes.length,
      trailers?.length ?? 0,
    );
    this.#response = null;
  }

  /** The upstream's connection breaks: the guest is told by a call without headers. */
  failHttpCall(id: number): void {
    this.#take(id);
    // WasmResult::BrokenConnection, as context.cc `onHttpCallFailure`.
    this.status = { code: 11, message: "reset" };
    this.vm.enter("proxy_on_http_call_response", this, id, 0, 0, 0);
    this.status = { code: 11, message: "" };
  }

  #take(id: number): void {
    const at = this.httpCalls.findIndex((call) => call.id === id);
    if (at < 0) throw new Error(`no HTTP call ${id} is waiting`);
    this.httpCalls.splice(at, 1);
    this.#timeouts.get(id)?.();
    this.#timeouts.delete(id);
  }

  /** gRPC calls that wait for an answer and streams that the upstream has not ended, the oldest first. */
  get grpcCalls(): readonly GrpcCall[] {
    return this.grpc.waiting;
  }

  /** The upstream answers a gRPC call, or sends something on a stream. */
  answerGrpc(id: number, answer: GrpcAnswer): void {
    this.grpc.answer(id, answer);
  }

  /** The connection of a gRPC call or stream breaks; once something has come, however it is said to break. */
  failGrpc(id: number, how: Broken = "terminated"): void {
    this.grpc.fail(id, how);
  }

  /** Calls `proxy_on_foreign_function`, which reads its arguments from the FOREIGN_FUNCTION_ARGUMENTS buffer. */
  callForeignFunction(functionId: number, args: BodyInput & (Uint8Array | string)): void {
    const bytes = typeof args === "string" ? bytesOf(args) : args;
    this.vm.foreignArguments = new Body(bytes);
    this.vm.enter("proxy_on_foreign_function", this, functionId, bytes.length);
    this.vm.foreignArguments = null;
  }
}
