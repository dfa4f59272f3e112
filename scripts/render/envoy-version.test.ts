/** What is written for an older Envoy; `npm run test:envoys` asks the API of each version, and real Envoys. */
import { expect, it } from "vitest";
import { PLAN, tableOf } from "../../test/envoy/farm.ts";
import { Table } from "../table/table.ts";
import { type RenderOptions, renderEnvoy } from "./envoy.ts";
import type { EnvoyVersion } from "./envoy-version.ts";

const WITHOUT_JOBS = PLAN.listeners.map((one) => ({
  ...one,
  routes: one.routes.filter(({ wiki }) => wiki !== "body"),
}));

function rendered(
  version: EnvoyVersion,
  more: Partial<Pick<RenderOptions, "server" | "shadow">> = {},
  listeners = WITHOUT_JOBS,
): string {
  return JSON.stringify(
    renderEnvoy(new Table(tableOf({ listeners })), {
      version,
      listeners: [{ name: "edge" }],
      clusters: new Map(),
      pattern: null,
      fallback: { host: "127.0.0.1", port: 80, tls: false },
      attempt: 1,
      server: null,
      node: {},
      fileOf: (listener, what) => ({ directory: `/${listener}`, path: `/${listener}/${what}` }),
      wasm: "/pointsman.wasm",
      native: null,
      ca: "",
      serverName: null,
      timeouts: new Map(),
      protection: { connections: 1, heap: 1 },
      ...more,
    }),
  );
}

it("has only what the version knows, and from 1.36 on a pattern in place of names", () => {
  const has = (version: EnvoyVersion, more?: Partial<Pick<RenderOptions, "server" | "shadow">>) =>
    [
      "remove_on_match",
      "allow_on_headers_stop",
      "ignore_http_11",
      "failure_policy",
      '"fail_open":true',
    ].filter((one) => rendered(version, more).includes(one));
  expect(has("1.36")).toEqual([
    "remove_on_match",
    "allow_on_headers_stop",
    "ignore_http_11",
    "failure_policy",
  ]);
  expect(has("1.35")).toEqual(["allow_on_headers_stop", "ignore_http_11", "failure_policy"]);
  expect(has("1.32")).toEqual([]);
  expect(has("1.32", { shadow: true })).toEqual(['"fail_open":true']);
  for (const version of ["1.32", "1.35"] as const)
    expect(rendered(version)).toContain(
      '"mutations":[{"remove":"x-mw-cluster"},{"remove":"x-mw_cluster"},{"remove":"x-mw.cluster"}',
    );
});

it("refuses by name what Envoy 1.32 cannot do, and nothing in 1.35", () => {
  const server = { host: "xds", port: 1, tls: false };
  expect(() => rendered("1.32", {}, PLAN.listeners)).toThrow(
    'the jobs of listener "edge" name their wiki in the body, and Envoy 1.32 cannot',
  );
  expect(() => rendered("1.32", { server })).toThrow("Envoy 1.32 would refuse each: leave --xds out");
  expect(rendered("1.35", { server }, PLAN.listeners)).toContain("allow_on_headers_stop_iteration");
});
