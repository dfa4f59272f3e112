/** What a client may send to a rendered Envoy without choosing a cluster. */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Fixture, HEADER, makeFixture, seenValues } from "../../test/support/tiny-envoy.ts";
import type { FailurePolicy } from "../render/plugin.ts";
import type { EnvoyOptions, EnvoyProcess } from "./process.ts";
import { type Headers, send, sendRaw } from "./request.ts";

let fixture: Fixture;
beforeAll(async () => {
  fixture = await makeFixture();
}, 180_000);
afterAll(() => fixture?.stopAll());

/** Ways in which a client says `b` where the filter says `a`, or nothing. */
const SPOOFS: [string, Headers][] = [
  ["once", [[HEADER, "b"]]],
  [
    "twice",
    [
      [HEADER, "b"],
      [HEADER, "b"],
    ],
  ],
  ["in capitals", [["X-MW-Cluster", "b"]]],
  [
    "empty and then once",
    [
      [HEADER, ""],
      ["X-Mw-Cluster", "b"],
    ],
  ],
  [
    "with a claim to be internal",
    [
      [HEADER, "b"],
      ["x-forwarded-for", "127.0.0.1"],
      ["x-envoy-internal", "true"],
    ],
  ],
];

/** `internal_address_config` makes Envoy skip `internal_only_headers`: a sidecar behind a gateway may be so. */
const KINDS: [string, Partial<EnvoyOptions>][] = [
  ["as a sidecar", {}],
  [
    "where each client is internal",
    { listeners: [{ name: "main", trust: "edge" }], internalRanges: ["127.0.0.0/8"] },
  ],
];

for (const [kind, options] of KINDS) {
  test(`${kind}, a client's header never chooses the cluster nor reaches the upstream`, async () => {
    const envoy = await fixture.start(`${HEADER}:a`, options);
    for (const [, headers] of SPOOFS) {
      const seen = await fixture.ask(envoy, { headers });
      expect([seen.cluster, seenValues(seen, HEADER)]).toEqual(["a", ["a"]]);
    }
  });

  test(`${kind}, it does not choose where the filter adds none`, async () => {
    const envoy = await fixture.start(`${HEADER}:a`, options);
    await expectFallback(envoy, "/none");
  });

  test(`${kind}, it does not choose where there is no filter`, async () => {
    const envoy = await fixture.start(null, options);
    await expectFallback(envoy, "/");
  });

  test(`${kind}, it does not choose where the VM is dead and fails open`, async () => {
    const envoy = await startAndTrap("FAIL_OPEN", options);
    await expectFallback(envoy, "/");
  });
}

async function expectFallback(envoy: EnvoyProcess, path: string): Promise<void> {
  for (const [, headers] of SPOOFS) {
    const seen = await fixture.ask(envoy, { path, headers });
    expect([seen.cluster, seenValues(seen, HEADER)]).toEqual(["fallback", []]);
  }
}

async function startAndTrap(
  failurePolicy: FailurePolicy,
  options: Partial<EnvoyOptions> = {},
): Promise<EnvoyProcess> {
  const envoy = await fixture.start(`${HEADER}:a`, {
    ...options,
    filter: { failurePolicy } as EnvoyOptions["filter"] & object,
  });
  expect((await fixture.ask(envoy)).cluster).toBe("a");
  await send({ port: envoy.port, path: "/trap" });
  return envoy;
}

test("a dead VM that fails closed answers 503", async () => {
  const envoy = await startAndTrap("FAIL_CLOSED");
  expect((await send({ port: envoy.port, headers: [[HEADER, "b"]] })).status).toBe(503);
});

test("a dead VM that reloads serves again, and never by the client's header", async () => {
  const envoy = await startAndTrap("FAIL_RELOAD");
  const served: string[] = [];
  for (let tries = 0; tries < 60 && !served.includes("a"); tries++) {
    const response = await send({ port: envoy.port, headers: [[HEADER, "b"]] });
    if (response.status === 200) served.push(JSON.parse(response.body).cluster);
    await sleep(50);
  }
  expect(served).toEqual(["a"]);
});

test("a header that PHP takes for one of ours is taken from the client, and others with underscores are not", async () => {
  const envoy = await fixture.start(`${HEADER}:a`);
  const names = ["x_mw_cluster", "X.MW_Cluster", "ot-baggage-sentry-trace_id"];
  const seen = await fixture.ask(envoy, { headers: names.map((name) => [name, "b"]) });
  expect(seen.headers.filter(([, value]) => value === "b").map(([name]) => name)).toEqual([names[2]]);
});

test("every emitted header is taken from the client, and no other", async () => {
  const envoy = await fixture.start("x-mw-wiki:enwiki", { emittedHeaders: ["x-mw-wiki", "x-mw-release"] });
  const seen = await fixture.ask(envoy, {
    headers: [
      ["x-mw-wiki", "dewiki"],
      ["x-mw-release", "group0"],
      ["x-mw-other", "kept"],
    ],
  });
  expect(seenValues(seen, "x-mw-wiki")).toEqual(["enwiki"]);
  expect(seenValues(seen, "x-mw-release")).toEqual([]);
  expect(seenValues(seen, "x-mw-other")).toEqual(["kept"]);
});

test("Connection cannot name the header away from the upstream", async () => {
  const envoy = await fixture.start(`${HEADER}:a`);
  const seen = await fixture.ask(envoy, { headers: [["connection", `close, ${HEADER}`]] });
  expect([seen.cluster, seenValues(seen, HEADER)]).toEqual(["a", ["a"]]);
});

test("HTTP/1.0, duplicate and absent hosts, and targets, arrive as Envoy lets them", async () => {
  const envoy = await fixture.start(`${HEADER}:a`);
  const raw = (head: string) => sendRaw(envoy.port, `${head}\r\nConnection: close\r\n\r\n`);
  const ten = await raw("GET /wiki/A HTTP/1.0\r\nHost: en.wikipedia.org");
  expect([ten.status, JSON.parse(ten.body).host]).toEqual([200, "en.wikipedia.org"]);
  expect((await raw("GET / HTTP/1.1")).status).toBe(400);
  // A load balancer's check, as old ones are: an address as its host, which no farm takes for a wiki's.
  const check = await raw("GET /status HTTP/1.0");
  expect([check.status, JSON.parse(check.body)]).toMatchObject([200, { host: "127.0.0.1", path: "/status" }]);
  // Two hosts become one that no table has, for the filter and the upstream alike.
  const two = await raw("GET / HTTP/1.1\r\nHost: a.example\r\nHost: b.example");
  expect([two.status, JSON.parse(two.body).host]).toEqual([200, "a.example,b.example"]);
  expect((await send({ port: envoy.port, host: null })).status).toBe(400);

  const paths: Record<string, string> = {
    "/wiki/AC%2FDC//x": "/wiki/AC%2FDC//x",
    "/w/../x/./y?a=/../b": "/x/y?a=/../b",
    "/%2e%2e/enwiki/": "/enwiki/",
  };
  for (const [sent, seen] of Object.entries(paths)) {
    expect((await fixture.ask(envoy, { path: sent })).path).toBe(seen);
  }
});
