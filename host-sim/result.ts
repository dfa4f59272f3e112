/** What became of a stream, as the test sees it. */
import { joined } from "./bytes.ts";
import type { Half } from "./half.ts";
import type { Pair } from "./memory.ts";
import type { Message, RequestResult } from "./messages.ts";
import type { LocalReply, RequestLine } from "./profiles/profile.ts";
import type { Stream } from "./stream.ts";

function messageOf({ sent }: Half): Message | null {
  const { headers, body, trailers, ended, raw } = sent;
  if (headers === null) return null;
  return { headers, body: joined(body), trailers, ended, ...(raw && { raw }) };
}

/** What costs something to make is made when it is asked for. */
export class Result implements RequestResult {
  readonly headers: readonly Pair[];
  readonly action: "continue" | "pause";
  readonly localReply: LocalReply | null;
  readonly reset: string | null;
  readonly trapped: string | null;
  readonly routeCacheClears: number;
  readonly hostCalls: number;
  readonly #stream: Stream;

  constructor(stream: Stream, response: Half | null, hostCalls: number) {
    this.headers = stream.request.headers ?? [];
    this.action = isHeld(stream.request) || (response !== null && isHeld(response)) ? "pause" : "continue";
    // The filter's own response callbacks may have changed the reply's headers.
    const replied = response?.sent.headers ?? null;
    this.localReply =
      stream.localReply === null || replied === null
        ? stream.localReply
        : { ...stream.localReply, headers: replied };
    this.reset = stream.reset;
    this.trapped = stream.trapped;
    this.routeCacheClears = stream.routeCacheClears;
    this.hostCalls = hostCalls;
    this.#stream = stream;
  }

  get target(): RequestLine {
    const { method, scheme, host, path } = this.#stream.requestLine;
    return { method, scheme, host, path };
  }

  get upstream(): Message | null {
    return messageOf(this.#stream.request);
  }

  get downstream(): Message | null {
    return messageOf(this.#stream.response);
  }
}

const isHeld = (half: Half): boolean => !half.over && half.paused !== null;

/** The request line of a host that keeps it in pseudo-headers. */
export class HeaderLine implements RequestLine {
  readonly #half: Half;

  constructor(half: Half) {
    this.#half = half;
  }

  #value(name: string): string {
    return this.#half.headers?.find((pair) => pair[0] === name)?.[1] ?? "";
  }

  get method(): string {
    return this.#value(":method");
  }
  get scheme(): string {
    return this.#value(":scheme");
  }
  get host(): string {
    return this.#value(":authority");
  }
  get path(): string {
    return this.#value(":path");
  }
}
