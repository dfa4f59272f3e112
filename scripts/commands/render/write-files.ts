/** Writes what was rendered into a folder. */
import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { writeWhole } from "../../disk/write-whole.ts";
import { Refusal } from "../../refusal.ts";
import { reason } from "../../sources/reason.ts";

/**
 * Each file whole or not at all, in the map's order, and tells its name. @param files by their paths in the folder.
 * Throws Refusal.
 */
export function writeFiles(folder: string, files: ReadonlyMap<string, Uint8Array | string>): void {
  for (const [name, content] of files) {
    const file = join(folder, name);
    try {
      mkdirSync(dirname(file), { recursive: true });
    } catch (error) {
      throw new Refusal(`${file}: cannot be written: ${reason(error, "write")}`);
    }
    writeWhole(file, typeof content === "string" ? Buffer.from(`${content.trimEnd()}\n`) : content);
    process.stdout.write(`${file}\n`);
  }
}
