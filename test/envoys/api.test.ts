/**
 * `render envoy --envoy VERSION` by the API of that version: a real Envoy refuses a configuration with a field that it
 * does not know. PyPI has no Envoy before 1.36.2, but Go's modules have the API of each.
 */
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ENVOY_VERSIONS, type EnvoyVersion } from "../../scripts/render/envoy-version.ts";
import { projectPath } from "../support/data.ts";
import { binaryOf, buildGo, hasGo, NO_GO } from "../support/go-program.ts";

const MODULE = "github.com/envoyproxy/go-control-plane/envoy";
/** The API that stands for each version that can be asked for. */
const API: Record<EnvoyVersion, string> = { 1.32: "1.32.4", 1.35: "1.35.0", 1.36: "1.36.0" };

const program = (version: string) => ({
  name: "envoy-api-check",
  version,
  build(work: string): string[] {
    copyFileSync(projectPath("test/envoys/api-check.go"), join(work, "main.go"));
    writeFileSync(join(work, "go.mod"), `module check\n\ngo 1.21\n\nrequire ${MODULE} v${version}\n`);
    return ["build", "-ldflags=-s -w", "-o", "bin/envoy-api-check", "."];
  },
});

const SMALL = ["--farm", "examples/small/farm.yaml"];
const RENDERED: Record<string, string[]> = {
  plain: SMALL,
  everything: [
    ...[...SMALL, "--websockets", "--health-path", "/h", "--retries", "2", "--http10-host", "a.example"],
    ...["--access-log", "all", "--access-log-file", "/tmp/log", "--timeout", "60s", "--idle-timeout", "9s"],
  ],
  edge: ["--farm", "examples/tenants/farm.yaml", "--trusted-hops", "2"],
  shadow: [...SMALL, "--shadow"],
  native: [...SMALL, "--native"],
  xds: [...SMALL, "--xds", "https://xds.example:443", "--node-id", "a", "--node-locality", "r/z/s"],
};

let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "pointsman-api-"));
  if (!hasGo) return;
  for (const version of Object.values(API)) {
    const failure = await buildGo(program(version), (line) => console.log(`API ${version}: ${line}`));
    if (failure !== null) throw new Error(failure);
  }
}, 900_000);
afterAll(() => rmSync(folder, { recursive: true }));

function render(version: EnvoyVersion, name: string): string[] {
  const out = join(folder, version, name);
  const upstreams = ["--fallback", "127.0.0.1:8085", "--clusters", "https://{cluster}.example:4450"];
  const args = [
    "render",
    "envoy",
    ...RENDERED[name]!,
    ...upstreams,
    "--envoy",
    version,
    "--json",
    "--out",
    out,
  ];
  const { status, stderr } = spawnSync(process.execPath, ["build/pointsman.mjs", ...args], {
    cwd: projectPath("."),
    encoding: "utf8",
  });
  expect({ status, stderr: status === 0 ? "" : stderr }).toEqual({ status: 0, stderr: "" });
  const files = readdirSync(out, { recursive: true, encoding: "utf8" });
  return files.filter((one) => one.endsWith(".json")).map((one) => join(out, one));
}

/** What the API of a version says of each file. */
function said(by: EnvoyVersion, files: string[]): string[] {
  const { stdout } = spawnSync(binaryOf(program(API[by])), files, { encoding: "utf8" });
  return stdout
    .trim()
    .split("\n")
    .map((line) => line.split("\t")[1]!);
}

describe.skipIf(!hasGo && !process.env.CI)(`by the API${hasGo ? "" : ` (skipped: ${NO_GO})`}`, () => {
  for (const version of ENVOY_VERSIONS) {
    // A server's filters are for 1.35 and later.
    const names = Object.keys(RENDERED).filter((name) => version !== "1.32" || name !== "xds");

    test(`of Envoy ${version} and of those after it, all that is written for ${version} is right`, () => {
      const files = names.flatMap((name) => render(version, name));
      for (const by of ENVOY_VERSIONS.filter((one) => one >= version))
        expect([by, said(by, files)]).toEqual([by, files.map(() => "ok")]);
    });
  }

  test("an older one names the field that it does not know", () => {
    expect(said("1.35", render("1.36", "plain")).join()).toContain('unknown field "remove_on_match"');
    const plain = said("1.32", render("1.35", "plain")).join();
    expect(plain).toContain('unknown field "ignore_http_11_upgrade"');
    expect(plain).toContain('unknown field "allow_on_headers_stop_iteration"');
  });
});
