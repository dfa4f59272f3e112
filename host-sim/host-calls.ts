/**
 * The host calls, in the order of the specification; names and meaning of the parameters are its own.
 */
import { env, type HostCall } from "./call-rows.ts";
import { wasiCalls } from "./wasi-calls.ts";

export const hostCalls: readonly HostCall[] = [
  env("context", "proxy_done", ""),
  env("context", "proxy_set_effective_context", "context_id:u32"),

  env(
    "configuration and buffers",
    "proxy_get_buffer_bytes",
    "buffer_id:bufferType start:u32 max_size:u32 value:outBytes",
  ),
  env(
    "configuration and buffers",
    "proxy_get_buffer_status",
    "buffer_id:bufferType buffer_size:outU32 flags:outU32",
  ),
  env(
    "configuration and buffers",
    "proxy_set_buffer_bytes",
    "buffer_id:bufferType start:u32 size:u32 value:bytes",
  ),

  env("configuration and buffers", "proxy_get_configuration", "value:outBytes", { abi: ["0.1.0"] }),

  env("logging", "proxy_log", "log_level:logLevel message:string"),
  env("logging", "proxy_get_log_level", "log_level:outU32", { abi: ["0.2.1"] }),

  env("clocks and timers", "proxy_get_current_time_nanoseconds", "time:outU64"),
  env("clocks and timers", "proxy_set_tick_period_milliseconds", "tick_period:u32"),

  env("header maps", "proxy_get_header_map_size", "map_id:mapType size:outU32"),
  env("header maps", "proxy_get_header_map_pairs", "map_id:mapType pairs:outPairs"),
  env("header maps", "proxy_set_header_map_pairs", "map_id:mapType pairs:pairs"),
  env("header maps", "proxy_get_header_map_value", "map_id:mapType key:string value:outBytes"),
  env("header maps", "proxy_add_header_map_value", "map_id:mapType key:string value:string"),
  env("header maps", "proxy_replace_header_map_value", "map_id:mapType key:string value:string"),
  env("header maps", "proxy_remove_header_map_value", "map_id:mapType key:string"),

  env("streams", "proxy_continue_request", "", { abi: ["0.1.0"] }),
  env("streams", "proxy_continue_response", "", { abi: ["0.1.0"] }),
  env("streams", "proxy_continue_stream", "stream_type:streamType", { abi: ["0.2.0", "0.2.1"] }),
  env("streams", "proxy_close_stream", "stream_type:streamType", { abi: ["0.2.0", "0.2.1"] }),
  env("streams", "proxy_clear_route_cache", "", { abi: ["0.1.0"] }),
  env("streams", "proxy_get_status", "status_code:outU32 status_message:outBytes"),
  env(
    "streams",
    "proxy_send_local_response",
    "status_code:u32 details:string body:bytes headers:pairs grpc_status:u32",
  ),

  env(
    "http calls",
    "proxy_http_call",
    "upstream_name:string headers:pairs body:bytes trailers:pairs timeout:u32 call_id:outU32",
  ),

  env(
    "grpc calls",
    "proxy_grpc_call",
    "upstream:bytes service:string method:string initial_metadata:pairs message:bytes timeout:u32 call_id:outU32",
  ),
  env(
    "grpc calls",
    "proxy_grpc_stream",
    "upstream:bytes service:string method:string initial_metadata:pairs stream_id:outU32",
  ),
  env("grpc calls", "proxy_grpc_send", "id:u32 message:bytes end_of_stream:u32"),
  env("grpc calls", "proxy_grpc_cancel", "id:u32"),
  env("grpc calls", "proxy_grpc_close", "id:u32"),

  env("shared data", "proxy_get_shared_data", "key:string value:outBytes cas:outU32"),
  env("shared data", "proxy_set_shared_data", "key:string value:bytes cas:u32"),

  env("shared queues", "proxy_register_shared_queue", "name:string queue_id:outU32"),
  env("shared queues", "proxy_resolve_shared_queue", "vm_id:string name:string queue_id:outU32"),
  env("shared queues", "proxy_enqueue_shared_queue", "queue_id:u32 value:bytes"),
  env("shared queues", "proxy_dequeue_shared_queue", "queue_id:u32 value:outBytes"),

  env("metrics", "proxy_define_metric", "metric_type:metricType name:cString metric_id:outU32"),
  env("metrics", "proxy_record_metric", "metric_id:u32 value:u64"),
  env("metrics", "proxy_increment_metric", "metric_id:u32 delta:i64"),
  env("metrics", "proxy_get_metric", "metric_id:u32 value:outU64"),

  env("properties", "proxy_get_property", "path:string value:outBytes"),
  env("properties", "proxy_set_property", "path:string value:bytes"),

  env(
    "foreign functions",
    "proxy_call_foreign_function",
    "name:string arguments:bytes results:outBytesOrNull",
  ),

  ...wasiCalls,

  env("emscripten", "pthread_equal", "left:u32 right:u32", { result: "value" }),
  env("emscripten", "emscripten_notify_memory_growth", "memory_index:u32", { result: "none" }),

  // What asc imports unless built with `--use abort=`; no proxy offers these, so only `LoadOptions.assemblyScript`.
  env("assemblyscript", "abort", "message:asString file:asString line:u32 column:u32", { result: "none" }),
  env("assemblyscript", "seed", "", { result: "float" }),
];
