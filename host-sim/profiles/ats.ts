/** Apache Traffic Server 10.2 with its experimental wasm plugin on WAMR 2.1.1 (plugins/experimental/wasm). */
import { BufferType, MapType } from "../abi.ts";
import type { Pair } from "../memory.ts";
import { atsHeaders, isHeader, shownByAts } from "./ats-headers.ts";
import { atsProperty } from "./ats-properties.ts";
import { receiveInAts } from "./ats-request.ts";
import type { Profile } from "./profile.ts";

/** A POST of this many bytes or more is reset when no body callback takes it. */
const unseenBodyLimit = 4000;

export const ats102: Profile = {
  name: "ats-10.2",
  abiVersions: new Set(["0.1.0", "0.2.0", "0.2.1"]),
  missing: new Set(),
  wasi: new Set([
    "args_get",
    "args_sizes_get",
    "clock_time_get",
    "environ_get",
    "environ_sizes_get",
    "fd_close",
    "fd_fdstat_get",
    "fd_read",
    "fd_seek",
    "fd_write",
    "proc_exit",
    "random_get",
  ]),
  wasiNosys: new Set(),
  wasiNotAtStart: new Set(["fd_close", "fd_fdstat_get", "fd_read", "fd_seek", "proc_exit"]),
  mainVoid: true,
  importsMemory: false,
  needsMemory: true,
  // Calls that reach `unimplemented()`, and WASI calls that reach `error()`: both abort the process.
  aborting: new Set([
    "proxy_get_status",
    "proxy_get_log_level",
    "proxy_grpc_call",
    "proxy_grpc_stream",
    "proxy_grpc_send",
    "proxy_grpc_cancel",
    "proxy_grpc_close",
    "proc_exit",
    "fd_seek",
    "fd_close",
  ]),
  abortingBuffers: new Set([
    BufferType.DownstreamData,
    BufferType.UpstreamData,
    BufferType.GrpcCallMessage,
    BufferType.ForeignFunctionArguments,
  ]),
  missingMaps: new Set([MapType.HttpCallResponseTrailers]),
  allocators: ["malloc", "proxy_on_memory_allocate"],
  refusedFeatures: new Set(["simd", "reference types"]),
  stackBytes: 32 * 1024,
  // A fault of WAMR before 2.3.0: the caller's frame goes on with the bounds that it knew.
  growthTraps: true,
  cStrings: true,

  headers: atsHeaders,
  responseHeaders: atsHeaders,
  pseudoHeaders: false,
  receive: receiveInAts,
  malformedPairsAreEmpty: true,
  pairs: (map) => map.filter(isHeader).map(([name, value]) => [name, shownByAts(name, value)]),
  absentMapIsEmpty: false,
  emptyBuffers: new Set([
    BufferType.HttpRequestBody,
    BufferType.HttpResponseBody,
    BufferType.HttpCallResponseBody,
  ]),
  readsBeyondEnd: true,
  logIsReadOnly: false,
  continueClosesRequest: false,
  earlyResponseContinueKillsHost: false,
  callbacksCloseOwn: false,
  sizeOfWritableMapsOnly: false,
  mapsAlwaysOpen: true,
  headerChangeClearsRouteCache: false,
  bodyEndsApart: false,
  headersEndStream: false,

  headersAction: (result) => (result === 0 ? "continue" : "stop-all"),
  dataAction: (result) => (["continue", "buffer", "watermark"] as const)[result] ?? "drop",
  bufferLimit: Number.POSITIVE_INFINITY,
  losesResumedPiece: false,
  watermarkShowsNewest: false,
  replacesInside: true,
  appendKillsHost: true,
  resetsBody: ({ size, seenByGuest }) => size >= unseenBodyLimit && !seenByGuest,
  losesChunks: true,
  // Its transform takes no lock, and outlives the transaction.
  deadlyStall: 30_000,

  // TSHttpTxnReenable with an error answers 500 where the status is none of an error.
  localReplyStatus: (status) => (status < 400 ? 500 : status),
  repliesFromBodies: false,
  localReplyHeaders: (status, body, added) => {
    const headers: Pair[] = [[":status", String(status)]];
    if (body !== "") headers.push(["content-type", "text/html"], ["content-length", String(body.length)]);
    atsHeaders.setAll(headers, added);
    // Forced by TSHttpTxnErrorBodySet, whatever the guest asked for.
    if (body !== "") atsHeaders.replace(headers, "content-type", "text/html");
    return headers;
  },
  grpcReplyHeaders: null,
  headEndsReplies: false,
  localReplyDetails: (details) => details,
  localReplyIsFiltered: false,
  streamEnd: ["proxy_on_done", "proxy_on_delete"],
  streamsCanDefer: false,

  configurationAlwaysReadable: true,
  // `configuration:` is a YAML scalar, so text.
  refusesConfiguration: (configuration) => {
    const at = configuration.findIndex((byte) => byte < 32 && byte !== 9 && byte !== 10 && byte !== 13);
    if (at >= 0)
      return `a YAML scalar cannot hold the byte ${configuration[at]} at ${at}: encode it as base64`;
    try {
      new TextDecoder("utf-8", { fatal: true }).decode(configuration);
      return null;
    } catch {
      return "a YAML scalar must be UTF-8 text: encode it as base64";
    }
  },
  requestTrailersInLog: false,
  resolvesPaths: false,
  setsRequest: true,
  propertiesFollowMaps: false,
  property: atsProperty,
  unknownProperty: new Uint8Array(0),
  metricIds: "global",
  httpCallStep: 1,
  hasTcpFilters: false,
  hasFilterState: false,
  grpcMessageCanChange: false,
  grpcMessage: (text) => text,
  grpcWithoutTargetKillsHost: false,

  deadReply: { status: 500, details: "wasm plugin failed" },
  failOpenByDefault: true,
  failsOpenFromNextStream: false,
  refusedStartKillsHost: true,
  vmPerWorker: false,
  canary: false,
  updatesLivingVm: false,
  refusedStartIsFinal: true,
  neverConfiguredStatus: null,
};
