/** The filter by a gRPC stream: what a proxy acknowledges is not what it serves, unless each push is another. */
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { findEnvoy } from "../../scripts/envoy/install.ts";
import { startConfigured } from "../../scripts/envoy/process.ts";
import { send } from "../../scripts/envoy/request.ts";
import { projectPath } from "../support/data.ts";
import { folderOf } from "../support/folder.ts";
import { XdsServer } from "../support/xds-server.ts";
import { PLAN, start, tableOf, WASM } from "./farm.ts";

test("the same bad table sent three times is refused three times, where its attempt differs", async () => {
  const server = new XdsServer(WASM);
  await server.start();
  const farm = await start({ server: server.port, table: tableOf({}, 1), concurrency: 2 });
  const push = (table: Uint8Array, attempt?: number) =>
    server.push(["edge"], { table, ...(attempt !== undefined && { attempt }) });
  const gauge = (name: string, value: number) =>
    farm.envoy.waitForStat(`wasmcustom.pointsman.${name}.listener.edge`, (one) => one === value, 10_000);
  const bad = tableOf({}, 2);
  bad[bad.length >> 1]! ^= 1;
  try {
    await gauge("generation", 1);
    for (const attempt of [2, 3, 4]) {
      expect(await push(bad, attempt)).toBe("NACK");
      await gauge("tables_refused", attempt - 1);
    }
    // Without an attempt of its own the second time is taken as known.
    expect(await push(bad)).toBe("NACK");
    expect(await push(bad)).toBe("ACK");
    await gauge("tables_refused", 4);
    await gauge("generation", 1);
    expect(await push(tableOf({}, 3), 5)).toBe("ACK");
    await gauge("generation", 3);
    await gauge("refused", 0);
  } finally {
    await farm.stop();
    server.stop();
  }
});

test("what `render --xds` writes starts with its table, and takes the server's", async () => {
  const server = new XdsServer(WASM);
  await server.start();
  const folder = folderOf({ "one.table": Buffer.from(tableOf({}, 3)) });
  const pointsman = (...args: string[]) => {
    const options = { cwd: folder, encoding: "utf8" } as const;
    const cli = projectPath("build/pointsman.mjs");
    const { status, stdout, stderr } = spawnSync(process.execPath, [cli, ...args], options);
    expect(status, stderr).toBe(0);
    return stdout;
  };
  const written = pointsman(
    ...["render", "envoy", "--table", "one.table", "--xds", `127.0.0.1:${server.port}`, "--out", "made"],
    ...["--listener", "edge=0", "--listener", "mesh=0", "--admin-port", "0", "--fallback", "127.0.0.1:9"],
    ...["--node-id", "envoy-1", "--node-cluster", "edge"],
    // Nobody listens there: which cluster was asked, Envoy's statistics say.
    ...["--clusters", "127.0.0.1:9", "--access-log", "none"],
  );
  expect(written).toBe("made/envoy.yaml\nmade/pointsman.wasm\n");
  const asked = async (listener: string) => {
    await send({ port: envoy.ports[listener]!, host: "test.wiki.example" });
    const stats = await envoy.stats("^cluster\\..*upstream_cx_connect_fail$");
    return Object.keys(stats).filter((name) => stats[name] !== 0 && name.includes("web-"));
  };
  const web = (release: number) => `cluster.web-1.47.0-wmf.${release}.upstream_cx_connect_fail`;
  const file = join(folder, "made/envoy.yaml");
  let envoy = await startConfigured(file, { envoy: await findEnvoy() });
  try {
    expect(await asked("edge")).toEqual([web(2)]);
    const moved = tableOf({ wikis: PLAN.wikis.map((one) => ({ ...one, release: 0 })) }, 4);
    expect(await server.push(["edge", "mesh"], { table: moved, attempt: 2 })).toBe("ACK");
    await expect.poll(() => asked("mesh")).toEqual([web(1), web(2)]);
    await envoy.stop();
    // The server is away at the next start.
    server.stop();
    writeFileSync(join(folder, "two.table"), moved);
    pointsman("put", "two.table", "--into", file);
    envoy = await startConfigured(file, { envoy: await findEnvoy() });
    expect(await asked("mesh")).toEqual([web(1)]);
  } finally {
    await envoy.stop();
    server.stop();
  }
});
