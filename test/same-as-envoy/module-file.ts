/** A module as a file, where Envoy finds it. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A file that holds a module, for Envoy to read. */
export async function moduleFile(wasm: Uint8Array): Promise<{ path: string; remove(): Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), "pointsman-same-"));
  const path = join(folder, "module.wasm");
  await writeFile(path, wasm);
  return { path, remove: () => rm(folder, { recursive: true, force: true }) };
}
