/**
 * The commands of the README and of docs/ run as they are printed, whole and in order, in a copy of the project whose path
 * has a space in it; and what they leave behind is ignored by git. docs/envoy.md has tests of its own.
 */
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { DATA, DATA_IS_ABSENT, projectPath } from "./support/data.ts";

const LINKED = ["node_modules", ".venv"];
const DOCUMENTS = [
  "README.md",
  "CONTRIBUTING.md",
  ...readdirSync(projectPath("docs"))
    .filter((name) => name.endsWith(".md") && name !== "envoy.md")
    .map((name) => `docs/${name}`),
];

/**
 * What a reader's shell has. Left out: what the network is needed for, and the tests and benchmarks, which are run
 * elsewhere. A server is asked to end, and has to do so well.
 */
const SHELL = `
set -euo pipefail
npm() {
  case "$1 \${2:-}" in
    "ci "* | "test "*) ;;
    "run bench"*) command npm pkg get "scripts.$2" | grep -q build/bench ;;
    *) command npm "$@" ;;
  esac
}
git() { ln -s "$DATA" "\${@: -1}"; }
node() {
  case "$*" in
    *" --listen "*) timeout --preserve-status -s INT 5 node "\${@//8080/0}" ;;
    *) command node "$@" ;;
  esac
}
pointsman() { node "$PWD/build/pointsman.mjs" "$@"; }
`;

let home: string;
let copy: string;
beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), "pointsman docs-"));
  copy = join(home, "a copy");
  mkdirSync(copy);
  for (const name of readdirSync(projectPath(""))) {
    if ([...LINKED, ".git", "build"].includes(name)) continue;
    cpSync(projectPath(name), join(copy, basename(name)), { recursive: true });
  }
  for (const name of LINKED) symlinkSync(projectPath(name), join(copy, name));
  git("init", "--quiet");
  git("add", "--all", "--", ".", ":!node_modules");
});
afterAll(() => rmSync(home, { recursive: true }));

function git(...args: string[]): string {
  const { status, stdout, stderr } = spawnSync("git", args, { cwd: copy, encoding: "utf8" });
  expect(status, stderr).toBe(0);
  return stdout;
}

const commandsOf = (name: string) =>
  [...readFileSync(projectPath(name), "utf8").matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, text]) => text!);

it.each(DOCUMENTS.filter((name) => commandsOf(name).length > 0))("%s", { timeout: 400_000 }, (name) => {
  const blocks = commandsOf(name).filter((text) => !DATA_IS_ABSENT || !text.includes("mediawiki-config"));
  const { status, stdout, stderr } = spawnSync("bash", ["-c", SHELL + blocks.join("\n")], {
    cwd: copy,
    env: { ...process.env, DATA: join(DATA, "mediawiki-config") },
    encoding: "utf8",
    maxBuffer: 2 ** 28,
  });
  expect(status, stdout.slice(-2000) + stderr).toBe(0);
  const left = git("status", "--porcelain", "--untracked-files=all").split("\n");
  expect(left.filter((line) => line.startsWith("??") && !LINKED.some((one) => line.includes(one)))).toEqual(
    [],
  );
});

it("the README's commands say what they are printed for", () => {
  const replayed = spawnSync(
    process.execPath,
    [
      projectPath("build/pointsman.mjs"),
      "simulate",
      "--config",
      "-",
      "--requests",
      "examples/access.log",
      "--summary",
    ],
    { cwd: copy, input: readFileSync(join(copy, "small.table")), encoding: "utf8" },
  );
  expect(replayed.stdout).toMatch(/^6 requests, 1 line without a request\nby cluster:\n {10}2 {2}mw-web-/);
  expect(readFileSync(projectPath("docs/host-sim.md"), "utf8")).toContain(
    readFileSync(projectPath("examples/clusters.yaml"), "utf8").replace(/^#.*\n/, ""),
  );
});
