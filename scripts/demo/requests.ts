/** The demo's requests: sent through Envoy, and held against what the table says. */
import { send } from "../envoy/request.ts";
import type { Seen } from "../envoy/upstream.ts";
import type { Lookup, Packed, Route } from "./parts.ts";
import type { DemoProxy } from "./proxy.ts";

/** The upstream of requests that get no cluster from the filter. */
export const PASS_THROUGH = "pass-through";

export interface DemoRequest {
  host: string;
  path: string;
  /** A cluster that the client asks for by itself, to show that it is not heard. */
  spoof?: string;
}

export interface Outcome {
  request: DemoRequest;
  /** What the table says. */
  route: Route | null;
  /** The upstream that answered; when none did, `status 404`. */
  cluster: string;
  /** The values that it saw of each header that the farm emits. */
  saw: { header: string; values: string[] }[];
  asTheTableSaid: boolean;
}

/** `en.wikipedia.org/wiki/X`, with or without a scheme. */
export function parseRequest(text: string): DemoRequest {
  const [, host, path] = /^(?:https?:\/\/)?([^/]*)(.*)$/.exec(text)!;
  return { host: host!, path: path || "/" };
}

export async function ask(
  proxy: DemoProxy,
  lookup: Lookup,
  { bytes, headers, clusterHeader }: Packed,
  request: DemoRequest,
): Promise<Outcome> {
  const route = lookup(bytes, request.host, request.path);
  const response = await send({
    port: proxy.port,
    host: request.host,
    path: request.path,
    headers: request.spoof === undefined ? [] : [[clusterHeader, request.spoof]],
  });
  const seen = response.status === 200 ? (JSON.parse(response.body) as Seen) : null;
  const values = (header: string) =>
    (seen?.headers ?? []).filter(([name]) => name === header).map((one) => one[1]);
  const cluster = seen?.cluster ?? `status ${response.status}`;
  const wanted = route ? [route.cluster] : [];
  const arrivedAsSent =
    seen?.path === request.path &&
    values(clusterHeader).join() === wanted.join() &&
    (route !== null || headers.every((header) => values(header).length === 0));
  return {
    request,
    route,
    cluster,
    saw: headers.map((header) => ({ header, values: values(header) })),
    asTheTableSaid: cluster === (route?.cluster ?? PASS_THROUGH) && (seen === null || arrivedAsSent),
  };
}
