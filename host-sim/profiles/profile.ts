/**
 * What differs from host to host, as data and small functions. The rest of the simulator asks a profile and
 * never its name. The facts come from runs of the real hosts and from their sources; each has a test in
 * `profiles.test.ts` or `ats.test.ts`.
 */

import type { AbiVersion } from "../abi.ts";
import type { Pair } from "../memory.ts";
import type { HeaderRules } from "./header-rules.ts";

/** A local reply before the host has put its own headers to it. */
export interface LocalReply {
  /** HTTP status code, as the guest gave it. */
  readonly status: number;
  /** Byte string. */
  readonly body: string;
  /** The response's headers as the client gets them, `:status` first. */
  readonly headers: readonly Pair[];
  /** Envoy's `%RESPONSE_CODE_DETAILS%`, ATS's reason phrase. */
  readonly details: string;
  /** What the guest asked for; null when it was outside 0–16 ("none", by convention -1). */
  readonly grpcStatus: number | null;
}

/** A request's target as the guest finds it. */
export interface RequestLine {
  method: string;
  scheme: string;
  host: string;
  /** With the query. */
  path: string;
}

/** What has come of a request and its response, or of a TCP connection, for properties. */
export interface Exchanged {
  /** TCP: "request" and "response" are the two directions, and there are no headers. */
  readonly isConnection: boolean;
  readonly id: number;
  /** Nanoseconds: when the stream began, and now. */
  readonly began: bigint;
  readonly now: bigint;
  readonly closed: boolean;
  readonly request: {
    readonly headers: readonly Pair[] | null;
    /** Those that properties show now. */
    readonly shown: readonly Pair[] | null;
    readonly bytes: number;
    /** The headers are on their way upstream. */
    readonly isSent: boolean;
  };
  readonly response: {
    readonly headers: readonly Pair[] | null;
    readonly shown: readonly Pair[] | null;
    /** As it came from upstream. */
    readonly status: string | null;
    readonly bytes: number;
    /** All of it has come from upstream. */
    readonly hasCome: boolean;
  };
  readonly filterState: ReadonlyMap<string, string>;
  /** What the test says of a property. */
  given(path: string): unknown;
}

/** The host's process ends, and why. */
export interface Death {
  readonly kills: string;
}

/** A local reply as the guest asks for it; `headers` are put to the host's own. */
export type AskedReply = Pick<LocalReply, "status" | "body" | "headers" | "grpcStatus">;

/** What happens to data after a body callback: passed on, kept, kept without limit, or dropped. */
export type DataAction = "continue" | "buffer" | "watermark" | "drop";

/** What happens after a headers callback; `stop` still delivers the body to the guest, `stop-all` does not. */
export type HeadersAction = "continue" | "stop" | "stop-all";

export interface Profile {
  readonly name: string;

  /** Versions of the ABI whose marker this host knows. */
  readonly abiVersions: ReadonlySet<AbiVersion>;
  /** Host calls of the table that this host does not offer, WASI apart: a module that imports one is refused. */
  readonly missing: ReadonlySet<string>;
  /** The WASI calls that it offers; null for all of the table. */
  readonly wasi: ReadonlySet<string> | null;
  /** WASI calls that it offers and has not implemented: they answer ENOSYS. */
  readonly wasiNosys: ReadonlySet<string>;
  /** WASI calls that trap while `_initialize`, `main` or `_start` runs; of all other calls only `proxy_log` does not. */
  readonly wasiNotAtStart: ReadonlySet<string>;
  /** Without a `main`, `__main_void` is run in its place after `_initialize`. */
  readonly mainVoid: boolean;
  /** A module may import its memory and its table, by any name; the host makes them. */
  readonly importsMemory: boolean;
  /** A module without a memory is refused; else it runs until a host call looks for the memory. */
  readonly needsMemory: boolean;
  /** Host calls that end the host's process, as `abort()` does. */
  readonly aborting: ReadonlySet<string>;
  /** `proxy_buffer_type_t` values whose use ends the host's process. */
  readonly abortingBuffers: ReadonlySet<number>;
  /** `proxy_map_type_t` values that are never there. */
  readonly missingMaps: ReadonlySet<number>;
  /** Exports that the host calls for memory, the preferred first. A module without any is refused. */
  readonly allocators: readonly ("malloc" | "proxy_on_memory_allocate")[];
  /** Wasm features that its engine refuses, by the names of `wasm-features.ts`. */
  readonly refusedFeatures: ReadonlySet<string>;
  /** Bytes of stack that a module has; null for the engine's own, which is large. */
  readonly stackBytes: number | null;
  /** Memory that grows in the allocator, while the host runs, is out of bounds for the guest that called the host. */
  readonly growthTraps: boolean;
  /** Metric names are read to the next NUL, whatever size the guest gave. */
  readonly cStrings: boolean;

  /** For requests' headers and trailers. */
  readonly headers: HeaderRules;
  /** For responses'. */
  readonly responseHeaders: HeaderRules;
  /** Whether `:authority`, `:method`, `:path`, `:scheme` and `:status` are in the maps. */
  readonly pseudoHeaders: boolean;
  /**
   * What becomes of a request's line and headers before the guest sees them, where they are no pseudo-headers: changed in
   * place. Why the host answers 400 by itself; null if it does not.
   */
  receive(line: RequestLine, map: Pair[]): string | null;
  /** A malformed serialised map is taken as an empty one; else it is a BadArgument. */
  readonly malformedPairsAreEmpty: boolean;
  /** In `proxy_on_log` no map can be changed; else those that the host has not closed yet can. */
  readonly logIsReadOnly: boolean;
  /** `proxy_continue_stream` closes the request's maps and body at once, whichever direction it continues. */
  readonly continueClosesRequest: boolean;
  /** `proxy_continue_stream` on the response before there is one ends the host's process. */
  readonly earlyResponseContinueKillsHost: boolean;
  /** Headers and trailers are open until their own callback lets them pass; else until anything passes. */
  readonly callbacksCloseOwn: boolean;
  /** The map as `proxy_get_header_map_pairs` gives it. */
  pairs(map: readonly Pair[]): readonly Pair[];
  /** A map that is not there reads as an empty list of pairs; else it is a BadArgument. */
  readonly absentMapIsEmpty: boolean;
  /** `proxy_buffer_type_t` values that, where there is no such buffer, are empty ones that cannot be written. */
  readonly emptyBuffers: ReadonlySet<number>;
  /** A read from beyond a buffer's end is Ok and gives nothing; else it is a BadArgument. */
  readonly readsBeyondEnd: boolean;
  /** `proxy_get_header_map_size` answers only for maps that the guest may change now. */
  readonly sizeOfWritableMapsOnly: boolean;
  /** Maps and buffers of a stream can be used in every callback of it, not just where the specification says. */
  readonly mapsAlwaysOpen: boolean;
  /** A change to the request's headers clears the route cache. */
  readonly headerChangeClearsRouteCache: boolean;
  /** `on_request_headers` says end_of_stream for a request without a body. */
  readonly headersEndStream: boolean;

  /** A body's last bytes come without end_of_stream, and an empty piece with it follows (HTTP/1.1 codecs). */
  readonly bodyEndsApart: boolean;

  /** Meaning of a headers callback's result. `allowed` is the plugin's `allow_on_headers_stop_iteration`. */
  headersAction(result: number, allowed: boolean): HeadersAction;
  dataAction(result: number): DataAction;
  /** Bytes of one body that a host holds; more is answered with `overflowReply`. */
  readonly bufferLimit: number;
  /** The first piece of a body after the guest has resumed one that was held: it goes nowhere where the guest lets it pass. */
  readonly losesResumedPiece: boolean;
  /** Only the newest piece of a body that is held without limit is shown to the guest. */
  readonly watermarkShowsNewest: boolean;
  /**
   * Can bytes in the middle of a body be replaced? Envoy only drains and prepends at 0, or appends at the end.
   */
  readonly replacesInside: boolean;
  /** A write at a body's end or beyond it ends the host's process. */
  readonly appendKillsHost: boolean;
  /** The host cuts the connection at a request body that it cannot carry. */
  resetsBody(body: { size: number; seenByGuest: boolean }): boolean;
  /** A chunked request body goes upstream without the chunks that its headers announce. */
  readonly losesChunks: boolean;
  /**
   * A request's body ends the host's process beside another request on a second thread, where the response comes before
   * its end, and where it stalls for so many milliseconds. null: no body does.
   */
  readonly deadlyStall: number | null;

  /** The status that a client gets for the one that a guest asked for. */
  localReplyStatus(status: number): number;
  /** A local reply from a body callback reaches the client. */
  readonly repliesFromBodies: boolean;
  /** The client's response headers for a local reply; `added` are the guest's. */
  localReplyHeaders(status: number, body: string, added: readonly Pair[]): Pair[];
  /** The headers that are the whole answer to a gRPC request; null: it is answered as any other. */
  readonly grpcReplyHeaders: ((reply: AskedReply) => Pair[]) | null;
  /** A local reply to HEAD ends with its headers. */
  readonly headEndsReplies: boolean;
  localReplyDetails(details: string): string;
  /** A local reply passes the filter's own response callbacks on its way to the client. */
  readonly localReplyIsFiltered: boolean;
  /** The callbacks at a stream's end, in order. */
  readonly streamEnd: readonly ("proxy_on_log" | "proxy_on_done" | "proxy_on_delete")[];
  /** A stream that answers false to `proxy_on_done` lives until it calls `proxy_done`. */
  readonly streamsCanDefer: boolean;

  /** `proxy_get_buffer_bytes(PluginConfiguration)` works outside `proxy_on_configure` too. */
  readonly configurationAlwaysReadable: boolean;
  /** Why this host cannot be given such a configuration at all; null if it can. */
  refusesConfiguration(configuration: Uint8Array): string | null;

  /** The guest can read request trailers in `proxy_on_log`. */
  readonly requestTrailersInLog: boolean;
  /** As `pointsman render` sets it up, it resolves a path's dot segments before the filter sees it. */
  readonly resolvesPaths: boolean;
  /** Setting `request.host`, `request.url_path` and their like changes the request. */
  readonly setsRequest: boolean;
  /** `request.…` and `response.…` properties that come from headers are there while the headers can be read. */
  readonly propertiesFollowMaps: boolean;
  /** A property by the parts of its path, where this host has it otherwise than others; a number is a status; null: as they do. */
  readonly property:
    | ((exchange: Exchanged | null, path: readonly string[]) => Uint8Array | string | number | Death | null)
    | null;
  /** What an unknown property reads as: null for NotFound. */
  readonly unknownProperty: Uint8Array | null;
  /** Metrics: `byType` numbers them 4, 5, 6, 8, …; `global` by place, one number for a name whatever the VM. */
  readonly metricIds: "byType" | "global";

  /** HTTP calls are numbered 1, 2, … or, where other kinds of call have numbers between, in such steps. */
  readonly httpCallStep: number;
  /** TCP connections pass filters too. */
  readonly hasTcpFilters: boolean;
  /** The foreign function `set_envoy_filter_state`. */
  readonly hasFilterState: boolean;
  /** The guest can write into the message that gRPC has brought. */
  readonly grpcMessageCanChange: boolean;
  /** The message that `proxy_get_status` gives in `proxy_on_grpc_close`, of gRPC's own and what the host says of the end. */
  grpcMessage(text: string, details: string): string;
  /** A serialized gRPC service without an upstream ends the host's process; so does an empty name, which is such a one. */
  readonly grpcWithoutTargetKillsHost: boolean;

  /** What clients get while the VM is dead, or died on this request, and the plugin fails closed. */
  readonly deadReply: { readonly status: number; readonly details: string };
  readonly failOpenByDefault: boolean;
  /** Streams that were there when the VM died fail closed even so. */
  readonly failsOpenFromNextStream: boolean;
  /** `on_vm_start` returning 0, or a trap in it, ends the host's process. */
  readonly refusedStartKillsHost: boolean;
  /** VMs beside the workers': Envoy's main thread and its canary; ATS runs one VM for all threads. */
  readonly vmPerWorker: boolean;
  readonly canary: boolean;
  /** An update configures the living VMs again; else it starts fresh ones. */
  readonly updatesLivingVm: boolean;
  /** A configuration that is refused at the start is the last that is looked at: only a new process takes another. */
  readonly refusedStartIsFinal: boolean;
  /** What serves when the module has not accepted a configuration yet: a status, or null for "unfiltered". */
  readonly neverConfiguredStatus: number | null;
}
