/** Requests out of logs of JSON. */
import { describe, expect, it } from "vitest";
import { API, asked } from "../../test/support/read-log.ts";

describe("a JSON log", () => {
  it.each([
    [
      "Envoy Gateway's default",
      {
        start_time: "2026-11-26T14:00:00.000Z",
        method: "GET",
        "x-envoy-origin-path": "/w/api.php?a=b",
        protocol: "HTTP/1.1",
        response_code: 200,
        response_flags: "-",
        "x-forwarded-for": "10.0.0.9",
        "user-agent": "curl/8",
        ":authority": "en.wikipedia.org",
        upstream_host: "10.1.0.1:80",
        downstream_local_address: "10.0.0.1:80",
        downstream_remote_address: "10.0.0.9:5123",
        route_name: "-",
      },
      `${API} by 10.0.0.9 for 10.0.0.9`,
    ],
    [
      "Istio's",
      {
        authority: "en.wikipedia.org",
        downstream_remote_address: "[2001:db8::9]:5123",
        method: "GET",
        path: "/w/api.php?a=b",
        x_forwarded_for: null,
        response_code: 200,
      },
      `${API} by 2001:db8::9`,
    ],
    [
      "an Envoy that rewrites paths",
      { ":authority": "en.wikipedia.org", ":path": "/x", "x-envoy-original-path": "/w/api.php?a=b", code: 1 },
      API,
    ],
    [
      "nginx's variables",
      {
        http_host: "en.wikipedia.org",
        host: "machine7",
        request_uri: "/w/api.php?a=b",
        request_method: "GET",
        remote_addr: "10.0.0.9",
      },
      `${API} by 10.0.0.9`,
    ],
    [
      "nginx's request line, before the decoded path",
      {
        host: "en.wikipedia.org",
        request: "GET /w/api.php?a=b HTTP/2.0",
        uri: "/w/index.php",
        remote_addr: "10.0.0.9",
      },
      `${API} by 10.0.0.9`,
    ],
    [
      "Traefik's",
      {
        RequestHost: "en.wikipedia.org",
        RequestMethod: "GET",
        RequestPath: "/w/api.php?a=b",
        ClientHost: "10.0.0.9",
        level: "info",
        msg: "",
      },
      `${API} by 10.0.0.9`,
    ],
    [
      "Caddy's",
      {
        level: "info",
        msg: "handled request",
        request: {
          remote_ip: "10.0.0.9",
          method: "GET",
          host: "en.wikipedia.org",
          uri: "/w/api.php?a=b",
          headers: {},
        },
      },
      `${API} by 10.0.0.9`,
    ],
    [
      "Google's load balancers",
      {
        httpRequest: {
          requestMethod: "GET",
          requestUrl: "https://en.wikipedia.org/w/api.php?a=b",
          remoteIp: "10.0.0.9",
        },
        severity: "INFO",
      },
      `${API} by 10.0.0.9`,
    ],
    [
      "Wikimedia's webrequest",
      {
        uri_host: "en.wikipedia.org",
        uri_path: "/w/api.php",
        uri_query: "?a=b",
        http_method: "GET",
        ip: "10.0.0.9",
      },
      `${API} by 10.0.0.9`,
    ],
    ["a request without a host", { ":authority": "-", ":path": "/a", code: 1 }, "GET null /a"],
    ["a client behind a Unix socket", { ":authority": "a", ":path": "/a", client: "@/x" }, "GET a /a"],
    ["a line in another", { "@timestamp": 1, message: '{"authority":"a","path":"/","x":1}' }, "GET a /"],
    [
      "text in another",
      { log: `1.2.3.4 - - [26/Nov/2026:14:00:00 +0000] "GET http://a/ HTTP/1.1" 200`, kubernetes: {} },
      "GET a / by 1.2.3.4",
    ],
    ["an event of a program", { level: "info", msg: "starting" }, "none"],
    [
      "a request that Envoy could not read",
      { authority: null, path: null, method: null, response_code: 400 },
      "none",
    ],
  ])("is read: %s", async (_, fields, expected) => {
    expect(await asked(JSON.stringify(fields))).toEqual([expected]);
  });

  it("may have names of its own, and is bad without what they name", async () => {
    const line = JSON.stringify({
      a: { url: "/x?y" },
      h: "en.example",
      path: "/wrong",
      who: "1.2.3.4:5",
      "m.x": "POST",
    });
    const fields = { path: "a.url", authority: "h", client: "who", method: "m.x" };
    expect(await asked(line, { fields })).toEqual(["POST en.example /x?y by 1.2.3.4"]);
    expect(await asked('{"path":"/"}', { fields })).toEqual([
      "1: no field `m.x`, which should have the method",
    ]);
  });

  it("is bad where a host or a method has a control character, which no request has", async () => {
    const log = (fields: object) => asked(JSON.stringify({ authority: "a", path: "/", code: 1, ...fields }));
    expect(await log({ authority: "a\u001b[2J" })).toEqual([
      "1: authority: has a control character, which no request has there",
    ]);
    expect(await log({ method: "G\n" })).toEqual([
      "1: method: has a control character, which no request has there",
    ]);
  });

  it("says which fields a line has where none of them is a path, and that it has no host", async () => {
    expect(await asked('{"a":"/x","b":1}')).toEqual([
      "1: none of the fields `a`, `b` is known as the path: name it by --field path=NAME",
    ]);
    expect(await asked('{"path":"/x","code":1}')).toEqual([
      "1: the line has no host: write hosts to the log, or give one by --host NAME",
    ]);
  });
});
