/**
 * The numbers of the proxy-wasm ABI, as its specification (abi-versions/v0.2.1) names them. What a module can import
 * and export is in `host-calls.ts`, `wasi-calls.ts` and `callbacks.ts`.
 */

export type AbiVersion = "0.1.0" | "0.2.0" | "0.2.1";

/** `proxy_status_t`, and the values that hosts return besides (BadExpression, ResultMismatch, BrokenConnection). */
export const Status = {
  Ok: 0,
  NotFound: 1,
  BadArgument: 2,
  SerializationFailure: 3,
  ParseFailure: 4,
  BadExpression: 5,
  InvalidMemoryAccess: 6,
  Empty: 7,
  CasMismatch: 8,
  ResultMismatch: 9,
  InternalFailure: 10,
  BrokenConnection: 11,
  Unimplemented: 12,
} as const;

/** `wasi_errno_t`, the few values that proxy-wasm hosts return. */
export const Errno = {
  Success: 0,
  BadF: 8,
  NoEnt: 44,
  Exist: 20,
  Fault: 21,
  Inval: 28,
  NoSys: 52,
  NotSup: 58,
} as const;

export const LogLevel = { trace: 0, debug: 1, info: 2, warn: 3, error: 4, critical: 5 } as const;

/** `proxy_map_type_t` */
export const MapType = {
  HttpRequestHeaders: 0,
  HttpRequestTrailers: 1,
  HttpResponseHeaders: 2,
  HttpResponseTrailers: 3,
  GrpcCallInitialMetadata: 4,
  GrpcCallTrailingMetadata: 5,
  HttpCallResponseHeaders: 6,
  HttpCallResponseTrailers: 7,
} as const;

/** `proxy_buffer_type_t` */
export const BufferType = {
  HttpRequestBody: 0,
  HttpResponseBody: 1,
  DownstreamData: 2,
  UpstreamData: 3,
  HttpCallResponseBody: 4,
  GrpcCallMessage: 5,
  VmConfiguration: 6,
  PluginConfiguration: 7,
  ForeignFunctionArguments: 8,
} as const;

/** `proxy_stream_type_t` */
export const StreamType = { HttpRequest: 0, HttpResponse: 1, Downstream: 2, Upstream: 3 } as const;

/** `proxy_metric_type_t` */
export const MetricType = { Counter: 0, Gauge: 1, Histogram: 2 } as const;

/** The enumerations that a parameter can have, by the name that the table below uses. */
export const enums = {
  logLevel: LogLevel,
  mapType: MapType,
  bufferType: BufferType,
  streamType: StreamType,
  metricType: MetricType,
} as const;

export type EnumKind = keyof typeof enums;

const names = (e: Record<string, number>): readonly string[] =>
  Object.entries(e)
    .sort(([, a], [, b]) => a - b)
    .reduce<string[]>((list, [name, value]) => {
      list[value] = name;
      return list;
    }, []);

export const statusNames = names(Status);
export const errnoNames = names(Errno);
export const enumNames: Record<EnumKind, readonly string[]> = {
  logLevel: names(LogLevel),
  mapType: names(MapType),
  bufferType: names(BufferType),
  streamType: names(StreamType),
  metricType: names(MetricType),
};
