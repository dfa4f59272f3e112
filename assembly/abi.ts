// The proxy-wasm ABI's numbers that the filter uses (proxy-wasm specification, abi-versions/v0.2.1), and where host calls
// leave what they return.

// proxy_status_t
export const OK: u32 = 0;

// proxy_action_t
export const CONTINUE: u32 = 0;
export const PAUSE: u32 = 1;

// proxy_stream_type_t
export const REQUEST: u32 = 0;

// proxy_map_type_t
export const REQUEST_HEADERS: u32 = 0;
export const RESPONSE_HEADERS: u32 = 2;

// proxy_buffer_type_t
export const REQUEST_BODY: u32 = 0;
export const PLUGIN_CONFIGURATION: u32 = 7;

// proxy_log_level_t
export const LOG_INFO: u32 = 2;
export const LOG_ERROR: u32 = 4;

// proxy_metric_type_t
export const COUNTER: u32 = 0;
export const GAUGE: u32 = 1;

/** For a local response to a request that is no gRPC. */
export const NO_GRPC_STATUS: u32 = 0xffffffff;

/** Addresses of two u32: a call that returns bytes puts their address into one and their number into the other. */
export const resultAt: usize = memory.data(4);
export const resultSize: usize = memory.data(4);
