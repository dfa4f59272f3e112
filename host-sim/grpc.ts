/** gRPC calls of a guest. No upstream speaks gRPC yet: each call is answered as one to a cluster that is not there. */
import { Status } from "./abi.ts";

export const grpcHandlers = {
  proxy_grpc_call: () => Status.ParseFailure,
  proxy_grpc_stream: () => Status.ParseFailure,
  proxy_grpc_send: () => Status.NotFound,
  proxy_grpc_cancel: () => Status.NotFound,
  proxy_grpc_close: () => Status.NotFound,
};
