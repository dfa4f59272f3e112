/** Clients that node:http is not: HTTP/2 without TLS. */
import http2 from "node:http2";
import type { Headers } from "../../scripts/envoy/request.ts";

export interface Http2Request {
  path?: string;
  method?: string;
  host?: string;
  /** Names in lower case, as HTTP/2 has them. */
  headers?: Headers;
  body?: string;
}

/** One request over a connection of its own. */
export async function sendHttp2(
  port: number,
  request: Http2Request,
): Promise<{ status: number; body: string }> {
  const session = http2.connect(`http://127.0.0.1:${port}`);
  try {
    return await sendOver(session, request);
  } finally {
    session.destroy();
  }
}

/** One request over a connection that is there; rejects where the stream or the connection is reset. */
export function sendOver(
  session: http2.ClientHttp2Session,
  { path = "/", method = "GET", host = "localhost", headers = [], body = "" }: Http2Request,
): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    session.once("error", reject);
    const fields: http2.OutgoingHttpHeaders = { ":path": path, ":method": method, ":authority": host };
    for (const [name, value] of headers) fields[name] = [...[fields[name] ?? []].flat().map(String), value];
    const stream = session.request(fields, { endStream: body === "" });
    let status = 0;
    let text = "";
    stream.on("response", (got) => {
      status = Number(got[":status"]);
    });
    stream.on("data", (chunk: Buffer) => {
      text += chunk;
    });
    stream.on("error", reject);
    stream.on("close", () =>
      status === 0 ? reject(new Error("no response")) : resolve({ status, body: text }),
    );
    if (body !== "") stream.end(body);
  });
}
