/** Tiny upstreams, one a cluster: each answers what it saw. */
import { createHash } from "node:crypto";
import type http from "node:http";
import { type Headers, pairs } from "./request.ts";
import { type Servers, startServers } from "./servers.ts";

/** An upstream's answer, as JSON. */
export interface Seen {
  cluster: string;
  method: string;
  path: string;
  host: string | null;
  /** Exactly as received: order, duplicates and spelling. */
  headers: Headers;
  /** Bytes of the body, and what they hash to. */
  bytes: number;
  sha256: string;
  trailers: Headers;
}

export interface Upstreams extends Servers {
  /** Requests so far, by cluster; those that did not come to their end as well. */
  counts(): Record<string, number>;
  /** Of these, the ones that came whole. */
  whole(): Record<string, number>;
}

/**
 * Starts one server a name, on free ports of 127.0.0.1.
 * @param says headers of every answer
 */
export async function startUpstreams(names: string[], says: Headers = []): Promise<Upstreams> {
  const counts: Record<string, number> = Object.fromEntries(names.map((name) => [name, 0]));
  const whole = { ...counts };
  const { clusters, stop } = await startServers(names, (name, request, response) => {
    counts[name]! += 1;
    request.on("end", () => {
      whole[name]! += 1;
    });
    answer(name, request, response, says);
  });
  return { clusters, counts: () => ({ ...counts }), whole: () => ({ ...whole }), stop };
}

function answer(
  cluster: string,
  request: http.IncomingMessage,
  response: http.ServerResponse,
  says: Headers,
): void {
  const hash = createHash("sha256");
  let bytes = 0;
  request.on("data", (chunk: Buffer) => {
    hash.update(chunk);
    bytes += chunk.length;
  });
  // A request that Envoy breaks off has no answer.
  request.on("error", () => {});
  request.on("end", () => {
    const seen: Seen = {
      cluster,
      method: request.method ?? "",
      path: request.url ?? "",
      host: request.headers.host ?? null,
      headers: pairs(request.rawHeaders),
      bytes,
      sha256: hash.digest("hex"),
      trailers: pairs(request.rawTrailers),
    };
    const body = `${JSON.stringify(seen)}\n`;
    const head: Headers = [
      ["content-type", "application/json"],
      ["content-length", String(Buffer.byteLength(body))],
      ...says,
    ];
    response.writeHead(200, head.flat());
    response.end(body);
  });
}
