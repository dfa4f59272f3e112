/** A stream context: one request and its response, as the guest and the test see them. */
import { BufferType, MapType, Status } from "./abi.ts";
import type { Body } from "./body.ts";
import { bytesOf } from "./bytes.ts";
import type { CallbackName } from "./callbacks.ts";
import { Context } from "./context.ts";
import { Half } from "./half.ts";
import type { Pair } from "./memory.ts";
import {
  checkByteString,
  chunksOf,
  type ReplyInput,
  type RequestInput,
  type RequestResult,
  type ResponseInput,
} from "./messages.ts";
import type { LocalReply, RequestLine } from "./profiles/profile.ts";
import type { Properties } from "./properties.ts";
import { HeaderLine, Result } from "./result.ts";
import type { RootContext } from "./root.ts";

export class Stream extends Context {
  readonly request = new Half(this, "request");
  readonly properties: Properties;
  readonly requestLine: RequestLine;
  localReply: LocalReply | null = null;
  reset: string | null = null;
  trapped: string | null = null;
  routeCacheClears = 0;
  closed = false;
  /** The newest piece, of either direction, was the last. */
  endOfStream = false;
  /** It answered false to `proxy_on_done`, and lives until `proxy_done`. */
  pendingDone = false;
  /** When it began, in nanoseconds. */
  readonly began: bigint;
  readonly #root: RootContext;
  readonly #hostCallsBefore: number;
  /** The VM was dead before. */
  readonly #bornDead: boolean;
  /** As the request came, whatever the guest makes of it. */
  #kind: RequestKind = { isGrpc: false, isHead: false };
  #response: Half | null = null;
  #state: Map<string, Uint8Array> | null = null;
  #filterState: Map<string, string> | null = null;
  #logging = false;
  /** The callback that runs now. */
  #callback: CallbackName | null = null;
  #cancelStall: (() => void) | null = null;

  constructor(root: RootContext, id: number, properties: Properties) {
    super(root.vm, id);
    this.#root = root;
    this.properties = properties;
    this.began = root.vm.clock.nanoseconds;
    this.#hostCallsBefore = root.vm.hostCalls;
    this.#bornDead = root.vm.failed;
    this.requestLine = root.vm.profile.pseudoHeaders
      ? new HeaderLine(this.request)
      : { method: "GET", scheme: "http", host: "", path: "/" };
  }

  override get root(): RootContext {
    return this.#root;
  }

  override get stream(): Stream {
    return this;
  }

  /** Made when it is first needed: most simulated requests have no response. */
  get response(): Half {
    this.#response ??= new Half(this, "response");
    return this.#response;
  }

  /** What the guest set with `proxy_set_property`. */
  get state(): Map<string, Uint8Array> {
    this.#state ??= new Map();
    return this.#state;
  }

  override get filterState(): Map<string, string> {
    this.#filterState ??= new Map();
    return this.#filterState;
  }

  override get noMap(): number {
    return this.#logging ? Status.NotFound : Status.BadArgument;
  }

  override map(type: number, writable: boolean): Pair[] | null {
    if (type > MapType.HttpResponseTrailers) return this.#root.map(type, writable);
    const half = type <= MapType.HttpRequestTrailers ? this.request : this.response;
    const isHeaders = type === MapType.HttpRequestHeaders || type === MapType.HttpResponseHeaders;
    const { profile } = this.vm;
    if (this.#logging) {
      if (writable) {
        if (profile.logIsReadOnly) return null;
        if (isHeaders) return half.headersOpen ? half.headers : null;
        return half.trailersOpen ? half.trailers : half.addTrailers();
      }
      if (type === MapType.HttpRequestTrailers && !profile.requestTrailersInLog) return null;
      return isHeaders ? (half.sent.headers ?? half.headers) : half.trailers;
    }
    if (profile.mapsAlwaysOpen) return isHeaders ? half.headers : null;
    if (isHeaders) return half.headersOpen ? half.headers : null;
    if (half.trailersOpen) return half.trailers;
    return writable ? half.addTrailers() : null;
  }

  override buffer(type: number): Body | null {
    if (type === BufferType.HttpRequestBody) return this.request.view;
    if (type === BufferType.HttpResponseBody) return this.response.view;
    return this.#root.buffer(type);
  }

  clearRouteCache(by: string): void {
    this.routeCacheClears++;
    this.vm.trace?.({ type: "route-cache-cleared", context: this.id, by });
  }

  /**
   * Calls the guest for this stream; undefined if it has no such export, is dead, or died. The dead answer for
   * themselves: by the plugin's failure policy the request goes on, or is refused.
   */
  enter(name: CallbackName, first: number, second?: number): number | undefined {
    const { vm } = this;
    let result: number | undefined;
    if (!vm.failed) {
      this.#callback = name;
      result = second === undefined ? vm.enter(name, this, first) : vm.enter(name, this, first, second);
      this.#callback = null;
      if (!vm.failed) return result;
      this.trapped = vm.trap;
    }
    if (vm.hostDied !== null) this.cut(`the host's process died: ${vm.hostDied}`);
    else if (!this.#passesUnfiltered) {
      const { status, details } = vm.profile.deadReply;
      this.#replyDirectly({ status, details });
    }
    return undefined;
  }

  get #passesUnfiltered(): boolean {
    return this.#root.failOpen && (this.#bornDead || !this.vm.profile.failsOpenFromNextStream);
  }

  /** Request headers arrive from the client. */
  open(headers: readonly Pair[], endOfStream: boolean): void {
    this.vm.enter("proxy_on_context_create", this, this.#root.id);
    const { profile } = this.vm;
    const map: Pair[] = [];
    for (const [name, value] of headers) checkByteString(name, value);
    if (profile.pseudoHeaders) for (const [name, value] of headers) profile.headers.arrive(map, name, value);
    else {
      this.#withoutPseudoHeaders(headers, map);
      const refused = profile.receive(this.requestLine, map);
      if (refused !== null) {
        this.request.headers = map;
        this.#replyDirectly({ status: 400, details: refused });
        return;
      }
    }
    this.#kind = kindOf(headers);
    this.request.pushHeaders(map, endOfStream);
  }

  /** HTTP/1 form: pseudo-headers become the request line and Host. */
  #withoutPseudoHeaders(headers: readonly Pair[], map: Pair[]): void {
    const line = this.requestLine;
    for (const [name, value] of headers) {
      const lower = name.toLowerCase();
      if (lower === ":method") line.method = value;
      else if (lower === ":scheme") line.scheme = value;
      else if (lower === ":path") line.path = value;
      else if (lower === ":authority") {
        line.host = value;
        if (!headers.some(([other]) => other.toLowerCase() === "host")) map.push(["Host", value]);
      } else {
        if (lower === "host" && line.host === "") line.host = value;
        this.vm.profile.headers.arrive(map, name, value);
      }
    }
  }

  /**
   * Runs a whole exchange, as far as the guest lets it come, without ending the stream.
   * @param between runs after each piece: what happens meanwhile, such as answers to the guest's calls
   */
  exchange(input: RequestInput, between: () => void = nothing): void {
    const chunks = chunksOf(input.body);
    const { trailers } = input;
    this.open(input.headers, chunks.length === 0 && trailers === undefined);
    between();
    if (this.#resets(chunks)) return;
    this.request.sent.raw = input.chunked === true && this.vm.profile.losesChunks;
    this.#pushChunks(this.request, chunks, trailers === undefined, between);
    if (trailers !== undefined) this.request.pushTrailers(this.#mapOf(trailers));
    between();
    if (input.response !== undefined && this.request.sent.ended) this.respond(input.response, between);
  }

  /** The upstream's response arrives. @param between as of `exchange` */
  respond({ headers, body, trailers }: ResponseInput, between: () => void = nothing): void {
    if (this.localReply !== null || this.reset !== null) return;
    if (this.vm.profile.deadlyStall !== null && this.request.headers !== null && !this.request.endOfStream) {
      this.#killHost("a response before the request's body has ended");
      return;
    }
    const chunks = chunksOf(body);
    const map = this.#mapOf(headers);
    this.response.pushHeaders(map, chunks.length === 0 && trailers === undefined);
    between();
    this.#pushChunks(this.response, chunks, trailers === undefined, between);
    if (trailers !== undefined) this.response.pushTrailers(this.#mapOf(trailers));
    between();
  }

  #pushChunks(half: Half, chunks: readonly Uint8Array[], end: boolean, between: () => void): void {
    if (chunks.length === 0) return;
    const apart = this.vm.profile.bodyEndsApart;
    for (const [i, chunk] of chunks.entries()) {
      half.pushBody(chunk, end && !apart && i === chunks.length - 1);
      between();
    }
    if (end && apart) half.pushBody(new Uint8Array(0), true);
  }

  #mapOf(pairs: readonly Pair[]): Pair[] {
    const { responseHeaders } = this.vm.profile;
    const map: Pair[] = [];
    for (const [name, value] of pairs) responseHeaders.arrive(map, name, value);
    return map;
  }

  #resets(chunks: readonly Uint8Array[]): boolean {
    const size = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
    const seenByGuest = this.vm.exports("proxy_on_request_body");
    const resets = this.vm.profile.resetsBody({ size, seenByGuest });
    if (resets) this.cut("the host cannot carry this body");
    return resets;
  }

  /** A piece of the request's body comes in. @returns whether the host's process lives on */
  bodyComes(isEnd: boolean): boolean {
    const { deadlyStall } = this.vm.profile;
    if (deadlyStall === null) return true;
    this.#cancelStall?.();
    if (this.vm.threads > 1 && this.#root.streams > 1) {
      this.#killHost("a body beside another request, on more than one thread");
      return false;
    }
    const die = () => this.#killHost(`a body that stalled for ${deadlyStall / 1000} s`);
    this.#cancelStall = isEnd ? null : this.vm.clock.after(deadlyStall, die);
    return true;
  }

  #killHost(why: string): void {
    this.vm.killHost(why);
    this.cut(`the host's process died: ${why}`);
  }

  /** A body that is held back outgrew what the host holds. */
  overflow(half: Half): void {
    if (half === this.request) {
      this.reply({ status: 413, details: "request_payload_too_large", body: "Payload Too Large" });
    } else {
      this.#replyDirectly({
        status: 500,
        details: "response_payload_too_large",
        body: "Internal Server Error",
      });
    }
  }

  /** `proxy_send_local_response`, once the guest has returned. */
  reply(reply: ReplyInput): void {
    if (this.closed) return;
    const { profile } = this.vm;
    if (!profile.repliesFromBodies && bodyCallbacks.has(this.#callback)) return;
    const first = this.localReply === null && this.response.headers === null;
    if (!profile.localReplyIsFiltered || !first) {
      this.#replyDirectly(reply);
      return;
    }
    this.request.over = true;
    const { headers, body } = this.#makeReply(reply);
    this.response.firstStatus = String(reply.status);
    this.response.pushHeaders(headers, body === "");
    if (body !== "") this.response.pushBody(bytesOf(body), true);
  }

  /** Notes the local reply; gives its headers as the host makes them, and the body that is sent. */
  #makeReply({ status: asked, details, body = "", headers: added = [], grpcStatus = null }: ReplyInput) {
    const { profile } = this.vm;
    const status = profile.localReplyStatus(asked);
    const { isGrpc, isHead } = this.#kind;
    const asGrpc = isGrpc ? profile.grpcReplyHeaders : null;
    const headers =
      asGrpc === null
        ? profile.localReplyHeaders(status, body, added)
        : asGrpc({ status, body: isHead ? "" : body, headers: added, grpcStatus });
    this.localReply = { status, body, headers, details: profile.localReplyDetails(details), grpcStatus };
    this.vm.trace?.({ type: "local-reply", context: this.id, status, details });
    const isBare = asGrpc !== null || (isHead && profile.headEndsReplies);
    return { headers, body: isBare ? "" : body };
  }

  /** An answer of the host's that no callback sees; if the client already has headers, all that is left is a cut. */
  #replyDirectly(reply: ReplyInput): void {
    if (this.response.sent.headers !== null) {
      this.cut(this.vm.profile.localReplyDetails(reply.details));
      return;
    }
    this.request.over = true;
    this.response.over = true;
    const { headers, body } = this.#makeReply(reply);
    // What the guest may still look at is what came from upstream.
    this.response.headers ??= headers;
    this.response.sent.headers = headers;
    this.response.sent.body.length = 0;
    if (body !== "") this.response.sent.body.push(bytesOf(body));
    this.response.sent.ended = true;
  }

  /** Cuts the connection. */
  cut(why: string): void {
    this.reset ??= why;
    this.#cancelStall?.();
    this.request.over = true;
    this.response.over = true;
  }

  /** The host is done with the stream: log, done and delete in the host's order. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.#cancelStall?.();
    for (const name of this.vm.profile.streamEnd) {
      this.#logging = name === "proxy_on_log";
      const result = this.vm.enter(name, this);
      this.#logging = false;
      if (name === "proxy_on_done" && result === 0 && this.vm.profile.streamsCanDefer) {
        this.pendingDone = true;
        return;
      }
    }
    this.#forget();
  }

  /** `proxy_done` after a deferred end: what `close` left out follows. */
  finish(): void {
    this.pendingDone = false;
    this.#logging = true;
    this.vm.enter("proxy_on_log", this);
    this.#logging = false;
    this.vm.enter("proxy_on_delete", this);
    this.#forget();
  }

  #forget(): void {
    this.vm.forget(this);
    this.#root.streamEnded();
  }

  /** The stream as it stands; ask again when it has moved on. */
  result(): RequestResult {
    return new Result(this, this.#response, this.vm.hostCalls - this.#hostCallsBefore);
  }
}

const nothing = (): void => {};

const bodyCallbacks: ReadonlySet<CallbackName | null> = new Set([
  "proxy_on_request_body",
  "proxy_on_response_body",
] as const);

interface RequestKind {
  readonly isGrpc: boolean;
  readonly isHead: boolean;
}

function kindOf(headers: readonly Pair[]): RequestKind {
  const value = (name: string): string => headers.find((pair) => pair[0].toLowerCase() === name)?.[1] ?? "";
  return {
    isGrpc: /^application\/grpc(\+|$)/.test(value("content-type")),
    isHead: value(":method") === "HEAD",
  };
}
