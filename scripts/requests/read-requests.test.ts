/** Requests out of logs of many forms. */
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import type { FieldNames } from "./json-log.ts";
import { readRequests } from "./read-requests.ts";

interface Options {
  fields?: FieldNames;
  host?: string;
}

async function read(content: string | Uint8Array, { fields = {}, host }: Options = {}) {
  async function* input() {
    yield typeof content === "string" ? Buffer.from(content) : content;
  }
  const found = [];
  for await (const one of readRequests(input(), "log", { fields, host: host ?? null })) found.push(one);
  return found;
}

/** What was asked, as `METHOD HOST PATH by CLIENT for X-FORWARDED-FOR`; what is bad, by its error. */
async function asked(content: string | Uint8Array, options: Options = {}): Promise<string[]> {
  return (await read(content, options)).map((one) => {
    if ("error" in one) return `${one.line}: ${one.error}`;
    if (one.question === null) return "none";
    const { method, authority, path, client, headers } = one.question;
    const forwarded = headers["x-forwarded-for"];
    const rest = `${client ? ` by ${client}` : ""}${forwarded ? ` for ${forwarded}` : ""}`;
    return `${method} ${authority} ${path}${rest}`;
  });
}

const API = "GET en.wikipedia.org /w/api.php?a=b";

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

describe("a file", () => {
  const QUESTION = '{"authority":"a","path":"/"}';
  const LOG = '{"authority":"a","path":"/","code":1}';

  it("of questions has no other lines, and a log may", async () => {
    const bad = [
      "GET a /",
      expect.stringMatching(/^2: unknown key `code`/),
      expect.stringMatching(/^3: not JSON/),
    ];
    expect(await asked(`${QUESTION}\n${LOG}\nx`)).toEqual(bad);
    expect(await asked(`${LOG}\n${QUESTION}\n\n${LOG.slice(0, -3)}`)).toEqual([
      "GET a /",
      "GET a /",
      "none",
      expect.stringMatching(/^4: not JSON/),
    ]);
  });

  it.each([
    ["a client that never asked", { method: null, path: null, authority: null }, "none"],
    ["the same as text", { method: "-", path: "-", authority: "-" }, "none"],
    ["the same as empty text", { method: "", path: "", authority: "" }, "none"],
    ["a request without a host", { method: "GET", path: "/x", authority: "-" }, "GET null /x"],
    ["a method that is not known", { method: null, path: "/x", authority: "a" }, "GET a /x"],
    ["a client that is not known", { path: "/x", authority: "a", client: "-" }, "GET a /x"],
  ])("is a log also where all its fields are a question's: %s", async (_, fields, expected) => {
    const line = JSON.stringify(fields);
    expect(await asked(line)).toEqual([expected]);
    expect(await asked(`${QUESTION}\n${line}\n${QUESTION}`)).toEqual(["GET a /", expected, "GET a /"]);
  });

  it("of questions keeps its headers, and a line without a path is bad in it", async () => {
    const strict = '{"path":null,"headers":{"a":"b"}}';
    expect(await asked(`${QUESTION}\n${strict}`)).toEqual(["GET a /", "2: path: must be text"]);
    const [, found] = await read(`{"path":null}\n{"path":"/","authority":"a","headers":{"b":"c"}}`);
    expect(found).toMatchObject({ question: { headers: { b: ["c"] } } });
  });

  it("whose lines have no host gets the one that is given, unless they say that there is none", async () => {
    const lines =
      '{"path":"/","method":"GET"}\n{"path":"/","authority":null}\n{"path":"/","headers":{"Host":"b"}}';
    expect(await asked(lines, { host: "h" })).toEqual(["GET h /", "GET null /", "GET b /"]);
    expect(await asked(lines)).toEqual(["GET null /", "GET null /", "GET b /"]);
  });

  it("may have blank lines, of questions and of a log, with CRLF too", async () => {
    for (const line of [QUESTION, LOG])
      expect(await asked(`\r\n${line}\r\n\r\n${line}\n \n`)).toEqual([
        "none",
        "GET a /",
        "none",
        "GET a /",
        "none",
      ]);
  });

  it("is told by its first line that tells, in CRI's wrapping, with CRLF and a BOM", async () => {
    const cri = (tag: string, text: string) => `2026-11-26T14:00:00.1Z stdout ${tag} ${text}\r\n`;
    const text = `\ufeff${cri("F", "[2026-11-26 14:00:00.000][1][info] up")}${cri("P", LOG.slice(0, 9))}${cri("F", LOG.slice(9))}`;
    expect(await asked(text)).toEqual(["none", "GET a /"]);
    expect(await asked(text + cri("P", LOG))).toEqual([
      "none",
      "GET a /",
      "4: the log has only the beginning of this line",
    ]);
  });

  it("may be gzipped, in several parts too", async () => {
    const zipped = Buffer.concat([gzipSync(`${LOG}\n`), gzipSync(LOG)]);
    expect(await asked(zipped)).toEqual(["GET a /", "GET a /"]);
    await expect(asked(zipped.subarray(0, -12))).rejects.toThrow(/^log: the gzip data .*$/);
  });

  it.each([
    [[0x28, 0xb5, 0x2f, 0xfd, 0], /^log: is compressed by zstd: `zstd -dc FILE/],
    [[0xff, 0xfe, 0x7b, 0, 0x22], /^log: is UTF-16: `iconv/],
  ])("that is no text is refused with the way out: %j", async (bytes, message) => {
    await expect(asked(Uint8Array.from(bytes))).rejects.toThrow(message);
  });

  it("without a line has no requests", async () => {
    expect(await asked("")).toEqual([]);
  });
});
