/**
 * What `render ats` writes for 10.2, on the real ATS 9.2 where both read the same: the guard, the origins, the cache and the
 * counters. In the filter's place stands a line of Lua, which sets our header as the request's `x-want` says.
 */
import https from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { load } from "js-yaml";
import { afterEach, describe, expect, it, vi } from "vitest";
import { sendRaw } from "../../scripts/envoy/request.ts";
import type { Plan, Predicate, Route } from "../../scripts/plan.ts";
import { type AtsRenderOptions, renderAts } from "../../scripts/render/ats/ats.ts";
import { Ats, findAts } from "../support/ats.ts";
import { ATS_IS_ABSENT, WHY_NO_ATS } from "../support/ats-listening.ts";
import { type Origins, startOrigins } from "../support/ats-origins.ts";
import { selfSigned } from "../support/certificates.ts";
import { tableOf } from "../support/farms.ts";
import { folderOf } from "../support/folder.ts";
import { freePort } from "../support/free-port.ts";
import { plainListener, plainPlan, plainRule } from "../support/plans.ts";

const found = findAts();
const FALLBACK = "pass-through";
const asksForDebug: Predicate = { subject: "header", test: "present", not: false, name: "x-debug" };
const PLAN: Partial<Plan> = {
  listeners: [
    plainListener({ routes: [{ ...plainRule<Route>({ deployment: 0 }, asksForDebug), debug: true }] }),
  ],
  releases: [
    { name: "one", version: "1.0" },
    { name: "two", version: "2.0" },
    { name: "three", version: "3.0" },
  ],
  clusters: [["web-one", "web-two", "web-three"]],
  emit: [
    { kind: "cluster", name: "x-mw-cluster" },
    { kind: "wiki", name: "x-mw-wiki" },
  ],
};
const STAND_IN = `
function do_global_read_request()
  local request = ts.client_request
  if request.header["x-want"] then request.header["x-mw-cluster"] = request.header["x-want"] end
  return 0
end
`;

let ats: Ats | undefined;
let origins: Origins;
afterEach(async () => {
  await ats?.stop();
  ats = undefined;
  await origins.stop();
});

/** Two of three clusters have an origin. */
async function start(
  options: Partial<AtsRenderOptions> = {},
  own: Record<string, string> = {},
  records: string[] = [],
): Promise<void> {
  if ("why" in found) throw new Error(found.why);
  origins = await startOrigins(["web-one", "web-two", FALLBACK], ["Cache-Control: max-age=600"]);
  const address = (name: string) => ({ host: "127.0.0.1", port: origins.ports.get(name)!, tls: false });
  const clusters = new Map(["web-one", "web-two"].map((name) => [name, address(name)]));
  ats = await Ats.start(found.home, {
    files: (root) => {
      const { files } = renderAts(tableOf(plainPlan(PLAN)), {
        listener: null,
        clusters,
        pattern: null,
        fallback: address(FALLBACK),
        choice: "set-destination",
        ca: "/none.pem",
        root,
        wasm: "/none.wasm",
        ...options,
      });
      const { records: said } = load(files.get("records.yaml")!) as { records: object };
      files.set("records.config", recordsOf(said).join("\n"));
      const plugins = files.get("plugin.config")!;
      files.set(
        "plugin.config",
        plugins.replace("wasm.so pointsman.yaml", `tslua.so ${join(root, "in.lua")}`),
      );
      return { ...Object.fromEntries(files), "in.lua": STAND_IN, ...own };
    },
    records,
  });
}

/** As records.config of 9.2 has them. */
function recordsOf(said: object, path = "proxy.config"): string[] {
  return Object.entries(said).flatMap(([name, value]) => {
    const at = `${path}.${name}`;
    if (typeof value === "object") return recordsOf(value, at);
    // One word had another name then.
    const old = at.replace("exec_thread.autoconfig.enabled", "exec_thread.autoconfig");
    return [`CONFIG ${old} ${typeof value === "number" ? "INT" : "STRING"} ${value}`];
  });
}

let questions = 0;
/** The status, the origin that was asked, and what it got of our headers. */
async function ask(headers: string[] = [], { target = "/", host = "en.example", body = "" } = {}) {
  const id = `${questions++}`;
  const length = body ? [`Content-Length: ${body.length}`] : [];
  const lines = [
    `${body ? "POST" : "GET"} ${target} HTTP/1.1`,
    `Host: ${host}`,
    `x-question: ${id}`,
    ...(headers.some((one) => /^connection:/i.test(one)) ? [] : ["Connection: close"]),
    ...headers,
    ...length,
  ];
  const { status } = await sendRaw(ats!.port, `${lines.join("\r\n")}\r\n\r\n${body}`);
  const seen = origins.seen.get(id);
  const ours = seen?.headers.filter(([name]) => /mw/.test(name)).map((pair) => pair.join("=")) ?? [];
  return [status, seen?.cluster ?? null, ...ours];
}

describe.skipIf(ATS_IS_ABSENT)(`what render ats writes, in ATS 9.2${WHY_NO_ATS}`, () => {
  it("sends each cluster to its origin, and what has none nowhere", async () => {
    await start();
    expect(await ask(["x-want: web-one"])).toEqual([200, "web-one", "x-mw-cluster=web-one"]);
    expect(await ask(["x-want: web-two"], { body: "a=b" })).toEqual([200, "web-two", "x-mw-cluster=web-two"]);
    for (const name of ["web-three", "web-twos", "web-tw", "WEB-ONE", "pass-through"])
      expect(await ask([`x-want: ${name}`], { target: `/${name}` })).toEqual([503, null]);
    expect(await ask([], { target: "/none" })).toEqual([200, FALLBACK]);
    expect(ats!.log()).not.toMatch(/traffic_server (ERROR|FATAL)/);
  });

  it("answers 503 without a cluster, where there is no fallback", async () => {
    await start({ fallback: null });
    expect(await ask(["x-want: web-one"])).toEqual([200, "web-one", "x-mw-cluster=web-one"]);
    expect(await ask([], { target: "/none" })).toEqual([503, null]);
  });

  it("lets no client's word for our headers through", async () => {
    await start();
    const names = [
      "x-mw-cluster",
      "X-MW-CLUSTER",
      "x_mw_cluster",
      "x-mw_cluster",
      "X.Mw.Cluster",
      "x-mw-wiki",
      "X_MW_WIKI",
    ];
    for (const [i, name] of names.entries()) {
      const twice = [`${name}: web-two`, `${name}: web-two`];
      expect(await ask(twice, { target: `/none/${i}` })).toEqual([200, FALLBACK]);
      const one = [200, "web-one", "x-mw-cluster=web-one"];
      expect(await ask(["x-want: web-one", ...twice], { target: `/one/${i}` })).toEqual(one);
      const named = [`Connection: close, ${name}`, "x-want: web-one"];
      expect(await ask(named, { target: `/named/${i}` })).toEqual([400, null]);
    }
    expect(await ask(["Connection: close, x-mw-other", "x-want: web-one"], { target: "/other" })).toEqual([
      200,
      "web-one",
      "x-mw-cluster=web-one",
    ]);
    const forwarded = await ask(["X-Forwarded-For: 8.8.8.8"], { target: "/forwarded" });
    expect(forwarded).toEqual([200, FALLBACK]);
    const { headers } = [...origins.seen.values()].at(-1)!;
    expect(headers.filter(([name]) => name === "x-forwarded-for")).toEqual([
      ["x-forwarded-for", "127.0.0.1"],
    ]);
  });

  it("answers 411 to a body of unknown length", async () => {
    await start();
    const chunked = "1\r\na\r\n0\r\n\r\n";
    const head = ["POST / HTTP/1.1", "Host: en.example", "Connection: close", "x-want: web-one"];
    for (const [coding, status] of [
      ["chunked", 411],
      ["Chunked", 411],
      // ATS's own.
      ["gzip, chunked", 501],
    ] as const) {
      const text = [...head, `Transfer-Encoding: ${coding}`, "", chunked].join("\r\n");
      expect((await sendRaw(ats!.port, text)).status).toBe(status);
    }
    expect(origins.seen.size).toBe(0);
  });

  it("does not cache what a debugging request gets, and keeps wikis apart in the cache", async () => {
    await start();
    const debug = ["x-want: web-two", "x-debug: 1"];
    const two = [200, "web-two", "x-mw-cluster=web-two"];
    const page = { target: "/page" };
    expect(await ask(debug, page)).toEqual(two);
    expect(await ask(["x-want: web-one"], page)).toEqual([200, "web-one", "x-mw-cluster=web-one"]);
    // Soon it comes out of the cache, and the next must not.
    await vi.waitUntil(async () => (await ask(["x-want: web-one"], page))[1] === null, 10_000);
    expect(await ask(debug, page)).toEqual(two);
    expect(await ask(["x-want: web-one"], { ...page, host: "de.example" })).toEqual([
      200,
      "web-one",
      "x-mw-cluster=web-one",
    ]);
  });

  it("tells its counters, as JSON, to this machine", async () => {
    await start();
    expect(await ats!.metrics("proxy.process.http.incoming_")).toHaveProperty("requests");
  });

  it("believes an origin by its own name and the authority that was said", async () => {
    const folder = folderOf({});
    const servers = await Promise.all(
      ["ours", "other"].map(async (name) => {
        const { cert, key } = selfSigned(folder, name, ["localhost"]);
        const server = https.createServer({ cert, key }, (_, response) => response.end("seen"));
        await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
        return server;
      }),
    );
    const at = (index: number) => (servers[index]!.address() as AddressInfo).port;
    const clusters = new Map(
      ["web-one", "web-two"].map((name, i) => [name, { host: "localhost", port: at(i), tls: true }]),
    );
    try {
      await start({ clusters, ca: join(folder, "ours.pem") }, {}, [
        "CONFIG proxy.config.hostdb.host_file.path STRING /etc/hosts",
      ]);
      // It reads the machine's own names a second after its start.
      const [one] = await vi.waitUntil(async () => {
        const answer = await ask(["x-want: web-one"]);
        return answer[0] !== 500 && answer;
      }, 20_000);
      expect(one).toBe(200);
      expect((await ask(["x-want: web-two"], { target: "/two" }))[0]).toBe(502);
    } finally {
      for (const server of servers) server.close();
    }
  });

  it("goes nowhere else where an origin is down", async () => {
    for (const choice of ["set-destination", "strategies"] as const) {
      const rules = `map / http://pointsman.invalid/ @strategy=web-one\n`;
      await start(
        {
          choice,
          clusters: new Map([["web-one", { host: "127.0.0.1", port: await freePort(), tls: false }]]),
        },
        choice === "strategies" ? { "remap.config": rules } : {},
      );
      for (let i = 0; i < 3; i++) {
        const [status, seen] = await ask(["x-want: web-one"], { target: `/${i}` });
        expect(status).toBeGreaterThanOrEqual(500);
        expect(seen).toBeNull();
      }
      await ats!.stop();
      await origins.stop();
    }
  });

  it("asks a strategy of each cluster, and nothing goes past it", async () => {
    // 9.2 has no rule that chooses one: here the host does.
    const rules = ["web-one", "web-two", FALLBACK].map(
      (name) => `map http://${name}.example/ http://pointsman.invalid/ @strategy=${name}\n`,
    );
    await start({ choice: "strategies" }, { "remap.config": rules.join("") });
    for (const host of ["web-one", "web-two", FALLBACK]) {
      expect(await ask([], { host: `${host}.example` })).toEqual([200, host]);
      expect(await ask([], { host: `${host}.example`, body: "a=b" })).toEqual([200, host]);
    }
    expect(ats!.log()).not.toMatch(/traffic_server (ERROR|FATAL)/);
  });
});
