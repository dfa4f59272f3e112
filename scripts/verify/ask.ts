/** Asks a proxy as a client of a wiki would: one GET, its answer whole and bounded, within a time. */
import http from "node:http";
import https from "node:https";
import { reason } from "../sources/reason.ts";
import type { Answered, Outcome } from "./outcome.ts";
import type { Probe } from "./probes.ts";

export interface AskedProxy {
  /** `http:` or `https:`, a host and a port. */
  url: URL;
  timeoutMs: number;
  /** Of every request. */
  headers: readonly (readonly [name: string, value: string])[];
  /** For `https:`: who signs its certificate, beside those that the system knows. */
  ca?: Uint8Array;
  /** For `https:`: the name that its certificate must have; where it is left out, the wiki's host. */
  serverName?: string;
}

/** Of an answer; a wiki's page is far smaller. */
const BYTES_AT_MOST = 4 * 2 ** 20;

export class Asker {
  private readonly agent: http.Agent;

  constructor(
    private readonly proxy: AskedProxy,
    atOnce: number,
  ) {
    // Over TLS each wiki's name would have connections of its own: those are closed.
    this.agent =
      proxy.url.protocol === "https:"
        ? new https.Agent({ keepAlive: proxy.serverName !== undefined, maxFreeSockets: atOnce })
        : new http.Agent({ keepAlive: true, maxFreeSockets: atOnce });
  }

  close(): void {
    this.agent.destroy();
  }

  async ask(probe: Probe): Promise<Answered | Outcome> {
    const until = performance.now() + this.proxy.timeoutMs;
    const answer = await this.once(probe, until, this.agent);
    // A proxy may close a connection just when we take it again: that says nothing of the wiki. A new one is not stale.
    return answer === "stale" ? ((await this.once(probe, until, false)) as Answered | Outcome) : answer;
  }

  private once(
    probe: Probe,
    until: number,
    agent: http.Agent | false,
  ): Promise<Answered | Outcome | "stale"> {
    const { url, headers, ca, serverName, timeoutMs } = this.proxy;
    return new Promise((resolve) => {
      const end = (answer: Answered | Outcome | "stale") => {
        clearTimeout(timer);
        resolve(answer);
      };
      const fail = (kind: "timeout" | "unreachable" | "unreadable", what: string) => {
        end({ kind, what });
        request.destroy();
      };
      const fields = [
        ["host", probe.host],
        ["user-agent", "pointsman verify"],
        ["accept", "*/*"],
        ["cache-control", "no-cache"],
        ...headers,
      ];
      const request = (url.protocol === "https:" ? https : http).request({
        host: url.hostname.replace(/^\[(.*)\]$/, "$1"),
        port: url.port || (url.protocol === "https:" ? 443 : 80),
        path: probe.path,
        headers: fields.flat(),
        setHost: false,
        agent,
        ...(url.protocol === "https:" && { servername: serverName ?? probe.host, ...(ca && { ca }) }),
      } as https.RequestOptions);
      const timer = setTimeout(
        () => fail("timeout", `no answer within ${timeoutMs / 1000} s`),
        Math.max(1, until - performance.now()),
      );
      request.on("error", (error: NodeJS.ErrnoException) => {
        if (request.reusedSocket && error.code === "ECONNRESET") end("stale");
        else end({ kind: "unreachable", what: `no answer: ${reason(error, "connect")}` });
      });
      request.on("response", (response) => {
        const chunks: Buffer[] = [];
        let bytes = 0;
        response.on("data", (chunk: Buffer) => {
          bytes += chunk.length;
          if (bytes <= BYTES_AT_MOST) chunks.push(chunk);
          else fail("unreadable", `the answer has more than ${BYTES_AT_MOST >> 20} MiB`);
        });
        response.on("error", () => end({ kind: "unreachable", what: "the answer breaks off" }));
        response.on("end", () =>
          end({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body: Buffer.concat(chunks).toString(),
          }),
        );
      });
      request.end();
    });
  }
}
