/**
 * Properties that Envoy answers beside the request's and the response's plain ones (its attributes). What comes from the
 * connection, the route and the upstream, which the simulator has not, has a value that a test can set otherwise.
 */
import { Status } from "../abi.ts";
import { type Pair, serializePairs } from "../memory.ts";
import { grpcStatusOf } from "./envoy-replies.ts";
import type { Exchanged } from "./profile.ts";

/** By dotted path; numbers are integers of 8 bytes. */
const always: Readonly<Record<string, string | number | boolean>> = {
  "connection.id": 0,
  "connection.mtls": false,
  "connection.requested_server_name": "",
  "source.address": "127.0.0.1:50000",
  "destination.address": "127.0.0.1:8080",
  "upstream.request_attempt_count": 0,
  metadata: "",
  "xds.cluster_name": "cluster",
  "xds.cluster_metadata": "",
  "xds.route_name": "",
  "xds.route_metadata": "",
  "xds.filter_chain_name": "",
  "xds.listener_direction": 0,
  "xds.listener_metadata": "",
  "xds.virtual_host_name": "",
};

/** The same, once the request's headers are on their way. */
const onceSent: typeof always = {
  "upstream.address": "127.0.0.1:9000",
  "upstream.local_address": "127.0.0.1:50001",
  "upstream.transport_failure_reason": "",
  "upstream.request_attempt_count": 1,
};

/** There, and not to be handed out: more than a value. */
const groups: ReadonlySet<string> = new Set([
  "connection",
  "source",
  "destination",
  "upstream",
  "filter_state",
]);

/** Of connections: the two directions as wholes, and what a route would say. */
const wholeWays: ReadonlySet<string> = new Set(["request", "response"]);
const ofRoutes: ReadonlySet<string> = new Set([
  "xds.route_name",
  "xds.route_metadata",
  "xds.virtual_host_name",
]);
/** Of connections: what is known when there is one to the upstream. */
const onceConnected: ReadonlySet<string> = new Set(["xds.cluster_name", "xds.cluster_metadata"]);

export function envoyProperty(
  exchanged: Exchanged | null,
  parts: readonly string[],
): Uint8Array | string | number | null {
  const path = parts.join(".");
  if (path === "xds") return Status.SerializationFailure;
  if (path === "xds.node") return "";
  if (exchanged === null) return null;
  if (groups.has(path)) return Status.SerializationFailure;
  const { isSent } = exchanged.request;
  if (exchanged.isConnection) {
    if (wholeWays.has(path)) return Status.SerializationFailure;
    if (ofRoutes.has(path) || (onceConnected.has(path) && !isSent)) return null;
    if (path === "upstream.transport_failure_reason") return "";
    if (path === "request.size") return integer(exchanged.request.bytes);
    if (path === "response.size") return integer(exchanged.response.bytes);
  }
  if (parts[0] === "filter_state") return exchanged.filterState.get(parts.slice(1).join(".")) ?? null;
  if (path === "xds.upstream_host_metadata") return isSent ? Status.SerializationFailure : null;
  const [group = "", field] = parts;
  if (field === "port") return portOf(exchanged, `${group}.address`);
  const value = (isSent ? onceSent[path] : undefined) ?? always[path];
  return value === undefined ? ofMessages(exchanged, path) : encoded(value);
}

function portOf(exchanged: Exchanged, path: string): Uint8Array | null {
  const { given, request } = exchanged;
  const address = given(path) ?? (request.isSent ? onceSent[path] : undefined) ?? always[path];
  const port = /:(\d+)$/.exec(String(address))?.[1];
  return port === undefined ? null : integer(BigInt(port));
}

/** Of the request and the response. */
function ofMessages(exchanged: Exchanged, path: string): Uint8Array | null {
  const { request, response, began, now, closed } = exchanged;
  switch (path) {
    case "request.time":
      return integer(began);
    case "request.duration":
      return closed ? integer(now - began) : null;
    case "request.headers":
      return wholeMap(request.shown);
    case "request.total_size":
      return integer(request.bytes + sizeOf(request.shown));
    case "response.headers":
      return wholeMap(response.shown);
    case "response.trailers":
      return wholeMap(null);
    case "response.flags":
      return integer(0);
    case "response.total_size":
      return integer(response.bytes + sizeOf(response.shown));
    case "response.backend_latency":
      return response.hasCome ? integer(0) : null;
    case "response.grpc_status": {
      const given = response.shown?.find(([name]) => name === "grpc-status")?.[1];
      if (given !== undefined) return integer(Number(given));
      return response.status === null ? null : integer(grpcStatusOf(Number(response.status)));
    }
    default:
      return null;
  }
}

function encoded(value: string | number | boolean): Uint8Array | string {
  if (typeof value === "string") return value;
  return typeof value === "boolean" ? Uint8Array.of(value ? 1 : 0) : integer(value);
}

function integer(value: number | bigint): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigInt64(0, BigInt(value), true);
  return bytes;
}

/** Envoy's order is that of a hash table; here it is the headers' own. Without any it is a count of none. */
const wholeMap = (headers: readonly Pair[] | null): Uint8Array => serializePairs(headers ?? []);

const sizeOf = (headers: readonly Pair[] | null): number =>
  (headers ?? []).reduce((sum, [name, value]) => sum + name.length + value.length, 0);
