/** Every canonical host of the real farm through a gateway of Istio's, by each of the ways that render istio knows. */
import { writeFileSync } from "node:fs";
import http from "node:http";
import { join } from "node:path";
import { afterEach, describe, expect, inject, test } from "vitest";
import { atMost } from "../../scripts/collections/at-most.ts";
import { type Headers, send } from "../../scripts/envoy/request.ts";
import type { Seen, Upstreams } from "../../scripts/envoy/upstream.ts";
import { Explainer } from "../../scripts/explain/explainer.ts";
import { filter } from "../../scripts/filter.ts";
import { folder, setUpCli } from "../support/cli.ts";
import { DATA, DATA_IS_ABSENT, WHY_SKIPPED } from "../support/data.ts";
import { loadFarm, readTsv, tableOf } from "../support/farms.ts";
import { type Gateway, startGateway } from "./gateway.ts";
import { Kubernetes } from "./kubernetes.ts";
import { applyAll, FALLBACK, optionsOf, render, startUpstreamsOf } from "./rendered.ts";

setUpCli();

const istio = inject("istio");

let upstreams: Upstreams | undefined;
let gateway: Gateway | undefined;
afterEach(async () => {
  await gateway?.stop();
  await upstreams?.stop();
});

/** The same mapping without the filter, but for what it cannot say by name. */
const NATIVE = [
  "--native",
  ...["auth.wikimedia.org", "rest-gateway.discovery.wmnet", "upload.wikimedia.org"].flatMap((host) => [
    "--except",
    `host ${host}`,
  ]),
];

describe.skipIf(istio === null || DATA_IS_ABSENT)(`a gateway of Istio's${WHY_SKIPPED}`, () => {
  test.each([
    ["envoyfilter", "edge", []],
    ["envoyfilter-routes", "edge", ["--routes", "envoyfilter"]],
    // Neither can do the jobs of `edge`.
    ["wasmplugin", "mesh-api-int", ["--as", "wasmplugin"]],
    ["trafficextension", "mesh-api-int", ["--as", "trafficextension"]],
    ["native", "mesh-api-int", NATIVE],
  ])("by %s, listener %s: each host goes where explain says", async (name, listener, how) => {
    const { xds, apiserver } = istio!;
    const kubernetes = new Kubernetes(apiserver);
    const { plan } = loadFarm("production");
    const table = tableOf(plan);
    writeFileSync(join(folder, "farm.table"), table.bytes);
    upstreams = await startUpstreamsOf(plan);
    gateway = await startGateway(kubernetes, { xds, name });
    const options = optionsOf(name, listener, gateway, upstreams);
    const manifests = render(
      ...["--table", "farm.table", ...how, ...options],
      ...(how === NATIVE ? [] : ["--module", gateway.module]),
    );
    await applyAll(kubernetes, manifests);
    const { port } = gateway;
    const explainer = await Explainer.create(table.bytes, filter, { listener });
    const agent = new http.Agent({ keepAlive: true, maxSockets: 8 });
    /** What is not as explain says; null: all is. */
    const check = async (host: string, cluster: string | null, headers: Headers): Promise<string | null> => {
      const { status, body } = await send({ port, host, path: "/wiki/X", headers, agent });
      if (status === 200) {
        const seen: Seen = JSON.parse(body);
        const ours = seen.headers.filter(([key]) => /^x[-_]mw[-_]cluster$/i.test(key));
        if (seen.cluster === cluster && JSON.stringify(ours) === JSON.stringify([["x-mw-cluster", cluster]]))
          return null;
      }
      return `${host} goes to ${status} ${body}, not to ${cluster}`;
    };
    const rows = readTsv(`${DATA}/canonical-hosts.tsv`);
    const explained = rows.map(({ host }) => explainer.explain({ ...QUESTION, authority: host! }).cluster);
    const first = () => check(rows[0]!.host!, explained[0]!, []).catch(String);
    await expect.poll(first, { timeout: 20_000 }).toBeNull();
    const wrong = await atMost(8, rows.entries(), async ([i, { host }]) => [
      await check(host!, explained[i]!, []),
      i % 5 === 0 ? await check(host!, explained[i]!, SPOOFED) : null,
    ]);
    agent.destroy();
    expect(wrong.flat().filter((one) => one !== null)).toEqual([]);
    expect(rows.length).toBe(1072);
    // What is not ours passes, and takes no header of ours along.
    const passed = await send({ port, host: "127.0.0.1", headers: SPOOFED });
    expect(JSON.parse(passed.body)).toMatchObject({ cluster: FALLBACK });
    expect(passed.body).not.toMatch(/x[-_]mw[-_]cluster/i);
  });
});

const QUESTION = { path: "/wiki/X", method: "GET", headers: {}, body: null, client: null };

/** A client's own, in each spelling; `mw-web-group0` is a cluster of the farm. */
const SPOOFED: Headers = [
  ["x-mw-cluster", "mw-web-group0"],
  ["X-MW-Cluster", "mw-web-group0"],
  ["x_mw_cluster", "mw-web-group0"],
  ["x-mw_cluster", "pass-through"],
];
