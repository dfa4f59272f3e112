/**
 * The proxy-wasm ABI as data: every host call and every callback that the simulator knows.
 *
 * Imports, argument decoding, traces, the coverage test and the table in docs/host-sim.md are all made from
 * these two tables, so adding a call is one row here and one handler in `handlers.ts`. Names, order and
 * meaning of the parameters follow the proxy-wasm specification, abi-versions/v0.2.1.
 *
 * Not here yet, and each only a row and a handler away: gRPC, shared queues, and what only ABI 0.1.0 has
 * (`proxy_get_configuration`, `proxy_continue_request`, `proxy_continue_response`, `proxy_clear_route_cache`).
 */

export type AbiVersion = "0.2.0" | "0.2.1";

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
export const Errno = { Success: 0, BadF: 8, Fault: 21, Inval: 28, NoSys: 52, NotSup: 58 } as const;

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

/**
 * What a parameter is. Inputs reach the handler decoded:
 * - an enumeration's name: a number in range, else the call answers BadArgument
 * - `u32`, `u64`, `i64`: a number, or a bigint
 * - `address`: a guest address that the handler checks itself
 * - `string`: (address, size) → byte string, one character a byte
 * - `cString`: as `string`; a host that reads C strings reads on to the next NUL (see `Profile.cStrings`)
 * - `bytes`: (address, size) → Uint8Array, a copy
 * - `pairs`: (address, size) of a serialised map → pairs, or null if it is malformed
 * - `iovec`: (address, count) of (address, size) pairs → the bytes of all of them
 * - `asString`: address of an AssemblyScript string → string
 *
 * Outputs are what the handler returns in an array, in order, and are written only then:
 * - `outU32`, `outU64`: at the address
 * - `outBytes`, `outPairs`: into memory that the guest allocates; its address and size at two addresses
 * - `outBytesOrNull`: the same, but either address may be 0 for "not wanted"
 * - `outFill`: (address, size) of a guest's buffer, filled with exactly that many bytes
 */
export type ParamKind =
  | EnumKind
  | "u32"
  | "u64"
  | "i64"
  | "address"
  | "string"
  | "cString"
  | "bytes"
  | "pairs"
  | "iovec"
  | "asString"
  | "outU32"
  | "outU64"
  | "outBytes"
  | "outPairs"
  | "outBytesOrNull"
  | "outFill";

/** How many Wasm parameters each kind takes, where that is not one. */
const twoWide: ReadonlySet<ParamKind> = new Set<ParamKind>([
  "string",
  "cString",
  "bytes",
  "pairs",
  "iovec",
  "outBytes",
  "outPairs",
  "outBytesOrNull",
  "outFill",
]);

export const width = (kind: ParamKind): 1 | 2 => (twoWide.has(kind) ? 2 : 1);
export const isOutput = (kind: ParamKind): boolean => kind.startsWith("out");

export interface Param {
  readonly name: string;
  readonly kind: ParamKind;
}

export type Group =
  | "context"
  | "configuration and buffers"
  | "logging"
  | "clocks and timers"
  | "header maps"
  | "streams"
  | "http calls"
  | "shared data"
  | "metrics"
  | "properties"
  | "foreign functions"
  | "wasi"
  | "emscripten"
  | "assemblyscript";

export interface HostCall {
  readonly name: string;
  /** Wasm import module. `wasi_snapshot_preview1` calls are offered as `wasi_unstable` too, as Envoy does. */
  readonly module: "env" | "wasi_snapshot_preview1";
  readonly group: Group;
  readonly params: readonly Param[];
  /** `status`: proxy_status_t; `errno`: wasi_errno_t; `value`: the handler's number as it is; `none`: no result. */
  readonly result: "status" | "errno" | "value" | "none";
  readonly abi: readonly AbiVersion[];
  /** Allowed while `_initialize`, `main` or `_start` runs (proxy-wasm-cpp-host, `startVm`); others trap there. */
  readonly atStart: boolean;
}

const both: readonly AbiVersion[] = ["0.2.0", "0.2.1"];

const param = (spec: string): Param => {
  const [name = "", kind = ""] = spec.split(":");
  return { name, kind: kind as ParamKind };
};

/** `spec` is `name:kind name:kind …`; see ParamKind. */
const params = (spec: string): Param[] => (spec === "" ? [] : spec.split(" ").map(param));

const proxy = (group: Group, name: string, spec: string, more: Partial<HostCall> = {}): HostCall => ({
  name,
  module: "env",
  group,
  params: params(spec),
  result: "status",
  abi: both,
  atStart: false,
  ...more,
});

const wasi = (name: string, spec: string, more: Partial<HostCall> = {}): HostCall =>
  proxy("wasi", name, spec, {
    module: "wasi_snapshot_preview1",
    result: "errno",
    atStart: true,
    ...more,
  });

export const hostCalls: readonly HostCall[] = [
  proxy("context", "proxy_done", ""),
  proxy("context", "proxy_set_effective_context", "context_id:u32"),

  proxy(
    "configuration and buffers",
    "proxy_get_buffer_bytes",
    "buffer_id:bufferType start:u32 max_size:u32 value:outBytes",
  ),
  proxy(
    "configuration and buffers",
    "proxy_get_buffer_status",
    "buffer_id:bufferType buffer_size:outU32 flags:outU32",
  ),
  proxy(
    "configuration and buffers",
    "proxy_set_buffer_bytes",
    "buffer_id:bufferType start:u32 size:u32 value:bytes",
  ),

  proxy("logging", "proxy_log", "log_level:logLevel message:string", { atStart: true }),
  proxy("logging", "proxy_get_log_level", "log_level:outU32", { abi: ["0.2.1"] }),

  proxy("clocks and timers", "proxy_get_current_time_nanoseconds", "time:outU64"),
  proxy("clocks and timers", "proxy_set_tick_period_milliseconds", "tick_period:u32"),

  proxy("header maps", "proxy_get_header_map_size", "map_id:mapType size:outU32"),
  proxy("header maps", "proxy_get_header_map_pairs", "map_id:mapType pairs:outPairs"),
  proxy("header maps", "proxy_set_header_map_pairs", "map_id:mapType pairs:pairs"),
  proxy("header maps", "proxy_get_header_map_value", "map_id:mapType key:string value:outBytes"),
  proxy("header maps", "proxy_add_header_map_value", "map_id:mapType key:string value:string"),
  proxy("header maps", "proxy_replace_header_map_value", "map_id:mapType key:string value:string"),
  proxy("header maps", "proxy_remove_header_map_value", "map_id:mapType key:string"),

  proxy("streams", "proxy_continue_stream", "stream_type:streamType"),
  proxy("streams", "proxy_close_stream", "stream_type:streamType"),
  proxy("streams", "proxy_get_status", "status_code:outU32 status_message:outBytes"),
  proxy(
    "streams",
    "proxy_send_local_response",
    "status_code:u32 details:string body:bytes headers:pairs grpc_status:u32",
  ),

  proxy(
    "http calls",
    "proxy_http_call",
    "upstream_name:string headers:pairs body:bytes trailers:pairs timeout:u32 call_id:outU32",
  ),

  proxy("shared data", "proxy_get_shared_data", "key:string value:outBytes cas:outU32"),
  proxy("shared data", "proxy_set_shared_data", "key:string value:bytes cas:u32"),

  proxy("metrics", "proxy_define_metric", "metric_type:metricType name:cString metric_id:outU32"),
  proxy("metrics", "proxy_record_metric", "metric_id:u32 value:u64"),
  proxy("metrics", "proxy_increment_metric", "metric_id:u32 delta:i64"),
  proxy("metrics", "proxy_get_metric", "metric_id:u32 value:outU64"),

  proxy("properties", "proxy_get_property", "path:string value:outBytes"),
  proxy("properties", "proxy_set_property", "path:string value:bytes"),

  proxy(
    "foreign functions",
    "proxy_call_foreign_function",
    "name:string arguments:bytes results:outBytesOrNull",
  ),

  wasi("fd_write", "fd_id:u32 iovec:iovec written_bytes:outU32"),
  wasi("fd_read", "fd_id:u32 iovec:address iovec_size:u32 read_bytes:address", { atStart: false }),
  wasi("fd_seek", "fd_id:u32 offset:i64 whence:u32 new_offset:address", { atStart: false }),
  wasi("fd_close", "fd_id:u32", { atStart: false }),
  wasi("fd_fdstat_get", "fd_id:u32 fdstat:address", { atStart: false }),
  wasi("clock_time_get", "clock_id:u32 ignored:u64 time:outU64"),
  wasi("random_get", "buffer:outFill"),
  wasi("environ_sizes_get", "num_elements:outU32 buffer_size:outU32"),
  wasi("environ_get", "array:address buffer:address"),
  wasi("args_sizes_get", "argc:outU32 argv_buffer_size:outU32"),
  wasi("args_get", "argv:address argv_buffer:address"),
  wasi("proc_exit", "exit_code:u32", { result: "none", atStart: false }),

  proxy("emscripten", "pthread_equal", "left:u32 right:u32", { result: "value", atStart: true }),
  proxy("emscripten", "emscripten_notify_memory_growth", "memory_index:u32", {
    result: "none",
    atStart: true,
  }),

  // What asc imports unless built with `--use abort=`; no proxy offers these, so only `LoadOptions.assemblyScript`.
  proxy("assemblyscript", "abort", "message:asString file:asString line:u32 column:u32", {
    result: "none",
    atStart: true,
  }),
  proxy("assemblyscript", "seed", "", { result: "value", atStart: true }),
];

/** What a callback's Wasm result means; `void` for none. */
export type CallbackResult = "void" | "bool" | "action" | "address";

export interface Callback {
  readonly name: string;
  /** Names of the Wasm parameters, all i32; the first is the context's id except for the integration functions. */
  readonly params: readonly string[];
  readonly result: CallbackResult;
}

const callback = (name: string, spec: string, result: CallbackResult = "void"): Callback => ({
  name,
  params: spec === "" ? [] : spec.split(" "),
  result,
});

/** Every export that the host may call, except the ABI version markers. All are optional. */
export const callbacks = [
  callback("_initialize", ""),
  callback("main", "argc argv", "address"),
  callback("_start", ""),
  callback("proxy_on_memory_allocate", "memory_size", "address"),
  callback("malloc", "memory_size", "address"),

  callback("proxy_on_context_create", "context_id parent_context_id"),
  callback("proxy_on_done", "context_id", "bool"),
  callback("proxy_on_log", "context_id"),
  callback("proxy_on_delete", "context_id"),

  callback("proxy_on_vm_start", "plugin_context_id vm_configuration_size", "bool"),
  callback("proxy_on_configure", "plugin_context_id plugin_configuration_size", "bool"),
  callback("proxy_on_tick", "plugin_context_id"),

  callback("proxy_on_request_headers", "stream_context_id num_headers end_of_stream", "action"),
  callback("proxy_on_request_body", "stream_context_id body_size end_of_stream", "action"),
  callback("proxy_on_request_trailers", "stream_context_id num_trailers", "action"),
  callback("proxy_on_response_headers", "stream_context_id num_headers end_of_stream", "action"),
  callback("proxy_on_response_body", "stream_context_id body_size end_of_stream", "action"),
  callback("proxy_on_response_trailers", "stream_context_id num_trailers", "action"),

  callback("proxy_on_http_call_response", "plugin_context_id call_id num_headers body_size num_trailers"),
  callback("proxy_on_foreign_function", "plugin_context_id function_id arguments_size"),
] as const satisfies readonly Callback[];

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
