/**
 * The last good copy of what a store wants served, in a folder of a machine that follows it: `rollout.json`, and each
 * table under its digest. Every file is written whole, the tables first, and verified when it is read.
 */
import { existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { sweep, writeWhole } from "../disk/write-whole.ts";
import { inGeneration } from "../encode/container.ts";
import { Refusal } from "../refusal.ts";
import { readBytes } from "../sources/files.ts";
import { SourceError } from "../sources/problem.ts";
import { reason } from "../sources/reason.ts";
import type { Table } from "../table/table.ts";
import { parseRecord } from "./record.ts";
import { isSame, type Node, type Version, versionFor } from "./stages.ts";
import { type Rollout, rolloutSchema } from "./store.ts";
import { readTable } from "./stored-table.ts";

const RECORD_BYTES_AT_MOST = 2 ** 20;
const TABLE = /^[0-9a-f]{32}\.table$/;

/** What is to be served, whole. */
export interface Followed {
  rollout: Rollout;
  /** In the rollout's generation. */
  table: Table;
  /** What the stages that do not have it yet are to serve; null: there is none, or it cannot be read. */
  previous: Table | null;
}

/** A table under its number. */
export interface Due {
  version: Version;
  /** null: there is none, or it cannot be read. */
  table: Table | null;
}

/** What a node is to serve of it; null: nothing was ever pushed to it. */
export function dueTo({ rollout, table, previous }: Followed, node: Node): Due | null {
  const version = versionFor(rollout, node);
  return version && { version, table: isSame(version, table) ? table : previous };
}

/** `trouble`: what of it is damaged. */
interface Read {
  followed: Followed | null;
  trouble: string | null;
}

export class FollowCache {
  private readonly rolloutFile: string;

  constructor(private readonly folder: string) {
    this.rolloutFile = join(folder, "rollout.json");
  }

  read(): Read {
    if (!existsSync(this.rolloutFile)) return { followed: null, trouble: null };
    try {
      return this.readAll();
    } catch (error) {
      if (!(error instanceof SourceError)) throw error;
      return { followed: null, trouble: error.message };
    }
  }

  /** Throws Refusal. */
  write({ rollout, table, previous }: Followed): void {
    try {
      mkdirSync(this.folder, { recursive: true });
      sweep(this.folder);
    } catch (error) {
      throw new Refusal(`${this.folder}: cannot be made: ${reason(error, "write")}`);
    }
    const tables = previous === null ? [table] : [table, previous];
    const names = new Set(tables.map(({ digest }) => `${digest}.table`));
    for (const one of tables) this.writeTable(one);
    writeWhole(this.rolloutFile, Buffer.from(`${JSON.stringify(rollout, null, 2)}\n`));
    try {
      for (const name of readdirSync(this.folder))
        if (TABLE.test(name) && !names.has(name)) rmSync(join(this.folder, name), { force: true });
    } catch (error) {
      throw new Refusal(`${this.folder}: old tables cannot be removed: ${reason(error, "write")}`);
    }
  }

  private writeTable({ digest, bytes }: Table): void {
    try {
      this.readTable(digest);
    } catch (error) {
      if (!(error instanceof SourceError)) throw error;
      writeWhole(this.tableFile(digest), bytes);
    }
  }

  /** Throws SourceError. */
  private readAll(): Read {
    const place = { file: this.rolloutFile };
    const text = readBytes(this.rolloutFile, place, RECORD_BYTES_AT_MOST).toString();
    const rollout = parseRecord(rolloutSchema, text);
    if (typeof rollout === "string") throw new SourceError(place, rollout);
    const get = ({ digest, generation }: { digest: string; generation: number }): Table =>
      inGeneration(this.readTable(digest), generation);
    const table = get(rollout);
    const { previous } = rollout;
    // It is not there where the store did not have it either.
    if (previous === null || !existsSync(this.tableFile(previous.digest)))
      return { followed: { rollout, table, previous: null }, trouble: null };
    try {
      return { followed: { rollout, table, previous: get(previous) }, trouble: null };
    } catch (error) {
      if (!(error instanceof SourceError)) throw error;
      return { followed: { rollout, table, previous: null }, trouble: error.message };
    }
  }

  private readTable(digest: string): Table {
    const file = this.tableFile(digest);
    return readTable(readBytes(file), digest, file);
  }

  private tableFile(digest: string): string {
    return join(this.folder, `${digest}.table`);
  }
}
