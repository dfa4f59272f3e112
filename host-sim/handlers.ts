/** What each host call does, by name. The rows that decode their arguments are in `abi.ts`. */
import { BufferType, Errno, MapType, MetricType, Status, StreamType } from "./abi.ts";
import { byteStringOf } from "./bytes.ts";
import type { Context } from "./context.ts";
import { setFilterState } from "./filter-state.ts";
import { grpcHandlers } from "./grpc.ts";
import type { Handler, Returned } from "./imports.ts";
import { HEADERS, trapBeyond } from "./limits.ts";
import type { Pair } from "./memory.ts";
import type { HeaderRules } from "./profiles/header-rules.ts";
import { getProperty, setProperty } from "./properties.ts";
import { queueHandlers } from "./queues.ts";
import { increment, type Metric, record } from "./shared.ts";
import { GuestTrap } from "./trap.ts";
import type { Vm } from "./vm.ts";
import { wasiHandlers } from "./wasi.ts";

const maxI32 = 0x7fffffff;

/** Buffers that a guest can read but never write. */
const immutableBuffers: ReadonlySet<number> = new Set([
  BufferType.HttpCallResponseBody,
  BufferType.VmConfiguration,
  BufferType.PluginConfiguration,
  BufferType.ForeignFunctionArguments,
]);

/** A map's rules: requests and responses differ in which headers are joined. */
const rulesOf = ({ profile }: Vm, type: number): HeaderRules =>
  type === MapType.HttpRequestHeaders || type === MapType.HttpRequestTrailers
    ? profile.headers
    : profile.responseHeaders;

/** A map for reading; a status if there is none. */
function readable(vm: Vm, context: Context, type: number): Pair[] | number {
  if (vm.profile.missingMaps.has(type)) return Status.BadArgument;
  return context.map(type, false) ?? context.noMap;
}

/** Changes a map, and does what the host does when the request's headers change. */
function change(vm: Vm, context: Context, type: number, by: string, edit: (map: Pair[]) => void): number {
  const map = context.map(type, true);
  if (map === null) return Status.BadArgument;
  edit(map);
  trapBeyond(HEADERS, map.length, "headers in a map");
  if (type === MapType.HttpRequestHeaders && vm.profile.headerChangeClearsRouteCache) {
    context.stream?.clearRouteCache(by);
  }
  return Status.Ok;
}

function getHeaderMapValue(vm: Vm, context: Context, type: number, key: string): Returned {
  const map = readable(vm, context, type);
  // Before 0.2.0 what is absent was empty, and in the log so was a map (context.cc, getHeaderMapValue).
  const absent = vm.abiVersion === "0.1.0" ? [""] : Status.NotFound;
  if (typeof map === "number") return map === Status.NotFound ? absent : map;
  const value = rulesOf(vm, type).get(map, key);
  return value === null ? absent : [value];
}

function getHeaderMapPairs(vm: Vm, context: Context, type: number): Returned {
  const map = readable(vm, context, type);
  // Envoy gives the empty map where there is none (headerMapToPairs); ATS and the specification refuse.
  if (typeof map === "number") return vm.profile.absentMapIsEmpty ? [[]] : Status.BadArgument;
  return [vm.profile.pairs(map)];
}

const isEmptyWhenAbsent = (vm: Vm, type: number): boolean => vm.profile.emptyBuffers.has(type);

function getBufferBytes(vm: Vm, context: Context, type: number, start: number, maxSize: number): Returned {
  if (vm.profile.abortingBuffers.has(type)) vm.abortHost(`buffer ${type} is not implemented`);
  const buffer = context.buffer(type);
  if (buffer === null) return isEmptyWhenAbsent(vm, type) ? Status.Ok : Status.NotFound;
  const beyond = start > buffer.length || start + maxSize > 0xffffffff;
  if (beyond && !vm.profile.readsBeyondEnd) return Status.BadArgument;
  const end = Math.min(start + maxSize, buffer.length);
  // Nothing to give: Ok, and the outputs stay as they were (exports.cc).
  if (end <= start) return Status.Ok;
  return [buffer.bytes.subarray(start, end)];
}

function setBufferBytes(
  vm: Vm,
  context: Context,
  type: number,
  start: number,
  size: number,
  value: Uint8Array,
): Returned {
  if (vm.profile.abortingBuffers.has(type)) vm.abortHost(`buffer ${type} is not implemented`);
  const buffer = context.buffer(type);
  if (buffer === null) return isEmptyWhenAbsent(vm, type) ? Status.BadArgument : Status.NotFound;
  const isMessage = type === BufferType.GrpcCallMessage;
  if (immutableBuffers.has(type) || (isMessage && !vm.profile.grpcMessageCanChange))
    return Status.BadArgument;
  if (start > 0 && start >= buffer.length && vm.profile.appendKillsHost)
    vm.abortHost(`a write at ${start} to a body of ${buffer.length} bytes`);
  if (start > 0 && start < buffer.length && !vm.profile.replacesInside) return Status.BadArgument;
  buffer.replace(start, size, value);
  return Status.Ok;
}

function httpCall(
  vm: Vm,
  context: Context,
  upstream: string,
  headers: readonly Pair[],
  body: Uint8Array,
  trailers: readonly Pair[],
  timeout: number,
): Returned {
  const { root } = context;
  if (root === null || timeout > maxI32) return Status.BadArgument;
  if (vm.upstreams !== null && !vm.upstreams.has(upstream)) return Status.BadArgument;
  const has = (name: string): boolean => vm.profile.headers.get([...headers], name) !== null;
  if (!has(":path") || !has(":method") || !has(":authority")) return Status.BadArgument;
  const id = vm.nextCallId("http");
  root.startHttpCall({ id, upstream, headers, body, trailers, timeout });
  return [id];
}

function sendLocalResponse(
  vm: Vm,
  context: Context,
  status: number,
  details: string,
  body: Uint8Array,
  headers: readonly Pair[],
  grpcStatus: number,
): Returned {
  const { stream } = context;
  // On a root context there is nobody to answer: Ok, and nothing done.
  if (stream === null) return Status.Ok;
  const text = byteStringOf(body);
  const grpc = grpcStatus <= 16 ? grpcStatus : null;
  vm.afterCall(() => stream.reply({ status, details, body: text, headers, grpcStatus: grpc }));
  return Status.Ok;
}

function continueStream(vm: Vm, context: Context, type: number): Returned {
  if (type === StreamType.Upstream) return Status.Unimplemented;
  if (type === StreamType.Downstream) {
    const { tcp } = context;
    if (tcp !== null) vm.afterCall(() => tcp.continue());
    return Status.Ok;
  }
  const { stream } = context;
  if (stream === null) return Status.Ok;
  const what = type === StreamType.HttpRequest ? "request" : "response";
  if (vm.profile.continueClosesRequest) stream.request.shut();
  vm.afterCall(() => {
    vm.trace?.({ type: "continued", context: stream.id, what });
    const tooEarly = what === "response" && stream.response.headers === null;
    if (tooEarly && vm.profile.earlyResponseContinueKillsHost) {
      vm.killHost("proxy_continue_stream on a response that has not come");
      stream.cut("the host's process died");
      return;
    }
    stream[what].continue();
  });
  return Status.Ok;
}

function closeStream(vm: Vm, context: Context, type: number): Returned {
  const { stream, tcp } = context;
  const isTcp = type === StreamType.Downstream || type === StreamType.Upstream;
  if (tcp !== null && isTcp) vm.afterCall(() => tcp.closeByGuest());
  if (stream !== null && (type === StreamType.HttpRequest || type === StreamType.HttpResponse)) {
    vm.afterCall(() => stream.cut("wasm_close_stream"));
  }
  return Status.Ok;
}

function done(vm: Vm, context: Context): Returned {
  const { stream, root } = context;
  if (stream?.pendingDone) {
    vm.afterCall(() => stream.finish());
    return Status.Ok;
  }
  if (root === null || root.state !== "pending") return Status.NotFound;
  vm.afterCall(() => root.delete());
  return Status.Ok;
}

function defineMetric(vm: Vm, _context: Context, type: number, name: string): Returned {
  const { metrics } = vm.shared;
  const metric = metrics.define(type, name);
  return [vm.profile.metricIds === "global" ? metrics.place(metric) : vm.metricIds.add(type, metric)];
}

const metricById = (vm: Vm, id: number): Metric | undefined =>
  vm.profile.metricIds === "global" ? vm.shared.metrics.atPlace(id) : vm.metricIds.get(id);

/** Where a number tells the type, one that is neither a counter's nor a gauge's is refused for that alone. */
const noMetric = (vm: Vm, id: number): number =>
  vm.profile.metricIds === "byType" && (id & 3) > MetricType.Gauge ? Status.BadArgument : Status.NotFound;

function getMetric(vm: Vm, _context: Context, id: number): Returned {
  const metric = metricById(vm, id);
  if (metric === undefined) return noMetric(vm, id);
  return metric.type === "histogram" ? Status.BadArgument : [metric.value];
}

function getSharedData(vm: Vm, _context: Context, key: string): Returned {
  const found = vm.shared.data(vm.vmId).get(key);
  return found === null ? Status.NotFound : [found.value, found.cas];
}

function callForeignFunction(vm: Vm, context: Context, name: string, args: Uint8Array): Returned {
  const foreign = vm.foreignFunctions[name];
  if (foreign !== undefined) {
    const result = foreign(args, context);
    return typeof result === "number" ? result : [result];
  }
  if (name === "set_envoy_filter_state" && vm.profile.hasFilterState) {
    const status = setFilterState(context.filterState, args);
    return status === Status.Ok ? [""] : status;
  }
  if (name === "clear_route_cache" && vm.profile.headerChangeClearsRouteCache) {
    context.stream?.clearRouteCache(name);
    return [""];
  }
  return Status.NotFound;
}

function abort(
  _vm: Vm,
  _context: Context,
  message: string,
  file: string,
  line: number,
  column: number,
): Returned {
  throw new GuestTrap(`abort: ${message} at ${file}:${line}:${column}`);
}

const ownHandlers = {
  proxy_done: done,
  proxy_set_effective_context: (vm: Vm, _context: Context, id: number) => {
    const context = vm.contextById(id);
    if (context === undefined) return Status.BadArgument;
    vm.context = context;
    return Status.Ok;
  },

  proxy_get_buffer_bytes: getBufferBytes,
  proxy_get_buffer_status: (vm: Vm, context: Context, type: number) => {
    if (vm.profile.abortingBuffers.has(type)) vm.abortHost(`buffer ${type} is not implemented`);
    const buffer = context.buffer(type);
    if (buffer === null) return isEmptyWhenAbsent(vm, type) ? [0, 0] : Status.NotFound;
    return [buffer.length, 0];
  },
  proxy_set_buffer_bytes: setBufferBytes,

  proxy_get_configuration: (vm: Vm, context: Context) => {
    // Where it is not the plugin's it is the VM's.
    return [context.buffer(BufferType.PluginConfiguration)?.bytes ?? vm.configuration];
  },

  proxy_log: (vm: Vm, _context: Context, level: number, text: string) => {
    vm.log(level, text);
    return Status.Ok;
  },
  proxy_get_log_level: (vm: Vm) => [vm.logLevel],

  proxy_get_current_time_nanoseconds: (vm: Vm) => [vm.clock.nanoseconds],
  proxy_set_tick_period_milliseconds: (_vm: Vm, context: Context, period: number) => {
    context.root?.setTickPeriod(period);
    return Status.Ok;
  },

  proxy_get_header_map_size: (vm: Vm, context: Context, type: number) => {
    const { missingMaps, sizeOfWritableMapsOnly } = vm.profile;
    const map = missingMaps.has(type) ? null : context.map(type, sizeOfWritableMapsOnly);
    return map === null ? Status.BadArgument : [rulesOf(vm, type).size(map)];
  },
  proxy_get_header_map_pairs: getHeaderMapPairs,
  proxy_set_header_map_pairs: (vm: Vm, context: Context, type: number, pairs: readonly Pair[]) =>
    change(vm, context, type, "proxy_set_header_map_pairs", (map) => rulesOf(vm, type).setAll(map, pairs)),
  proxy_get_header_map_value: getHeaderMapValue,
  proxy_add_header_map_value: (vm: Vm, context: Context, type: number, key: string, value: string) =>
    change(vm, context, type, "proxy_add_header_map_value", (map) => rulesOf(vm, type).add(map, key, value)),
  proxy_replace_header_map_value: (vm: Vm, context: Context, type: number, key: string, value: string) =>
    change(vm, context, type, "proxy_replace_header_map_value", (map) =>
      rulesOf(vm, type).replace(map, key, value),
    ),
  proxy_remove_header_map_value: (vm: Vm, context: Context, type: number, key: string) =>
    change(vm, context, type, "proxy_remove_header_map_value", (map) => rulesOf(vm, type).remove(map, key)),

  proxy_continue_request: (vm: Vm, context: Context) => continueStream(vm, context, StreamType.HttpRequest),
  proxy_continue_response: (vm: Vm, context: Context) => continueStream(vm, context, StreamType.HttpResponse),
  proxy_continue_stream: continueStream,
  proxy_close_stream: closeStream,
  proxy_clear_route_cache: (_vm: Vm, context: Context) => {
    context.stream?.clearRouteCache("proxy_clear_route_cache");
    return Status.Ok;
  },
  proxy_get_status: (_vm: Vm, context: Context) => {
    const { code, message } = context.root?.status ?? { code: 0, message: "" };
    return [code, message];
  },
  proxy_send_local_response: sendLocalResponse,

  proxy_http_call: httpCall,

  proxy_get_shared_data: getSharedData,
  proxy_set_shared_data: (vm: Vm, _context: Context, key: string, value: Uint8Array, cas: number) =>
    vm.shared.data(vm.vmId).set(key, value, cas),

  proxy_define_metric: defineMetric,
  proxy_record_metric: (vm: Vm, _context: Context, id: number, value: bigint) => {
    const metric = metricById(vm, id);
    return metric === undefined ? Status.NotFound : record(metric, value);
  },
  proxy_increment_metric: (vm: Vm, _context: Context, id: number, delta: bigint) => {
    const metric = metricById(vm, id);
    return metric === undefined ? noMetric(vm, id) : increment(metric, delta);
  },
  proxy_get_metric: getMetric,

  proxy_get_property: (vm: Vm, context: Context, path: string) => {
    const value = getProperty(context, path) ?? vm.profile.unknownProperty;
    if (value === null) return Status.NotFound;
    return typeof value === "number" ? value : [value];
  },
  proxy_set_property: (_vm: Vm, context: Context, path: string, value: Uint8Array) =>
    setProperty(context, path, value) ? Status.Ok : Status.NotFound,

  proxy_call_foreign_function: callForeignFunction,

  pthread_equal: (_vm: Vm, _context: Context, left: number, right: number) => (left === right ? 1 : 0),
  emscripten_notify_memory_growth: () => Errno.Success,
  abort,
  seed: () => 0,
};

export const handlers: Readonly<Record<string, Handler | undefined>> = {
  ...ownHandlers,
  ...queueHandlers,
  ...grpcHandlers,
  ...wasiHandlers,
};
