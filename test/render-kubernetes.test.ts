/**
 * `pointsman render kubernetes`: what it writes, by golden files and the schemas of Kubernetes' objects; what examples/helm
 * makes of it, by the real helm where `npm run test:istio` has built it.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { load, loadAll } from "js-yaml";
import { Deployment } from "kubernetes-models/apps/v1";
import { ConfigMap, Service } from "kubernetes-models/v1";
import { describe, expect, it } from "vitest";
import { filter } from "../scripts/filter.ts";
import { CONFIGMAP_BYTES_AT_MOST, type ConfigMap as Manifest } from "../scripts/render/configmap.ts";
import { edit, folder, packSmall, promote, type Ran, read, run, SMALL, setUpCli } from "./support/cli.ts";
import { projectPath } from "./support/data.ts";
import { blocks, code, readDoc, rows } from "./support/documents.ts";

setUpCli();

const ADDRESSES = ["--clusters", "{cluster}.mw.svc.cluster.local:8080", "--fallback", "10.0.0.9:8085"];
const LISTENER = ["--listener", "main=0.0.0.0:8080"];
const NAMES = ["table", "envoy", "filter"] as const;

const render = (...args: string[]): Ran => run(["render", "kubernetes", ...SMALL, ...ADDRESSES, ...args]);
const push = () =>
  run(
    ["push", ...SMALL, "--store", "store", "--yes", "--reason", "x", "--target", "configmap=made/table.json"],
    {
      env: { POINTSMAN_WHO: "me" },
    },
  );
const made = (name: (typeof NAMES)[number]) => JSON.parse(read(`made/${name}.json`).toString()) as Manifest;

/** Without texts that are files of their own, and what differs from build to build. */
const shown = (text: string) =>
  text
    .replace(/"(envoy|main)\.json": "(?:[^"\\]|\\.)*"/g, '"$1.json": "TEXT"')
    .replace(/[A-Za-z0-9+/]{200,}=*/g, "BYTES")
    .replace(/\b[0-9a-f]{32}\b|\b[0-9a-f]{16}\b/g, "HEX");

describe("the manifests", () => {
  it("are as the golden files have them, but for tables and the filter", async () => {
    expect(render(...LISTENER, "--namespace", "mw", "--out", "made").code).toBe(0);
    for (const name of NAMES)
      await expect(shown(read(`made/${name}.json`).toString())).toMatchFileSnapshot(
        `render-kubernetes/${name}.json`,
      );
  });

  it("start the Envoy that `render envoy` does, from the mounts", () => {
    render(...LISTENER, "--out", "made");
    const envoy = run([
      "render",
      "envoy",
      ...SMALL,
      ...ADDRESSES,
      ...LISTENER,
      "--json",
      "--root",
      "/etc/envoy",
    ]);
    const { bootstrap, filters } = JSON.parse(
      envoy.out
        .replaceAll("/etc/envoy/pointsman/main/pointsman.json", "/etc/pointsman/table/main.json")
        .replaceAll("/etc/envoy/pointsman/main", "/etc/pointsman/table")
        .replaceAll("/etc/envoy/pointsman.wasm", "/etc/pointsman/filter/pointsman.wasm"),
    );
    expect(JSON.parse(made("envoy").data!["envoy.json"]!)).toEqual(bootstrap);
    expect(JSON.parse(made("table").data!["main.json"]!)).toEqual(filters["/etc/pointsman/table/main.json"]);
  });

  it("are ConfigMaps by Kubernetes' own schema, which a wrong one is not", () => {
    const { items } = JSON.parse(render().out) as { items: Manifest[] };
    expect(items.map(({ metadata }) => metadata.name)).toEqual([
      "pointsman-table",
      "pointsman-envoy",
      expect.stringMatching(/^pointsman-filter-[0-9a-f]{16}$/),
    ]);
    for (const one of items) new ConfigMap(one).validate();
    expect(() => new ConfigMap({ ...items[0]!, data: { x: 1 } } as never).validate()).toThrow("data");
  });

  it("have the table and the filter byte for byte, and labels that say which table it is", () => {
    expect(packSmall("small.table", "--strip").code).toBe(0);
    render("--out", "made");
    const { metadata, binaryData } = made("table");
    expect(Buffer.from(binaryData!["pointsman.table"]!, "base64")).toEqual(read("small.table"));
    expect(Buffer.from(made("filter").binaryData!["pointsman.wasm"]!, "base64")).toEqual(Buffer.from(filter));
    const said = JSON.parse(run(["inspect", "small.table", "--json"]).out);
    expect(metadata.labels).toEqual({ "pointsman-generation": "1", "pointsman-digest": said.digest });
    // What Kubernetes takes as a label's value.
    for (const value of Object.values(metadata.labels!)) expect(value).toMatch(/^[a-z0-9]{1,63}$/);
  });

  it("have nothing new for pods with another table, and another annotation with another listener", () => {
    render("--out", "made");
    const before = NAMES.map(made);
    promote();
    render("--out", "other");
    const annotation = (map: Manifest) => map.metadata.annotations!["pointsman-configuration"];
    const other = JSON.parse(read("other/envoy.json").toString());
    expect(other).not.toEqual(before[1]);
    expect(annotation(other)).toBe(annotation(before[1]!));
    expect(JSON.parse(read("other/filter.json").toString())).toEqual(before[2]);
    for (const more of [LISTENER, ["--timeout", "9s"], ["--max-heap", "2GiB"]]) {
      render("--out", "made", ...more);
      expect(annotation(made("envoy"))).not.toBe(annotation(before[1]!));
    }
  });

  it("say how much is left, warn before it is too late, and are refused where it is too much", () => {
    const said = /^pointsman-table: (\d+) of the 1048576 bytes of a ConfigMap, (\d+) are left$/m;
    const [, bytes, left] = said.exec(render().err)!;
    expect(Number(bytes) + Number(left)).toBe(CONFIGMAP_BYTES_AT_MOST);
    // Names that have no beginning in common, or a table would keep it once.
    const hash = (i: number) => createHash("sha256").update(`${i}`).digest("hex").slice(0, 60);
    const hosts = (count: number) => {
      const lines = Array.from({ length: count }, (_, i) => `${hash(i)}.example\tenwiki\n`);
      writeFileSync(join(folder, "farm/hosts.tsv"), lines.join(""));
    };
    edit("farm.yaml", "hosts:\n", "hosts-file: hosts.tsv\nhosts:\n");
    hosts(5_700);
    expect(render()).toMatchObject({ code: 0, err: expect.stringContaining("warning: pointsman-table: ") });
    hosts(8_000);
    expect(render()).toMatchObject({
      code: 1,
      out: "",
      err: expect.stringMatching(
        /pointsman-table: \d+ bytes, and Kubernetes takes at most 1048576 in a ConfigMap/,
      ),
    });
  });
});

describe("rendered anew", () => {
  it("a map keeps the table that pushes have brought, and takes all else", () => {
    render("--out", "made");
    expect(push().code).toBe(0);
    promote();
    expect(push().code).toBe(0);
    const pushed = made("table");
    expect(pushed.metadata.labels!["pointsman-generation"]).toBe("2");
    const again = render("--out", "made");
    expect(made("table")).toEqual(pushed);
    expect(again.err).not.toContain("goes on having");
    edit("wikiversions.json", '"testwiki": "php-1.47.0-wmf.2"', '"testwiki": "php-1.47.0-wmf.1"');
    expect(render("--out", "made", "--primary", "codfw").err).toContain(
      "made/table.json: goes on having its table, of generation 2: `push` brings another\n",
    );
    expect(made("table").metadata.labels).toEqual(pushed.metadata.labels);
    expect(made("table").binaryData).toEqual(pushed.binaryData);
    expect(made("table").data).not.toEqual(pushed.data);
    writeFileSync(join(folder, "made/table.json"), "{}");
    expect(render("--out", "made")).toMatchObject({
      code: 1,
      err: expect.stringContaining("no ConfigMap with a table"),
    });
  });
});

/** Helm, as `npm run test:istio` builds it. */
const helm = ["helm-v3.22.0"].map((name) => projectPath(`.venv/${name}/helm`)).find(existsSync);
const GOLDEN = projectPath("test/render-kubernetes/helm.yaml");

describe("examples/helm", () => {
  it.skipIf(helm === undefined)("is as helm renders it (npm run test:istio builds helm)", async () => {
    cpSync(projectPath("examples/helm"), join(folder, "helm"), { recursive: true });
    rmSync(join(folder, "helm/pointsman"), { recursive: true, force: true });
    const ran = (...args: string[]) =>
      spawnSync(helm!, [...args, "helm", "--kube-version", "1.31"], { cwd: folder, encoding: "utf8" });
    expect(ran("template", "wikis").stderr).toContain(
      "pointsman/envoy.json is missing: pointsman render kubernetes",
    );
    render(...LISTENER, "--out", "helm/pointsman");
    expect(ran("lint", "--strict").status).toBe(0);
    const stages = [
      "--set",
      "stages.canary.replicas=1",
      "--set",
      "stages.canary.table=pointsman-canary-table",
    ];
    const { stdout, stderr, status } = ran("template", "wikis", ...stages);
    expect(status, stderr).toBe(0);
    await expect(shown(stdout)).toMatchFileSnapshot(GOLDEN);
    const maps = loadAll(stdout).filter((one) => (one as Manifest).kind === "ConfigMap") as Manifest[];
    expect(maps).toEqual(
      ["filter", "envoy", "table"].map((name) => JSON.parse(read(`helm/pointsman/${name}.json`).toString())),
    );
    expect(ran("template", "wikis", "--set", "pointsman.imge=x").stderr).toContain("'imge' not allowed");
    // A sidecar's listener is for its pod: nobody outside is told of it.
    edit("farm.yaml", "pass-through:", "listeners: { main: { trust: internal } }\npass-through:");
    rmSync(join(folder, "helm/pointsman"), { recursive: true });
    render("--role", "sidecar", "--out", "helm/pointsman");
    const sidecar = ran("template", "wikis").stdout;
    expect(sidecar).not.toMatch(/^kind: Service$|readinessProbe|containerPort/m);
    expect(sidecar).toMatch(/^kind: Deployment$/m);
  });

  it("is of Kubernetes' own schema: a Deployment for each stage, with a table of its own, and a Service", () => {
    const objects = loadAll(readFileSync(GOLDEN).toString()) as {
      kind: string;
      metadata: { name: string };
    }[];
    const named = objects.map(({ kind, metadata }) => `${kind} ${metadata.name}`);
    expect(named.slice(2)).toEqual([
      "ConfigMap pointsman-table",
      "Service wikis",
      "Deployment wikis-all",
      "Deployment wikis-canary",
    ]);
    for (const one of objects.slice(3))
      (one.kind === "Service" ? new Service(one as object) : new Deployment(one as object)).validate();
    const pods = objects.slice(4).map((one) => new Deployment(one as object).spec!.template.spec!);
    expect(pods.map(({ volumes }) => volumes![0]!.configMap!.name)).toEqual([
      "pointsman-table",
      "pointsman-canary-table",
    ]);
    for (const { containers } of pods) {
      const { volumeMounts } = containers[1]!;
      expect(volumeMounts!.some((mount) => "subPath" in mount)).toBe(false);
    }
  });

  it("has a row in docs/kubernetes.md for each value, with its default", () => {
    const values = load(readFileSync(projectPath("examples/helm/values.yaml")).toString()) as {
      pointsman: Record<string, unknown>;
    };
    const stated = rows(readDoc("kubernetes.md"), "value", "default", "meaning");
    const ofModule = stated.filter(({ value }) => value!.includes("pointsman."));
    expect(ofModule.map(({ value }) => code(value!))).toEqual(
      Object.keys(values.pointsman).map((key) => `pointsman.${key}`),
    );
    for (const [i, value] of Object.values(values.pointsman).entries()) {
      const { default: said } = ofModule[i]!;
      if (typeof value !== "object") expect(said).toBe(value === "" ? "(empty)" : `\`${value}\``);
    }
    const [module] = blocks(readDoc("kubernetes.md"), "yaml helm-module");
    const templates = readFileSync(projectPath("examples/helm/templates/_pointsman.tpl")).toString();
    for (const [, name] of module!.matchAll(/include "(\S+)"/g))
      expect(templates).toContain(`define "${name}"`);
  });
});
