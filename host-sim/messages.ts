/** What a test sends through a stream, and what it gets of it. */
import { bytesOf } from "./bytes.ts";
import type { Pair } from "./memory.ts";
import type { LocalReply, RequestLine } from "./profiles/profile.ts";
import type { Properties } from "./properties.ts";

/** A body, or its chunks as they arrive; text is byte strings. */
export type BodyInput = Uint8Array | string | readonly (Uint8Array | string)[];

export interface ResponseInput {
  /** With `:status`. */
  readonly headers: readonly Pair[];
  readonly body?: BodyInput;
  readonly trailers?: readonly Pair[];
}

/** A local reply as it is asked for. */
export interface ReplyInput {
  readonly status: number;
  readonly details: string;
  readonly body?: string;
  /** Put to the host's own. */
  readonly headers?: readonly Pair[];
  readonly grpcStatus?: number | null;
}

export interface RequestInput {
  /**
   * In order, as an HTTP/2 client would send them: `:authority`, `:path`, `:method` and `:scheme` are pseudo-headers
   * here for every profile. Byte strings: see `byteString` for text beyond ASCII.
   */
  readonly headers: readonly Pair[];
  readonly body?: BodyInput;
  readonly trailers?: readonly Pair[];
  /** The body comes without a content-length. */
  readonly chunked?: boolean;
  /** What the upstream answers, if the request gets there. Without it the exchange ends with the request. */
  readonly response?: ResponseInput;
  readonly properties?: Properties;
}

export interface RequestResult {
  /** The request's headers as the guest left them, in order. */
  readonly headers: readonly Pair[];
  /** Where the request would go, whatever form the host's map has it in. */
  readonly target: Readonly<RequestLine>;
  /** `pause` if the guest still holds the request or the response back at the end. */
  readonly action: "continue" | "pause";
  readonly localReply: LocalReply | null;
  /** What reached the upstream; null if nothing did. `ended` is false if the body did not end. */
  readonly upstream: Message | null;
  /** What reached the client; null if nothing did. */
  readonly downstream: Message | null;
  /** Why the connection was cut instead of answered; null if it was not. */
  readonly reset: string | null;
  /** The trap that killed the VM during this request; null if it lives. */
  readonly trapped: string | null;
  /** How often the host's route cache was cleared. */
  readonly routeCacheClears: number;
  /** Host calls that the guest made for this request. */
  readonly hostCalls: number;
}

export interface Message {
  readonly headers: readonly Pair[];
  readonly body: Uint8Array;
  readonly trailers: readonly Pair[] | null;
  readonly ended: boolean;
  /** The body went out without the chunks that its headers announce. */
  readonly raw?: true;
}

export function checkByteString(name: string, value: string): void {
  if (beyondBytes.test(name) || beyondBytes.test(value)) {
    throw new TypeError(`header ${JSON.stringify(name)} is not a byte string: ${JSON.stringify(value)}`);
  }
}

const beyondBytes = /[^\0-\xff]/;
const noChunks: readonly Uint8Array[] = [];

/** The pieces in which a body arrives. */
export const chunksOf = (body: BodyInput | undefined): readonly Uint8Array[] => {
  if (body === undefined) return noChunks;
  const chunks = typeof body === "string" || ArrayBuffer.isView(body) ? [body] : body;
  return chunks.map((chunk) => (typeof chunk === "string" ? bytesOf(chunk) : chunk));
};
