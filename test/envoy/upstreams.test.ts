/** `pointsman render` for upstreams with TLS, and the access log that tells one 503 from another. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import https from "node:https";
import net, { type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TLSSocket } from "node:tls";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { findEnvoy } from "../../scripts/envoy/install.ts";
import { type EnvoyProcess, startConfigured } from "../../scripts/envoy/process.ts";
import { send } from "../../scripts/envoy/request.ts";
import { selfSigned } from "../support/certificates.ts";
import { projectPath } from "../support/data.ts";
import { tableOf } from "./farm.ts";

/** Of upstreams, and of releases. */
const HOSTS = ["web.example", "web.group-a.example"];

let folder: string;
let upstream: https.Server;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "pointsman-upstreams-"));
  writeFileSync(join(folder, "one.table"), tableOf());
  const [ours] = ["ours", "theirs"].map((name) => selfSigned(folder, name, HOSTS));
  upstream = https.createServer(ours!, (request, response) =>
    response.end(`${(request.socket as TLSSocket).servername}`),
  );
  await new Promise<void>((resolve) => upstream.listen(0, "127.0.0.1", resolve));
});
afterAll(async () => {
  upstream?.closeAllConnections();
  await new Promise((resolve) => upstream.close(resolve));
  rmSync(folder, { recursive: true });
});

function render(...args: string[]): { code: number | null; err: string } {
  const common = ["render", "envoy", "--table", "one.table", "--out", "made", "--admin-port", "0"];
  const { status, stderr } = spawnSync(
    process.execPath,
    [projectPath("build/pointsman.mjs"), ...common, "--listener", "edge=0", ...args],
    { cwd: folder, encoding: "utf8" },
  );
  return { code: status, err: stderr };
}

async function withEnvoy(args: string[], run: (envoy: EnvoyProcess) => Promise<void>): Promise<void> {
  const { code, err } = render(...args);
  expect(code, err).toBe(0);
  const envoy = await startConfigured(join(folder, "made/envoy.yaml"), { envoy: await findEnvoy() });
  try {
    await run(envoy);
  } finally {
    await envoy.stop();
  }
}

const secure = () => `https://127.0.0.1:${(upstream.address() as AddressInfo).port}`;
const ask = (envoy: EnvoyProcess, host = "test.wiki.example", path = "/") =>
  send({ port: envoy.port, host, path });

test("an upstream with TLS is asked for by its name, and must prove it", async () => {
  const web = ["--cluster", `web-1.47.0-wmf.2=${secure()}`];
  const named = [...web, "--fallback", "127.0.0.1:9", "--server-name", "web.example"];
  await withEnvoy([...named, "--ca", join(folder, "ours.pem")], async (envoy) => {
    expect(await ask(envoy)).toMatchObject({ status: 200, body: "web.example" });
  });
  // The fallback may have it too, and its name comes from what is known of it.
  const all = ["--clusters", secure(), "--fallback", secure(), "--server-name", "web.example"];
  await withEnvoy([...all, "--ca", join(folder, "ours.pem")], async (envoy) => {
    expect((await ask(envoy, "a.wmnet")).body).toBe("web.example");
  });
  for (const [ca, name] of [
    ["theirs.pem", "web.example"],
    ["ours.pem", "other.example"],
  ]) {
    const args = [...web, "--fallback", "127.0.0.1:9", "--server-name", name!, "--ca", join(folder, ca!)];
    await withEnvoy(args, async (envoy) => {
      expect((await ask(envoy)).status, ca).toBe(503);
    });
  }
});

test("the server's name is the address's, or is made of the cluster's parts", () => {
  const json = (...args: string[]) => {
    const { stdout } = spawnSync(
      process.execPath,
      [projectPath("build/pointsman.mjs"), "render", "envoy", "--table", "one.table", "--json", ...args],
      { cwd: folder, encoding: "utf8", maxBuffer: 2 ** 28 },
    );
    const { clusters } = JSON.parse(stdout).bootstrap.static_resources;
    return Object.fromEntries(
      clusters.map(
        ({
          name,
          transport_socket: tls,
        }: {
          name: string;
          transport_socket?: { typed_config: { sni: string } };
        }) => [name, tls?.typed_config.sni],
      ),
    );
  };
  const fallback = ["--fallback", "127.0.0.1:9"];
  expect(json(...fallback, "--clusters", "https://{deployment}.svc.example:443")).toMatchObject({
    "web-1.47.0-wmf.2": "web.svc.example",
    "pass-through": undefined,
  });
  expect(
    json(
      ...fallback,
      "--clusters",
      "https://10.0.0.1:443",
      "--server-name",
      "{deployment}.discovery.example",
    ),
  ).toMatchObject({ "api-1.47.0-wmf.1": "api.discovery.example" });
  expect(render(...fallback, "--clusters", "https://10.0.0.1:443")).toEqual({
    code: 1,
    err: "https://10.0.0.1 is an address: give the host name in its certificate by --server-name\n",
  });
});

test("the access log tells a cluster that is not there from an upstream that is down, and can be replayed", async () => {
  const free = net.createServer();
  await new Promise<void>((resolve) => free.listen(0, "127.0.0.1", resolve));
  const { port: closed } = free.address() as AddressInfo;
  await new Promise((resolve) => free.close(resolve));
  const log = join(folder, "access.log");
  const args = ["--cluster", `web-1.47.0-wmf.2=127.0.0.1:${closed}`, "--fallback", `127.0.0.1:${closed}`];
  const lines = () =>
    readFileSync(log, "utf8")
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
  await withEnvoy([...args, "--access-log-file", log], async (envoy) => {
    expect((await ask(envoy, "test.wiki.example", "/down?a=b")).status).toBe(503);
    expect((await ask(envoy, "test.wiki.example", "/w/api.php")).status).toBe(503);
    expect((await ask(envoy, "no.wiki.example")).status).toBe(404);
    await vi.waitFor(() => expect(lines().length).toBe(2), { timeout: 20_000 });
  });
  const [down, none] = lines();
  expect(down).toMatchObject({
    status: 503,
    flags: "UF",
    route: "by-header",
    cluster: "web-1.47.0-wmf.2",
    upstream: `127.0.0.1:${closed}`,
    client: "127.0.0.1",
    listener: "edge",
  });
  expect(none).toMatchObject({
    status: 503,
    flags: "NC",
    details: "cluster_not_found",
    route: "by-header",
    cluster: "api-1.47.0-wmf.2",
    upstream: null,
  });
  const replay = ["simulate", "--config", "one.table", "--requests", log, "--summary", "--json"];
  const { stdout } = spawnSync(process.execPath, [projectPath("build/pointsman.mjs"), ...replay], {
    ...{ cwd: folder, encoding: "utf8" },
  });
  expect(JSON.parse(stdout)).toMatchObject({
    requests: 2,
    clusters: { "web-1.47.0-wmf.2": 1, "api-1.47.0-wmf.2": 1 },
  });
  rmSync(log);
  await withEnvoy([...args, "--access-log-file", log, "--access-log", "all"], async (envoy) => {
    expect((await ask(envoy, "no.wiki.example")).status).toBe(404);
    await vi.waitFor(() => expect(lines().map(({ status }) => status)).toEqual([404]), { timeout: 20_000 });
  });
});

test("what is no value of an option is an error of use that says what one looks like", () => {
  const fallback = ["--fallback", "127.0.0.1:9"];
  for (const [args, says] of [
    [
      ["--clusters", "{foo}:80"],
      "There is no placeholder {foo}; the placeholders are `{cluster}`, `{deployment}`",
    ],
    [["--clusters", "{cluster:80"], '"{cluster" is no host'],
    [["--server-name", "{Cluster}.example"], "There is no placeholder {Cluster}"],
    [["--cluster", "web-1.47.0-wmf.2={cluster}:80"], "Only --clusters takes placeholders such as {cluster}"],
    [["--cluster", "web-1.47.0-wmf.2=ftp://a:80"], "Write an address as HOST:PORT"],
    [["--idle-timeout", "web=soon"], "Write a time as 90s, 5m or 24h"],
    [["--idle-timeout", "10"], "Write a time as 90s, 5m or 24h"],
    [["--max-heap", "0"], "Write bytes as 1048576"],
    [["--max-heap", "1MiB"], "The heap must have at least 64MiB"],
    [["--buffer-limit", "4GiB"], "The buffer must be smaller"],
    [["--trusted-hops", "-1"], "Give a whole number from 1 up"],
    [["--health-path", "healthz"], "A path begins with /"],
    [["--http10-host", "a b"], "Write a host as wiki.example.org"],
    [["--access-log", "some"], "Allowed choices"],
  ] as const) {
    const { code, err } = render(...args, ...fallback);
    expect([args, code, err]).toEqual([args, 2, expect.stringContaining(says)]);
  }
  expect(render(...fallback, "--timeout", "wob=1s")).toMatchObject({
    code: 1,
    err: expect.stringContaining('the table has no deployment "wob": it has web, api,'),
  });
});

test("jobs may be silent for a day where our own services send them, and not at the edge", () => {
  const routesOf = (...args: string[]) => {
    const { stdout } = spawnSync(
      process.execPath,
      [
        ...[projectPath("build/pointsman.mjs"), "render", "envoy", "--table", "one.table", "--json"],
        ...["--fallback", "127.0.0.1:9", "--listener", "edge=1", "--listener", "mesh=2", ...args],
      ],
      { cwd: folder, encoding: "utf8", maxBuffer: 2 ** 28 },
    );
    type Route = { name: string; route: { timeout: string; idle_timeout?: string } };
    return JSON.parse(stdout).bootstrap.static_resources.listeners.map(
      (one: {
        filter_chains: {
          filters: { typed_config: { route_config: { virtual_hosts: { routes: Route[] }[] } } }[];
        }[];
      }) =>
        one.filter_chains[0]!.filters[0]!.typed_config.route_config.virtual_hosts[0]!.routes.map(
          ({ name, route }) => `${name}: ${route.timeout} ${route.idle_timeout ?? "-"}`,
        ),
    );
  };
  const rest = ["by-header: 0s -", "fallback: 0s -"];
  expect(routesOf()).toEqual([rest, ["by-header jobs: 0s 86400s", ...rest]]);
  expect(routesOf("--idle-timeout", "jobs=1h", "--timeout", "api=90s")).toEqual([
    ["by-header api: 90s -", "by-header jobs: 0s 3600s", ...rest],
    ["by-header api: 90s -", "by-header jobs: 0s 3600s", ...rest],
  ]);
});
