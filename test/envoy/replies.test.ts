/** What the proxy answers itself, as clients of every kind get it. */
import http2 from "node:http2";
import { afterAll, beforeAll, expect, test } from "vitest";
import { sendRaw } from "../../scripts/envoy/request.ts";
import { type Started, start, valuesOf } from "./farm.ts";

let farm: Started;
beforeAll(async () => {
  farm = await start();
});
afterAll(() => farm?.stop());

test.each([
  ["a wiki that is missing", "no.wiki.example", 404, "no such wiki"],
  ["a wiki that is not installed", "new.wiki.example", 410, "not installed yet"],
])("%s is answered as the farm says, and reaches no upstream", async (_, host, status, text) => {
  const before = farm.upstreams.counts();
  for (const method of ["GET", "POST", "DELETE"]) {
    const response = await farm.send({
      host,
      method,
      ...(method === "POST" && { body: "x".repeat(100_000) }),
    });
    expect([response.status, response.body]).toEqual([status, text]);
    expect(valuesOf(response.headers, "content-type")).toEqual(["text/plain"]);
    expect(valuesOf(response.headers, "content-length")).toEqual([String(text.length)]);
  }
  expect(farm.upstreams.counts()).toEqual(before);
});

test("HEAD gets the same head, and no body", async () => {
  const response = await sendRaw(
    farm.envoy.port,
    "HEAD / HTTP/1.1\r\nHost: no.wiki.example\r\nConnection: close\r\n\r\n",
  );
  expect([response.status, response.body]).toEqual([404, ""]);
  expect(valuesOf(response.headers, "content-type")).toEqual(["text/plain"]);
  expect(valuesOf(response.headers, "content-length")).toEqual(["12"]);
});

test("after such an answer the connection serves on", async () => {
  const get = (host: string, last = false) =>
    `${last ? "GET" : "HEAD"} / HTTP/1.1\r\nHost: ${host}\r\n${last ? "Connection: close\r\n" : ""}\r\n`;
  const response = await sendRaw(farm.envoy.port, get("no.wiki.example") + get("test.wiki.example", true));
  expect(response.status).toBe(404);
  expect(response.body).toContain('"cluster":"web-1.47.0-wmf.2"');
});

test("a gRPC client gets the status in headers alone", async () => {
  const session = http2.connect(`http://127.0.0.1:${farm.envoy.port}`);
  try {
    const ask = (authority: string) =>
      new Promise<Record<string, unknown>>((resolve, reject) => {
        const stream = session.request({
          ":method": "POST",
          ":path": "/some.Service/Method",
          ":authority": authority,
          "content-type": "application/grpc",
          te: "trailers",
        });
        let bytes = 0;
        let head: Record<string, unknown> = {};
        stream.on("response", (headers, flags) => {
          head = { ...headers, ended: (flags & http2.constants.NGHTTP2_FLAG_END_STREAM) !== 0 };
        });
        stream.on("data", (chunk: Buffer) => {
          bytes += chunk.length;
        });
        stream.on("error", reject);
        stream.on("end", () => resolve({ ...head, bytes }));
        stream.end();
      });
    expect(await ask("no.wiki.example")).toMatchObject({
      ":status": 200,
      "content-type": "application/grpc",
      "grpc-status": "12",
      "grpc-message": "no such wiki",
      ended: true,
      bytes: 0,
    });
  } finally {
    session.close();
  }
});
