/** What ran on ATS 10.2.0 with WAMR 2.1.1, seen from inside a guest. */
import { beforeAll, describe, expect, test } from "vitest";
import { buildTimeout, doing, guest, said, simple, startGuest } from "../../test/support/guests.ts";
import { envoy140, type Pair, type Profile, ProxyHost, ats102 as profile, strict, Vm } from "../index.ts";

beforeAll(async () => {
  await guest();
}, buildTimeout);

/** What a command in on_request_headers came to. */
async function answers(commands: string, ...more: Pair[]): Promise<string[]> {
  const { vm, root } = await startGuest("", { profile });
  root.request(doing(commands, ...more));
  return said(vm).map((line) => line.slice(line.indexOf(" -> ") + 4));
}

// Ran on 10.2.0: one header of 16 kB, a URL of 20 kB or 500 headers killed the VM.
test.each<[string, Pair[]]>([
  ["one long header", [["x-long", "x".repeat(100_000)]]],
  ["many headers", Array.from({ length: 500 }, (_, i): Pair => [`x-${i}`, "x".repeat(200)])],
])("memory that grows while the host hands in %s is out of bounds for the caller", async (_, headers) => {
  const request = doing("pairs 0", ...headers);
  const trapsIn = async (each: Profile) => {
    const { root } = await startGuest("", { profile: each, failOpen: false });
    return root.request(request);
  };
  const { trapped, localReply } = await trapsIn(profile);
  expect(trapped).toContain("out of bounds memory access");
  expect(localReply?.status).toBe(500);
  for (const each of [envoy140, strict]) expect((await trapsIn(each)).trapped, each.name).toBe(null);
});

test("what fits in the memory that was there is handed in", async () => {
  const [answer] = await answers("get 0 x-short", ["x-short", "short"]);
  expect(answer).toBe("0 short");
});

// Ran on 10.2.0.
test("a value is cut at its first comma where ATS does not know the header, or knows it as a list", async () => {
  const lists = ["X-Unknown", "Accept", "Accept-Language", "Cache-Control", "Connection", "Via", "Vary"];
  const whole = ["Cookie", "User-Agent", "Referer", "Authorization", "If-None-Match", "Date", "Location"];
  const all = [...lists, "X-Forwarded-For", ...whole];
  const read = await answers(
    all.map((name) => `get 0 ${name}`).join("; "),
    ...all.map((name): Pair => [name, "one, two"]),
  );
  const expected = (name: string) => (whole.includes(name) ? "0 one, two" : "0 one");
  expect(read).toEqual(all.map(expected));
});

// Ran on 10.2.0.
test("a value that begins with a quote loses its quotes, and a comma in them does not cut", async () => {
  expect(await answers("get 0 x-a", ["x-a", '"one, two", three'])).toEqual(["0 one, two"]);
});

// Ran on 10.2.0.
test("names keep their case, and are found in any", async () => {
  const { vm, root } = await startGuest("", { profile });
  const { headers } = root.request(doing("get 0 x-mixed; replace 0 x-mixed 2; pairs 0", ["X-MiXeD", "1"]));
  const [got, , pairs] = said(vm);
  expect(got).toBe("get 0 x-mixed -> 0 1");
  expect(pairs).toContain("X-MiXeD=2");
  expect(pairs).toContain("Host=en.example");
  expect(headers).toContainEqual(["X-MiXeD", "2"]);
});

test("a header's property has all of its copies whole", async () => {
  const headers: Pair[] = [
    ["X-A", "one, two"],
    ["x-a", '"three"'],
  ];
  expect(await answers("prop request.headers.x-a; prop request.headers.x-a.", ...headers)).toEqual([
    '0 one, two,"three"',
    '0 one, two,"three"',
  ]);
});

test("a response's status is no header, and its headers keep their copies", async () => {
  const { vm, root } = await startGuest("response_headers: get 2 :status; pairs 2", { profile });
  const response: Pair[] = [
    [":status", "200"],
    ["Set-Cookie", "a=1"],
    ["Set-Cookie", "b=2"],
  ];
  root.request({ ...doing("say go"), response: { headers: response } });
  const [, status, pairs] = said(vm);
  expect(status).toBe("get 2 :status -> 0 ");
  expect(pairs).toContain("Set-Cookie=a=1,Set-Cookie=b=2");
  expect(pairs).not.toContain(":status");
});

// Ran on 10.2.0.
test("answers of HTTP calls are there: map 6 and buffer 4; map 7 never is", async () => {
  const script = `request_headers: pairs 6; bytes 4 0 9; call up :method=GET,:path=/,:authority=a - - 0
http_call_response: get 6 x-answer; bytes 4 0 9; pairs 7; size 7; add 7 a b`;
  const { vm, root } = await startGuest(script, { profile });
  root.request({ headers: simple });
  expect(said(vm).slice(0, 2)).toEqual(["pairs 6 -> 2", "bytes 4 0 9 -> 0 "]);
  const headers: Pair[] = [["x-answer", "yes"]];
  root.answerHttpCall(root.httpCalls[0]!.id, { headers, body: "body", trailers: [["a", "b"]] });
  expect(said(vm).slice(1)).toEqual([
    "get 6 x-answer -> 0 yes",
    "bytes 4 0 9 -> 0 body",
    "pairs 7 -> 2",
    "size 7 -> 2",
    "add 7 a b -> 2",
  ]);
  expect(vm.failed).toBe(false);
});

// Ran on 10.2.0.
test.each(["return 0", "trap"])("the process dies on a start that comes to %s", async (start) => {
  expect((await startGuest("", { profile, vmConfiguration: start })).vm.hostDied).not.toBe(null);
  const { vm, root } = await startGuest("", { profile: envoy140, vmConfiguration: start });
  expect(vm.hostDied).toBe(null);
  expect(root.refused).not.toBe(null);
});

// Ran on 10.2.0, where more than 20 kB were refused.
test("a configuration for which memory grows during the host call is refused", async () => {
  const long = `configure: say ${"x".repeat(200_000)}`;
  expect((await startGuest(long, { profile })).root.refused).toContain("out of bounds memory access");
  expect((await startGuest(long, { profile: envoy140 })).root.refused).toBe(null);
});

// Ran on 10.2.0: `request.path`, an append, and calls and buffers that are not implemented.
test.each<[string, string]>([
  ["request.path in a root context", "tick: prop request.path"],
  ["an append to a body", "request_body: setbytes 0 4 0 more"],
  ["an append far beyond it", "request_body: setbytes 0 4294967295 0 more"],
  ["get_status", "request_body: status"],
  ["get_log_level", "request_body: loglevel"],
  ["proc_exit", "request_body: exit 0"],
  ...[2, 3, 5, 8].map((type): [string, string] => [`buffer ${type}`, `request_body: bytes ${type} 0 1`]),
])("the process dies on %s", async (_, script) => {
  const runIn = async (each: Profile) => {
    const { vm, root } = await startGuest(`configure: tick 1000\n${script}`, { profile: each });
    root.request({ headers: simple, body: "body" });
    vm.clock.advance(1000);
    return vm.hostDied;
  };
  expect(await runIn(profile)).not.toBe(null);
  expect(await runIn(envoy140)).toBe(null);
});

// Ran on 10.2.0.
test("a write within a body does not end the process", async () => {
  const { vm, root } = await startGuest("request_body: setbytes 0 0 2 BO", { profile });
  const { upstream } = root.request({ headers: simple, body: "body" });
  expect(Buffer.from(upstream!.body).toString()).toBe("BOdy");
  expect(vm.hostDied).toBe(null);
});

describe("a request's body", () => {
  const response = { headers: [[":status", "200"]] as const };

  // Ran on 10.2.0.
  test("that is chunked goes upstream without its chunks", async () => {
    const ask = async (each: Profile) =>
      (await startGuest("", { profile: each })).root.request({ headers: simple, body: "b", chunked: true });
    expect((await ask(profile)).upstream).toMatchObject({ body: Uint8Array.of(98), raw: true });
    expect((await ask(envoy140)).upstream?.raw).toBe(undefined);
  });

  // Ran on 10.2.0, with SIGSEGV.
  test("ends the process beside another request, on more than one thread alone", async () => {
    const module = await Vm.compile(await guest(), profile);
    for (const workers of [1, 2]) {
      const proxy = new ProxyHost(module, { profile, workers });
      proxy.configure("f");
      const other = proxy.begin("f");
      other?.open(simple, true);
      expect(proxy.request("f", { headers: simple }).reset).toBe(null);
      const { reset } = proxy.request("f", { headers: simple, body: "b" }, 1);
      if (workers === 1) expect(reset).toBe(null);
      else expect(reset).toBe(`the host's process died: ${proxy.died}`);
      expect(proxy.died === null).toBe(workers === 1);
    }
  });

  // Ran on 10.2.0, with SIGSEGV.
  test("ends the process where the response comes before its end", async () => {
    const diesIn = async (each: Profile, end: boolean) => {
      const { vm, root } = await startGuest("", { profile: each });
      const stream = root.newStream();
      stream.open(simple, false);
      stream.request.pushBody(Buffer.from("b"), end);
      stream.respond(response);
      return vm.hostDied;
    };
    expect(await diesIn(profile, false)).toBe("a response before the request's body has ended");
    expect(await diesIn(profile, true)).toBe(null);
    expect(await diesIn(envoy140, false)).toBe(null);
  });

  // Ran on 10.2.0, with SIGSEGV.
  test("ends the process where it stalls for more than 30 s", async () => {
    const diesAfter = async (milliseconds: number, end: boolean) => {
      const { vm, root } = await startGuest("", { profile });
      const stream = root.newStream();
      stream.open(simple, false);
      stream.request.pushBody(Buffer.from("a"), false);
      vm.clock.advance(20_000);
      stream.request.pushBody(Buffer.from("b"), end);
      vm.clock.advance(milliseconds);
      return vm.hostDied;
    };
    expect(await diesAfter(20_000, false)).toBe(null);
    expect(await diesAfter(31_000, false)).toBe("a body that stalled for 30 s");
    expect(await diesAfter(31_000, true)).toBe(null);
  });

  // Ran on 10.2.0: what the filter answers itself before the body comes is no danger.
  test("does not end the process where the guest answered on the headers", async () => {
    const { vm, root } = await startGuest("", { profile });
    const stream = root.newStream();
    stream.open(doing("reply 411 No - - -1; return 1").headers, false);
    stream.request.pushBody(Buffer.from("b"), false);
    vm.clock.advance(60_000);
    stream.close();
    expect(stream.result().localReply?.status).toBe(411);
    expect(vm.hostDied).toBe(null);
  });
});

describe("a configuration", () => {
  const good = { configuration: "request_headers: say one" };
  const bad = { configuration: "configure: return 0" };

  // Ran on 10.2.0.
  test("that is refused at the start leaves requests unfiltered, and no later one is taken", async () => {
    const proxy = new ProxyHost(await Vm.compile(await guest(), profile), { profile });
    for (const failOpen of [true, false]) {
      expect(proxy.configure("f", { ...bad, failOpen }).accepted).toBe(false);
      expect(proxy.configure("f", { ...good, failOpen })).toEqual({
        accepted: false,
        why: "nothing is taken after the start, which was refused: proxy_on_configure returned 0",
      });
      const { upstream, localReply } = proxy.request("f", { headers: [...simple, ["x-forged", "evil"]] });
      expect(localReply).toBe(null);
      expect(upstream?.headers).toContainEqual(["x-forged", "evil"]);
    }
    const envoy = new ProxyHost(await Vm.compile(await guest(), envoy140), { profile: envoy140 });
    expect(envoy.configure("f", bad).accepted).toBe(false);
    expect(envoy.configure("f", good).accepted).toBe(true);
  });

  // Ran on 10.2.0.
  test("that is refused later leaves the old one", async () => {
    const proxy = new ProxyHost(await Vm.compile(await guest(), profile), { profile });
    expect(proxy.configure("f", good).accepted).toBe(true);
    expect(proxy.configure("f", bad).accepted).toBe(false);
    proxy.request("f", { headers: simple });
    expect(proxy.logs.at(-1)?.text).toBe("one");
    expect(proxy.configure("f", { configuration: "request_headers: say two" }).accepted).toBe(true);
  });
});

describe("a request's line and Host", () => {
  const ask = async (pairs: Pair[]) => {
    const { vm, root } = await startGuest("request_headers: prop request.path; get 0 host", { profile });
    const result = root.request({ headers: [[":method", "GET"], ...pairs] });
    const { localReply, target, upstream } = result;
    return { localReply, target, upstream, said: said(vm) };
  };

  // Ran on 10.2.0.
  test.each<[string, Pair[]]>([
    ["a Host with a comma", [[":authority", "a.example,b.example"]]],
    ["a Host with userinfo", [[":authority", "me@a.example"]]],
    ["a Host with a port that is no number", [[":authority", "a.example:http"]]],
    ["a Host with a port too high", [[":authority", "a.example:99999"]]],
    [
      "two Hosts",
      [
        ["Host", "a.example"],
        ["host", "a.example"],
      ],
    ],
    [
      "the target *",
      [
        [":authority", "a.example"],
        [":path", "*"],
      ],
    ],
    [
      "the target w/x",
      [
        [":authority", "a.example"],
        [":path", "w/x"],
      ],
    ],
  ])("%s is a 400 before the guest is asked", async (_, pairs) => {
    const { localReply, upstream, said } = await ask([[":path", "/"], ...pairs]);
    expect(localReply?.status).toBe(400);
    expect(upstream).toBe(null);
    expect(said).toEqual([]);
  });

  // Ran on 10.2.0.
  test("a target of two slashes arrives with one", async () => {
    const { said } = await ask([
      [":authority", "a.example"],
      [":path", "//x?y=//z"],
    ]);
    expect(said[0]).toBe("prop request.path -> 0 /x?y=//z");
  });

  // Ran on 10.2.0.
  test("a URL as the target has its host become Host", async () => {
    const { said, target } = await ask([
      ["Host", "b.example"],
      [":path", "http://a.example:80/x"],
    ]);
    expect(said).toEqual(["prop request.path -> 0 /x", "get 0 host -> 0 a.example:80"]);
    expect(target).toMatchObject({ host: "a.example:80", path: "/x" });
  });

  // Ran on 9.2.9.
  test("a URL without a host leaves Host", async () => {
    const { said, target } = await ask([
      ["Host", "b.example"],
      [":path", "http:///x"],
    ]);
    expect(said).toEqual(["prop request.path -> 0 /x", "get 0 host -> 0 b.example"]);
    expect(target).toMatchObject({ host: "b.example", path: "/x" });
  });

  test.each(["a.example", "a.example:", "a.example:443", "[::1]", "[::1]:80", ""])(
    "Host %j passes",
    async (host) => {
      const { localReply } = await ask([
        [":authority", host],
        [":path", "/"],
      ]);
      expect(localReply).toBe(null);
    },
  );
});

describe("a local reply", () => {
  // Ran on 10.2.0.
  test("below 400 becomes a 500", async () => {
    for (const [asked, got] of [
      [200, 500],
      [301, 500],
      [399, 500],
      [400, 400],
      [503, 503],
    ]) {
      const { root } = await startGuest("", { profile });
      const { localReply } = root.request(doing(`reply ${asked} Text body - -1; return 1`));
      expect(localReply).toMatchObject({ status: got, body: "body" });
      expect(localReply?.headers[0]).toEqual([":status", String(got)]);
    }
  });

  // Ran on 10.2.0.
  test("from a body's callback is not sent", async () => {
    const script = "request_body: reply 403 No no - -1";
    const ask = async (each: Profile) =>
      (await startGuest(script, { profile: each })).root.request({ headers: simple, body: "b" });
    expect(await ask(profile)).toMatchObject({ localReply: null, upstream: { ended: true } });
    expect((await ask(envoy140)).localReply?.status).toBe(403);
  });

  // Ran on 10.2.0.
  test("to HEAD has a body", async () => {
    const { root } = await startGuest("request_headers: reply 403 No no - -1; return 1", { profile });
    const head = simple.map(([name, value]): Pair => [name, name === ":method" ? "HEAD" : value]);
    const { downstream } = root.request({ headers: head });
    expect(Buffer.from(downstream!.body).toString()).toBe("no");
  });
});

describe("properties", () => {
  test("of the request are those of its line, and of headers", async () => {
    const names = [
      "path",
      "url_path",
      "query",
      "host",
      "scheme",
      "method",
      "referer",
      "useragent",
      "protocol",
    ];
    const read = await answers(
      names.map((name) => `prop request.${name}`).join("; "),
      ["Referer", "r"],
      ["User-Agent", "u"],
    );
    expect(read).toEqual(
      [
        "/wiki/Cat?action=view",
        "/wiki/Cat",
        "action=view",
        "en.example",
        "https",
        "GET",
        "r",
        "u",
        "HTTP/1.1",
      ].map((value) => `0 ${value}`),
    );
  });

  test("of the response are its status in four bytes and its reason", async () => {
    const { vm, root } = await startGuest(
      "response_headers: prop response.code; prop response.code_details; prop response.headers.x-a",
      { profile },
    );
    root.request({
      headers: simple,
      response: {
        headers: [
          [":status", "65"],
          ["X-A", "1, 2"],
        ],
      },
    });
    expect(said(vm)).toEqual([
      "prop response.code -> 0 A\0\0\0",
      "prop response.code_details -> 0 ",
      "prop response.headers.x-a -> 0 1, 2",
    ]);
  });

  test("of a response's reason are by its status", async () => {
    const { vm, root } = await startGuest("response_headers: prop response.code_details", { profile });
    root.request({ headers: simple, response: { headers: [[":status", "404"]] } });
    expect(said(vm)).toEqual(["prop response.code_details -> 0 Not Found"]);
  });

  test("that are not there, and the connection's where nobody gave them, read as Ok and nothing", async () => {
    expect(await answers("prop node.id; prop xds.cluster_name; prop source.address; prop no.such")).toEqual([
      "0 ",
      "0 ",
      "0 ",
      "0 ",
    ]);
  });
});
