/** Exchanges made from a seed: what clients send, what guests do with it, and what upstreams answer. */
import fc from "fast-check";
import type { Pair } from "../../host-sim/index.ts";
import { type Exchange, exchange, type HttpResponse } from "./exchange.ts";
import { anyScript } from "./generate-script.ts";

const odd = fc.constantFrom<Pair>(
  ["X-Empty", ""],
  ["x-long", "l".repeat(4000)],
  ["X-Tabs", "a\tb"],
  ["x-latin", "caf\xe9 \xff\x80"],
  ["x-utf8", "\xc3\xa9\xe2\x82\xac"],
  ["x-!#$%&'*+.^`~", "odd name"],
  ["X-Twice", "one"],
  ["x-twice", "two"],
  ["X-TWICE", "three, four"],
  ["Cookie", "a=b; c=d"],
  ["cookie", "e=f"],
  ["Accept", "text/html"],
  ["accept", "*/*"],
  ["Accept-Language", "en"],
  ["accept-language", "de"],
  ["User-Agent", "one"],
  ["user-agent", "two"],
  ["Referer", "http://a.example/?q"],
  ["X-Forwarded-For", "192.0.2.1"],
  ["X-Forwarded-For", "192.0.2.2, 192.0.2.3"],
  ["Via", "1.1 a"],
  ["via", "1.1 b"],
  ["Cache-Control", "no-cache"],
  ["Cache-Control", "no-store"],
  ["Authorization", "Basic YTpi"],
  ["Origin", "http://a.example"],
  ["If-None-Match", '"a", "b"'],
  ["Content-Type", "text/plain; charset=utf-8"],
  ["content-type", "text/html"],
  ["Connection", "keep-alive"],
  ["Keep-Alive", "timeout=5"],
  ["TE", "trailers"],
  ["X-Cluster", "forged"],
);

const oddResponseHeader = fc.constantFrom<Pair>(
  ["Content-Type", "text/html"],
  ["Set-Cookie", "a=b"],
  ["set-cookie", "c=d; Path=/"],
  ["Vary", "Accept"],
  ["vary", "Cookie"],
  ["Cache-Control", "private"],
  ["X-Empty", ""],
  ["x-latin", "caf\xe9"],
  ["X-Twice", "one"],
  ["x-twice", "two"],
  ["Location", "http://a.example/"],
  ["ETag", '"x"'],
  ["Via", "1.1 up"],
  ["Date", "Sun, 06 Nov 1994 08:49:37 GMT"],
  ["Server", "upstream"],
  ["x-long", "l".repeat(4000)],
);

const piece = fc.oneof(
  fc.string({ minLength: 1, maxLength: 12, unit: fc.constantFrom(..."abc \x00\xff{}") }),
  fc.integer({ min: 1, max: 20_000 }).map((size) => "z".repeat(size)),
);
const pieces = fc.oneof(fc.constant([]), fc.array(piece, { minLength: 1, maxLength: 4 }));

const path = fc.oneof(
  fc.constantFrom(
    "/",
    "/wiki/Caf%C3%A9?action=view&x=%2F",
    "/?",
    "/a//b",
    "/w/api.php?a=b?c",
    "/a;b=c",
    "/x;y",
  ),
  fc.string({ maxLength: 30, unit: fc.constantFrom(..."abc/-_~%2F?&=+") }).map((rest) => `/x${rest}`),
);

const response: fc.Arbitrary<HttpResponse> = fc
  .record({
    status: fc.constantFrom(200, 200, 201, 206, 301, 404, 418, 500, 503),
    headers: fc.array(oddResponseHeader, { maxLength: 5 }),
    body: pieces,
    length: fc.boolean(),
  })
  .map(({ status, headers, body, length }) => {
    const size = body.join("").length;
    const framed: Pair[] = length || size === 0 ? [["Content-Length", `${size}`]] : [];
    return { status, headers: [...headers, ...framed], body };
  });

export const anyExchange: fc.Arbitrary<Exchange> = fc
  .record({
    method: fc.constantFrom("GET", "GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"),
    path,
    host: fc.constantFrom("wiki.example", "Wiki.Example:8080", "[::1]:80", "a_b.example"),
    headers: fc.array(odd, { maxLength: 8 }),
    body: pieces,
    framing: fc.constantFrom("length" as const, "chunked" as const),
    script: anyScript,
    response,
  })
  .map((given) => {
    const { script, ...rest } = given;
    const body = given.method === "GET" || given.method === "OPTIONS" ? [] : given.body;
    // Where the length is known an upstream has all of the request before its end is answered, or has not: a race.
    const framing = /request_body#\w+:reply/.test(script) ? "chunked" : given.framing;
    return exchange("", { ...rest, body, framing, script });
  });

/** `count` exchanges, the same for the same seed. */
export function exchanges(count: number, seed: number, of = anyExchange): Exchange[] {
  return fc.sample(of, { numRuns: count, seed }).map((one, i) => ({ ...one, id: `e${i}` }));
}
