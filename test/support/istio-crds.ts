/** The schemas of Istio's objects: the CRDs of each version, out of the Go module `istio.io/api`. */
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv, type ValidateFunction } from "ajv";
import { loadAll } from "js-yaml";
import type { Manifest } from "../../scripts/render/istio/manifest.ts";
import type { IstioVersion } from "../../scripts/render/istio/profile.ts";
import { projectPath } from "./data.ts";

/** The last patch releases that had the module of their own. */
const MODULES: Record<IstioVersion, string> = { 1.24: "v1.24.2", 1.29: "v1.29.2", 1.31: "v1.31.4" };
const CACHE = projectPath(".venv/go-modules");

interface Crd {
  spec: {
    group: string;
    names: { kind: string };
    versions: { name: string; schema: { openAPIV3Schema: { properties: { spec: Schema } } } }[];
  };
}

type Schema = { [key: string]: unknown; properties?: Record<string, Schema> };

/** Says what is wrong with an object of this version of Istio's, or null. Throws where the module cannot be had. */
export function schemaCheck(version: IstioVersion): (manifest: Manifest) => string | null {
  const ajv = new Ajv({ strict: false, allErrors: true, validateFormats: false, logger: false });
  const checks = new Map<string, ValidateFunction>();
  for (const { spec } of loadAll(readFileSync(crdsOf(version), "utf8")).filter(Boolean) as Crd[]) {
    for (const { name, schema } of spec.versions) {
      const key = `${spec.group}/${name} ${spec.names.kind}`;
      checks.set(key, ajv.compile(closed(schema.openAPIV3Schema.properties.spec)));
    }
  }
  return ({ apiVersion, kind, spec }) => {
    const check = checks.get(`${apiVersion} ${kind}`);
    if (!check) return `Istio ${version} has no ${kind} in ${apiVersion}`;
    return check(spec) ? null : ajv.errorsText(check.errors);
  };
}

/** The file of the CRDs, fetched where it is not there yet. */
function crdsOf(version: IstioVersion): string {
  mkdirSync(CACHE, { recursive: true });
  const { status, stdout, stderr } = spawnSync(
    "go",
    ["mod", "download", "-json", `istio.io/api@${MODULES[version]}`],
    // -modcacherw: what is in .venv can be removed as all else.
    { cwd: CACHE, env: { ...process.env, GOMODCACHE: CACHE, GOFLAGS: "-modcacherw" }, encoding: "utf8" },
  );
  if (status !== 0) throw new Error(`go mod download: ${stdout}${stderr}`);
  return join(JSON.parse(stdout).Dir, "kubernetes/customresourcedefinitions.gen.yaml");
}

/** The API server drops a field that the schema does not have, and kubectl warns: here it is a fault. */
function closed(schema: Schema): Schema {
  const entries = Object.entries(schema).map(([key, value]) => [key, closedValue(value)]);
  const isOpen = schema["x-kubernetes-preserve-unknown-fields"] === true;
  return {
    ...Object.fromEntries(entries),
    ...(schema.properties && !isOpen && { additionalProperties: false }),
  };
}

function closedValue(value: unknown): unknown {
  if (Array.isArray(value)) return value;
  return typeof value === "object" && value !== null ? closed(value as Schema) : value;
}
