/** `proxy_get_property` and `proxy_set_property`: what a host offers by itself, and what the test adds. */

import { MapType, Status } from "./abi.ts";
import { byteStringOf } from "./bytes.ts";
import type { Connection } from "./connection.ts";
import type { Context } from "./context.ts";
import type { Half } from "./half.ts";
import { KEPT, trapBeyond } from "./limits.ts";
import type { Pair } from "./memory.ts";
import type { Exchanged } from "./profiles/profile.ts";
import type { Stream } from "./stream.ts";

/**
 * A property that the test sets, by its dotted path (`source.address`, `node.id`): text, an integer (8 bytes,
 * little-endian), a boolean (1 byte), or the bytes themselves, as Envoy's `serializeValue` writes them.
 */
export type PropertyValue = string | number | bigint | boolean | Uint8Array;
export type Properties = Readonly<Record<string, PropertyValue>>;

function encodeProperty(value: PropertyValue): Uint8Array {
  if (ArrayBuffer.isView(value)) return value;
  if (typeof value === "boolean") return Uint8Array.of(value ? 1 : 0);
  if (typeof value === "string") return new TextEncoder().encode(value);
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigInt64(0, BigInt(value), true);
  return bytes;
}

const encodeNumber = (value: number): Uint8Array => encodeProperty(value);

/** All values of a header as one. */
function valuesOf(headers: readonly Pair[] | null, name: string): string | null {
  const values = (headers ?? []).filter((pair) => pair[0].toLowerCase() === name);
  return values.length === 0 ? null : values.map(([, value]) => value).join(",");
}

/** A stream's headers as far as properties show them. */
function headersOf(stream: Stream, type: number): readonly Pair[] | null {
  const half = type === MapType.HttpRequestHeaders ? stream.request : stream.response;
  if (half.headersOpen || !stream.vm.profile.propertiesFollowMaps) return half.headers;
  return stream.map(type, false);
}

function exchangedBy(stream: Stream): Exchanged {
  const { id, request, response, vm } = stream;
  return {
    isConnection: false,
    filterState: stream.filterState,
    id,
    began: stream.began,
    now: vm.clock.nanoseconds,
    closed: stream.closed,
    request: {
      headers: request.headers,
      shown: headersOf(stream, MapType.HttpRequestHeaders),
      bytes: request.receivedBytes,
      isSent: request.sent.headers !== null,
    },
    response: {
      headers: response.headers,
      shown: headersOf(stream, MapType.HttpResponseHeaders),
      status: response.sent.headers?.find(([name]) => name === ":status")?.[1] ?? response.firstStatus,
      bytes: bytesOf(response),
      hasCome: response.endOfStream && stream.localReply === null,
    },
    given: (path) => stream.properties[path] ?? vm.properties[path],
  };
}

function exchangedOver(connection: Connection): Exchanged {
  const { vm, id, began, fromClient, fromUpstream, connected, filterState, properties } = connection;
  const none = { headers: null, shown: null } as const;
  return {
    isConnection: true,
    filterState,
    id,
    began,
    now: vm.clock.nanoseconds,
    closed: false,
    request: { ...none, bytes: fromClient.arrived, isSent: connected },
    response: { ...none, status: null, bytes: fromUpstream.passed, hasCome: false },
    given: (path) => properties[path] ?? vm.properties[path],
  };
}

function exchangedIn({ stream, tcp }: Context): Exchanged | null {
  if (stream !== null) return exchangedBy(stream);
  return tcp === null ? null : exchangedOver(tcp);
}

const bytesOf = ({ sent }: Half): number => sent.body.reduce((sum, { length }) => sum + length, 0);

/** The part of `stream` that `request.…` and `response.…` name; null if there is no such property. */
function ofStream(stream: Stream, [group, field, name]: readonly string[]): Uint8Array | string | null {
  if (group === "request") {
    if (field === "protocol") return "HTTP/1.1";
    const headers = headersOf(stream, MapType.HttpRequestHeaders);
    const header = (key: string): string | null => valuesOf(headers, key);
    if (field === "size") {
      const length = stream.vm.profile.propertiesFollowMaps ? header("content-length") : null;
      return encodeNumber(length === null ? stream.request.receivedBytes : Number(length));
    }
    if (headers === null) return null;
    const line = stream.requestLine;
    const query = line.path.indexOf("?");
    switch (field) {
      case "path":
        return line.path;
      case "url_path":
        return query < 0 ? line.path : line.path.slice(0, query);
      case "query":
        return query < 0 ? "" : line.path.slice(query + 1);
      case "host":
        return line.host;
      case "scheme":
        return line.scheme;
      case "method":
        return line.method;
      case "referer":
        return header("referer");
      case "useragent":
        return header("user-agent");
      case "id":
        return header("x-request-id");
      case "headers":
        return name === undefined ? null : header(name.toLowerCase());
    }
  }
  if (group === "response") {
    const { headers: current, sent, firstStatus } = stream.response;
    if (field === "size") return encodeNumber(bytesOf(stream.response));
    if (current === null) return null;
    if (field === "code") {
      // A change of the status shows once the headers are on their way.
      const status = sent.headers?.find(([n]) => n === ":status")?.[1] ?? firstStatus;
      return status === null ? null : encodeNumber(Number(status));
    }
    if (field === "code_details") return stream.localReply?.details ?? stream.reset ?? "via_upstream";
    const headers = headersOf(stream, MapType.HttpResponseHeaders);
    if (field === "headers" && name !== undefined) return valuesOf(headers, name.toLowerCase());
  }
  return null;
}

/**
 * The value of a path whose parts are separated by NUL (a trailing NUL is ignored), or null if there is none; a status
 * where there is one that cannot be handed out.
 */
export function getProperty(context: Context, path: string): Uint8Array | string | number | null {
  const { vm, root, stream, tcp } = context;
  const parts = path.replace(/\0$/, "").split("\0");
  const dotted = parts.join(".");
  const given = (stream ?? tcp)?.properties[dotted] ?? vm.properties[dotted];
  if (given !== undefined) return encodeProperty(given);
  if (dotted === "plugin_root_id") return root?.rootId ?? "";
  if (dotted === "plugin_name") return root?.name ?? "";
  if (dotted === "plugin_vm_id") return vm.vmId;
  const own = vm.profile.property?.(exchangedIn(context), parts) ?? null;
  if (own !== null && typeof own === "object" && "kills" in own) return vm.abortHost(own.kills);
  if (own !== null) return own;
  if (stream === null) return (parts.length === 1 ? tcp?.state.get(dotted) : null) ?? null;
  // A whole map.
  const isMap = dotted === "request" || dotted === "response";
  if (isMap && vm.profile.propertiesFollowMaps) return Status.SerializationFailure;
  // Envoy keeps what a guest sets under its whole path, and finds it again by a path of one part alone.
  return ofStream(stream, parts) ?? (parts.length === 1 ? (stream.state.get(dotted) ?? null) : null);
}

/** Keeps a property on the stream; false where there is no stream to keep it on. */
export function setProperty(context: Context, path: string, value: Uint8Array): boolean {
  const { stream, tcp } = context;
  const state = tcp?.state ?? stream?.state;
  trapBeyond(KEPT, (state?.size ?? 0) + 1, "properties of one stream");
  tcp?.state.set(path, value);
  if (stream === null) return tcp !== null;
  if (context.vm.profile.setsRequest) changeRequest(stream, path.replace(/\0$/, "").split("\0"), value);
  else stream.state.set(path, value);
  return true;
}

/** ATS: setting `request.host` and its like changes the request before remap; anything else is ignored. */
function changeRequest(stream: Stream, [group, field, name]: readonly string[], bytes: Uint8Array): void {
  if (group !== "request") return;
  const line = stream.requestLine;
  const value = byteStringOf(bytes);
  const query = line.path.indexOf("?");
  const rest = query < 0 ? "" : line.path.slice(query);
  if (field === "host") line.host = value;
  else if (field === "scheme") line.scheme = value;
  else if (field === "method") line.method = value;
  else if (field === "url_path") line.path = `/${value.replace(/^\//, "")}${rest}`;
  else if (field === "query") line.path = `${line.path.slice(0, query < 0 ? undefined : query)}?${value}`;
  else if (field === "headers" && name !== undefined && stream.request.headers !== null) {
    const { headers } = stream.vm.profile;
    headers.remove(stream.request.headers, name);
    if (value !== "") headers.add(stream.request.headers, name, value);
  }
}
