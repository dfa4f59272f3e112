/**
 * Istio's and Kubernetes' own programs, built once from their Go modules into `.venv`: kube-apiserver, pilot-discovery,
 * istioctl and helm, and Istio's CRDs beside them.
 */
import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { binaryOf, buildGo, type GoProgram, hasGo, home, NO_GO, VENV } from "../support/go-program.ts";

export const ISTIO = "v0.0.0-20260827124520-eed52ebb66ad";
const KUBERNETES = "1.37.2";
const HELM = "v3.22.0";

interface Program extends GoProgram {
  /** Minutes of two cores, where nothing is in Go's caches. */
  minutes: number;
}

const installed = (path: string, version: string) => () => [
  "install",
  "-ldflags=-s -w",
  `${path}@${version}`,
];

const PROGRAMS: Program[] = [
  {
    name: "istioctl",
    version: ISTIO,
    build: installed("istio.io/istio/istioctl/cmd/istioctl", ISTIO),
    minutes: 6,
  },
  {
    name: "pilot-discovery",
    version: ISTIO,
    build: installed("istio.io/istio/pilot/cmd/pilot-discovery", ISTIO),
    minutes: 2,
  },
  { name: "helm", version: HELM, build: installed("helm.sh/helm/v3/cmd/helm", HELM), minutes: 2 },
  { name: "kube-apiserver", version: KUBERNETES, build: apiserver, minutes: 7 },
];

export interface Programs {
  apiserver: string;
  pilot: string;
  istioctl: string;
  helm: string;
  /** Istio's CRDs, as YAML. */
  crds: string;
}

const BINARY = Object.fromEntries(PROGRAMS.map(({ name, version }) => [name, binaryOf({ name, version })]));
const CRDS = join(home("istio-crds", ISTIO), "crd-all.gen.yaml");

/** Those that are there; null: some are not. */
export function builtPrograms(): Programs | null {
  const paths = {
    apiserver: BINARY["kube-apiserver"]!,
    pilot: BINARY["pilot-discovery"]!,
    istioctl: BINARY.istioctl!,
    helm: BINARY.helm!,
    crds: CRDS,
  };
  return Object.values(paths).every((path) => existsSync(path)) ? paths : null;
}

/** Builds what is not there yet, and says what it takes before. Returns why it cannot; null: all is there. */
export async function buildPrograms(say: (line: string) => void): Promise<string | null> {
  if (builtPrograms()) return null;
  if (!hasGo) return NO_GO;
  const missing = PROGRAMS.filter(({ name }) => !existsSync(BINARY[name]!));
  const minutes = missing.reduce((sum, one) => sum + one.minutes, 0);
  say(
    `Building ${missing.map(({ name, version }) => `${name} ${version}`).join(", ")}, once, from Go's modules: ` +
      `some ${minutes} minutes on two cores, 4 GB of disk in Go's own caches and 0.4 GB in .venv/.`,
  );
  for (const [i, program] of missing.entries()) {
    say(`${i + 1} of ${missing.length}: ${program.name} …`);
    const begun = Date.now();
    const failure = await buildGo(program, (line) => say(`  ${line}`));
    if (failure !== null) return `${program.name} cannot be built: ${failure}`;
    say(`  built in ${Math.round((Date.now() - begun) / 1000)} s`);
  }
  return copyCrds();
}

/** Kubernetes' module names its parts by folders of its repository: we name their own modules instead. */
function apiserver(work: string): string[] {
  const says = moduleFile("k8s.io/kubernetes", `v${KUBERNETES}`, "GoMod");
  const text = readFileSync(says, "utf8");
  const parts = [...text.matchAll(/^\t(\S+) => \.\/staging\//gm)].map(([, part]) => part!);
  const version = `v0.${KUBERNETES.replace(/^1\./, "")}`;
  writeFileSync(
    join(work, "go.mod"),
    [
      "module apiserver",
      /^go .*$/m.exec(text)![0],
      `require k8s.io/kubernetes v${KUBERNETES}`,
      ...parts.map((part) => `replace ${part} => ${part} ${version}`),
      "",
    ].join("\n"),
  );
  // Charts ask which version it is.
  const [major, minor] = KUBERNETES.split(".");
  const said = { gitVersion: `v${KUBERNETES}`, gitMajor: major, gitMinor: minor };
  const flags = Object.entries(said).map(
    ([name, value]) => `-X k8s.io/component-base/version.${name}=${value}`,
  );
  return ["build", `-ldflags=-s -w ${flags.join(" ")}`, "-o", "bin/", "k8s.io/kubernetes/cmd/kube-apiserver"];
}

/** The module's go.mod, or the folder with its source, in Go's cache. */
function moduleFile(module: string, version: string, what: "GoMod" | "Dir"): string {
  const args = ["mod", "download", "-json", `${module}@${version}`];
  const { stdout, stderr, status } = spawnSync("go", args, { encoding: "utf8", cwd: VENV });
  if (status !== 0) throw new Error(`${module}: ${stderr || stdout}`);
  return JSON.parse(stdout)[what];
}

function copyCrds(): null {
  const source = join(
    moduleFile("istio.io/istio", ISTIO, "Dir"),
    "manifests/charts/base/files/crd-all.gen.yaml",
  );
  mkdirSync(dirname(CRDS), { recursive: true });
  copyFileSync(source, CRDS);
  return null;
}
