/** Local replies as Envoy makes them (source/common/http/utility.cc, prepareLocalReply). */
import type { Pair } from "../memory.ts";
import { envoyResponseHeaders } from "./header-rules.ts";
import type { AskedReply } from "./profile.ts";

/** The status, and what the guest adds; the status is not to be added to. */
export function envoyReply(status: number, added: readonly Pair[]): Pair[] {
  const headers: Pair[] = [[":status", String(status)]];
  for (const [name, value] of added)
    if (name.toLowerCase() !== ":status") envoyResponseHeaders.add(headers, name, value);
  return headers;
}

const unknown = 2;
const grpcStatuses: Readonly<Record<number, number>> = {
  400: 13,
  401: 16,
  403: 7,
  404: 12,
  429: 14,
  502: 14,
  503: 14,
  504: 14,
};

/** gRPC's status for one of HTTP, where none was given (Grpc::Utility::httpToGrpcStatus). */
export const grpcStatusOf = (status: number): number => grpcStatuses[status] ?? unknown;

/** To a gRPC request: status and message are headers, and there is no body. */
export function envoyGrpcReply({ status, body, headers: added, grpcStatus }: AskedReply): Pair[] {
  const headers = envoyReply(200, added);
  const { get, remove } = envoyResponseHeaders;
  const code = String(grpcStatus ?? grpcStatusOf(status));
  const given = get(headers, "grpc-status") ?? "";
  remove(headers, "content-length");
  setInPlace(headers, "content-type", "application/grpc");
  if (given === "") setInPlace(headers, "grpc-status", code);
  if (body !== "") setInPlace(headers, "grpc-message", percentEncoded(body));
  return headers;
}

/** Envoy changes a well-known header where it stands. */
function setInPlace(headers: Pair[], name: string, value: string): void {
  const at = headers.findIndex((pair) => pair[0] === name);
  if (at < 0) headers.push([name, value]);
  else headers[at] = [name, value];
}

/** A byte string as gRPC's messages are: printable ASCII but for `%`. */
const percentEncoded = (bytes: string): string =>
  bytes.replace(/[^ -$&-}]/g, (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`);
