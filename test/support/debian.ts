/** Programs of Debian's, unpacked into .venv and not installed: of a package, what is in usr/bin. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { projectPath } from "./data.ts";

const VENV = projectPath(".venv");

/**
 * The folder with a package's programs, fetched where it is not there yet; `why`: there is none.
 *
 * @param name what is in .venv for it
 */
export function debianPrograms(debian: string, name: string): { bin: string } | { why: string } {
  const home = join(VENV, name);
  const bin = join(home, "usr/bin");
  if (existsSync(bin)) return { bin };
  mkdirSync(VENV, { recursive: true });
  const work = mkdtempSync(join(VENV, `making-${process.pid}-`));
  try {
    const unpack = `mkdir out && dpkg --fsys-tarfile ${debian}_*.deb | tar -x -C out ./usr/bin`;
    const script = `apt-get download -q ${debian} && ${unpack}`;
    const { status, stderr, error } = spawnSync("sh", ["-c", script], { cwd: work, encoding: "utf8" });
    if (error || status !== 0) return { why: `Debian's ${debian} cannot be unpacked: ${error ?? stderr}` };
    if (!existsSync(home)) renameSync(join(work, "out"), home);
    return { bin };
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}
