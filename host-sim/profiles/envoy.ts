/** Envoy 1.40 on V8: proxy-wasm-cpp-host and source/extensions/common/wasm/context.cc. */

import { BufferType } from "../abi.ts";
import { envoyProperty } from "./envoy-properties.ts";
import { envoyGrpcReply, envoyReply } from "./envoy-replies.ts";
import { envoyRequestHeaders, envoyResponseHeaders } from "./header-rules.ts";
import type { Profile } from "./profile.ts";

const none: ReadonlySet<never> = new Set();

/** The default `per_connection_buffer_limit_bytes`. */
const listenerBufferLimit = 1024 * 1024;

export const envoy140: Profile = {
  name: "envoy-1.40",
  abiVersions: new Set(["0.1.0", "0.2.0", "0.2.1"]),
  missing: none,
  wasi: null,
  wasiNosys: none,
  wasiNotAtStart: new Set(["fd_close", "fd_read", "fd_seek", "path_open", "proc_exit", "sched_yield"]),
  mainVoid: true,
  importsMemory: true,
  needsMemory: false,
  aborting: none,
  abortingBuffers: none,
  missingMaps: none,
  allocators: ["malloc", "proxy_on_memory_allocate"],
  refusedFeatures: none,
  stackBytes: null,
  growthTraps: false,
  cStrings: false,

  headers: envoyRequestHeaders,
  responseHeaders: envoyResponseHeaders,
  pseudoHeaders: true,
  receive: () => null,
  malformedPairsAreEmpty: true,
  pairs: (map) => map,
  absentMapIsEmpty: true,
  // getBuffer in context.cc wraps them around nothing.
  emptyBuffers: new Set([
    BufferType.HttpRequestBody,
    BufferType.HttpResponseBody,
    BufferType.DownstreamData,
    BufferType.UpstreamData,
    BufferType.GrpcCallMessage,
    BufferType.ForeignFunctionArguments,
  ]),
  readsBeyondEnd: true,
  logIsReadOnly: false,
  continueClosesRequest: true,
  // A segmentation fault: continueEncoding without headers.
  earlyResponseContinueKillsHost: true,
  callbacksCloseOwn: true,
  sizeOfWritableMapsOnly: true,
  mapsAlwaysOpen: false,
  headerChangeClearsRouteCache: true,
  bodyEndsApart: true,
  headersEndStream: true,

  // Under ABI 0.2.x StopIteration becomes StopAllIterationAndWatermark (proxy-wasm-cpp-host#143), and so does
  // anything above the enumeration; 2, ContinueAndEndStream, is no longer known to Envoy and continues.
  headersAction: (result, allowed) => {
    if (result === 0 || result === 2) return "continue";
    return result === 1 && allowed ? "stop" : "stop-all";
  },
  dataAction: (result) => (["continue", "buffer", "watermark"] as const)[result] ?? "drop",
  bufferLimit: listenerBufferLimit,
  losesResumedPiece: false,
  watermarkShowsNewest: true,
  replacesInside: false,
  appendKillsHost: false,
  resetsBody: () => false,
  losesChunks: false,
  deadlyStall: null,

  localReplyStatus: (status) => status,
  repliesFromBodies: true,
  localReplyHeaders: (status, body, added) => {
    const headers = envoyReply(status, added);
    if (body === "") {
      envoyResponseHeaders.remove(headers, "content-length");
      envoyResponseHeaders.remove(headers, "content-type");
    } else {
      envoyResponseHeaders.replace(headers, "content-length", String(body.length));
      if (envoyResponseHeaders.get(headers, "content-type") === null)
        headers.push(["content-type", "text/plain"]);
    }
    return headers;
  },
  grpcReplyHeaders: envoyGrpcReply,
  headEndsReplies: true,
  localReplyDetails: (details) => details.replace(/\s/g, "_"),
  localReplyIsFiltered: true,
  // The access log is written before the filters are destroyed (doDeferredStreamDestroy).
  streamEnd: ["proxy_on_log", "proxy_on_done", "proxy_on_delete"],
  streamsCanDefer: false,

  configurationAlwaysReadable: false,
  refusesConfiguration: () => null,
  requestTrailersInLog: false,
  resolvesPaths: true,
  setsRequest: false,
  propertiesFollowMaps: true,
  property: envoyProperty,
  unknownProperty: null,
  metricIds: "byType",
  httpCallStep: 4,
  hasTcpFilters: true,
  hasFilterState: true,
  grpcMessageCanChange: true,
  grpcMessage: (text, details) => {
    if (details === "") return text;
    return text === "" ? details : `${text}{${details}}`;
  },
  // A panic: "unset oneof".
  grpcWithoutTargetKillsHost: true,

  deadReply: { status: 503, details: "wasm_fail_stream" },
  failOpenByDefault: false,
  failsOpenFromNextStream: true,
  refusedStartKillsHost: false,
  vmPerWorker: true,
  canary: true,
  updatesLivingVm: true,
  refusedStartIsFinal: false,
  neverConfiguredStatus: 500,
};
