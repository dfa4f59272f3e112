/** The simulated proxy, over real HTTP connections. */
import { createHash } from "node:crypto";
import http from "node:http";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { type SendOptions, send } from "../../scripts/envoy/request.ts";
import { startServers } from "../../scripts/envoy/servers.ts";
import { type Seen, startUpstreams } from "../../scripts/envoy/upstream.ts";
import { pathInEnvoy } from "../../scripts/explain/envoy-path.ts";
import { filter } from "../../scripts/filter.ts";
import { compileGuest, FILTER_FLAGS } from "../../test/support/compile-guest.ts";
import { loadFarm, tableOf } from "../../test/support/farms.ts";
import { buildGuest } from "../../test/support/guests.ts";
import { ats102, envoy140, type FailurePolicy, type Profile } from "../index.ts";
import { SimulatedProxy } from "./proxy.ts";

const FALLBACK = "pass-through";
const { plan } = loadFarm("small");
const table = tableOf(plan).bytes;
const cleanups: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

interface Start {
  wasm?: Uint8Array;
  configuration?: Uint8Array;
  more?: Record<string, { host: string; port: number }>;
  failurePolicy?: FailurePolicy;
  without?: string;
  normalize?: (target: string) => string | null;
  profile?: Profile;
}

async function start({
  wasm = filter,
  configuration = table,
  more = {},
  failurePolicy = "closed",
  without,
  normalize,
  profile = envoy140,
}: Start = {}) {
  const upstreams = await startUpstreams([
    ...plan.clusters.flat().filter((name) => name !== without),
    FALLBACK,
  ]);
  cleanups.push(() => upstreams.stop());
  const own = [...upstreams.clusters].map(({ name, port }) => [name, { host: "127.0.0.1", port }] as const);
  const logs: string[] = [];
  const proxy = await SimulatedProxy.start({
    wasm,
    profile,
    configuration,
    rootId: "test",
    clusters: {
      header: "x-mw-cluster",
      fallback: FALLBACK,
      byName: new Map([...own, ...Object.entries(more)]),
    },
    failurePolicy,
    listen: { host: "127.0.0.1", port: 0 },
    log: (line) => logs.push(line),
    ...(normalize && { normalize }),
  });
  cleanups.push(() => proxy.stop());
  const ask = (options: Partial<SendOptions> = {}) => send({ port: proxy.port, ...options });
  return { proxy, logs, ask };
}

/** An upstream of the test's own; its answer is the function's. */
async function listen(answer: http.RequestListener): Promise<{ host: string; port: number }> {
  const { clusters, stop } = await startServers(["own"], (_, request, response) => answer(request, response));
  cleanups.push(stop);
  return { host: "127.0.0.1", port: clusters[0]!.port };
}

describe("the simulated proxy with our filter", () => {
  it("sends each request to the cluster that the filter chose, with the filter's headers", async () => {
    const { ask, logs } = await start();
    const response = await ask({
      host: "en.wikipedia.org",
      path: "/w/api.php?x",
      headers: [["x-mw-cluster", "evil"]],
    });
    const seen = JSON.parse(response.body) as Seen;
    expect(seen.cluster).toBe("mw-api-1-47-0-wmf-1");
    expect(seen.host).toBe("en.wikipedia.org");
    expect(seen.path).toBe("/w/api.php?x");
    expect(seen.headers.filter(([name]) => name === "x-mw-cluster")).toEqual([
      ["x-mw-cluster", "mw-api-1-47-0-wmf-1"],
    ]);
    expect(logs.join()).toContain(": serving generation 1");
  });

  it("sends a request without a cluster to the fallback", async () => {
    const { ask } = await start();
    expect((JSON.parse((await ask({ host: "127.0.0.1" })).body) as Seen).cluster).toBe(FALLBACK);
  });

  it("as in ATS answers a body of unknown length itself, and hands on one Host", async () => {
    const configuration = Buffer.from(Buffer.from(table).toString("base64"));
    const { ask } = await start({ profile: ats102, configuration });
    const host = "en.wikipedia.org";
    async function* body() {
      yield Buffer.from("x");
    }
    const chunked: Partial<SendOptions> = {
      method: "POST",
      headers: [["Transfer-Encoding", "chunked"]],
      body: body(),
    };
    expect((await ask({ host, ...chunked })).status).toBe(411);
    const { headers } = JSON.parse((await ask({ host, method: "POST", body: "x" })).body) as Seen;
    expect(headers.filter(([name]) => name.toLowerCase() === "host")).toEqual([["host", host]]);
  });

  it("says which cluster is unknown, and which are known", async () => {
    const { ask } = await start({ without: "mw-web-1-46-0" });
    const response = await ask({ host: "handbook.example.com" });
    expect(response.status).toBe(503);
    expect(response.body).toMatch(/no cluster mw-web-1-46-0; the clusters are .*mw-web-1-47-0-wmf-1/);
  });

  it("says which upstream is dead", async () => {
    const dead = await listen(() => {});
    for (const cleanup of cleanups.splice(-1)) await cleanup();
    const { ask } = await start({ more: { "mw-web-1-46-0": dead } });
    const response = await ask({ host: "handbook.example.com" });
    expect(response.status).toBe(502);
    expect(response.body).toContain(`mw-web-1-46-0 at 127.0.0.1:${dead.port}`);
  });

  it("streams a body both ways, before it is whole", async () => {
    const arrived: string[] = [];
    const upstream = await listen((request, response) => {
      request.on("data", (chunk: Buffer) => {
        arrived.push(chunk.toString());
        response.write(chunk);
      });
      request.on("end", () => response.end("."));
    });
    const { proxy } = await start({ more: { "mw-web-1-46-0": upstream } });
    const request = http.request({
      port: proxy.port,
      host: "127.0.0.1",
      method: "POST",
      headers: { host: "handbook.example.com" },
    });
    const got = new Promise<string>((resolve, reject) => {
      request.on("error", reject);
      request.on("response", (response) => {
        let text = "";
        response.on("data", (chunk: Buffer) => {
          text += chunk.toString();
          // The second half is sent only now: the first has come back through both streams.
          if (text === "first ") request.end("second");
        });
        response.on("end", () => resolve(text));
      });
    });
    request.write("first ");
    expect(await got).toBe("first second.");
    expect(arrived).toEqual(["first ", "second"]);
  });

  it("carries a body of many megabytes unchanged", async () => {
    const upstream = await listen((request, response) => {
      const hash = createHash("sha256");
      request.on("data", (chunk) => hash.update(chunk));
      request.on("end", () => response.end(hash.digest("hex")));
    });
    const { ask } = await start({ more: { "mw-web-1-46-0": upstream } });
    const body = "pointsman ".repeat(800_000);
    const response = await ask({ host: "handbook.example.com", method: "POST", body });
    expect(response.body).toBe(createHash("sha256").update(body).digest("hex"));
  });

  it("takes a new table while it runs, and refuses a bad one without a change", async () => {
    const { proxy, ask } = await start();
    const other = { ...plan, clusters: plan.clusters.map((row) => [...row].reverse()) };
    expect(proxy.update(tableOf(other).bytes).accepted).toBe(true);
    const moved = (JSON.parse((await ask({ host: "test.wikipedia.org" })).body) as Seen).cluster;
    expect(moved).toBe("mw-web-1-46-0");
    expect(proxy.update(new Uint8Array([1, 2, 3])).accepted).toBe(false);
    expect((JSON.parse((await ask({ host: "test.wikipedia.org" })).body) as Seen).cluster).toBe(moved);
  });

  it("does not start with a configuration that is refused", async () => {
    await expect(start({ configuration: new Uint8Array([1]) })).rejects.toThrow(
      /the configuration was refused/,
    );
  });
});

describe("the simulated proxy with a module that answers, calls and traps", () => {
  let wasm: Uint8Array;
  beforeAll(async () => {
    wasm = await buildGuest("proxy.ts", undefined, GUEST);
  });

  it("gives the client the module's own reply", async () => {
    const { ask } = await start({ wasm });
    const response = await ask({ path: "/reply" });
    expect(response.status).toBe(418);
    expect(response.body).toBe("short");
  });

  it("answers 503 once the module has trapped, and reloads it where the policy says so", async () => {
    const closed = await start({ wasm });
    expect((await closed.ask({ path: "/" })).status).toBe(200);
    expect((await closed.ask({ path: "/trap" })).status).toBe(503);
    expect((await closed.ask({ path: "/" })).status).toBe(503);
    const reload = await start({ wasm, failurePolicy: "reload" });
    expect((await reload.ask({ path: "/trap" })).status).toBe(503);
    await expect.poll(async () => (await reload.ask({ path: "/" })).status, { timeout: 30_000 }).toBe(200);
  });

  it("makes the module's HTTP calls, and goes on with the request when they are answered", async () => {
    const oracle = await listen((request, response) => response.end(`asked ${request.url}`));
    const { ask, logs } = await start({ wasm, more: { oracle } });
    expect((await ask({ path: "/call" })).status).toBe(200);
    expect(logs.join("\n")).toContain("call answered");
  });

  it("tells the module that a call failed when there is no such cluster", async () => {
    const { ask, logs } = await start({ wasm });
    expect((await ask({ path: "/call" })).status).toBe(200);
    expect(logs.join("\n")).toMatch(/call (failed|answered with nothing)/);
  });

  it("cuts off an answer to the module that is too large, and says that the call failed", async () => {
    const oracle = await listen((_, response) => void response.end(Buffer.alloc(16 * 2 ** 20 + 1)));
    const { ask, logs } = await start({ wasm, more: { oracle } });
    expect((await ask({ path: "/call" })).status).toBe(200);
    expect(logs.join("\n")).toContain("call answered with nothing");
  });

  it("tells the module that nobody speaks gRPC, so that no request waits for good", async () => {
    const { ask, logs } = await start({
      wasm: await compileGuest(["test/same-as-envoy/guest/script.ts", ...FILTER_FLAGS]),
      configuration: new Uint8Array(0),
    });
    const script = "request_headers:grpccall auth a.B C - x 0;return 1|grpc_close:status;resume 0";
    expect((await ask({ path: "/", headers: [["x-script", script]] })).status).toBe(200);
    expect(logs.join("\n")).toContain("status -> 0 14 upstream connect error");
  });
});

const GUEST = `
import {
  proxy_continue_stream, proxy_get_header_map_value, proxy_http_call, proxy_log, proxy_send_local_response,
  proxy_set_effective_context,
} from "@gcoredev/proxy-wasm-sdk-as/assembly/imports";

const out: usize = heap.alloc(8);
const token: usize = heap.alloc(4);
let waiting: u32 = 0;

export function proxy_abi_version_0_2_1(): void {}
export function malloc(size: usize): usize { return heap.alloc(size); }
export function proxy_on_context_create(context: u32, root: u32): void {}
export function proxy_on_configure(root: u32, size: u32): u32 { return 1; }

export function proxy_on_request_headers(context: u32, count: u32, end: u32): u32 {
  const name = String.UTF8.encode(":path");
  proxy_get_header_map_value(0, changetype<usize>(name), name.byteLength, out, out + 4);
  const path = String.UTF8.decodeUnsafe(load<usize>(out), load<usize>(out + 4));
  if (path == "/trap") unreachable();
  if (path == "/reply") {
    const body = String.UTF8.encode("short");
    proxy_send_local_response(418, 0, 0, changetype<usize>(body), body.byteLength, 0, 0, -1);
    return 1;
  }
  if (path == "/call") {
    waiting = context;
    const to = String.UTF8.encode("oracle");
    const pairs = pairsOf([":method", "GET", ":path", "/question", ":authority", "oracle.example"]);
    const status = proxy_http_call(changetype<usize>(to), to.byteLength, changetype<usize>(pairs), pairs.byteLength, 0, 0, 0, 0, 2000, token);
    if (status == 0) return 1;
    say("call failed");
  }
  return 0;
}

export function proxy_on_http_call_response(context: u32, id: u32, headers: u32, bodySize: u32, trailers: u32): void {
  say(headers == 0 ? "call answered with nothing" : "call answered");
  proxy_set_effective_context(waiting);
  proxy_continue_stream(0);
}

function say(text: string): void {
  const line = String.UTF8.encode(text);
  proxy_log(2, changetype<usize>(line), line.byteLength);
}

function pairsOf(texts: string[]): ArrayBuffer {
  let size = 4;
  for (let i = 0; i < texts.length; i++) size += 4 + String.UTF8.byteLength(texts[i]) + 1;
  const buffer = new ArrayBuffer(size);
  const start = changetype<usize>(buffer);
  store<u32>(start, texts.length / 2);
  let text = start + 4 + 4 * texts.length;
  for (let i = 0; i < texts.length; i++) {
    const bytes = String.UTF8.encode(texts[i]);
    store<u32>(start + 4 + 4 * i, bytes.byteLength);
    memory.copy(text, changetype<usize>(bytes), bytes.byteLength);
    text += bytes.byteLength + 1;
  }
  return buffer;
}
`;

it("hands the module and the upstream a target as the proxy makes it, and refuses what that refuses", async () => {
  const { ask } = await start({ normalize: pathInEnvoy });
  const response = await ask({ host: "en.wikipedia.org", path: "/wiki/../w/%61pi.php?a=/../b" });
  expect(JSON.parse(response.body)).toMatchObject({
    cluster: "mw-api-1-47-0-wmf-1",
    path: "/w/api.php?a=/../b",
  });
  expect((await ask({ host: "en.wikipedia.org", path: "/w/api.php%00" })).status).toBe(400);
});
