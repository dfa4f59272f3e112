/** Jobs whose wiki stands in the body, through an EnvoyFilter: each goes where explain says, whole, or is answered. */
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, inject, test } from "vitest";
import { send } from "../../scripts/envoy/request.ts";
import type { Seen, Upstreams } from "../../scripts/envoy/upstream.ts";
import { Explainer } from "../../scripts/explain/explainer.ts";
import { filter } from "../../scripts/filter.ts";
import { folder, setUpCli } from "../support/cli.ts";
import { DATA_IS_ABSENT, WHY_SKIPPED } from "../support/data.ts";
import { loadFarm, tableOf } from "../support/farms.ts";
import { type Gateway, startGateway } from "./gateway.ts";
import { Kubernetes } from "./kubernetes.ts";
import { applyAll, optionsOf, render, startUpstreamsOf } from "./rendered.ts";

setUpCli();

const istio = inject("istio");

const PATH = "/rpc/RunSingleJob.php";
const HOST = "mw-jobrunner.discovery.wmnet";

let upstreams: Upstreams | undefined;
let gateway: Gateway | undefined;
afterEach(async () => {
  await gateway?.stop();
  await upstreams?.stop();
});

test.skipIf(istio === null || DATA_IS_ABSENT).each(["virtualservice", "envoyfilter"])(
  `jobs go by their body, routes by %s${WHY_SKIPPED}`,
  async (routes) => {
    const name = `jobs-${routes}`;
    const { plan } = loadFarm("production");
    const table = tableOf(plan);
    writeFileSync(join(folder, "farm.table"), table.bytes);
    upstreams = await startUpstreamsOf(plan);
    const kubernetes = new Kubernetes(istio!.apiserver);
    gateway = await startGateway(kubernetes, { xds: istio!.xds, name });
    const options = [...optionsOf(name, "edge", gateway, upstreams), "--module", gateway.module];
    await applyAll(kubernetes, render("--table", "farm.table", "--routes", routes, ...options));
    const { port } = gateway;
    const explainer = await Explainer.create(table.bytes, filter, { listener: "edge" });
    const explain = (body: string) =>
      explainer.explain({ authority: HOST, path: PATH, method: "POST", headers: {}, body, client: null });
    const post = (body: string) => send({ port, host: HOST, path: PATH, method: "POST", body });
    const of = (wiki: string, bytes = 0) => JSON.stringify({ x: "x".repeat(bytes), database: wiki });
    const enwiki = of("enwiki");
    const goesTo = () => post(enwiki).then(({ body }) => (JSON.parse(body) as Seen).cluster);
    // Without the filter, for a moment at the start, it passes through.
    await expect.poll(() => goesTo().catch(String), { timeout: 20_000 }).toBe(explain(enwiki).cluster);
    // More than the 32 KiB that a gateway of Istio's holds by itself.
    const bodies = [
      of("enwiki"),
      of("testwiki"),
      of("aawiki", 100_000),
      of("dewiki", 500_000),
      of("nowiki_"),
      "{",
    ];
    for (const body of bodies) {
      const expected = explain(body);
      const { status, body: answer } = await post(body);
      expect(status).toBe(expected.status ?? 200);
      if (expected.status !== null) continue;
      const seen: Seen = JSON.parse(answer);
      expect(seen).toMatchObject({
        cluster: expected.cluster,
        bytes: body.length,
        sha256: createHash("sha256").update(body).digest("hex"),
      });
    }
    expect(explain(of("testwiki")).cluster).not.toBe(explain(of("enwiki")).cluster);
  },
);
