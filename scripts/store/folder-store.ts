/**
 * A store in a folder, for one machine or a shared disk.
 *
 * `rollout.json` has the rollout object and the entry of its generation, and is renamed into place: that rename is the
 * one moment at which a push has happened. The entry's line in `history.jsonl` comes after it; where a writer dies in
 * between, readers take the entry from `rollout.json`, and the next writer appends it.
 */
import { existsSync, mkdirSync, rmSync, statSync, watch } from "node:fs";
import { dirname, join } from "node:path";
import { z } from "zod";
import { withLock } from "../disk/lock.ts";
import { sweep, syncFolder, writeWhole } from "../disk/write-whole.ts";
import { Refusal } from "../refusal.ts";
import { namesIn, readBytes } from "../sources/files.ts";
import { leftOut, SourceError } from "../sources/problem.ts";
import { reason } from "../sources/reason.ts";
import type { Table } from "../table/table.ts";
import { append, readHistory } from "./history-file.ts";
import {
  NODES,
  type NodeRecords,
  nodeKey,
  nodeRecordText,
  REFUSALS,
  REPORTS,
  tooMany,
} from "./node-records.ts";
import { parseRecord } from "./record.ts";
import {
  type Entry,
  entrySchema,
  type Freeze,
  freezeSchema,
  type Head,
  type History,
  type NodeRefusal,
  RECORDS_AT_MOST,
  REFUSAL_SECONDS,
  type Records,
  type Report,
  type Revision,
  type Rollout,
  rolloutSchema,
  type SeenNode,
  type Store,
} from "./store.ts";
import { readTable } from "./stored-table.ts";

const headSchema = z
  .strictObject({ revision: z.int().min(1), rollout: rolloutSchema, entry: entrySchema })
  .refine(({ rollout, entry }) => rollout.generation === entry.generation, {
    path: ["entry", "generation"],
    error: "must be the rollout's",
  });
type HeadFile = z.infer<typeof headSchema>;

const RECORD_BYTES_AT_MOST = 2 ** 20;

const MOVE_AWAY = ": restore it, or move it away, and the next push goes on from the history";
const UNFREEZE = ": `pointsman unfreeze` takes it away";

/** Of the rollout object before the first push. */
const NOTHING = 0;

export class FolderStore implements Store {
  private readonly rolloutFile: string;
  private readonly historyFile: string;
  private readonly freezeFile: string;
  private readonly tables: string;

  /** @param name the folder; it need not be there before something is written, what it lies in must */
  constructor(
    readonly name: string,
    private readonly recordsAtMost = RECORDS_AT_MOST,
  ) {
    this.rolloutFile = join(name, "rollout.json");
    this.historyFile = join(name, "history.jsonl");
    this.freezeFile = join(name, "freeze.json");
    this.tables = join(name, "tables");
  }

  async table(digest: string): Promise<Table> {
    return this.readTable(digest);
  }

  async putTable(table: Table): Promise<void> {
    this.locked(() => {
      if (this.hasTable(table.digest)) return;
      makeFolder(this.tables);
      sweep(this.tables);
      writeWhole(this.tableFile(table.digest), table.bytes);
    });
  }

  async head(): Promise<Head> {
    const head = this.readHead();
    return { revision: String(head?.revision ?? NOTHING), rollout: head?.rollout ?? null };
  }

  async swap(expected: Revision, next: Rollout, entry?: Entry): Promise<boolean> {
    return this.locked((isHeld) => {
      const head = this.readHead();
      const revision = head?.revision ?? NOTHING;
      if (String(revision) !== expected) return false;
      // While it is known; after this swap it is not.
      if (head) this.record(head.entry);
      const own = entry ?? head?.entry;
      if (own === undefined) throw new Error("bug: the first rollout has no entry");
      const file: HeadFile = headSchema.parse({ revision: revision + 1, rollout: next, entry: own });
      sweep(this.name);
      if (!isHeld())
        throw new Refusal(`${this.name}: another process took the lock, and nothing was written`);
      writeWhole(this.rolloutFile, Buffer.from(`${JSON.stringify(file, null, 2)}\n`));
      try {
        this.record(own);
      } catch (error) {
        // It has happened all the same: the entry is in `rollout.json`, for the next writer to append.
        if (!(error instanceof Refusal)) throw error;
      }
      return true;
    });
  }

  async history(): Promise<History> {
    // In this order: an entry that is not in the file yet is still in the head.
    let head: HeadFile | null = null;
    const damage: string[] = [];
    try {
      head = this.readHead();
    } catch (error) {
      if (!(error instanceof SourceError)) throw error;
      damage.push(error.message);
    }
    const { entries, warnings } = readHistory(this.historyFile);
    const isMissing = head !== null && head.entry.generation > (entries.at(-1)?.generation ?? 0);
    return {
      entries: isMissing ? [...entries, head!.entry] : entries,
      warnings: [...damage, ...warnings],
    };
  }

  async freeze(): Promise<Freeze | null> {
    return this.readJson(this.freezeFile, freezeSchema, UNFREEZE);
  }

  async setFreeze(freeze: Freeze | null): Promise<void> {
    this.locked(() => {
      if (freeze !== null) writeWhole(this.freezeFile, Buffer.from(`${JSON.stringify(freeze, null, 2)}\n`));
      else if (existsSync(this.freezeFile)) {
        rmSync(this.freezeFile);
        syncFolder(this.name);
      }
    });
  }

  async putReport(report: Report, seconds: number): Promise<void> {
    this.putRecord(REPORTS, report, seconds);
  }

  async reports(): Promise<Records<Report>> {
    return this.records(REPORTS);
  }

  async refuse(refusal: NodeRefusal): Promise<void> {
    this.putRecord(REFUSALS, refusal, REFUSAL_SECONDS);
  }

  async refusals(digests: readonly string[]): Promise<Records<NodeRefusal>> {
    return this.records(REFUSALS, (name) => digests.some((digest) => name.startsWith(`${digest}-`)));
  }

  async putNode(seen: SeenNode): Promise<void> {
    this.putRecord(NODES, seen, null);
  }

  async nodes(): Promise<Records<SeenNode>> {
    return this.records(NODES);
  }

  async retire(node: string): Promise<void> {
    const folder = join(this.name, NODES.folder);
    const file = join(folder, `${nodeKey(node)}.json`);
    if (!existsSync(file)) return;
    rmSync(file, { force: true });
    syncFolder(folder);
  }

  watch(hint: () => void, signal: AbortSignal): void {
    try {
      const watcher = watch(this.name, { signal, persistent: false }, hint);
      // A folder that is taken away, or too many watches: who asks now and then sees all the same.
      watcher.on("error", () => watcher.close());
    } catch {
      // It is not there yet.
    }
  }

  private putRecord<T extends object>(kind: NodeRecords<T>, record: T, seconds: number | null): void {
    const text = nodeRecordText(kind, record, this.name);
    const folder = join(this.name, kind.folder);
    const file = join(folder, `${kind.key(record)}.json`);
    makeFolder(this.name);
    makeFolder(folder);
    if (!existsSync(file) && namesIn(folder).length >= this.recordsAtMost) {
      sweep(folder);
      for (const one of this.recordsIn(kind)) if (one.isOver) rmSync(one.file, { force: true });
      if (namesIn(folder).length >= this.recordsAtMost)
        throw new Refusal(tooMany(this.name, kind.folder, this.recordsAtMost));
    }
    writeWhole(file, Buffer.from(`${JSON.stringify({ seconds, record: JSON.parse(text) })}\n`));
  }

  private records<T extends object>(kind: NodeRecords<T>, isWanted = (_name: string) => true): Records<T> {
    const records: T[] = [];
    const warnings: string[] = [];
    for (const { record, isOver } of this.recordsIn(kind, isWanted)) {
      if (records.length + warnings.length === this.recordsAtMost) {
        warnings.push(tooMany(this.name, kind.folder, this.recordsAtMost));
        break;
      }
      if (typeof record === "string") warnings.push(record);
      else if (!isOver) records.push(record);
    }
    return { records, warnings };
  }

  /** Each, or why it is none. */
  private *recordsIn<T extends object>(
    kind: NodeRecords<T>,
    isWanted = (_name: string) => true,
  ): Generator<{ file: string; record: T | string; isOver: boolean }> {
    const folder = join(this.name, kind.folder);
    const schema = z.strictObject({ seconds: z.number().positive().nullable(), record: kind.schema });
    const names = existsSync(folder)
      ? namesIn(folder).filter((name) => name.endsWith(".json") && isWanted(name))
      : [];
    for (const file of names.map((name) => join(folder, name))) {
      try {
        const changed = statSync(file, { throwIfNoEntry: false })?.mtimeMs;
        const kept = this.readJson(file, schema);
        if (changed === undefined || kept === null) continue;
        const { record, seconds } = kept;
        if (file !== join(folder, `${kind.key(record)}.json`))
          throw new SourceError({ file }, "it is of another node");
        yield { file, record, isOver: seconds !== null && changed + seconds * 1000 < Date.now() };
      } catch (error) {
        if (!(error instanceof SourceError)) throw error;
        yield { file, record: leftOut(error), isOver: false };
      }
    }
  }

  private locked<T>(step: (isHeld: () => boolean) => T): T {
    makeFolder(this.name);
    return withLock(this.rolloutFile, step);
  }

  /** Throws SourceError where it is none. */
  private readHead(): HeadFile | null {
    return this.readJson(this.rolloutFile, headSchema, MOVE_AWAY);
  }

  /** @param wayOut what to do where it is damaged */
  private readJson<T extends object>(file: string, schema: z.ZodType<T>, wayOut = ""): T | null {
    if (!existsSync(file)) return null;
    const record = parseRecord(schema, readBytes(file, { file }, RECORD_BYTES_AT_MOST).toString());
    if (typeof record === "string") throw new SourceError({ file }, record + wayOut);
    return record;
  }

  /** Appends the entry if the file does not have it. Throws Refusal. */
  private record(entry: Entry): void {
    const read = readHistory(this.historyFile);
    if (entry.generation > (read.entries.at(-1)?.generation ?? 0)) append(this.historyFile, read, entry);
  }

  private tableFile(digest: string): string {
    return join(this.tables, `${digest}.table`);
  }

  private hasTable(digest: string): boolean {
    try {
      this.readTable(digest);
      return true;
    } catch (error) {
      if (error instanceof SourceError) return false;
      throw error;
    }
  }

  /** Throws SourceError. */
  private readTable(digest: string): Table {
    const file = this.tableFile(digest);
    return readTable(readBytes(file), digest, file);
  }
}

/** Throws Refusal. */
function makeFolder(folder: string): void {
  if (existsSync(folder)) return;
  try {
    mkdirSync(folder);
    syncFolder(dirname(folder));
  } catch (error) {
    if (existsSync(folder)) return;
    throw new Refusal(`${folder}: cannot be made: ${reason(error, "write")}`);
  }
}
