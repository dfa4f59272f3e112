/** The requests by which modules that others wrote are compared: bodies, headers and answers of all sorts. */
import type { Exchange } from "./exchange.ts";

const body = ["hello, world"];
export const requests: readonly Partial<Exchange>[] = [
  {},
  { path: "/a/b?c=d&e", host: "other.example:8080" },
  {
    headers: [
      ["X-One", "1"],
      ["x-two", "2"],
      ["X-One", "3"],
      ["Accept", "*/*"],
    ],
  },
  {
    headers: [
      ["Cookie", "a=b; c=d"],
      ["User-Agent", "test/1"],
      ["Referer", "http://x/"],
    ],
  },
  { method: "POST", body },
  { method: "POST", body, framing: "chunked" },
  { method: "PUT", body: ["x".repeat(20_000)], headers: [["buffer-operation", "replace"]] },
  { method: "POST", body, headers: [["buffer-operation", "prepend"]] },
  { method: "POST", body, headers: [["buffer-operation", "append"]] },
  { method: "POST", body, headers: [["Content-Type", "application/grpc"]] },
  {
    response: {
      status: 404,
      headers: [
        ["X-R", "1"],
        ["x-r", "2"],
        ["Server", "s"],
      ],
      body: ["not found"],
    },
  },
  {
    response: {
      status: 302,
      headers: [
        ["Location", "/there"],
        ["Content-Length", "0"],
      ],
      body: [],
    },
  },
  { response: { status: 200, headers: [["Content-Length", "5"]], body: ["abcde"] } },
  { method: "DELETE" },
];
