/** `pointsman push --target istio=FOLDER`: the manifests that `render istio` has written get the table, nothing else. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { load } from "js-yaml";
import { describe, expect, it } from "vitest";
import { parseIstioFile } from "../scripts/render/istio/manifest-file.ts";
import { Table } from "../scripts/table/table.ts";
import { edit, folder, packSmall, promote, read, run, SMALL, setUpCli } from "./support/cli.ts";

setUpCli();

const RENDER = [
  ...["render", "istio", ...SMALL, "--istio", "1.31", "--module", "https://m.example/pointsman.wasm"],
  ...["--clusters", "{cluster}.mw.svc.cluster.local:8080", "--fallback", "10.0.0.9:8085", "--out", "istio"],
];

const push = (...more: string[]) =>
  run(["push", ...SMALL, "--store", "s", "--target", "istio=istio", "--yes", "--reason", "x", ...more]);
const held = (name: string) => parseIstioFile(read(`istio/${name}`).toString(), name).plugins[0]!;

describe("the table alone is changed", () => {
  it.each([
    ["envoyfilter", "yaml"],
    ["wasmplugin", "yaml"],
    ["trafficextension", "json"],
  ])("of a %s in %s", (as, type) => {
    const name = `filter-main.${type}`;
    expect(run([...RENDER, "--as", as, ...(type === "json" ? ["--json"] : [])]).code).toBe(0);
    const before = read(`istio/${name}`).toString();
    promote();
    const { code, out } = push("--generation", "7");
    expect(code).toBe(0);
    expect(out).toContain(
      `istio=istio: 1 file written; then: kubectl apply --server-side -f istio/${name}\n`,
    );
    packSmall("new.table", "--generation", "7", "--strip");
    const { digest } = new Table(read("new.table"));
    expect(held(name)).toMatchObject({ listener: "main", attempt: 7, clusterHeader: "x-mw-cluster" });
    expect(held(name).table).toMatchObject({ generation: 7, digest });
    const labels = (text: string) => text.match(/pointsman-(generation|digest).*$/gm);
    const after = read(`istio/${name}`).toString();
    expect(labels(after)![0]).toMatch(/7/);
    expect(labels(after)![1]).toContain(digest);
    const blank = (text: string) =>
      text
        .replace(/[A-Za-z0-9+/=]{100,}/g, "TABLE")
        .replace(/(pointsman-(?:generation|digest)"?: ).*$/gm, "$1?")
        .replace(/("?attempt"?: )\d+/, "$1?");
    expect(blank(after)).toBe(blank(before));
    expect(after).not.toBe(before);
    // The same push again writes the same bytes, which GitOps takes for no change.
    expect(push().code).toBe(0);
    expect(read(`istio/${name}`).toString()).toBe(after);
  });
});

describe("it is refused, and nothing is written,", () => {
  const refused = (why: string) => {
    const { code, err } = push();
    expect(code).toBe(1);
    expect(err).toContain(why);
  };

  it("where the manifest has a newer table", () => {
    packSmall("newer.table", "--generation", "9");
    run(["render", "istio", "--table", "newer.table", ...RENDER.slice(4)]);
    refused("istio/filter-main.yaml: has generation 9, and the table is older: 1");
  });

  it("where the table lacks the manifest's listener", () => {
    run(RENDER);
    edit("farm.yaml", "deployments:", "listeners: { edge: { trust: edge } }\ndeployments:");
    refused('istio/filter-main.yaml: is for listener "main", and the table: ');
  });

  it("where there is no such file, or nothing in it", () => {
    refused("istio: cannot be read: there is no such file");
    run(RENDER);
    writeFileSync(join(folder, "istio/filter-main.yaml"), read("istio/routes.yaml"));
    refused(
      "istio/filter-main.yaml: there is no filter in it with a place for its table; `pointsman render istio",
    );
    expect(load(read("istio/filter-main.yaml").toString().split("---")[0]!)).toBeDefined();
  });
});
