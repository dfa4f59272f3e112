/** One request over HTTP through a simulated stream, and its response. */
import http from "node:http";
import type { Pair, Stream } from "../index.ts";
import type { Clusters } from "./clusters.ts";

/** The one of those below that a module sees: proxies hand it in. */
const CODING = "transfer-encoding";
/** Headers of one connection, not of the message (RFC 9110, section 7.6.1). */
const HOP_BY_HOP = new Set([
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  CODING,
  "upgrade",
]);

/**
 * One request on its way through a simulated stream to the cluster that the module chose, and the response back.
 * Bodies are handed on chunk by chunk, as the module lets them go.
 */
export class Exchange {
  private upstream: http.ClientRequest | null = null;
  private ended = false;

  constructor(
    private readonly stream: Stream,
    private readonly clusters: Clusters,
    private readonly agent: http.Agent,
    private readonly request: http.IncomingMessage,
    private readonly response: http.ServerResponse,
    private readonly whenOver: () => void,
  ) {}

  start(): void {
    const { request, response, stream } = this;
    response.on("close", () => this.over());
    const bodyless =
      request.headers["content-length"] === undefined && request.headers["transfer-encoding"] === undefined;
    stream.open(pairsOf(request), bodyless || request.headers["content-length"] === "0");
    this.flush();
    request.on("data", (chunk: Buffer) => {
      stream.request.pushBody(chunk, false);
      this.flush();
      if (this.upstream?.writableNeedDrain) {
        request.pause();
        this.upstream.once("drain", () => request.resume());
      }
    });
    request.on("end", () => {
      if (stream.request.endOfStream) return;
      const trailers = pairs(request.rawTrailers);
      if (trailers.length > 0) stream.request.pushTrailers(trailers);
      else stream.request.pushBody(new Uint8Array(0), true);
      this.flush();
    });
  }

  /** Hands on whatever the module has let go since: towards the upstream, and back to the client. */
  flush(): void {
    if (this.ended) return;
    const { stream, response } = this;
    if (stream.localReply === null && stream.reset === null) this.flushRequest();
    const { sent } = stream.response;
    if (stream.reset !== null) {
      this.response.destroy();
      return;
    }
    if (sent.headers !== null && !response.headersSent) {
      if (stream.localReply !== null) this.upstream?.destroy();
      writeHead(response, sent.headers);
    }
    for (let chunk = sent.body.shift(); chunk !== undefined; chunk = sent.body.shift()) response.write(chunk);
    if (sent.ended && !response.writableEnded) {
      if (sent.trailers)
        response.addTrailers(sent.trailers.map(([name, value]): [string, string] => [name, value]));
      response.end();
    }
  }

  private flushRequest(): void {
    const { sent } = this.stream.request;
    if (sent.headers === null) return;
    this.upstream ??= this.connect(sent.headers);
    if (this.upstream === null) return;
    for (let chunk = sent.body.shift(); chunk !== undefined; chunk = sent.body.shift())
      this.upstream.write(chunk);
    if (!sent.ended || this.upstream.writableEnded) return;
    if (sent.trailers)
      this.upstream.addTrailers(sent.trailers.map(([name, value]): [string, string] => [name, value]));
    this.upstream.end();
  }

  /** Null where there is no such cluster: then the client has been told. */
  private connect(headers: readonly Pair[]): http.ClientRequest | null {
    const chosen = headers.find(([name]) => name === this.clusters.header)?.[1] ?? this.clusters.fallback;
    const cluster = chosen === null ? undefined : this.clusters.byName.get(chosen);
    if (cluster === undefined) {
      const what =
        chosen === null ? `no ${this.clusters.header} and no fallback cluster` : `no cluster ${chosen}`;
      this.answer(
        503,
        `pointsman simulate: ${what}; the clusters are ${[...this.clusters.byName.keys()].join(", ")}\n`,
      );
      return null;
    }
    const { method, path, host } = this.stream.requestLine;
    const upstream = http.request({
      ...cluster,
      method,
      path,
      agent: this.agent,
      setHost: false,
      headers: ["host", host, ...endToEnd(headers, "host").flat()],
    });
    upstream.on("response", (incoming) => this.respond(incoming));
    upstream.on("error", (error) => {
      const where = `${chosen} at ${cluster.host}:${cluster.port}`;
      this.answer(502, `pointsman simulate: the upstream ${where} failed: ${error.message}\n`);
    });
    return upstream;
  }

  private respond(incoming: http.IncomingMessage): void {
    const { response } = this.stream;
    const status: Pair = [":status", String(incoming.statusCode)];
    response.pushHeaders([status, ...endToEnd(pairs(incoming.rawHeaders))], false);
    this.flush();
    incoming.on("data", (chunk: Buffer) => {
      response.pushBody(chunk, false);
      this.flush();
      if (this.response.writableNeedDrain) {
        incoming.pause();
        this.response.once("drain", () => incoming.resume());
      }
    });
    incoming.on("end", () => {
      response.pushBody(new Uint8Array(0), true);
      this.flush();
    });
    incoming.on("error", () => this.response.destroy());
  }

  /** An answer of the proxy's own; after headers are out, all that is left is to cut the connection. */
  private answer(status: number, body: string): void {
    if (this.ended) return;
    if (this.response.headersSent) {
      this.response.destroy();
      return;
    }
    this.response.writeHead(status, { "content-type": "text/plain; charset=utf-8" });
    this.response.end(body);
  }

  private over(): void {
    if (this.ended) return;
    this.ended = true;
    if (!this.response.writableFinished) this.upstream?.destroy();
    this.stream.close();
    this.whenOver();
  }
}

/** From Node's raw headers, names and values in turn; values are bytes. */
export function pairs(raw: readonly string[]): Pair[] {
  const list: Pair[] = [];
  for (let i = 0; i < raw.length; i += 2) list.push([raw[i]!.toLowerCase(), raw[i + 1]!]);
  return list;
}

function pairsOf(request: http.IncomingMessage): Pair[] {
  return [
    [":authority", request.headers.host ?? ""],
    [":path", request.url ?? "/"],
    [":method", request.method ?? "GET"],
    [":scheme", "http"],
    ...pairs(request.rawHeaders).filter(([name]) => name === CODING || isEndToEnd(name, "host")),
  ];
}

function endToEnd(headers: readonly Pair[], but?: string): Pair[] {
  return headers.filter(([name]) => isEndToEnd(name.toLowerCase(), but));
}

/** @param name in lower case */
const isEndToEnd = (name: string, but?: string) =>
  !name.startsWith(":") && !HOP_BY_HOP.has(name) && name !== but;

function writeHead(response: http.ServerResponse, headers: readonly Pair[]): void {
  const status = Number(headers.find(([name]) => name === ":status")?.[1] ?? 200);
  response.writeHead(status, endToEnd(headers).flat());
}
