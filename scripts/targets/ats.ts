/** Apache Traffic Server of this machine: the YAML of its wasm plugin, which it reads when it is told to reload. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { dirname } from "node:path";
import { withLock } from "../disk/lock.ts";
import { sweep, writeWhole } from "../disk/write-whole.ts";
import { Refusal } from "../refusal.ts";
import { parseAtsFile } from "../render/ats-file.ts";
import type { FilterFile } from "../render/filter-file.ts";
import { reason } from "../sources/reason.ts";
import type { Table } from "../table/table.ts";
import { checkFits, OF_A_PUSH, orNull, tableOfAll } from "./filter-files.ts";
import type { Target } from "./target.ts";

export interface AtsOptions {
  /** The plugin's YAML. */
  file: string;
  /** The command and its arguments; no shell reads them. */
  reload: readonly string[];
  /** Whether it is run, or only told. */
  runs: boolean;
}

export const ATS_RELOAD = ["traffic_ctl", "config", "reload"];
/** It answers in milliseconds, or its server hangs; and nothing else goes on meanwhile. */
const RELOAD_MS = 20_000;

export function ats({ file, reload, runs }: AtsOptions): Target {
  const text = (table: Table) => {
    const old = readAtsFile(file);
    checkFits(old, file, table, OF_A_PUSH);
    return old.with(table);
  };
  return {
    name: `ats=${file}`,
    followed: `${file}.follow`,
    isTold: runs,
    has: () => orNull(() => tableOfAll([readAtsFile(file)])),
    check: async (table) => {
      text(table);
    },
    write: (table) =>
      withLock(file, () => {
        sweep(dirname(file));
        writeWhole(file, Buffer.from(text(table)));
        if (!runs) return `written; then: ${reload.join(" ")}`;
        run(reload);
        return `written, and ${reload.join(" ")} was run`;
      }),
  };
}

/** Throws Refusal. */
function run([command, ...args]: readonly string[]): void {
  try {
    execFileSync(command!, args, { stdio: ["ignore", "pipe", "pipe"], timeout: RELOAD_MS });
  } catch (error) {
    const { stderr, message } = error as { stderr?: Buffer; message: string };
    const said = stderr?.toString().trim() || message;
    throw new Refusal(`written, but not reloaded: ${[command, ...args].join(" ")}: ${said}`);
  }
}

/** Throws Refusal. */
function readAtsFile(file: string): FilterFile {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw new Refusal(`${file}: cannot be read: ${reason(error)}`);
  }
  try {
    return parseAtsFile(text);
  } catch (error) {
    throw new Refusal(`${file}: ${(error as Error).message}`);
  }
}
