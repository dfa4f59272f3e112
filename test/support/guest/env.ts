// asc names the import module of a bare `declare` after its file: hence this file's name.
export declare function pthread_equal(left: u32, right: u32): u32;
export declare function emscripten_notify_memory_growth(index: u32): void;

// The SDK's own have no initial metadata.
export declare function proxy_grpc_call(
  upstream: usize,
  upstreamSize: u32,
  service: usize,
  serviceSize: u32,
  method: usize,
  methodSize: u32,
  metadata: usize,
  metadataSize: u32,
  message: usize,
  messageSize: u32,
  timeout: u32,
  id: usize,
): u32;
export declare function proxy_grpc_stream(
  upstream: usize,
  upstreamSize: u32,
  service: usize,
  serviceSize: u32,
  method: usize,
  methodSize: u32,
  metadata: usize,
  metadataSize: u32,
  id: usize,
): u32;
export declare function proxy_grpc_send(id: u32, message: usize, size: u32, end: u32): u32;
export declare function proxy_grpc_cancel(id: u32): u32;
export declare function proxy_grpc_close(id: u32): u32;
