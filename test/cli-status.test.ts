/** `pointsman status` as people run it: which proxies it asks, what it refuses to judge, and what a stranger's word may do. */
import { type ChildProcess, spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { cli, folder, promote, type Ran, read, run, SMALL, setUpCli } from "./support/cli.ts";

setUpCli();

const env = { POINTSMAN_STORE: "store", POINTSMAN_WHO: "me" };
const push = () => expect(run(["push", ...SMALL, "--yes", "--reason", "x"], { env }).code).toBe(0);
const status = (...more: string[]) => run(["status", ...more], { env });

/** What the proxy answers. */
let said: string;
let server: http.Server;
let proxy: string;
let children: ChildProcess[] = [];
beforeEach(async () => {
  said = "{}";
  server = http.createServer((_, response) => response.end(said));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  proxy = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(async () => {
  for (const child of children) child.kill();
  children = [];
  await new Promise((resolve) => server.close(resolve));
});

/** Runs beside us: the proxy is in this process. */
function start(...args: string[]): { child: ChildProcess; ran: Ran; done: Promise<Ran> } {
  const child = spawn(process.execPath, [cli, "status", ...args], { cwd: folder, env });
  children.push(child);
  const ran: Ran = { code: null, out: "", err: "" };
  child.stdout.on("data", (chunk) => {
    ran.out += chunk;
  });
  child.stderr.on("data", (chunk) => {
    ran.err += chunk;
  });
  const done = new Promise<Ran>((resolve) => child.on("close", (code) => resolve({ ...ran, code })));
  return { child, ran, done };
}

/** As an Envoy of two workers that serves what the store wants. */
function serving(change: { generation?: number; listener?: string } = {}): string {
  const { rollout } = JSON.parse(read("store/rollout.json").toString());
  const { generation = rollout.generation, listener = "main" } = change;
  const gauges = {
    instances: 3,
    generation,
    digest: Number.parseInt(rollout.digest.slice(0, 12), 16),
    refused: 0,
  };
  const stats = Object.entries(gauges).map(([name, value]) => ({
    name: `wasmcustom.pointsman.${name}.listener.${listener}`,
    value,
  }));
  return JSON.stringify({ stats: [...stats, { name: "server.concurrency", value: 2 }] });
}

describe("pointsman status", () => {
  it("asks the proxies that are named, in a file, or in the store's own", async () => {
    push();
    said = serving();
    const well = { code: 0, err: "", out: expect.stringContaining("generation 1 is served by 1 of 1 proxy") };
    expect(await start("--proxy", proxy).done).toMatchObject(well);
    writeFileSync(join(folder, "list"), `# ours\n${proxy} main\n`);
    expect(await start("--proxies", "list").done).toMatchObject(well);
    writeFileSync(join(folder, "store/proxies.txt"), `${proxy} main mesh\n`);
    const { code, out } = await start("--json").done;
    expect(code).toBe(1);
    const { digest } = JSON.parse(read("store/rollout.json").toString()).rollout;
    const pushed = expect.stringMatching(/^2\d{3}-.*Z$/);
    expect(JSON.parse(out)).toEqual({
      fine: false,
      wanted: { generation: 1, digest, pushed, state: "done" },
      proxies: [
        {
          proxy,
          fine: false,
          wanted: 1,
          listeners: [
            {
              ...{ listener: "main", verdict: "served", what: "3 of 3 instances" },
              served: { generation: 1, digest: digest.slice(0, 12), pushed },
              ...{ instances: 3, instancesWanted: 3, refused: null },
            },
            {
              ...{ listener: "mesh", verdict: "nothing", what: "the proxy does not have this listener" },
              ...{ served: null, instances: null, instancesWanted: 3, refused: null },
            },
          ],
        },
      ],
      warnings: [],
    });
  });

  it("is refused where nothing can be said", () => {
    expect(status("--proxy", proxy)).toMatchObject({
      code: 1,
      err: expect.stringContaining("there is no such store"),
    });
    push();
    expect(status()).toMatchObject({
      code: 1,
      err: "no proxies: name them by --proxy URL, --proxies FILE, or in store/proxies.txt\n",
    });
    writeFileSync(join(folder, "list"), "# none\n");
    expect(status("--proxies", "list")).toMatchObject({
      code: 1,
      err: "list: it names no proxy, so nothing can be said of any\n",
    });
    writeFileSync(join(folder, "list"), "localhost:9901\n");
    const wrong = status("--proxies", "list", "--json");
    expect([wrong.code, JSON.parse(wrong.out).errors[0].line]).toEqual([1, 1]);
  });

  it.each([
    [["--proxy", "localhost:9901"], "is no proxy: a proxy looks like http://127.0.0.1:9901"],
    [["--proxy", "http://a", "--proxies", "list"], "cannot be used with"],
    [["--proxy", "http://a", "--wait", "1m", "--watch"], "cannot be used with"],
    [["--proxy", "http://a", "--wait", "60"], "How long looks like 10s, 5m or 1h."],
    [["--proxy", "http://a", "--instances", "0"], "Must be a whole number from 1 on."],
  ])("used wrongly exits with 2: %j", (args, why) => {
    push();
    expect(status(...args)).toMatchObject({ code: 2, err: expect.stringContaining(why) });
  });

  it("waits until all is well, or its time is over", async () => {
    push();
    const waiting = start("--proxy", proxy, "--wait", "30s");
    setTimeout(() => {
      said = serving();
    }, 1500);
    expect(await waiting.done).toMatchObject({ code: 0, err: "" });
    said = serving({ generation: 9 });
    const begun = Date.now();
    const { code, out } = await start("--proxy", proxy, "--wait", "2s").done;
    expect([code, out]).toEqual([1, expect.stringContaining("main  AHEAD  generation 9, the same content")]);
    expect(Date.now() - begun).toBeGreaterThan(1000);
  });

  it("goes on watching, and says what changes and when it saw that", async () => {
    push();
    said = serving();
    const { ran } = start("--proxy", proxy, "--watch");
    const lines = () => ran.out.trimEnd().split("\n");
    await expect.poll(lines, { timeout: 20_000 }).toHaveLength(3);
    for (const line of lines()) expect(line).toMatch(/^\d{4}-\d\d-\d\dT[\d:]+Z {2}\S/);
    promote();
    push();
    await expect.poll(lines, { timeout: 20_000 }).toHaveLength(6);
    expect(lines().slice(3).join("\n")).toMatch(
      /wanted: generation 2[\s\S]*BEHIND {2}generation 1 of[\s\S]*by 0 of 1/,
    );
  });

  it("gives a stranger's words no power over the terminal, nor over its lines", async () => {
    push();
    const listener = "x\u001b[2J\n2 of 2 proxies serve";
    said = serving({ listener });
    const { out } = await start("--proxy", proxy).done;
    expect(out).not.toContain("\u001b");
    expect(out.trimEnd().split("\n")).toHaveLength(3);
    const many = Array.from({ length: 200_000 }, (_, i) => ({
      name: `pointsman.refused.listener.${i}`,
      value: 1,
    }));
    said = JSON.stringify({ stats: many });
    expect(await start("--proxy", proxy).done).toMatchObject({ code: 1, err: "" });
  });
});
