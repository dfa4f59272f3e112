/** istioctl's opinion of what `render istio` writes: of the files alone, and of all that is applied. */
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, inject, it } from "vitest";
import { folder, read, run, SMALL, setUpCli } from "../support/cli.ts";
import { registerGateway } from "./gateway.ts";
import { Kubernetes, type Manifest } from "./kubernetes.ts";
import { applyAll, render } from "./rendered.ts";

setUpCli();

const istio = inject("istio");

const OPTIONS = [
  ...[...SMALL, "--istio", "1.31", "--listener", "main=8080"],
  ...["--clusters", "https://{cluster}.example.org:4450", "--fallback", "10.0.0.9:8085"],
];
const MODULE = ["--module", "https://modules.example.org/pointsman.wasm"];
const WAYS = [
  ["envoyfilter", MODULE],
  ["envoyfilter-routes", ["--routes", "envoyfilter", ...MODULE]],
  ["wasmplugin", ["--as", "wasmplugin", ...MODULE]],
  ["trafficextension", ["--as", "trafficextension", ...MODULE]],
  ["native", ["--native"]],
] as const;

/** Each message: its code, and of what. */
function analyze(...args: string[]): string[] {
  const { status, stdout, stderr } = spawnSync(
    istio!.programs.istioctl,
    ["analyze", "--output", "json", "--failure-threshold", "Info", ...args],
    { cwd: folder, encoding: "utf8", env: { HOME: folder } },
  );
  if (stdout.trim() === "") throw new Error(`istioctl ${status}: ${stderr}`);
  const messages = JSON.parse(stdout) as { code: string; origin: string }[] | null;
  return (messages ?? []).map(({ code, origin }) => `${code} ${origin.replace(/ .*\//, " ")}`).sort();
}

/** Without --all-namespaces it tells what is in `default`, where nothing is. */
const ofFiles = (...files: string[]) => analyze("--use-kube=false", "--all-namespaces", ...files);

/** What it says of every EnvoyFilter that there is: docs/istio.md. */
function warnings(manifests: readonly Manifest[]): string[] {
  const filters = manifests.filter(({ kind }) => kind === "EnvoyFilter");
  return filters.map(({ metadata }) => `IST0133 EnvoyFilter ${metadata.name}`).sort();
}

describe.skipIf(istio === null)("istioctl analyze", () => {
  it.each(WAYS)("says of the files only that an EnvoyFilter is one: %s", (name, how) => {
    expect(run(["render", "istio", ...OPTIONS, ...how, "--out", name]).code).toBe(0);
    const files = ["routes.yaml", "filter-main.yaml"].map((file) => join(name, file));
    expect(ofFiles(...files)).toEqual(warnings(render(...OPTIONS, ...how)));
  });

  it("would say it: an EnvoyFilter without a priority", () => {
    run(["render", "istio", ...OPTIONS, ...MODULE, "--out", "istio"]);
    const filter = read("istio/filter-main.yaml")
      .toString()
      .replace(/^ *priority: .*\n/m, "");
    writeFileSync(join(folder, "istio/filter-main.yaml"), filter);
    const said = ofFiles("istio/filter-main.yaml");
    expect(said).toEqual(["IST0133 EnvoyFilter pointsman-main", "IST0151 EnvoyFilter pointsman-main"]);
  });

  it.each(WAYS)("says in the cluster only that an EnvoyFilter is one: %s", async (way, how) => {
    const name = `analyze-${way}`;
    const kubernetes = new Kubernetes(istio!.apiserver);
    await registerGateway(kubernetes, name, 8080);
    const manifests = render(...OPTIONS, ...how, "--namespace", name, "--selector", `istio=${name}`);
    await applyAll(kubernetes, manifests);
    const said = analyze("--kubeconfig", istio!.kubeconfig, "--namespace", name);
    expect(said).toEqual(warnings(manifests));
  });
});
