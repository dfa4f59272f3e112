/**
 * Sends an exchange's request piece by piece, each when the guest has seen the last, and hangs up where the exchange says
 * so; `send` of `scripts/envoy/request.ts` knows neither, and a request that is broken off is an error to it.
 */
import { request as httpRequest } from "node:http";
import { pairs } from "../../scripts/envoy/request.ts";
import { type Exchange, type Outcome, type Seen, sentHeaders } from "./exchange.ts";

const TIMEOUT_MS = 10_000;

const nothing = Buffer.alloc(0);

/** Resolves to what the client got; null if that was no whole answer. */
export function sendPiecewise(port: number, exchange: Exchange, seen: Seen): Promise<Outcome["client"]> {
  const { method, path, body, abandoned, impatient } = exchange;
  return new Promise((resolve, reject) => {
    const request = httpRequest({
      host: "127.0.0.1",
      port,
      method,
      path,
      headers: sentHeaders(exchange).flat(),
      setHost: false,
      agent: false,
      maxHeaderSize: 60 * 1024,
      timeout: TIMEOUT_MS,
    });
    let answered = false;
    const isOver = (): boolean => answered || request.destroyed;
    request.on("timeout", () => {
      request.destroy();
      reject(new Error(`${exchange.id}: no answer within ${TIMEOUT_MS} ms`));
    });
    // Refused, cut off, or abandoned.
    request.on("error", () => {
      if (!answered) resolve(null);
    });
    request.on("response", (response) => {
      answered = true;
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", () => resolve(null));
      response.on("end", () => {
        const headers = pairs(response.rawHeaders);
        const bytes = Buffer.concat(chunks).toString("latin1");
        resolve({ status: response.statusCode ?? 0, headers, body: bytes });
        request.destroy();
      });
    });
    void write();

    async function write(): Promise<void> {
      if (body.length > 0) {
        // Headers alone, as latin1; `flushHeaders` would write them as UTF-8.
        request.write(nothing);
        for (const piece of body) {
          if (!impatient) await seen(isOver);
          request.write(piece, "latin1");
        }
        await seen(isOver);
      }
      if (!request.destroyed) request.end();
      if (abandoned) {
        await seen(isOver);
        request.destroy();
      }
    }
  });
}
