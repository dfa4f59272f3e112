/**
 * `render envoy` for each role, from a farm that says how long its upstreams may take: Envoy takes every output, an
 * ingress before a sidecar routes as the table says, and pieces do so in a configuration of one's own.
 */
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { load } from "js-yaml";
import { afterAll, beforeAll, expect, test } from "vitest";
import { findEnvoy } from "../../scripts/envoy/install.ts";
import { type EnvoyProcess, startConfigured } from "../../scripts/envoy/process.ts";
import { type Headers, send } from "../../scripts/envoy/request.ts";
import { type Seen, startUpstreams, type Upstreams } from "../../scripts/envoy/upstream.ts";
import { projectPath } from "../support/data.ts";
import { valuesOf } from "./farm.ts";

const FARM = `
listeners: { edge: { trust: edge }, mesh: { trust: internal } }
upstreams:
  all: { idle-timeout: 10m, retries: 2 }
  mw-api: { timeout: 60s, retries: 0 }
`;
const VERSIONS = ["1-46-0", "1-47-0-wmf-1", "1-47-0-wmf-2", "1-47-0-wmf-3"];
const CLUSTERS = ["mw-web", "mw-api"].flatMap((name) => VERSIONS.map((version) => `${name}-${version}`));

let envoy: string;
let folder: string;
let upstreams: Upstreams;
beforeAll(async () => {
  envoy = await findEnvoy();
  folder = mkdtempSync(join(tmpdir(), "pointsman-roles-"));
  cpSync(projectPath("examples/small"), join(folder, "farm"), { recursive: true });
  writeFileSync(join(folder, "farm/farm.yaml"), readFileSync(join(folder, "farm/farm.yaml"), "utf8") + FARM);
  upstreams = await startUpstreams([...CLUSTERS, "own"]);
});
afterAll(async () => {
  await upstreams?.stop();
  rmSync(folder, { recursive: true });
});

const SOMEWHERE = ["--fallback", "10.0.0.9:80", "--clusters", "{cluster}.example:80"];

function render(...args: string[]): { code: number | null; out: string; err: string } {
  const cli = [projectPath("build/pointsman.mjs"), "render", "envoy", ...args];
  const options = { cwd: folder, encoding: "utf8", maxBuffer: 2 ** 28 } as const;
  const { status, stdout, stderr } = spawnSync(process.execPath, cli, options);
  return { code: status, out: stdout, err: stderr };
}
const ofFarm = (...args: string[]) => render("--farm", "farm/farm.yaml", ...args);

const routesIn = (text: string) =>
  JSON.parse(text).bootstrap.static_resources.listeners[0].filter_chains[0].filters[0].typed_config
    .route_config.virtual_hosts[0].routes;

test("a role has its listener and its address, and refuses another's", () => {
  const where = (role: string) => {
    const { out } = ofFarm("--role", role, ...SOMEWHERE, "--json");
    const [{ name, address }] = JSON.parse(out).bootstrap.static_resources.listeners;
    return [name, address.socket_address.address, address.socket_address.port_value];
  };
  expect(where("ingress")).toEqual(["edge", "0.0.0.0", 8080]);
  expect(where("sidecar")).toEqual(["mesh", "127.0.0.1", 8080]);
  expect(ofFarm("--role", "sidecar", "--listener", "edge=1", ...SOMEWHERE)).toMatchObject({
    code: 1,
    out: "",
    err: '--role sidecar is for listeners with `trust: internal`, and "edge" has another\n',
  });
});

test("times and retries are the farm's, an option's before them, and none of a table alone", () => {
  const times = (...args: string[]) =>
    routesIn(render(...args, ...SOMEWHERE, "--role", "sidecar", "--json").out).map(
      (one: { name: string; route: { timeout: string; retry_policy?: { num_retries: number } } }) =>
        `${one.name} ${one.route.timeout} ${one.route.retry_policy?.num_retries ?? 0}`,
    );
  const farm = ["--farm", "farm/farm.yaml"];
  expect(times(...farm)).toEqual(["by-header mw-api 60s 0", "by-header 0s 2", "fallback 0s 2"]);
  expect(times(...farm, "--timeout", "mw-api=9s", "--retries", "1")).toEqual([
    "by-header mw-api 9s 0",
    "by-header 0s 1",
    "fallback 0s 1",
  ]);
  const pack = (file: string, out: string) => {
    const args = [projectPath("build/pointsman.mjs"), "pack", "--farm", file, "--out", out, "--strip"];
    expect(spawnSync(process.execPath, args, { cwd: folder }).status).toBe(0);
    return readFileSync(join(folder, out));
  };
  const without = readFileSync(join(folder, "farm/farm.yaml"), "utf8").replace(/^upstreams:\n( .*\n)+/m, "");
  expect(without).not.toContain("retries");
  writeFileSync(join(folder, "farm/without.yaml"), without);
  expect(pack("farm/farm.yaml", "t.table")).toEqual(pack("farm/without.yaml", "without.table"));
  expect(times("--table", "t.table")).toEqual(["by-header 0s 0", "fallback 0s 0"]);
  expect(times("--table", "t.table", ...farm)).toEqual(times(...farm));
  expect(render("--table", "t.table", ...SOMEWHERE).err).toBe(
    "note: a table has no times and no retries: --farm beside --table says the farm's\n",
  );
  expect(render("--table", "t.table", ...farm, ...SOMEWHERE).err).toBe("");
});

test.each([
  ["as it is", []],
  ["TLS", ["--clusters", "https://{cluster}.example:443", "--server-name", "{deployment}.example"]],
  ["a server", ["--xds", "https://xds.example:443", "--node-id", "a", "--node-cluster", "b"]],
  ["in shadow", ["--shadow"]],
  ["all else", ["--websockets", "--health-path", "/healthz", "--access-log", "all", "--retries", "mw-web=3"]],
  ["native", ["--native"]],
])("Envoy takes what both roles write: %s", (_, args) => {
  for (const role of ["sidecar", "ingress"]) {
    const out = join(folder, `valid-${role}`);
    expect(ofFarm("--role", role, ...SOMEWHERE, ...args, "--out", out)).toMatchObject({ code: 0, err: "" });
    const { status, stderr } = spawnSync(envoy, ["--mode", "validate", "-c", join(out, "envoy.yaml")], {
      encoding: "utf8",
    });
    expect(status, stderr).toBe(0);
  }
});

async function start(file: string): Promise<EnvoyProcess> {
  return startConfigured(join(folder, file), { envoy });
}

async function ask(to: EnvoyProcess, listener: string, host: string, headers: Headers = []): Promise<Seen> {
  return JSON.parse((await send({ port: to.ports[listener]!, host, path: "/wiki/x", headers })).body);
}

const addressOf = (name: string) => `127.0.0.1:${upstreams.clusters.find((one) => one.name === name)!.port}`;
const ADDRESSES = () => CLUSTERS.flatMap((name) => ["--cluster", `${name}=${addressOf(name)}`]);
const HERE = ["--admin-port", "0"];

const WIKIS = [
  ["test.wikipedia.org", "mw-web-1-47-0-wmf-3"],
  ["de.wikipedia.org", "mw-web-1-47-0-wmf-1"],
  ["handbook.example.com", "mw-web-1-46-0"],
  ["commons.wikimedia.org", "mw-web-1-47-0-wmf-2"],
  ["a.internal", "own"],
] as const;
const CLAIMS: Headers = [
  ["X-MW-Cluster", "mw-api-1-46-0"],
  ["x_mw_cluster", "mw-api-1-46-0"],
  ["x-forwarded-for", "192.0.2.1"],
];

test("an ingress before a sidecar: each decides by the table, and no client for them", async () => {
  const sidecar = ["--role", "sidecar", "--listener", "mesh=0", "--fallback", addressOf("own")];
  expect(ofFarm(...sidecar, ...ADDRESSES(), ...HERE, "--out", "sidecar")).toMatchObject({ code: 0, err: "" });
  const mesh = await start("sidecar/envoy.yaml");
  const to = `127.0.0.1:${mesh.ports.mesh}`;
  const ingress = ["--role", "ingress", "--listener", "edge=127.0.0.1:0", "--fallback", to];
  // Every cluster of the ingress is the sidecar, which decides anew.
  expect(ofFarm(...ingress, "--clusters", to, ...HERE, "--out", "ingress")).toMatchObject({
    code: 0,
    err: "",
  });
  const edge = await start("ingress/envoy.yaml");
  try {
    for (const [host, cluster] of WIKIS) {
      for (const headers of [[], CLAIMS]) {
        const seen = await ask(edge, "edge", host, headers);
        expect([host, seen.cluster]).toEqual([host, cluster]);
        expect(valuesOf(seen.headers, "x-mw-cluster")).toEqual(cluster === "own" ? [] : [cluster]);
        expect(valuesOf(seen.headers, "x-forwarded-for")).toEqual(["127.0.0.1"]);
      }
    }
    const passed = await edge.stats("cluster.mw-web-1-47-0-wmf-3.upstream_rq_completed");
    expect(Object.values(passed)).toEqual([2]);
  } finally {
    await edge.stop();
    await mesh.stop();
  }
});

test("a request that upstream has not got is sent again, and one that it has answered is not", async () => {
  const gone = ["--cluster", "mw-web-1-46-0=127.0.0.1:9", "--cluster", "mw-api-1-46-0=127.0.0.1:9"];
  const args = ["--role", "sidecar", "--listener", "mesh=0", "--fallback", addressOf("own"), ...ADDRESSES()];
  expect(ofFarm(...args, ...gone, ...HERE, "--out", "retries").code).toBe(0);
  const mesh = await start("retries/envoy.yaml");
  try {
    for (const [path, retries] of [
      ["/wiki/x", 2],
      ["/w/api.php", 0],
    ] as const) {
      const host = "handbook.example.com";
      const { status } = await send({ port: mesh.ports.mesh!, host, path });
      expect(status).toBe(503);
      const name = retries > 0 ? "mw-web" : "mw-api";
      expect(Object.values(await mesh.stats(`cluster.${name}-1-46-0.upstream_rq_retry$`))).toEqual([retries]);
    }
    const before = upstreams.counts()["mw-web-1-47-0-wmf-3"]!;
    await ask(mesh, "mesh", "test.wikipedia.org");
    expect(upstreams.counts()["mw-web-1-47-0-wmf-3"]).toBe(before + 1);
  } finally {
    await mesh.stop();
  }
});

/** An Envoy that somebody has had all along. */
const OWN = (port: number) => ({
  admin: { address: { socket_address: { address: "127.0.0.1", port_value: 0 } } },
  static_resources: {
    listeners: [
      {
        name: "mine",
        address: { socket_address: { address: "127.0.0.1", port_value: 0 } },
        filter_chains: [
          {
            filters: [
              {
                name: "envoy.filters.network.http_connection_manager",
                typed_config: {
                  "@type":
                    "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
                  stat_prefix: "mine",
                  http_filters: [
                    {
                      name: "envoy.filters.http.router",
                      typed_config: {
                        "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router",
                      },
                    },
                  ],
                  route_config: {
                    virtual_hosts: [
                      {
                        name: "all",
                        domains: ["*"],
                        routes: [{ match: { prefix: "/" }, route: { cluster: "mine" } }],
                      },
                    ],
                  },
                },
              },
            ],
          },
        ],
      },
    ],
    clusters: [
      {
        name: "mine",
        type: "STATIC",
        load_assignment: {
          cluster_name: "mine",
          endpoints: [
            {
              lb_endpoints: [
                { endpoint: { address: { socket_address: { address: "127.0.0.1", port_value: port } } } },
              ],
            },
          ],
        },
      },
    ],
  },
});

test("pieces, each pasted where it says, make another's Envoy route by the table", async () => {
  const args = ["--role", "ingress", "--listener", "edge=1", "--fallback", "127.0.0.1:9", ...ADDRESSES()];
  const made = ofFarm(...args, "--pieces", "--out", "pasted");
  expect(made).toMatchObject({ code: 0, err: "" });
  expect(made.out).not.toContain("envoy.yaml");
  const piece = (name: string) => {
    const text = readFileSync(join(folder, "pasted/pieces", `${name}.yaml`), "utf8");
    expect(text).toMatch(/^# (the |its |beside |static_resources)/);
    return load(text) as never;
  };
  const own = OWN(upstreams.clusters.find(({ name }) => name === "own")!.port);
  Object.assign(own, piece("bootstrap"));
  own.static_resources.clusters.push(...(piece("clusters") as object[] as never[]));
  const listener = own.static_resources.listeners[0]!;
  Object.assign(listener, piece("edge-listener"));
  const manager = listener.filter_chains[0]!.filters[0]!.typed_config;
  Object.assign(manager, piece("edge-connection-manager"));
  manager.http_filters.unshift(...(piece("edge-http-filters") as never[]));
  Object.assign(manager.route_config, piece("edge-route-config"));
  manager.route_config.virtual_hosts[0]!.routes.unshift(...(piece("edge-routes") as never[]));
  expect(piece("edge-fallback")).toMatchObject([{ name: "fallback" }]);
  writeFileSync(join(folder, "pasted/own.json"), JSON.stringify(own));
  const mine = await start("pasted/own.json");
  try {
    for (const [host, cluster] of WIKIS) {
      for (const headers of [[], CLAIMS]) {
        const seen = await ask(mine, "mine", host, headers);
        expect([host, seen.cluster]).toEqual([host, cluster]);
      }
    }
  } finally {
    await mine.stop();
  }
});
