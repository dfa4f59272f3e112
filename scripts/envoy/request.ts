/** Requests as a test needs them: any Host, duplicate headers, odd names, HTTP/1.0. */
import http from "node:http";
import net from "node:net";

/** Header fields in their order, duplicates included. */
export type Headers = [name: string, value: string][];

export interface HttpResponse {
  status: number;
  headers: Headers;
  body: string;
}

export interface SendOptions {
  /** On 127.0.0.1. */
  port: number;
  /** The request target, sent as it is. */
  path?: string;
  method?: string;
  /** The Host header; null sends none, which node:http allows but an HTTP/1.1 server may refuse. */
  host?: string | null;
  headers?: Headers;
  /** Text has a content-length; pieces are sent as they come, framed as `headers` say, until the response begins. */
  body?: string | AsyncIterable<Uint8Array>;
  /** One agent for many requests keeps their connection. */
  agent?: http.Agent;
  /** The client's own address: one of 127.0.0.0/8. */
  from?: string;
  timeoutMs?: number;
}

/** Sends one request by node:http, which passes a flat list of headers on unchanged. */
export function send(options: SendOptions): Promise<HttpResponse> {
  const { port, host = "localhost", body = "", timeoutMs = 10_000 } = options;
  const fields: Headers = [
    ...(host === null ? [] : ([["host", host]] as Headers)),
    ...(options.headers ?? []),
  ];
  if (typeof body === "string" && body) fields.push(["content-length", String(Buffer.byteLength(body))]);
  return new Promise((resolve, reject) => {
    const request = http.request({
      host: "127.0.0.1",
      port,
      path: options.path ?? "/",
      method: options.method ?? "GET",
      headers: fields.flat(),
      setHost: false,
      agent: options.agent ?? false,
      ...(options.from !== undefined && { localAddress: options.from }),
      timeout: timeoutMs,
    });
    request.on("timeout", () => request.destroy(new Error(`no answer within ${timeoutMs} ms`)));
    let answered = false;
    // The rest of a body may find the connection closed when its response is there already.
    request.on("error", (error) => answered || reject(error));
    request.on("response", (response) => {
      answered = true;
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: pairs(response.rawHeaders),
          body: Buffer.concat(chunks).toString(),
        }),
      );
    });
    if (typeof body === "string") request.end(body);
    else write(request, body, () => answered).catch(reject);
  });
}

/** Each piece when the one before has gone to the kernel. */
async function write(
  request: http.ClientRequest,
  pieces: AsyncIterable<Uint8Array>,
  isAnswered: () => boolean,
): Promise<void> {
  for await (const piece of pieces) {
    if (isAnswered()) break;
    await new Promise<void>((sent) => request.write(piece, () => sent()));
  }
  request.end();
}

/**
 * Sends these very bytes (latin1) and reads until the server closes: for what node:http refuses to write, such as
 * HTTP/1.0 or a byte that no header may have. The text should ask for `Connection: close`.
 */
export function sendRaw(port: number, text: string, timeoutMs = 10_000): Promise<HttpResponse> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, "127.0.0.1");
    const chunks: Buffer[] = [];
    socket.setTimeout(timeoutMs, () => socket.destroy(new Error(`no end within ${timeoutMs} ms`)));
    socket.on("connect", () => socket.write(text, "latin1"));
    socket.on("data", (chunk) => chunks.push(chunk));
    socket.on("error", reject);
    socket.on("close", () => {
      const response = parse(Buffer.concat(chunks).toString("latin1"));
      if (response) resolve(response);
      else reject(new Error("the answer is not HTTP"));
    });
  });
}

/** rawHeaders (name, value, name, value …) as pairs. */
export function pairs(flat: string[]): Headers {
  const result: Headers = [];
  for (let i = 0; i + 1 < flat.length; i += 2) result.push([flat[i]!, flat[i + 1]!]);
  return result;
}

/** Bodies sent in chunks stay as they came. */
function parse(text: string): HttpResponse | null {
  const end = text.indexOf("\r\n\r\n");
  const [first, ...lines] = text.slice(0, end).split("\r\n");
  const status = /^HTTP\/1\.[01] (\d{3})/.exec(first ?? "")?.[1];
  if (end < 0 || !status) return null;
  const headers: Headers = lines.map((line) => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon), line.slice(colon + 1).trim()];
  });
  return { status: Number(status), headers, body: text.slice(end + 4) };
}
