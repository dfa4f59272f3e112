/** The commands of docs/kubernetes.md, and a running Envoy whose ConfigMaps the kubelet mounts and swaps. */
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { findEnvoy } from "../../scripts/envoy/install.ts";
import { type EnvoyProcess, startConfigured } from "../../scripts/envoy/process.ts";
import { send } from "../../scripts/envoy/request.ts";
import { type Seen, startUpstreams, type Upstreams } from "../../scripts/envoy/upstream.ts";
import { parseTableMap } from "../../scripts/render/configmap.ts";
import { projectPath } from "../support/data.ts";
import { blocks, readDoc } from "../support/documents.ts";
import { project } from "../support/kubelet.ts";

const document = readDoc("kubernetes.md");
const command = (mark: string) => blocks(document, `sh ${mark}`)[0]!;
const VERSIONS = ["1-46-0", "1-47-0-wmf-1", "1-47-0-wmf-2", "1-47-0-wmf-3"];
const CLUSTERS = ["mw-web", "mw-api"].flatMap((name) => VERSIONS.map((version) => `${name}-${version}`));

let upstreams: Upstreams;
let folder: string;
let envoy: EnvoyProcess | null = null;
beforeAll(async () => {
  upstreams = await startUpstreams([...CLUSTERS, "static"]);
});
afterAll(() => upstreams?.stop());
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "pointsman-kubernetes-"));
  for (const name of ["small", "helm"])
    cpSync(projectPath(`examples/${name}`), join(folder, "examples", name), { recursive: true });
});
afterEach(async () => {
  await envoy?.stop();
  envoy = null;
  rmSync(folder, { recursive: true });
});

/**
 * Runs commands of the document. What needs a cluster is written down in its place, and the admin interface is our Envoy's.
 * @returns lines of what was asked of kubectl and others
 */
function follow(commands: string): string[] {
  const shell = `set -euo pipefail
pointsman() { node "${projectPath("build/pointsman.mjs")}" "$@"; }
for name in kubectl helm curl; do eval "$name() { echo \\"asked: $name \\$*\\"; }"; done
`;
  const text = commands
    .replace(/ &$/gm, "")
    .replaceAll("http://127.0.0.1:9901", `http://127.0.0.1:${envoy?.adminPort ?? 9}`);
  const options = { cwd: folder, encoding: "utf8", env: { ...process.env, POINTSMAN_WHO: "me" } } as const;
  const { status, stdout, stderr } = spawnSync("bash", ["-c", shell + text], options);
  expect(status, stdout + stderr).toBe(0);
  return stdout.split("\n").filter((line) => line.startsWith("asked: "));
}

const RENDERED = "wikis/pointsman";
const manifest = (name: string) => readFileSync(join(folder, RENDERED, `${name}.json`), "utf8");

/** The pod's paths are our folder's, and the cluster's addresses our upstreams'. */
function local(text: string): string {
  const ported = upstreams.clusters.reduce(
    (sum, { name, port }) =>
      sum.replaceAll(
        new RegExp(`"${name}\\.mw\\.svc\\.cluster\\.local",\\s*"port_value": 80[0-9]+`, "g"),
        `"127.0.0.1", "port_value": ${port}`,
      ),
    text,
  );
  return ported
    .replaceAll("/etc/pointsman", join(folder, "mounts"))
    .replaceAll(/"0\.0\.0\.0",\s*"port_value": 8080/g, '"127.0.0.1", "port_value": 0')
    .replaceAll('"port_value": 9901', '"port_value": 0');
}

function mount(name: "table" | "envoy" | "filter", text = manifest(name)): void {
  project(JSON.parse(text), join(folder, "mounts", name), local);
}

async function start(): Promise<void> {
  envoy = await startConfigured(join(folder, "mounts/envoy/envoy.json"), { envoy: await findEnvoy() });
}

async function ask(host: string, headers: [string, string][] = []): Promise<string> {
  const { body } = await send({ port: envoy!.ports.main!, host, path: "/wiki/x", headers });
  return (JSON.parse(body) as Seen).cluster;
}

const serves = (generation: number) =>
  envoy!.waitForStat(
    "wasmcustom.pointsman.generation.listener.main",
    (value) => Number(value) === generation,
    10_000,
  );

function move(wiki: string, version: string): void {
  const file = join(folder, "examples/small/wikiversions.json");
  writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, "utf8")), [wiki]: version }));
}

/** Everything that a pod's template has of the maps. */
const podOf = () => [
  JSON.parse(manifest("envoy")).metadata.annotations,
  JSON.parse(manifest("filter")).metadata.name,
];

test("from nothing to a routed request, and to the next table while Envoy runs", async () => {
  expect(follow(command("kubernetes")).at(-1)).toContain("asked: curl -H Host: test.wikipedia.org ");
  for (const name of ["filter", "table", "envoy"] as const) mount(name);
  await start();
  expect(await ask("test.wikipedia.org")).toBe("mw-web-1-47-0-wmf-3");
  expect(await ask("de.wikipedia.org", [["x-mw-cluster", "mw-api-1-46-0"]])).toBe("mw-web-1-47-0-wmf-1");
  expect(await ask("a.internal", [["x-mw-cluster", "mw-api-1-46-0"]])).toBe("static");
  // Gauges come with the filter's first tick.
  await serves(1);
  follow(command("kubernetes-push"));
  expect(parseTableMap(manifest("table")).generation).toBe(1);
  const pod = podOf();
  const others = [manifest("envoy"), manifest("filter")];
  for (const [generation, version] of [
    [2, "1.47.0-wmf.2"],
    [3, "1.47.0-wmf.1"],
  ] as const) {
    move("testwiki", `php-${version}`);
    const [push, status] = command("kubernetes-table").split(/^kubectl.*\n/m);
    expect([push, status]).toEqual([expect.stringContaining("push"), expect.stringContaining("status")]);
    follow(push!);
    mount("table");
    await serves(generation);
    follow(status!);
    expect(await ask("test.wikipedia.org")).toBe(`mw-web-${version.replaceAll(".", "-")}`);
  }
  expect([manifest("envoy"), manifest("filter")]).toEqual(others);
  // Rendered anew with the newest table, pods have nothing new either.
  follow(command("kubernetes"));
  expect(parseTableMap(manifest("table")).generation).toBe(3);
  expect(manifest("envoy")).not.toBe(others[0]);
  expect(podOf()).toEqual(pod);
});

test("a table that the filter refuses changes nothing, also for an Envoy that starts then", async () => {
  follow(command("kubernetes"));
  for (const name of ["filter", "table", "envoy"] as const) mount(name);
  await start();
  const refused = () => envoy!.stats("pointsman.update_rejected").then((all) => Object.values(all)[0]);
  const good = manifest("table");
  const map = JSON.parse(good);
  // A byte of the table is another one.
  map.data["main.json"] = map.data["main.json"].replace(
    /(UE5UU.{200})(.)/,
    (_: string, before: string, one: string) => before + (one === "A" ? "B" : "A"),
  );
  mount("table", JSON.stringify(map));
  await envoy!.waitForStat(
    "extension_config_discovery.http_filter.pointsman.update_rejected",
    (value) => Number(value) === 1,
  );
  expect(await ask("test.wikipedia.org")).toBe("mw-web-1-47-0-wmf-3");
  await envoy!.stop();
  await start();
  expect(await refused()).toBe(1);
  expect(await ask("test.wikipedia.org")).toBe("mw-web-1-47-0-wmf-3");
  move("testwiki", "php-1.47.0-wmf.2");
  follow(
    command("kubernetes-table")
      .replace(/^pointsman status.*$/m, "")
      .replace("push", "push --generation 2"),
  );
  mount("table");
  await serves(2);
  expect(await ask("test.wikipedia.org")).toBe("mw-web-1-47-0-wmf-2");
});
