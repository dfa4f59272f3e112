/** Requests out of logs of text. */
import { describe, expect, it } from "vitest";
import { API, asked } from "../../test/support/read-log.ts";

describe("a text log", () => {
  it.each([
    [
      "Envoy's default",
      `[2026-11-26T14:00:00.000Z] "GET /w/api.php?a=b HTTP/1.1" 200 - 0 135 12 11 "10.0.0.9" "curl/8" "cc21d9b0-cf5c-432b-8c7e-98aeb7988cd2" "en.wikipedia.org" "10.1.0.1:80"`,
      `${API} by 10.0.0.9 for 10.0.0.9`,
    ],
    [
      "Envoy's default, of a client that forges an end of its own",
      `[2026-11-26T14:00:00.000Z] "GET /w/api.php?a=b HTTP/2" 200 NR,UF 0 135 12 - "evil, 2001:db8::1" "x" "id" "evil.example" "1" "cc21d9b0" "en.wikipedia.org" "-"`,
      `${API} by 2001:db8::1 for evil, 2001:db8::1`,
    ],
    [
      "Istio's default",
      `[2026-11-26T14:00:00.000Z] "GET /w/api.php?a=b HTTP/1.1" 200 - via_upstream - "-" 0 135 12 11 "-" "curl/8 "quoted"" "cc21d9b0" "en.wikipedia.org" "127.0.0.1:80" inbound|80|| 127.0.0.6:41 10.0.0.1:80 10.0.0.9:5123 outbound_.80_._.x default`,
      `${API} by 10.0.0.9`,
    ],
    [
      "Istio's default, with a reason of an upstream's",
      `[2026-11-26T14:00:00.000Z] "GET /w/api.php?a=b HTTP/1.1" 503 UF upstream_reset - "TLS_error: 1 2 " 0 135 12 - "10.9.9.9" "-" "cc21d9b0" "en.wikipedia.org" "-" - - 10.0.0.1:80 [2001:db8::9]:5123 - -`,
      `${API} by 2001:db8::9 for 10.9.9.9`,
    ],
    [
      "nginx's combined",
      `10.0.0.9 - - [26/Nov/2026:14:00:00 +0000] "GET /w/api.php?a=b HTTP/1.1" 200 135 "-" "curl/8"`,
      "GET the.host /w/api.php?a=b by 10.0.0.9",
    ],
    [
      "nginx's main, with its escapes",
      `2001:db8::9 - a user [26/Nov/2026:14:00:00 +0000] "GET /\\xC3\\xA9\\x22\\x5C HTTP/2.0" 200 135 "-" "\\"" "1.2.3.4"`,
      'GET the.host /é"\\ by 2001:db8::9',
    ],
    [
      "Apache's vhost_combined",
      `en.wikipedia.org:443 10.0.0.9 - - [26/Nov/2026:14:00:00 +0000] "GET /w/api.php?a=b HTTP/1.1" 200 135 "-" "x"`,
      "GET en.wikipedia.org:443 /w/api.php?a=b by 10.0.0.9",
    ],
    [
      "Apache's combined, of a client with a name, with its escapes",
      `client.example - bob [26/Nov/2026:14:00:00 +0000] "GET /a\\"b\\\\c HTTP/1.1" 200 135 "-" "x"`,
      'GET the.host /a"b\\c',
    ],
    [
      "Traefik's",
      `10.0.0.9 - - [26/Nov/2026:14:00:00 +0000] "GET /w/api.php?a=b HTTP/1.1" 200 2326 "-" "-" 1 "web@docker" "http://10.0.0.2:80" 3ms`,
      "GET the.host /w/api.php?a=b by 10.0.0.9",
    ],
    [
      "ATS's squid",
      `1764165600.123 12 10.0.0.9 TCP_MISS/200 1234 GET http://en.wikipedia.org/w/api.php?a=b - DIRECT/en.wikipedia.org text/html`,
      `${API} by 10.0.0.9`,
    ],
    [
      "squid's own",
      `1764165600.123     12 10.0.0.9 TCP_TUNNEL/200 1234 GET http://en.wikipedia.org/w/api.php?a=b - HIER_DIRECT/10.1.1.1 -`,
      `${API} by 10.0.0.9`,
    ],
    [
      "ATS's extended",
      `10.0.0.9 - - [26/Nov/2026:14:00:00 -0000] "GET http://en.wikipedia.org/w/api.php?a=b HTTP/1.1" 200 1234 200 1234 0 0 100 200 100 200 0`,
      `${API} by 10.0.0.9`,
    ],
    [
      "HAProxy's, with its Host captured",
      `Nov  6 12:14:14 lb haproxy[14389]: 10.0.0.9:33317 [26/Nov/2026:14:00:00.655] http-in static/srv1 10/0/30/69/109 200 2750 - - ---- 1/1/1/1/0 0/0 {en.wikipedia.org|curl} {nginx} "GET /w/api.php?a=b HTTP/1.1"`,
      `${API} by 10.0.0.9`,
    ],
    [
      "HAProxy's of HTTP/2, with a user agent captured",
      `2001:db8::9:33317 [26/Nov/2026:14:00:00.655] http-in~ static/<NOSRV> 10/-1/-1/-1/+109 503 +2750 - - SC-- 1/1/1/1/0 0/0 {Mozilla/5.0} "GET https://en.wikipedia.org/w/api.php?a=b#22 HTTP/2.0" 0/0/0/0/0 en/TLSv1.3/X`,
      `GET en.wikipedia.org /w/api.php?a=b" by 2001:db8::9`,
    ],
    [
      "AWS's load balancer",
      `https 2026-11-26T14:00:00.186641Z app/x/1 10.0.0.9:2817 10.0.0.1:80 0.0 0.0 0.0 200 200 0 57 "GET https://en.wikipedia.org:443/w/api.php?a=b HTTP/1.1" "curl/8" - -`,
      "GET en.wikipedia.org:443 /w/api.php?a=b by 10.0.0.9",
    ],
  ])("is read: %s", async (_, line, expected) => {
    const [question] = await asked(line, { host: "the.host" });
    // What the log says of the host goes first, and is not needed where it does.
    expect(question).toBe(expected);
    if (!expected.includes("the.host")) expect(await asked(line)).toEqual([expected]);
    else
      expect(await asked(line)).toEqual([
        "1: the line has no host: write hosts to the log, or give one by --host NAME",
      ]);
  });

  it.each([
    [
      "of a client that spoke TLS",
      `1.2.3.4 - - [26/Nov/2026:14:00:00 +0000] "\\x16\\x03\\x01\\x02" 400 157 "-" "-"`,
    ],
    ["of a client that hung up", `1.2.3.4 - - [26/Nov/2026:14:00:00 +0000] "-" 408 0 "-" "-"`],
    ["of a client that said nothing", `1.2.3.4 - - [26/Nov/2026:14:00:00 +0000] "" 400 0 "-" "-"`],
    ["of HTTP/2 without TLS", `1.2.3.4 - - [26/Nov/2026:14:00:00 +0000] "PRI * HTTP/2.0" 400 0 "-" "-"`],
    ["a tunnel", `1.2.3.4 - - [26/Nov/2026:14:00:00 +0000] "CONNECT a.example:443 HTTP/1.1" 400 0 "-" "-"`],
    [
      "a tunnel of squid's",
      "1764165600.123 12 10.0.0.9 TCP_TUNNEL/200 1234 CONNECT a.example:443 - DIRECT/a text/html",
    ],
    [
      "that squid could not read",
      "1764165600.123 0 10.0.0.9 NONE/400 1234 GET error:invalid-request - HIER_NONE/- -",
    ],
    [
      "that HAProxy could not read",
      `1.2.3.4:1 [26/Nov/2026:14:00:00.655] http-in http-in/<NOSRV> -1/-1/-1/-1/0 400 187 - - PR-- 1/1/0/0/0 0/0 "<BADREQ>"`,
    ],
    [
      "that Envoy could not read",
      `[2026-11-26T14:00:00.000Z] "- - HTTP/1.1" 400 DPE 0 11 0 - "-" "-" "-" "-" "-"`,
    ],
    ["Envoy's own", "[2026-11-26 14:00:00.000][1][warning][config] [source/x.cc:1] all done"],
    ["of Istio's agent", "2026-11-26T14:00:00.123456Z\tinfo\tEnvoy proxy is ready"],
    ["nginx's own", '2026/11/26 14:00:00 [error] 7#7: *1 open() failed, request: "GET / HTTP/1.1"'],
    ["Apache's own", "[Thu Nov 26 14:00:00.1 2026] [core:notice] [pid 1] AH00094: Command line"],
    ["a comment", "#Fields: date time"],
    ["nothing", "\n"],
  ])("has lines without a request: %s", async (_, line) => {
    expect(await asked(line, { host: "h" })).toEqual(["none"]);
  });

  it.each([
    ["Envoy", `[2026-11-26T14:00:00.000Z] "GET /w/api.php HTTP/1.1" 200 - 0 135 12 11 "10.0.0.9" "cu`],
    ["Envoy, at its start", '[2026-11-26T14:00:00.000Z] "GET /w/a'],
    ["nginx", '10.0.0.9 - - [26/Nov/2026:14:00:00 +0000] "GET /w/ap'],
    ["squid", "1764165600.123 12 10.0.0.9 TCP_MISS/200 1234 GET http://en.wiki"],
    [
      "HAProxy, past its limit",
      '1.2.3.4:1 [26/Nov/2026:14:00:00.655] a a/b 0/0/0/0/0 200 1 - - ---- 1/1/1/1/0 0/0 "GET /aaa',
    ],
  ])("is bad where a line is cut short: %s", async (_, line) => {
    expect(await asked(line, { host: "h" })).toEqual(["1: the line is cut short"]);
  });

  it("of an unknown form is bad", async () => {
    expect(await asked("hello\nworld")).toEqual([
      "1: the line is neither JSON nor an access-log line of a known form",
      "2: the line is neither JSON nor an access-log line of a known form",
    ]);
  });
});
