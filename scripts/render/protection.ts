/** What keeps strangers from using up a proxy's memory: bounds of a connection, and of the whole process. */

/** Of the whole process. */
export interface Protection {
  /** Connections of clients on `edge` listeners. */
  connections: number;
  /** Bytes of the heap; above 85 % of it streams that hold much are reset, above 95 % requests are refused. */
  heap: number;
}

/** A million bytes more or less: a browser opens some streams at once and waits for the others. */
export const EDGE_HTTP2 = {
  max_concurrent_streams: 100,
  // What a client may send before anything is read: of a stream, of all streams of a connection.
  initial_stream_window_size: 256 * 1024,
  initial_connection_window_size: 1024 * 1024,
};

const TYPE = "type.googleapis.com/envoy";
const HEAP = "envoy.resource_monitors.fixed_heap";
const CONNECTIONS = "envoy.resource_monitors.global_downstream_max_connections";

export function overloadManager({ connections, heap }: Protection): object {
  return {
    refresh_interval: "0.1s",
    // Streams that hold less than 128 KiB are not told apart.
    buffer_factory_config: { minimum_account_to_track_power_of_two: 17 },
    resource_monitors: [
      {
        name: HEAP,
        typed_config: {
          "@type": `${TYPE}.extensions.resource_monitors.fixed_heap.v3.FixedHeapConfig`,
          max_heap_size_bytes: heap,
        },
      },
      {
        name: CONNECTIONS,
        typed_config: {
          "@type": `${TYPE}.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig`,
          max_active_downstream_connections: connections,
        },
      },
    ],
    actions: [
      action("shrink_heap", { threshold: { value: 0.8 } }),
      action("reset_high_memory_stream", {
        scaled: { scaling_threshold: 0.85, saturation_threshold: 0.95 },
      }),
      action("stop_accepting_requests", { threshold: { value: 0.95 } }),
      action("disable_http_keepalive", { threshold: { value: 0.95 } }),
    ],
  };
}

function action(name: string, trigger: object): object {
  return { name: `envoy.overload_actions.${name}`, triggers: [{ name: HEAP, ...trigger }] };
}
