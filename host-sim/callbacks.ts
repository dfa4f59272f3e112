/** What a module can export for the host to call. */
import type { AbiVersion } from "./abi.ts";

/** What a callback's Wasm result means; `void` for none. */
export type CallbackResult = "void" | "bool" | "action" | "address" | "number";

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

/** Every export that the host looks for, except the ABI version markers. All are optional. */
export const callbacks = [
  callback("_initialize", ""),
  callback("main", "argc argv", "number"),
  callback("__main_void", "", "number"),
  callback("_start", ""),
  callback("malloc", "memory_size", "address"),
  callback("proxy_on_memory_allocate", "memory_size", "address"),

  callback("proxy_on_context_create", "context_id parent_context_id"),
  callback("proxy_on_done", "context_id", "bool"),
  callback("proxy_on_log", "context_id"),
  callback("proxy_on_delete", "context_id"),

  callback("proxy_validate_configuration", "plugin_context_id configuration_size", "bool"),
  callback("proxy_on_vm_start", "plugin_context_id vm_configuration_size", "bool"),
  callback("proxy_on_configure", "plugin_context_id plugin_configuration_size", "bool"),
  callback("proxy_on_tick", "plugin_context_id"),

  callback("proxy_on_new_connection", "stream_context_id", "action"),
  callback("proxy_on_downstream_data", "stream_context_id data_size end_of_stream", "action"),
  callback("proxy_on_upstream_data", "stream_context_id data_size end_of_stream", "action"),
  callback("proxy_on_downstream_connection_close", "stream_context_id close_source"),
  callback("proxy_on_upstream_connection_close", "stream_context_id close_source"),

  callback("proxy_on_request_headers", "stream_context_id num_headers end_of_stream", "action"),
  callback("proxy_on_request_body", "stream_context_id body_size end_of_stream", "action"),
  callback("proxy_on_request_trailers", "stream_context_id num_trailers", "action"),
  callback("proxy_on_request_metadata", "stream_context_id num_elements", "action"),
  callback("proxy_on_response_headers", "stream_context_id num_headers end_of_stream", "action"),
  callback("proxy_on_response_body", "stream_context_id body_size end_of_stream", "action"),
  callback("proxy_on_response_trailers", "stream_context_id num_trailers", "action"),
  callback("proxy_on_response_metadata", "stream_context_id num_elements", "action"),

  callback("proxy_on_http_call_response", "plugin_context_id call_id num_headers body_size num_trailers"),
  callback("proxy_on_grpc_receive_initial_metadata", "plugin_context_id call_id num_elements"),
  callback("proxy_on_grpc_receive", "plugin_context_id call_id message_size"),
  callback("proxy_on_grpc_receive_trailing_metadata", "plugin_context_id call_id num_elements"),
  callback("proxy_on_grpc_close", "plugin_context_id call_id status_code"),

  callback("proxy_on_queue_ready", "plugin_context_id queue_id"),
  callback("proxy_on_foreign_function", "plugin_context_id function_id arguments_size"),
] as const satisfies readonly Callback[];

export type CallbackName = (typeof callbacks)[number]["name"];

const byName = new Map<string, Callback>(callbacks.map((row) => [row.name, row]));

/** What ABI 0.1.0 does not say about headers: whether they are all. */
const withoutEnd: ReadonlySet<string> = new Set(["proxy_on_request_headers", "proxy_on_response_headers"]);

/** A callback as a version of the ABI has it; undefined if it has none of that name. */
export function callbackOf(name: string, abi: AbiVersion): Callback | undefined {
  const row = byName.get(name);
  if (row === undefined || abi !== "0.1.0") return row;
  if (name === "proxy_on_foreign_function") return undefined;
  return withoutEnd.has(name) ? { ...row, params: row.params.slice(0, 2) } : row;
}
