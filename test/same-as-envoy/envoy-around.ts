/**
 * What Envoy does to messages before the filter sees them and after: its HTTP/1 codec, its connection manager and its
 * router, which the simulator has not. Written here once, so that all else can be compared byte for byte.
 */
import type { Message, Pair } from "../../host-sim/index.ts";
import {
  CALL,
  type Exchange,
  type HttpResponse,
  type Outcome,
  type Received,
  responseHeaders,
  sentHeaders,
} from "./exchange.ts";
import { PROFILE } from "./which-envoy.ts";

/** The connection manager takes these from a request before any filter (mutateRequestHeaders). */
const hopByHop = new Set(["connection", "keep-alive", "proxy-connection", "transfer-encoding"]);

/** Headers that come or go after the filter, by Envoy's own doing; they are compared on neither side. */
export const notCompared = {
  request: new Set(["transfer-encoding", "x-envoy-expected-rq-timeout-ms", "x-envoy-internal"]),
  response: new Set(["connection", "date", "server", "transfer-encoding", "x-envoy-upstream-service-time"]),
};

/** @param own the headers that the listener removes from every client (early header mutation) */
export function enteringRequest(exchange: Exchange, own: readonly string[]): Pair[] {
  const headers: Pair[] = [
    [":authority", exchange.host],
    [":path", exchange.path],
    [":method", exchange.method],
    [":scheme", "http"],
  ];
  for (const [name, value] of sentHeaders(exchange)) {
    const lower = name.toLowerCase();
    // Of `te` one "trailers" stays (sanitizeTEHeader).
    if (lower === "te" && headers.some(([other]) => other === "te")) continue;
    if (lower !== "host" && !hopByHop.has(lower) && !own.includes(lower)) headers.push([lower, value]);
  }
  if (!headers.some(([name]) => name === "x-forwarded-proto")) headers.push(["x-forwarded-proto", "http"]);
  return headers;
}

/** The router adds its header before the filter sees the response; the time is any number. */
export function enteringResponse(response: HttpResponse): Pair[] {
  const headers: Pair[] = [[":status", `${response.status}`]];
  for (const [name, value] of responseHeaders(response)) PROFILE.responseHeaders.add(headers, name, value);
  headers.push(["x-envoy-upstream-service-time", "0"]);
  return headers;
}

/** As HTTP/1: `:authority` becomes `host`, the other pseudo-headers the request line. */
export function leavingRequest(
  cluster: string,
  headers: readonly Pair[],
  body: readonly Uint8Array[],
): Received {
  const value = (name: string): string => headers.find((pair) => pair[0] === name)?.[1] ?? "";
  return {
    cluster,
    method: value(":method"),
    path: value(":path"),
    headers: headers.flatMap(([name, text]): Pair[] => {
      if (name === ":authority") return [["host", text]];
      return name.startsWith(":") ? [] : [[name, text]];
    }),
    body: Buffer.concat(body).toString("latin1"),
  };
}

/** A response as an HTTP client reads it; null if it breaks off. */
export function leavingResponse({ headers, body, ended }: Message): Outcome["client"] {
  const value = (name: string): string | undefined => headers.find((pair) => pair[0] === name)?.[1];
  const status = Number(value(":status"));
  const isWhole = ended || value("content-length") === `${body.length}`;
  return isWhole
    ? {
        status,
        headers: headers.filter(([name]) => !name.startsWith(":")),
        body: status === 204 || status === 304 ? "" : Buffer.from(body).toString("latin1"),
      }
    : null;
}

/** An outcome without what is not compared. */
export function compared({ upstream, client, logs }: Outcome): Outcome {
  return {
    // A call, of HTTP or gRPC, and the request that has gone on beside it take connections of their own.
    upstream: [...upstream.filter(isCall), ...upstream.filter((one) => !isCall(one))].map((one) => ({
      ...one,
      headers: without(one.headers, one.body, notCompared.request),
    })),
    client: client && { ...client, headers: without(client.headers, client.body, notCompared.response) },
    logs: logs.map((line) =>
      line
        .replaceAll(/(x-envoy-upstream-service-time(?:=|: ?| -> ))\d+/g, "$10")
        .replaceAll(/date=\w+, [\w :]+ GMT/g, "date=now")
        // In `proxy_on_log` the request's headers are those that the router sent.
        .replaceAll(",x-envoy-expected-rq-timeout-ms=15000", ""),
    ),
  };
}

const isCall = ({ path, headers }: Received): boolean =>
  path.startsWith(CALL) || headers.every(([name]) => name !== "host");

/** @param body the HTTP/1 codec says `content-length: 0` by itself */
const without = (headers: readonly Pair[], body: string, names: ReadonlySet<string>): Pair[] =>
  headers.filter(
    ([name, value]) =>
      !names.has(name.toLowerCase()) && !(body === "" && name === "content-length" && value === "0"),
  );
