/** What a module asks of upstreams itself, over real HTTP; by gRPC it finds nobody. */
import http from "node:http";
import type { HttpCall, HttpCallResponse, RootContext } from "../index.ts";
import type { Clusters } from "./clusters.ts";
import { pairs } from "./exchange.ts";

/** Of one answer: who sends more is cut off, and the module is told that the call failed. */
const ANSWER_BYTES_AT_MOST = 16 * 2 ** 20;

/** The module's own calls (`proxy_http_call`), made for real to the clusters that they name. */
export class HttpCalls {
  private readonly underWay = new Set<HttpCall>();

  /** @param answered called when the module has been given an answer */
  constructor(
    private readonly clusters: Clusters,
    private readonly agent: http.Agent,
    private readonly answered: () => void,
  ) {}

  startNew(root: RootContext): void {
    for (const call of root.httpCalls) {
      if (this.underWay.has(call)) continue;
      this.underWay.add(call);
      this.start(root, call);
    }
    // Nobody here speaks gRPC: the module is told so at once.
    for (const { id } of root.grpcCalls) {
      root.failGrpc(id, "refused");
      this.answered();
    }
  }

  private start(root: RootContext, call: HttpCall): void {
    const cluster = this.clusters.byName.get(call.upstream);
    if (cluster === undefined) {
      this.finish(root, call, null);
      return;
    }
    const value = (name: string) => call.headers.find(([one]) => one === name)?.[1];
    const request = http.request({
      ...cluster,
      agent: this.agent,
      setHost: false,
      method: value(":method") ?? "GET",
      path: value(":path") ?? "/",
      headers: [
        "host",
        value(":authority") ?? call.upstream,
        ...call.headers.filter(([name]) => !name.startsWith(":")).flat(),
      ],
    });
    request.on("error", () => this.finish(root, call, null));
    request.on("response", (response) => {
      const chunks: Buffer[] = [];
      let size = 0;
      response.on("data", (chunk: Buffer) => {
        chunks.push(chunk);
        size += chunk.length;
        if (size > ANSWER_BYTES_AT_MOST) response.destroy(new Error("the answer is too large"));
      });
      response.on("error", () => this.finish(root, call, null));
      response.on("end", () => {
        const headers = [[":status", String(response.statusCode)] as const, ...pairs(response.rawHeaders)];
        this.finish(root, call, {
          headers,
          body: Buffer.concat(chunks),
          trailers: pairs(response.rawTrailers),
        });
      });
    });
    request.end(call.body);
  }

  /** @param response null where the call failed */
  private finish(root: RootContext, call: HttpCall, response: HttpCallResponse | null): void {
    this.underWay.delete(call);
    if (!root.httpCalls.includes(call)) return; // it timed out meanwhile
    if (response === null) root.failHttpCall(call.id);
    else root.answerHttpCall(call.id, response);
    this.answered();
  }
}
