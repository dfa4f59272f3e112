/** Programs of Debian's, unpacked into .venv and not installed. */
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
  const found = debianFolder([debian], name, "./usr/bin");
  return "why" in found ? found : { bin: join(found.home, "usr/bin") };
}

/**
 * The folder in which packages lie as in `/`.
 *
 * @param part what of each is unpacked
 */
export function debianFolder(
  packages: readonly string[],
  name: string,
  part = "./",
): { home: string } | { why: string } {
  return unpacked(packages.join(" "), packages[0]!, name, part);
}

/** The same for one package and all that it needs and this machine has not: what apt-get would install. */
export function debianWithNeeds(debian: string, name: string): { home: string } | { why: string } {
  const missing = `apt-get -s install --no-install-recommends ${debian} | sed -n "s/^Inst \\([^ ]*\\).*/\\1/p"`;
  return unpacked(`$(${missing})`, debian, name, "./");
}

/** @param packages as a shell reads them */
function unpacked(
  packages: string,
  first: string,
  name: string,
  part: string,
): { home: string } | { why: string } {
  const home = join(VENV, name);
  if (existsSync(home)) return { home };
  mkdirSync(VENV, { recursive: true });
  const work = mkdtempSync(join(VENV, `making-${process.pid}-`));
  try {
    const unpack = `for one in *.deb; do dpkg --fsys-tarfile $one | tar -x -C out ${part} || exit 1; done`;
    const script = `apt-get download -q ${packages} && mkdir out && ${unpack}`;
    const { status, stderr, error } = spawnSync("sh", ["-c", script], { cwd: work, encoding: "utf8" });
    if (error || status !== 0) return { why: `Debian's ${first} cannot be unpacked: ${error ?? stderr}` };
    if (!existsSync(home)) renameSync(join(work, "out"), home);
    return { home };
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}
