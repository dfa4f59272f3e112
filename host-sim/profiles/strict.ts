/**
 * The specification's letter, abi-versions/v0.2.1: where it leaves a choice, the choice that shows a mistake.
 * A module that passes here leans on no host's leniency.
 */

import type { Pair } from "../memory.ts";
import { specifiedHeaders } from "./header-rules.ts";
import type { Profile } from "./profile.ts";

export const strict: Profile = {
  name: "strict",
  abiVersions: new Set(["0.2.0", "0.2.1"]),
  // Offered by proxy-wasm-cpp-host, but not by the specification.
  missing: new Set(["pthread_equal", "emscripten_notify_memory_growth"]),
  wasi: new Set([
    "args_get",
    "args_sizes_get",
    "clock_time_get",
    "environ_get",
    "environ_sizes_get",
    "fd_write",
    "proc_exit",
    "random_get",
  ]),
  wasiNosys: new Set(),
  wasiNotAtStart: new Set(["proc_exit"]),
  mainVoid: true,
  importsMemory: false,
  needsMemory: true,
  aborting: new Set(),
  abortingBuffers: new Set(),
  missingMaps: new Set(),
  allocators: ["proxy_on_memory_allocate", "malloc"],
  refusedFeatures: new Set(),
  stackBytes: null,
  growthTraps: false,
  cStrings: false,

  headers: specifiedHeaders,
  responseHeaders: specifiedHeaders,
  pseudoHeaders: true,
  receive: () => null,
  malformedPairsAreEmpty: false,
  pairs: (map) => map,
  absentMapIsEmpty: false,
  emptyBuffers: new Set(),
  readsBeyondEnd: false,
  logIsReadOnly: true,
  continueClosesRequest: false,
  earlyResponseContinueKillsHost: false,
  callbacksCloseOwn: false,
  sizeOfWritableMapsOnly: false,
  mapsAlwaysOpen: false,
  headerChangeClearsRouteCache: false,
  bodyEndsApart: false,
  headersEndStream: true,

  // proxy_action_t has two values; PAUSE stops the headers, and body callbacks go on.
  headersAction: (result) => (result === 0 ? "continue" : "stop"),
  dataAction: (result) => (result === 0 ? "continue" : "buffer"),
  bufferLimit: Number.POSITIVE_INFINITY,
  losesResumedPiece: false,
  watermarkShowsNewest: false,
  replacesInside: true,
  appendKillsHost: false,
  resetsBody: () => false,
  losesChunks: false,
  deadlyStall: null,

  localReplyStatus: (status) => status,
  repliesFromBodies: true,
  localReplyHeaders: (status, body, added) => {
    const headers: Pair[] = [[":status", String(status)]];
    for (const [name, value] of added) specifiedHeaders.add(headers, name, value);
    if (body !== "") specifiedHeaders.replace(headers, "content-length", String(body.length));
    return headers;
  },
  grpcReplyHeaders: null,
  headEndsReplies: true,
  localReplyDetails: (details) => details,
  localReplyIsFiltered: false,
  streamEnd: ["proxy_on_done", "proxy_on_log", "proxy_on_delete"],
  streamsCanDefer: true,

  configurationAlwaysReadable: false,
  refusesConfiguration: () => null,
  requestTrailersInLog: true,
  resolvesPaths: false,
  setsRequest: false,
  propertiesFollowMaps: false,
  property: null,
  unknownProperty: null,
  metricIds: "byType",
  httpCallStep: 1,
  hasTcpFilters: true,
  hasFilterState: false,
  grpcMessageCanChange: false,
  grpcMessage: (text) => text,
  grpcWithoutTargetKillsHost: false,

  deadReply: { status: 500, details: "wasm_trapped" },
  failOpenByDefault: false,
  failsOpenFromNextStream: false,
  refusedStartKillsHost: false,
  vmPerWorker: true,
  canary: false,
  updatesLivingVm: true,
  refusedStartIsFinal: false,
  neverConfiguredStatus: 500,
};
