/** `render envoy --envoy VERSION` in real Envoys: each takes what is written for an older one, and does the same. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ENVOY_VERSION, findEnvoy, OTHER_ENVOY_VERSIONS } from "../../scripts/envoy/install.ts";
import { startConfigured } from "../../scripts/envoy/process.ts";
import { type Headers, send } from "../../scripts/envoy/request.ts";
import { type Seen, startUpstreams, type Upstreams } from "../../scripts/envoy/upstream.ts";
import { spelledOut } from "../../scripts/render/spellings.ts";
import { EMITTED, PLAN, tableOf, valuesOf } from "../envoy/farm.ts";
import { projectPath } from "../support/data.ts";

let folder: string;
let upstreams: Upstreams;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "pointsman-older-"));
  // Envoy 1.32 cannot do its jobs.
  const listeners = PLAN.listeners.map((one) => ({
    ...one,
    routes: one.routes.filter(({ wiki }) => wiki !== "body"),
  }));
  writeFileSync(join(folder, "one.table"), tableOf({ listeners }));
  upstreams = await startUpstreams([...new Set(PLAN.clusters.flat()), "pass-through"]);
});
afterAll(async () => {
  await upstreams?.stop();
  rmSync(folder, { recursive: true });
});

const addresses = () =>
  upstreams.clusters.flatMap(({ name, port }) =>
    name === "pass-through"
      ? ["--fallback", `127.0.0.1:${port}`]
      : ["--cluster", `${name}=127.0.0.1:${port}`],
  );

function render(version: string, out: string): void {
  const args = ["render", "envoy", "--envoy", version, "--table", "one.table", "--out", out];
  const more = [
    "--admin-port",
    "0",
    "--listener",
    "edge=0",
    "--listener",
    "mesh=127.0.0.1:0",
    ...addresses(),
  ];
  const cli = [projectPath("build/pointsman.mjs"), ...args, ...more];
  const { status, stderr } = spawnSync(process.execPath, cli, { cwd: folder, encoding: "utf8" });
  expect({ status, stderr: status === 0 ? "" : stderr }).toEqual({ status: 0, stderr: "" });
}

const SPOOFED: Headers = EMITTED.flatMap(spelledOut).map((name) => [name, "web-1.47.0-wmf.1"]);

for (const real of [...OTHER_ENVOY_VERSIONS, ENVOY_VERSION]) {
  test.each(["1.32", "1.35"])(`Envoy ${real} runs what is written for %s`, async (version) => {
    const envoy = await findEnvoy({ version: real });
    const out = join(folder, `${real}-${version}`);
    render(version, out);
    const config = join(out, "envoy.yaml");
    const checked = spawnSync(envoy, ["--mode", "validate", "-c", config], { encoding: "utf8" });
    expect([checked.status, checked.stderr.includes("[critical]")]).toEqual([0, false]);
    const running = await startConfigured(config, { envoy });
    try {
      const ours = new Set(EMITTED.flatMap(spelledOut));
      for (const port of Object.values(running.ports))
        for (const [host, cluster, set] of [
          ["test.wiki.example", "web-1.47.0-wmf.2", EMITTED],
          ["a.wmnet", "pass-through", []],
        ] as const) {
          const seen: Seen = JSON.parse((await send({ port, host, path: "/x", headers: SPOOFED })).body);
          expect([
            seen.cluster,
            seen.headers
              .map(([name]) => name.toLowerCase())
              .filter((one) => ours.has(one))
              .sort(),
          ]).toEqual([cluster, [...set].sort()]);
          if (set.length > 0) expect(valuesOf(seen.headers, "x-mw-cluster")).toEqual([cluster]);
        }
    } finally {
      await running.stop();
    }
  });
}
