/** Every canonical host of the real farm through a gateway of Istio's, by each of the objects that bring the filter. */
import { writeFileSync } from "node:fs";
import http from "node:http";
import { join } from "node:path";
import { afterEach, describe, expect, inject, test } from "vitest";
import { atMost } from "../../scripts/collections/at-most.ts";
import { type Headers, send } from "../../scripts/envoy/request.ts";
import type { Upstreams } from "../../scripts/envoy/upstream.ts";
import { Explainer } from "../../scripts/explain/explainer.ts";
import { filter } from "../../scripts/filter.ts";
import { folder } from "../support/cli.ts";
import { DATA, DATA_IS_ABSENT, WHY_SKIPPED } from "../support/data.ts";
import { loadFarm, readTsv, tableOf } from "../support/farms.ts";
import { type Gateway, startGateway } from "./gateway.ts";
import { Kubernetes } from "./kubernetes.ts";
import { applyAll, optionsOf, render, startUpstreamsOf } from "./rendered.ts";

const istio = inject("istio");

let upstreams: Upstreams | undefined;
let gateway: Gateway | undefined;
afterEach(async () => {
  await gateway?.stop();
  await upstreams?.stop();
});

describe.skipIf(istio === null || DATA_IS_ABSENT)(`a gateway of Istio's${WHY_SKIPPED}`, () => {
  test.each([
    ["envoyfilter", "virtualservice", "edge"],
    ["envoyfilter", "envoyfilter", "edge"],
    // Neither can do the jobs of `edge`.
    ["wasmplugin", "virtualservice", "mesh-api-int"],
    ["trafficextension", "virtualservice", "mesh-api-int"],
  ])(
    "the filter by %s, routes by %s, listener %s: each host goes where explain says",
    async (as, routes, listener) => {
      const { xds, apiserver } = istio!;
      const kubernetes = new Kubernetes(apiserver);
      const { plan } = loadFarm("production");
      const table = tableOf(plan);
      writeFileSync(join(folder, "farm.table"), table.bytes);
      const name = `${as}-by-${routes}`;
      upstreams = await startUpstreamsOf(plan);
      gateway = await startGateway(kubernetes, { xds, name });
      const options = optionsOf(name, listener, gateway, upstreams);
      await applyAll(kubernetes, render("--table", "farm.table", "--as", as, "--routes", routes, ...options));
      await gateway.envoy.waitForStat(
        `wasmcustom.pointsman.generation.listener.${listener}`,
        (value) => value === 1,
        20_000,
      );
      const { port } = gateway;
      const explainer = await Explainer.create(table.bytes, filter, { listener });
      const agent = new http.Agent({ keepAlive: true, maxSockets: 8 });
      const wrong: string[] = [];
      const rows = readTsv(`${DATA}/canonical-hosts.tsv`);
      await atMost(8, rows, async ({ host, wiki }) => {
        const expected = explainer.explain({ ...QUESTION, authority: host! });
        for (const headers of [[], SPOOFED]) {
          const seen = await send({ port, host, path: "/wiki/X", headers, agent });
          if (seen.status === 200 && JSON.parse(seen.body).cluster === expected.cluster) continue;
          wrong.push(`${host} (${wiki}) goes to ${seen.status} ${seen.body}, not to ${expected.cluster}`);
        }
      });
      agent.destroy();
      expect(wrong).toEqual([]);
      expect(rows.length).toBe(1072);
    },
  );
});

const QUESTION = { path: "/wiki/X", method: "GET", headers: {}, body: null, client: null };

/** A client's own, in each spelling; `mw-web-group0` is a cluster of the farm. */
const SPOOFED: Headers = [
  ["x-mw-cluster", "mw-web-group0"],
  ["X-MW-Cluster", "mw-web-group0"],
  ["x_mw_cluster", "mw-web-group0"],
  ["x-mw_cluster", "pass-through"],
];
