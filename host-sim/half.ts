/**
 * One direction of a stream: the request on its way upstream, or the response on its way back. The test pushes
 * headers, body chunks and trailers in; the guest's answers decide what is passed on and when.
 */
import { Body } from "./body.ts";
import type { Pair } from "./memory.ts";
import type { Stream } from "./stream.ts";

/** What got past the guest. */
export interface Sent {
  headers: Pair[] | null;
  readonly body: Uint8Array[];
  trailers: readonly Pair[] | null;
  ended: boolean;
  /** See `Message.raw`. */
  raw: boolean;
}

const callbackNames = {
  request: {
    headers: "proxy_on_request_headers",
    body: "proxy_on_request_body",
    trailers: "proxy_on_request_trailers",
  },
  response: {
    headers: "proxy_on_response_headers",
    body: "proxy_on_response_body",
    trailers: "proxy_on_response_trailers",
  },
} as const;

export class Half {
  headers: Pair[] | null = null;
  trailers: Pair[] | null = null;
  /** What the guest sees as the body, while it may. */
  view: Body | null = null;
  headersOpen = false;
  trailersOpen = false;
  /** The newest piece was the last. */
  endOfStream = false;
  /** Where the guest paused this direction; null while it flows. */
  paused: "headers" | "body" | "trailers" | null = null;
  /** A local reply or a reset took the place of what would still come. */
  over = false;
  /** A response's status as it came from upstream, or as a local reply was asked for. */
  firstStatus: string | null = null;
  /** Body bytes that came in, whatever became of them. */
  receivedBytes = 0;
  readonly sent: Sent = { headers: null, body: [], trailers: null, ended: false, raw: false };

  readonly #stream: Stream;
  readonly #names: (typeof callbackNames)["request" | "response"];
  /** Body bytes that wait for the guest. */
  #held = new Body();
  /** The guest's next body callback shows all that is held. */
  #buffering = false;
  /** The guest let this direction go on since its headers came. */
  #continued = false;
  /** See `Profile.losesResumedPiece`. */
  #losesNext = false;
  /** Pauses on headers that hold back even the body callbacks: what came in since, the body in one piece. */
  #backlog: { readonly body: Body; trailers: Pair[] | null; ended: boolean } | null = null;

  constructor(stream: Stream, direction: "request" | "response") {
    this.#stream = stream;
    this.#names = callbackNames[direction];
  }

  /** Headers arrive, in the host's form. `endOfStream`: nothing follows. */
  pushHeaders(headers: Pair[], endOfStream: boolean): void {
    if (this.over) return;
    this.headers = headers;
    if (this.#names === callbackNames.response) {
      this.firstStatus ??= headers.find(([name]) => name === ":status")?.[1] ?? null;
    }
    this.headersOpen = true;
    this.#ends(endOfStream);
    const { profile } = this.#stream.vm;
    const said = endOfStream && profile.headersEndStream ? 1 : 0;
    this.#continued = false;
    const result = this.#stream.enter(this.#names.headers, headers.length, said);
    if (this.over) return;
    const action = profile.headersAction(result ?? 0, this.#stream.root.allowOnHeadersStopIteration);
    // Let go on before it was held: what is all in its headers is on its way.
    if (action === "continue" || (this.#continued && endOfStream)) this.#passOn("headers");
    else {
      this.paused = "headers";
      if (action === "stop-all") this.#backlog = { body: new Body(), trailers: null, ended: endOfStream };
    }
  }

  /** A chunk of the body arrives; the last says so, unless trailers follow. */
  pushBody(chunk: Uint8Array, endOfStream: boolean): void {
    if (this.over) return;
    if (this.#names === callbackNames.request && !this.#stream.bodyComes(endOfStream)) return;
    if (this.#backlog !== null) {
      this.#backlog.body.append(chunk);
      this.#backlog.ended = endOfStream;
      return;
    }
    this.receivedBytes += chunk.length;
    this.#ends(endOfStream);
    if (this.#buffering && !this.#hold(chunk, true)) return;
    const view = this.#buffering ? this.#held : new Body(chunk);
    this.view = view;
    const result = this.#stream.enter(this.#names.body, view.length, endOfStream ? 1 : 0);
    if (this.over) return;
    const { profile } = this.#stream.vm;
    const action = profile.dataAction(result ?? 0);
    const isLost = this.#losesNext;
    this.#losesNext = false;
    if (action === "continue") {
      if (view !== this.#held && !isLost) this.#held.append(view.bytes);
      this.#buffering = false;
      this.#passOn("body");
      return;
    }
    this.paused ??= "body";
    if (action !== "drop" && view !== this.#held && !this.#hold(view.bytes, action === "buffer")) return;
    this.#buffering = action === "buffer" || (action === "watermark" && !profile.watermarkShowsNewest);
    // While it is paused the guest may go on reading what is held.
    if (this.#buffering) this.view = this.#held;
  }

  pushTrailers(trailers: Pair[]): void {
    if (this.over) return;
    if (this.#backlog !== null) {
      this.#backlog.trailers = trailers;
      return;
    }
    this.trailers = trailers;
    this.trailersOpen = true;
    this.#ends(true);
    const result = this.#stream.enter(this.#names.trailers, trailers.length);
    if (this.over) return;
    if ((result ?? 0) === 0) this.#passOn("trailers");
    else this.paused ??= "trailers";
  }

  /** The guest lets a direction go on that is paused, or whose headers it is about to pause. */
  continue(): void {
    this.#continued = true;
    if (this.over || this.paused === null || this.#stream.closed) return;
    this.#losesNext = this.#buffering && this.#stream.vm.profile.losesResumedPiece;
    const backlog = this.#backlog;
    this.#backlog = null;
    if (backlog?.ended && backlog.body.length === 0) this.#ends(true);
    this.#passOn(null);
    if (backlog !== null && backlog.body.length > 0) this.pushBody(backlog.body.bytes, backlog.ended);
    if (backlog?.trailers) this.pushTrailers(backlog.trailers);
  }

  #ends(endOfStream: boolean): void {
    this.endOfStream = endOfStream;
    this.#stream.endOfStream = endOfStream;
  }

  /** Takes the maps and the body away from the guest. */
  shut(): void {
    this.headersOpen = false;
    this.trailersOpen = false;
    this.view = null;
  }

  /** Trailers that the guest adds in the last body callback, where none came. */
  addTrailers(): Pair[] | null {
    // The host knows one end of stream for both directions (context.h, end_of_stream_).
    if (this.view === null || !this.#stream.endOfStream) return null;
    this.trailers = [];
    this.trailersOpen = true;
    return this.trailers;
  }

  /** Holds bytes back; false if that was too much and the host has answered itself. */
  #hold(bytes: Uint8Array, limited: boolean): boolean {
    if (limited && this.#held.length + bytes.length > this.#stream.vm.profile.bufferLimit) {
      this.#stream.overflow(this);
      return false;
    }
    this.#held.append(bytes);
    return true;
  }

  /** Everything up to here flows on, headers first. `by`: whose callback let it; null for `proxy_continue_stream`. */
  #passOn(by: "headers" | "body" | "trailers" | null): void {
    this.paused = null;
    if (this.#stream.vm.profile.callbacksCloseOwn) this.#close(by);
    else this.shut();
    this.#buffering = false;
    // What the guest does to headers that are on their way already changes nothing.
    this.sent.headers ??= this.headersOpen && this.headers !== null ? [...this.headers] : this.headers;
    if (this.#held.length > 0) {
      this.sent.body.push(this.#held.bytes);
      this.#held = new Body();
    }
    this.sent.trailers = this.trailers;
    if (this.endOfStream) this.sent.ended = true;
  }

  /** Trailers that the guest added stay open: no callback comes for them. */
  #close(part: "headers" | "body" | "trailers" | null): void {
    this.view = null;
    if (part === "headers") this.headersOpen = false;
    if (part === "trailers") this.trailersOpen = false;
  }
}
