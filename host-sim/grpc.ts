/** gRPC calls and streams of a plugin: what the guest sends, and what the test answers in the upstream's place. */
import { MapType, Status } from "./abi.ts";
import { Body } from "./body.ts";
import { bytesOf } from "./bytes.ts";
import type { Context } from "./context.ts";
import { parseGrpcService } from "./grpc-service.ts";
import type { Returned } from "./imports.ts";
import { KEPT, OPEN_CALLS, trapBeyond } from "./limits.ts";
import type { Pair } from "./memory.ts";
import type { RootContext } from "./root.ts";
import type { Vm } from "./vm.ts";

/** A call that waits for its answer, or a stream that has not ended. */
export interface GrpcCall {
  readonly id: number;
  /** `call`: one message each way; `stream`: any number. */
  readonly kind: "call" | "stream";
  /** The cluster's name. */
  readonly upstream: string;
  readonly service: string;
  readonly method: string;
  readonly initialMetadata: readonly Pair[];
  /** What the guest has sent. */
  readonly messages: readonly Uint8Array[];
  /** The guest sends no more. */
  readonly ended: boolean;
  /** Milliseconds; 0 for none. A stream has none. */
  readonly timeout: number;
}

/** What comes from upstream, in this order; the status ends the call or stream, and without one more may come. */
export interface GrpcAnswer {
  /** As the guest is to see it, with `:status`; where it does not come first, the host makes some. */
  readonly initialMetadata?: readonly Pair[];
  /** Text is byte strings. */
  readonly messages?: readonly (Uint8Array | string)[];
  /** 0 for success, to 16; a call that succeeds has a message. */
  readonly status?: number;
  /** `grpc-message` as it stands in the trailers. */
  readonly text?: string;
  /** Beside `grpc-status` and `grpc-message`. */
  readonly trailingMetadata?: readonly Pair[];
}

/** What Envoy makes of a connection that breaks, or of an answer that does not come. */
interface Breakage {
  /** `grpc-message` */
  readonly text: string;
  readonly details: string;
}

/** How a connection breaks: in the middle of a call, or because nobody takes it. */
export type Broken = "terminated" | "refused";

interface Open extends GrpcCall {
  readonly messages: Uint8Array[];
  ended: boolean;
  /** Initial metadata has come. */
  begun: boolean;
  /** Of a call: its newest message. */
  answer: Uint8Array | null;
  /** `ending`: trailers have come; `over`: the upstream has ended it, and the guest has not let go of it. */
  state: "open" | "ending" | "over";
  /** The guest has closed it. */
  closed: boolean;
  cancelTimeout: (() => void) | null;
}

const UNAVAILABLE = 14;
const INTERNAL = 13;

const okHeaders: readonly Pair[] = [
  [":status", "200"],
  ["content-type", "application/grpc"],
];

const NOTHING_CAME = "upstream connect error or disconnect/reset before headers. reset reason:";
const broken: Readonly<Record<Broken, Breakage>> = {
  terminated: {
    text: `${NOTHING_CAME} connection termination`,
    details: "upstream_reset_before_response_started{connection_termination}",
  },
  refused: {
    text: `${NOTHING_CAME} remote connection failure`,
    details:
      "upstream_reset_before_response_started{remote_connection_failure|delayed_connect_error:_Connection_refused}",
  },
};
const brokenLater: Breakage = {
  text: "",
  details: "upstream_reset_after_response_started{connection_termination}",
};
const late: Breakage = { text: "upstream request timeout", details: "response_timeout" };

/** The calls of one plugin. */
export class GrpcCalls {
  readonly #root: RootContext;
  readonly #open = new Map<number, Open>();
  #initial: Pair[] | null = null;
  #trailing: Pair[] | null = null;
  /** The message that the guest is shown. */
  message: Body | null = null;

  constructor(root: RootContext) {
    this.#root = root;
  }

  /** Those that the upstream has not ended, the oldest first. */
  get waiting(): readonly GrpcCall[] {
    return [...this.#open.values()].filter(({ state }) => state === "open");
  }

  map(type: number): Pair[] | null {
    if (type === MapType.GrpcCallInitialMetadata) return this.#initial;
    return type === MapType.GrpcCallTrailingMetadata ? this.#trailing : null;
  }

  start(call: Omit<GrpcCall, "messages" | "ended">, message: Uint8Array | null): void {
    trapBeyond(OPEN_CALLS, this.#open.size + 1, "gRPC calls and streams at a time");
    const open: Open = {
      ...call,
      messages: message === null ? [] : [message],
      ended: message !== null,
      begun: false,
      answer: null,
      state: "open",
      closed: false,
      cancelTimeout: null,
    };
    this.#open.set(call.id, open);
    if (call.timeout > 0) {
      open.cancelTimeout = this.#root.vm.clock.after(call.timeout, () => this.#breaks(open, late));
    }
  }

  /** There is no such cluster: the guest hears so by the callback too. */
  refuse(id: number): void {
    this.#tellClosed(id, UNAVAILABLE, "Cluster not available");
  }

  /** Status of `proxy_grpc_send`. */
  send(id: number, message: Uint8Array, end: boolean): number {
    const open = this.#open.get(id);
    if (open === undefined) return this.#unknown(id, "stream");
    if (open.kind === "call") return Status.BadArgument;
    if (!open.ended && open.state === "open") {
      trapBeyond(KEPT, open.messages.length + 1, "messages on one gRPC stream");
      open.messages.push(message);
      open.ended = end;
    }
    return Status.Ok;
  }

  /** Status of `proxy_grpc_cancel`. */
  cancel(id: number): number {
    return this.#forget(id) ? Status.Ok : this.#unknown(id, null);
  }

  /** Status of `proxy_grpc_close`: a stream may go on receiving. */
  close(id: number): number {
    const open = this.#open.get(id);
    if (open?.kind !== "stream" || open.state === "over") return this.cancel(id);
    open.ended = true;
    open.closed = true;
    return Status.Ok;
  }

  /** Where a number tells what it is of, one of another kind is refused for that. */
  #unknown(id: number, wanted: "stream" | null): number {
    const step = this.#root.vm.profile.httpCallStep;
    if (step === 1) return Status.NotFound;
    const kind = id % step;
    return kind === 2 || (kind === 1 && wanted === null) ? Status.NotFound : Status.BadArgument;
  }

  answer(
    id: number,
    { initialMetadata, messages = [], status, text, trailingMetadata = [] }: GrpcAnswer,
  ): void {
    const open = this.#take(id);
    const isBare = messages.length === 0 && initialMetadata === undefined && !open.begun;
    if (!isBare) this.#begin(open, initialMetadata ?? okHeaders);
    for (const message of messages)
      this.#receive(open, typeof message === "string" ? bytesOf(message) : message);
    if (status === undefined) return;
    const trailers: Pair[] = [...(isBare ? okHeaders : []), ["grpc-status", String(status)]];
    if (text !== undefined) trailers.push(["grpc-message", text]);
    trailers.push(...trailingMetadata);
    if (isBare) this.#begin(open, []);
    this.#end(open, trailers, status, this.#said(text ?? "", "via_upstream"));
  }

  /** The upstream's connection breaks. */
  fail(id: number, how: Broken): void {
    const open = this.#take(id);
    this.#breaks(open, open.begun ? brokenLater : broken[how]);
  }

  #take(id: number): Open {
    const open = this.#open.get(id);
    if (open?.state !== "open") throw new Error(`no gRPC call ${id} is waiting`);
    return open;
  }

  #said(text: string, details: string): string {
    return this.#root.vm.profile.grpcMessage(text, details);
  }

  #breaks(open: Open, { text, details }: Breakage): void {
    if (open.begun) {
      this.#end(open, [], INTERNAL, this.#said("", details));
      return;
    }
    // The host answers in the upstream's place, by trailers alone.
    this.#begin(open, []);
    const status: Pair[] = [
      ["grpc-status", String(UNAVAILABLE)],
      ["grpc-message", text],
    ];
    this.#end(open, [...okHeaders, ...status], UNAVAILABLE, this.#said(text, details));
  }

  /** The guest may have let go of it in the callback before. */
  #isHeld(open: Open): boolean {
    return this.#open.get(open.id) === open;
  }

  #begin(open: Open, metadata: readonly Pair[]): void {
    if (open.begun || !this.#isHeld(open)) return;
    open.begun = true;
    if (open.kind === "call") return;
    this.#initial = [...metadata];
    this.#root.vm.enter("proxy_on_grpc_receive_initial_metadata", this.#root, open.id, metadata.length);
    this.#initial = null;
  }

  #receive(open: Open, message: Uint8Array): void {
    if (!this.#isHeld(open)) return;
    if (open.kind === "call") open.answer = message;
    else this.#tellReceived(open.id, message);
  }

  #tellReceived(id: number, message: Uint8Array): void {
    this.message = new Body(message);
    this.#root.vm.enter("proxy_on_grpc_receive", this.#root, id, message.length);
    this.message = null;
  }

  #end(open: Open, trailers: readonly Pair[], status: number, text: string): void {
    if (!this.#isHeld(open)) return;
    open.cancelTimeout?.();
    open.state = "ending";
    const { id } = open;
    if (open.kind === "call") {
      if (status === 0 && open.answer !== null) this.#tellReceived(id, open.answer);
      else if (status === 0) this.#tellClosed(id, INTERNAL, "");
      else this.#tellClosed(id, status, text);
      this.#forget(id);
      return;
    }
    this.#trailing = [...trailers];
    this.#root.vm.enter("proxy_on_grpc_receive_trailing_metadata", this.#root, id, trailers.length);
    this.#trailing = null;
    if (!this.#isHeld(open)) return;
    open.state = "over";
    this.#tellClosed(id, status, text);
    if (open.closed) this.#forget(id);
  }

  #tellClosed(id: number, code: number, message: string): void {
    this.#root.status = { code, message };
    this.#root.vm.enter("proxy_on_grpc_close", this.#root, id, code);
    this.#root.status = { code, message: "" };
  }

  #forget(id: number): boolean {
    this.#open.get(id)?.cancelTimeout?.();
    return this.#open.delete(id);
  }

  /** The plugin goes, and with it what it waits for. */
  cancelAll(): void {
    for (const id of [...this.#open.keys()]) this.#forget(id);
  }
}

/** What a call and a stream have in common: whom they go to, and their number. */
function begin(
  { vm, root }: Context,
  kind: GrpcCall["kind"],
  upstream: Uint8Array,
  rest: Pick<GrpcCall, "service" | "method" | "initialMetadata" | "timeout">,
  message: Uint8Array | null,
): Returned {
  if (root === null) return Status.BadArgument;
  const isKnown = (name: string): boolean => vm.upstreams?.has(name) ?? true;
  const parsed = parseGrpcService(upstream);
  const name = parsed === null ? new TextDecoder().decode(upstream) : parsed.upstream;
  if (name === null) {
    if (vm.profile.grpcWithoutTargetKillsHost) vm.abortHost("a gRPC service that names no upstream");
    return Status.ParseFailure;
  }
  if (parsed === null && !isKnown(name)) return Status.ParseFailure;
  const id = vm.nextCallId(kind);
  if (!isKnown(name)) {
    vm.afterCall(() => root.grpc.refuse(id));
    return Status.InternalFailure;
  }
  const initialMetadata = [...(parsed?.metadata ?? []), ...rest.initialMetadata];
  root.grpc.start({ ...rest, initialMetadata, id, kind, upstream: name }, message);
  return [id];
}

export const grpcHandlers = {
  proxy_grpc_call: (
    _vm: Vm,
    context: Context,
    upstream: Uint8Array,
    service: string,
    method: string,
    initialMetadata: readonly Pair[],
    message: Uint8Array,
    timeout: number,
  ): Returned => begin(context, "call", upstream, { service, method, initialMetadata, timeout }, message),

  proxy_grpc_stream: (
    _vm: Vm,
    context: Context,
    upstream: Uint8Array,
    service: string,
    method: string,
    initialMetadata: readonly Pair[],
  ): Returned => begin(context, "stream", upstream, { service, method, initialMetadata, timeout: 0 }, null),

  proxy_grpc_send: (_vm: Vm, { root }: Context, id: number, message: Uint8Array, end: number): Returned =>
    root === null ? Status.BadArgument : root.grpc.send(id, message, end !== 0),

  proxy_grpc_cancel: (_vm: Vm, { root }: Context, id: number): Returned =>
    root === null ? Status.BadArgument : root.grpc.cancel(id),

  proxy_grpc_close: (_vm: Vm, { root }: Context, id: number): Returned =>
    root === null ? Status.BadArgument : root.grpc.close(id),
};
