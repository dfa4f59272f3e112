// The test guest's commands for gRPC: calls and streams, and what it does to a stream.
import { address, bytes, pairs, slotA, text } from "./bytes";
import * as env from "./env";

/** What was begun last. */
let last: u32 = 0;

/** `grpccall UPSTREAM SERVICE METHOD METADATA MESSAGE TIMEOUT`, `grpcstream UPSTREAM SERVICE METHOD METADATA` */
function begin(w: string[]): string {
  const upstream = bytes(w[1]);
  const service = text(w[2]);
  const method = text(w[3]);
  const metadata = pairs(w[4]);
  let status: u32;
  if (w[0] == "grpcstream") {
    status = env.proxy_grpc_stream(
      address(upstream),
      upstream.byteLength,
      address(service),
      service.byteLength,
      address(method),
      method.byteLength,
      address(metadata),
      metadata.byteLength,
      slotA,
    );
  } else {
    const message = bytes(w[5]);
    status = env.proxy_grpc_call(
      address(upstream),
      upstream.byteLength,
      address(service),
      service.byteLength,
      address(method),
      method.byteLength,
      address(metadata),
      metadata.byteLength,
      address(message),
      message.byteLength,
      U32.parseInt(w[6]),
      slotA,
    );
  }
  if (status != 0) return status.toString();
  last = load<u32>(slotA);
  return `0 ${last.toString()}`;
}

export const grpcCommands = ["grpccall", "grpcstream", "grpcsend", "grpccancel", "grpcclose"];

/** `grpcsend ID MESSAGE END`, `grpccancel ID`, `grpcclose ID`, where `last` stands for an id too; and those that begin. */
export function grpc(w: string[]): string {
  if (w[0] == "grpccall" || w[0] == "grpcstream") return begin(w);
  const id = w[1] == "last" ? last : U32.parseInt(w[1]);
  if (w[0] == "grpccancel") return env.proxy_grpc_cancel(id).toString();
  if (w[0] == "grpcclose") return env.proxy_grpc_close(id).toString();
  const message = bytes(w[2]);
  return env.proxy_grpc_send(id, address(message), message.byteLength, U32.parseInt(w[3])).toString();
}
