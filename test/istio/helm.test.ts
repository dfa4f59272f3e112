/** The chart of examples/helm, by the real helm and kube-apiserver: the table arrives byte for byte. */
import { spawnSync } from "node:child_process";
import { cpSync } from "node:fs";
import { join } from "node:path";
import { loadAll } from "js-yaml";
import { describe, expect, inject, it } from "vitest";
import { folder, packSmall, promote, read, run, SMALL, setUpCli } from "../support/cli.ts";
import { projectPath } from "../support/data.ts";
import { Kubernetes, type Manifest } from "./kubernetes.ts";

setUpCli();

const istio = inject("istio");

function helm(...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(istio!.programs.helm, args, {
    cwd: folder,
    encoding: "utf8",
    maxBuffer: 2 ** 28,
    env: { HOME: folder, KUBECONFIG: istio!.kubeconfig },
  });
  if (status !== 0) throw new Error(`helm ${args.join(" ")}: ${stdout}${stderr}`);
  return stdout;
}

const TABLE = "wikis/pointsman/table.json";
const PUSH = ["push", ...SMALL, "--store", "s", "--target", `configmap=${TABLE}`, "--yes", "--reason", "x"];

describe.skipIf(istio === null)("helm", () => {
  it("lints, templates, installs and upgrades the chart", async () => {
    cpSync(projectPath("examples/helm"), join(folder, "wikis"), { recursive: true });
    const at = ["--clusters", "{cluster}.mw.svc.cluster.local:8080", "--fallback", "10.0.0.9:8085"];
    const render = ["render", "kubernetes", ...SMALL, ...at, "--listener", "main=0.0.0.0:8080"];
    expect(run([...render, "--out", "wikis/pointsman"]).code).toBe(0);

    expect(helm("lint", "--strict", "./wikis")).toContain("1 chart(s) linted, 0 chart(s) failed");
    // This helm was built without a default of its own.
    const templated = loadAll(helm("template", "wikis", "./wikis", "--kube-version", "1.37"));
    const kinds = (templated as (Manifest | null)[]).map((one) => one?.kind);
    expect(kinds).toEqual(expect.arrayContaining(["ConfigMap", "Deployment", "Service"]));
    helm("install", "wikis", "./wikis", "--namespace", "helm", "--create-namespace");

    const kubernetes = new Kubernetes(istio!.apiserver);
    const of = (kind: string, name: string) => {
      const apiVersion = kind === "Deployment" ? "apps/v1" : "v1";
      return kubernetes.get({ apiVersion, kind, metadata: { name, namespace: "helm" } });
    };
    /** The map's table is the one that `pack` makes. */
    const holds = async (generation: number) => {
      packSmall("t.table", "--generation", String(generation), "--strip");
      const map = (await of("ConfigMap", "pointsman-table")) as Manifest & {
        binaryData: Record<string, string>;
      };
      expect(map.metadata.labels).toMatchObject({ "pointsman-generation": String(generation) });
      expect(Buffer.from(map.binaryData["pointsman.table"]!, "base64")).toEqual(read("t.table"));
    };
    await holds(1);
    const template = async () => JSON.stringify((await of("Deployment", "wikis-all"))!.spec);
    const before = await template();

    promote();
    expect(run([...PUSH, "--generation", "2"]).code).toBe(0);
    helm("upgrade", "wikis", "./wikis", "--namespace", "helm");
    await holds(2);
    // No pod is made anew for a table.
    expect(await template()).toBe(before);
  });
});
