/**
 * The commands of the README and of docs/ run as they are printed, whole and in order, in a copy of the project whose path
 * has a space in it; and what they leave behind is ignored by git.
 */
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { findEnvoy } from "../scripts/envoy/install.ts";
import { DATA, DATA_IS_ABSENT, projectPath } from "./support/data.ts";

const LINKED = ["node_modules", ".venv"];
const DOCUMENTS = [
  "README.md",
  "CONTRIBUTING.md",
  ...readdirSync(projectPath("docs"))
    .filter((name) => name.endsWith(".md"))
    .map((name) => `docs/${name}`),
];

/** Marks of blocks that are run here too: others need a store, or a table of the day before, and have their own tests. */
const MARKS = ["render", "put", "settings", "shadow"];

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
    "run page"*) command npm pkg get "scripts.$2" | grep -q scripts/page/serve ;;
    *) command npm "$@" ;;
  esac
}
git() { ln -s "$DATA" "\${@: -1}"; }
node() {
  case "$*" in
    *" --listen "*)
      command node "\${@//8080/0}" > "$SAID" &
      until grep -q '^listening on ' "$SAID"; do kill -0 $!; sleep 0.1; done
      kill -INT $!
      wait $! ;;
    *) command node "$@" ;;
  esac
}
pointsman() { node "$PWD/build/pointsman.mjs" "$@"; }
envoy() { "$ENVOY" --mode validate --log-level warn "$@"; }
`;

let home: string;
let copy: string;
/** In the place of /etc/envoy. */
let etc: string;
beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), "pointsman docs-"));
  copy = join(home, "a copy");
  etc = mkdtempSync(join(tmpdir(), "pointsman-etc-"));
  mkdirSync(copy);
  for (const name of readdirSync(projectPath(""))) {
    if ([...LINKED, ".git", "build"].includes(name)) continue;
    cpSync(projectPath(name), join(copy, basename(name)), { recursive: true });
  }
  for (const name of LINKED) symlinkSync(projectPath(name), join(copy, name));
  // A farm of the reader's own.
  cpSync(projectPath("examples/three-wikis/farm.yaml"), join(copy, "farm.yaml"));
  git("init", "--quiet");
  git("add", "--all");
});
afterAll(() => {
  for (const folder of [home, etc]) rmSync(folder, { recursive: true });
});

function git(...args: string[]): string {
  const { status, stdout, stderr } = spawnSync("git", args, { cwd: copy, encoding: "utf8" });
  expect(status, stderr).toBe(0);
  return stdout;
}

const commandsOf = (name: string) =>
  [...readFileSync(projectPath(name), "utf8").matchAll(/^```sh(?: (\w+))?\n([\s\S]*?)^```$/gm)]
    .filter(([, mark]) => mark === undefined || MARKS.includes(mark))
    // The machine's own folder is not ours to write.
    .map(([, , text]) => text!.replaceAll("/etc/envoy", "$ETC"));

it.each(DOCUMENTS.filter((name) => commandsOf(name).length > 0))("%s", { timeout: 400_000 }, async (name) => {
  const blocks = commandsOf(name).filter((text) => !DATA_IS_ABSENT || !text.includes("mediawiki-config"));
  const { status, stdout, stderr } = spawnSync("bash", ["-c", SHELL + blocks.join("\n")], {
    cwd: copy,
    env: {
      ...process.env,
      DATA: join(DATA, "mediawiki-config"),
      ENVOY: await findEnvoy(),
      ETC: etc,
      SAID: join(home, "said"),
    },
    encoding: "utf8",
    maxBuffer: 2 ** 28,
  });
  expect(status, stdout.slice(-2000) + stderr).toBe(0);
  const left = git("status", "--porcelain", "--untracked-files=all").split("\n");
  expect(left.filter((line) => line.startsWith("??"))).toEqual([]);
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
