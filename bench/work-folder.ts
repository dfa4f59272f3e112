/** Where a benchmark leaves its files while it runs, and how it ends in order. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

let folder: string | undefined;

/** This process's folder for files that nobody wants afterwards; it goes when the process does, by Ctrl-C too. */
export function workFolder(): string {
  if (folder === undefined) {
    const made = mkdtempSync(join(tmpdir(), "pointsman-bench-"));
    process.on("exit", () => rmSync(made, { recursive: true, force: true }));
    folder = made;
  }
  return folder;
}

/** Ctrl-C and SIGTERM end the process in order; the Envoys that it started end by their own watchdogs. */
export function endInOrder(): void {
  for (const [signal, code] of [
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const) {
    process.on(signal, () => process.exit(code));
  }
}
