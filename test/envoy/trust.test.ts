/** No client copy of a header that the farm emits has any effect: on any path through the filter, or past a dead one. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Headers, send } from "../../scripts/envoy/request.ts";
import type { Seen } from "../../scripts/envoy/upstream.ts";
import type { FailurePolicy } from "../../scripts/render/plugin.ts";
import { compileGuest, FILTER_FLAGS } from "../support/compile-guest.ts";
import { sendHttp2 } from "./clients.ts";
import { EMITTED, emitted, FALLBACK, PLAN, type Started, start, valuesOf } from "./farm.ts";

const RUNS = 120;
const instances = (listener: string) => `wasmcustom.pointsman.instances.listener.${listener}`;
const LISTENERS = [{ name: "edge", trust: "edge" as const }, { name: "mesh" }];

/** The real filter, which traps where a request says so. */
const TRAPPING = `
import { proxy_get_header_map_value } from "@gcoredev/proxy-wasm-sdk-as/assembly/imports";
import { proxy_on_request_headers as real } from "./assembly/index";
export {
  free, malloc, proxy_abi_version_0_2_1, proxy_on_configure, proxy_on_context_create, proxy_on_delete,
  proxy_on_request_body, proxy_on_response_headers, proxy_on_tick,
} from "./assembly/index";
const got = memory.data(8);
export function proxy_on_request_headers(id: u32, count: u32, end: u32): u32 {
  const name = String.UTF8.encode("x-trap");
  if (proxy_get_header_map_value(0, changetype<usize>(name), name.byteLength, got, got + 4) == 0) {
    if (load<u32>(got + 4) > 0) unreachable();
  }
  return real(id, count, end);
}`;

const agent = new http.Agent({ keepAlive: true });
let farm: Started;
let folder: string;
let trapping: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "pointsman-trust-"));
  trapping = join(folder, "trapping.wasm");
  writeFileSync(trapping, await compileGuest(["trapping.ts", ...FILTER_FLAGS], { "trapping.ts": TRAPPING }));
  farm = await start({ listeners: LISTENERS });
});
afterAll(async () => {
  agent.destroy();
  await farm?.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** Upper and lower case at random. */
const inAnyCase = (name: string) =>
  fc
    .array(fc.boolean(), { minLength: name.length, maxLength: name.length })
    .map((upper) => [...name].map((letter, i) => (upper[i] ? letter.toUpperCase() : letter)).join(""));

const value = fc.oneof(
  fc.constantFrom(
    ...PLAN.clusters.flat(),
    FALLBACK,
    "enwiki",
    "testwiki",
    "1.47.0-wmf.2",
    "",
    ",",
    "nowhere",
  ),
  fc.constantFrom(...PLAN.clusters.flat()).map((cluster) => `${cluster}, ${cluster}`),
  fc.constant("x".repeat(3_000)),
);

/** With any character that a header's name may have, and that is no letter or digit, in the place of each dash. */
const inAnySpelling = (name: string) =>
  fc
    .array(fc.constantFrom(..."-_.!#$%&'*+^`|~"), { minLength: name.length, maxLength: name.length })
    .map((marks) => [...name].map((letter, i) => (letter === "-" ? marks[i] : letter)).join(""));

const claim: fc.Arbitrary<[string, string]> = fc.tuple(
  fc
    .constantFrom(...EMITTED)
    .chain((name) => fc.oneof(fc.constant(name), inAnySpelling(name)))
    .chain(inAnyCase),
  value,
);
/** What might make a proxy believe the claims. */
const support: fc.Arbitrary<[string, string]> = fc.constantFrom<[string, string]>(
  ["x-envoy-internal", "true"],
  ["X-Forwarded-For", "127.0.0.1"],
  ["x-envoy-original-path", "/w/api.php"],
  ["x-envoy-decorator-operation", "x"],
  ["X-Forwarded-Host", "test.wiki.example"],
  ["x-original-url", "/w/api.php"],
  ["x-http-method-override", "POST"],
  ["connection", "x-mw-cluster, x-mw-wiki"],
  ["cookie", "x-mw-cluster=debug-1.47.0-wmf.2"],
);

const headers: fc.Arbitrary<Headers> = fc
  .tuple(fc.array(claim, { minLength: 1, maxLength: 6 }), fc.array(support, { maxLength: 2 }))
  .chain(([claims, supports]) => fc.shuffledSubarray([...claims, ...supports], { minLength: claims.length }))
  .map((all) => [...all]);

const request = fc.record({
  listener: fc.constantFrom("edge", "mesh"),
  host: fc.constantFrom(
    "test.wiki.example",
    "elsewhere.example",
    "a.wmnet",
    "10.0.0.1",
    "no.wiki.example",
    "new.wiki.example",
  ),
  path: fc.constantFrom("/", "/w/api.php", "/rpc/RunSingleJob.php"),
  body: fc.constantFrom(
    "",
    '{"database":"testwiki"}',
    '{"database":"nowiki"}',
    "{",
    '{"database":"a","database":"b"}',
  ),
});
type Request = typeof request extends fc.Arbitrary<infer T> ? T : never;

/** What a request comes to, as far as it is ours to say. */
async function outcome(to: Started, one: Request, extra: Headers): Promise<unknown[]> {
  const response = await to.send({ ...one, headers: extra, method: one.body ? "POST" : "GET", agent });
  if (response.status !== 200) return [response.status, response.body];
  const seen = JSON.parse(response.body) as Seen;
  return [200, seen.cluster, seen.host, seen.sha256, emitted(seen), foreign(seen)];
}

test("random headers that claim a decision change nothing, whatever becomes of the request", async () => {
  const plain = new Map<string, unknown[]>();
  await fc.assert(
    fc.asyncProperty(request, headers, async (one, extra) => {
      const key = JSON.stringify(one);
      if (!plain.has(key)) plain.set(key, await outcome(farm, one, []));
      expect(await outcome(farm, one, extra)).toEqual(plain.get(key));
    }),
    { numRuns: RUNS },
  );
  const statuses = new Set([...plain.values()].map(([status]) => status));
  expect(statuses).toEqual(new Set([200, 400, 404, 410]));
});

/** A name as PHP folds it into a variable's: `X.MW_Wiki` and `x-mw-wiki` are one. */
const folded = (name: string) => name.toLowerCase().replace(/[^a-z0-9]/g, "_");
const OURS = new Set(EMITTED.map(folded));

/** What PHP would take for ours, beside what the filter has set. */
function foreign(seen: Seen): Headers {
  return seen.headers.filter(([name]) => OURS.has(folded(name)) && !EMITTED.includes(name));
}

const SPELLINGS = EMITTED.flatMap((name) =>
  ["_", ".", "~", "!", "|"].flatMap((mark) => [name.replaceAll("-", mark), name.replace("-", mark)]),
);
/** Names that only look like ours, and what a browser's error tracker sends. */
const ORDINARY = ["ot-baggage-sentry-trace_id", "x_mw", "x_mw_wikis", "ax_mw_wiki", "xmwwiki", "x--mw-wiki"];

describe.each(["edge", "mesh"])("to listener %s", (listener) => {
  test.each(["HTTP/1.1", "HTTP/2"])(
    "%s: other spellings of ours go, all other names with underscores stay",
    async (protocol) => {
      const ask = async (host: string, headers: Headers) => {
        const port = farm.envoy.ports[listener]!;
        const response =
          protocol === "HTTP/2"
            ? await sendHttp2(port, { host, headers })
            : await send({ port, host, headers: headers.map(([name, text]) => [name.toUpperCase(), text]) });
        expect(response.status).toBe(200);
        return JSON.parse(response.body) as Seen;
      };
      const headers = [...SPELLINGS, ...EMITTED, ...ORDINARY].map((name): [string, string] => [
        name,
        "claimed",
      ]);
      for (const [host, cluster, wiki] of [
        ["test.wiki.example", "web-1.47.0-wmf.2", ["testwiki"]],
        ["a.wmnet", FALLBACK, []],
      ] as const) {
        const seen = await ask(host, headers);
        expect([seen.cluster, valuesOf(seen.headers, "x-mw-wiki")]).toEqual([cluster, wiki]);
        expect(foreign(seen)).toEqual([]);
        const others = seen.headers
          .filter(([, text]) => text === "claimed")
          .map(([name]) => name.toLowerCase());
        expect(others.sort()).toEqual([...ORDINARY].sort());
      }
    },
  );
});

/** An Envoy whose VM has died on its one worker. */
async function withDeadVm(
  failurePolicy: FailurePolicy,
  run: (dead: Started) => Promise<void>,
): Promise<void> {
  const dead = await start({ listeners: LISTENERS, filter: { wasm: trapping, failurePolicy } });
  try {
    expect((await dead.ask({ host: "test.wiki.example" })).cluster).toBe("web-1.47.0-wmf.2");
    for (const listener of ["edge", "mesh"])
      await dead.envoy.waitForStat(instances(listener), (value) => value === 2);
    await dead.send({ host: "test.wiki.example", headers: [["x-trap", "now"]] });
    await run(dead);
  } finally {
    await dead.stop();
  }
}

test("where a dead VM fails open, all goes to the fallback, and no claim with it", async () => {
  await withDeadVm("FAIL_OPEN", async (dead) => {
    await fc.assert(
      fc.asyncProperty(request, headers, async (one, extra) => {
        const [status, cluster, , , ours, foreign] = await outcome(dead, one, extra);
        expect([status, cluster, ours, foreign]).toEqual([200, FALLBACK, [], []]);
      }),
      { numRuns: RUNS },
    );
  });
});

test("where a dead VM fails closed, every request is a 503, until the next table", async () => {
  await withDeadVm("FAIL_CLOSED", async (dead) => {
    const before = dead.upstreams.counts();
    await fc.assert(
      fc.asyncProperty(request, headers, async (one, extra) => {
        expect((await outcome(dead, one, extra))[0]).toBe(503);
      }),
      { numRuns: RUNS / 3 },
    );
    expect(dead.upstreams.counts()).toEqual(before);
  });
});

test("where a dead VM is made again, a request is a 503 or goes where it should", async () => {
  await withDeadVm("FAIL_RELOAD", async (dead) => {
    const claims = fc.sample(headers, 100);
    let last = 0;
    for (const extra of claims) {
      const response = await send({ port: dead.envoy.port, host: "test.wiki.example", headers: extra });
      last = response.status;
      if (response.status === 200) {
        const seen = JSON.parse(response.body) as Seen;
        expect([seen.cluster, emitted(seen)[1]]).toEqual(["web-1.47.0-wmf.2", ["x-mw-wiki", "testwiki"]]);
      } else {
        expect(response.status).toBe(503);
        await sleep(20);
      }
    }
    expect(last).toBe(200);
    await dead.envoy.waitForStat("wasm.pointsman.vm_reload_success", (value) => value === 1);
    expect((await dead.envoy.stats("vm_reload$"))["wasm.pointsman.vm_reload"]).toBe(0);
    // After ten seconds the dead VM is no longer counted, and the new one is, to each listener from its first request on.
    await dead.envoy.waitForStat(instances("edge"), (value) => value === 3);
    await dead.envoy.waitForStat(instances("mesh"), (value) => value === 1, 20_000);
    await dead.envoy.waitForStat(instances("edge"), (value) => value === 2);
    await dead.send({ host: "test.wiki.example", listener: "mesh" });
    await dead.envoy.waitForStat(instances("mesh"), (value) => value === 2);
  });
});
