/**
 * Upstreams that answer piece by piece as each exchange says, and keep what they got; those of `scripts/envoy/upstream.ts`
 * have one answer for all, at once.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { pairs } from "../../scripts/envoy/request.ts";
import { type Servers, startServers } from "../../scripts/envoy/servers.ts";
import type { ClusterOptions } from "../../scripts/render/bootstrap.ts";
import {
  CALL,
  CALLED,
  type HttpResponse,
  isChunked,
  type Received,
  responseHeaders,
  type Seen,
} from "./exchange.ts";

/** Envoy's own limit. */
const MAX_HEADERS = 60 * 1024;

const nothing = Buffer.alloc(0);

export class ScriptedUpstreams {
  /** What came since the last look. */
  readonly received: Received[] = [];
  /** What is answered to requests, and to the guest's own calls. */
  response: HttpResponse = { status: 200, headers: [], body: [] };
  answer: HttpResponse = CALLED;
  /** Clusters to which the guest alone calls. */
  called: ReadonlySet<string> = new Set();
  /** What a response waits for before it starts and between its pieces. */
  seen: Seen = async () => {};
  #servers: Servers | null = null;

  static async start(names: readonly string[]): Promise<ScriptedUpstreams> {
    const upstreams = new ScriptedUpstreams();
    const serve = upstreams.#serve.bind(upstreams);
    upstreams.#servers = await startServers(names, serve, { maxHeaderSize: MAX_HEADERS });
    return upstreams;
  }

  get clusters(): ClusterOptions[] {
    return this.#servers?.clusters ?? [];
  }

  #serve(cluster: string, request: IncomingMessage, response: ServerResponse): void {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    // A request that Envoy breaks off is none that came.
    request.on("error", () => {});
    response.on("error", () => {});
    request.on("end", () => {
      this.received.push({
        cluster,
        method: request.method ?? "",
        path: request.url ?? "",
        headers: pairs(request.rawHeaders),
        body: Buffer.concat(chunks).toString("latin1"),
      });
      const called = this.called.has(cluster) || (request.url?.startsWith(CALL) ?? false);
      void this.#reply(response, called ? this.answer : this.response, called ? async () => {} : this.seen);
    });
  }

  async #reply(response: ServerResponse, wanted: HttpResponse, seen: Seen): Promise<void> {
    const isOver = (): boolean => response.destroyed;
    await seen(isOver);
    // Node would add its own.
    response.sendDate = false;
    response.writeHead(wanted.status, responseHeaders(wanted).flat());
    if (wanted.body.length > 0) {
      // Headers alone, as latin1; `flushHeaders` would write them as UTF-8.
      response.write(nothing);
      for (const piece of wanted.body) {
        await seen(isOver);
        response.write(piece, "latin1");
      }
      // Where the length is known Envoy has the whole response, and may use the connection for the guest's next call.
      if (isChunked(wanted)) await seen(isOver);
    }
    response.end();
  }

  async stop(): Promise<void> {
    await this.#servers?.stop();
  }
}
