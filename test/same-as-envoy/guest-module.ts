/** The test guest, compiled, and where Envoy finds it. */
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { projectPath } from "../support/data.ts";
import { compileGuest } from "../support/tiny-guest.ts";

/** Kept by what it was made of: asc takes seconds. */
export async function guestBytes(): Promise<Uint8Array> {
  const hash = createHash("sha256").update(await readFile(projectPath("package-lock.json")));
  for (const folder of ["test/same-as-envoy/guest", "test/support/guest"].map(projectPath)) {
    for (const name of (await readdir(folder)).sort()) hash.update(await readFile(join(folder, name)));
  }
  const cache = projectPath("node_modules/.cache/same-as-envoy");
  const kept = join(cache, `${hash.digest("hex")}.wasm`);
  const found = await readFile(kept).catch(() => null);
  if (found !== null) return found;
  const wasm = await compileGuest('export * from "./test/same-as-envoy/guest/script";');
  await mkdir(cache, { recursive: true });
  // Test files run side by side: none must read what another has half written.
  const temporary = `${kept}.${process.pid}`;
  await writeFile(temporary, wasm);
  await rename(temporary, kept);
  return wasm;
}

/** A file that holds a module, for Envoy to read. */
export async function moduleFile(wasm: Uint8Array): Promise<{ path: string; remove(): Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), "pointsman-same-"));
  const path = join(folder, "module.wasm");
  await writeFile(path, wasm);
  return { path, remove: () => rm(folder, { recursive: true, force: true }) };
}
