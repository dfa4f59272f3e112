/**
 * A table that the filter refuses, in a gateway of Istio's: the gateway stays as it was, and `status` says so by its own
 * gauges, whatever pilot says; also after pilot restarted.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { loadAll } from "js-yaml";
import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from "vitest";
import { send } from "../../scripts/envoy/request.ts";
import type { Upstreams } from "../../scripts/envoy/upstream.ts";
import { compile } from "../../scripts/farm/compile.ts";
import { Farm } from "../../scripts/farm/farm.ts";
import { folder, promote, read, run, SMALL, setUpCli } from "../support/cli.ts";
import { type Gateway, startGateway } from "./gateway.ts";
import { Kubernetes, type Manifest } from "./kubernetes.ts";
import { Pilot } from "./pilot.ts";
import { optionsOf, startUpstreamsOf } from "./rendered.ts";

setUpCli();

const istio = inject("istio");

const FILE = "istio/filter-main.yaml";
const PUSH = ["push", ...SMALL, "--store", "s", "--target", "istio=istio", "--yes", "--reason", "x"];

let pilot: Pilot;
let kubernetes: Kubernetes;
let upstreams: Upstreams | undefined;
let gateway: Gateway | undefined;
afterEach(async () => {
  await gateway?.stop();
  await upstreams?.stop();
});

describe.skipIf(istio === null)("a table that the filter refuses", () => {
  // Their own: it is restarted.
  beforeAll(async () => {
    pilot = await Pilot.start(istio!.programs.pilot, istio!.kubeconfig);
    kubernetes = new Kubernetes(istio!.apiserver);
  });
  afterAll(() => pilot?.stop());

  test.each(["envoyfilter", "wasmplugin", "trafficextension"])(
    "by %s changes nothing but the gauges",
    async (as) => {
      const name = `refused-${as}`;
      upstreams = await startUpstreamsOf(
        compile(new Farm(join(folder, "farm/farm.yaml")), "2026-01-01").plan,
      );
      gateway = await startGateway(kubernetes, { xds: pilot.xdsPort, name });
      const { envoy, port } = gateway;
      const options = [...optionsOf(name, "main", gateway, upstreams), "--module", gateway.module];
      expect(run(["render", "istio", ...SMALL, "--as", as, ...options, "--out", "istio"]).code).toBe(0);
      expect(run(PUSH).out).toContain(`kubectl apply --server-side -f ${FILE}`);
      for (const file of ["istio/routes.yaml", FILE]) await apply(file);
      const served = (generation: number) =>
        envoy.waitForStat(
          "wasmcustom.pointsman.generation.listener.main",
          (value) => value === generation,
          20_000,
        );
      await served(1);
      const answers = async () => {
        const { status, body } = await send({ port, host: "test.wikipedia.org", path: "/wiki/X" });
        return status === 200 ? JSON.parse(body).cluster : status;
      };
      await expect.poll(answers).toBe("mw-web-1-47-0-wmf-3");
      await expect.poll(status).toEqual(GREEN);

      // The push is right, and on its way a byte gets lost.
      promote();
      expect(run(PUSH).code).toBe(0);
      const good = read(FILE).toString();
      writeFileSync(join(folder, FILE), spoilt(good));
      await apply(FILE);
      await envoy.waitForStat(
        "wasmcustom.pointsman.refused.listener.main",
        (value) => Number(value) > 0,
        20_000,
      );
      expect(await answers()).toBe("mw-web-1-47-0-wmf-3");
      await expect.poll(status).toEqual(RED);

      await pilot.restart();
      await expect.poll(() => isConnected(name), { timeout: 20_000 }).toBe(true);
      expect(await answers()).toBe("mw-web-1-47-0-wmf-3");
      await expect.poll(status).toEqual(RED);

      writeFileSync(join(folder, FILE), good);
      await apply(FILE);
      await served(2);
      await expect.poll(answers).toBe("mw-web-1-47-0-wmf-2");
      await expect.poll(status).toEqual(GREEN);
    },
  );
});

const GREEN = bothSay({ code: 0, verdict: "served" });
const RED = bothSay({ code: 1, verdict: "behind" });

function bothSay(what: object) {
  return { said: what, scraped: what };
}

async function apply(file: string): Promise<void> {
  for (const manifest of loadAll(read(file).toString())) await kubernetes.apply(manifest as Manifest);
}

/** By Envoy's admin interface, and the same by Prometheus' text. */
function status(): Record<"said" | "scraped", object | undefined> {
  const admin = `http://127.0.0.1:${gateway!.envoy.adminPort}`;
  const [said, scraped] = [admin, `${admin}/stats/prometheus`].map((url) => {
    const { code, out } = run(["status", "--store", "s", "--json", "--proxy", url]);
    return { code, verdict: JSON.parse(out).proxies[0].listeners[0].verdict };
  });
  return { said, scraped };
}

/** One letter of the table's base64 is another one. */
function spoilt(text: string): string {
  return text.replace(/([A-Za-z0-9+/]{200})([A-Za-z0-9+/])(?=[A-Za-z0-9+/]{200})/, (_, before, letter) => {
    return before + (letter === "A" ? "B" : "A");
  });
}

/** Whether the gateway has come back to pilot. */
async function isConnected(name: string): Promise<boolean> {
  const all = (await pilot.debug("syncz")) as { proxy?: string }[];
  return all.some(({ proxy }) => proxy?.startsWith(name));
}
