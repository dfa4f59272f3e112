/**
 * A store in etcd, for many machines.
 *
 * The rollout object is one key; a push changes it and adds the history's entry in one transaction, if the key has still
 * the modification revision that was seen.
 */
import { randomUUID } from "node:crypto";
import { z } from "zod";
import { Refusal } from "../refusal.ts";
import { leftOut, SourceError } from "../sources/problem.ts";
import type { Table } from "../table/table.ts";
import { base64, EtcdClient, EtcdRefusal } from "./etcd-client.ts";
import type { EtcdPlace } from "./etcd-place.ts";
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
  StoreAway,
} from "./store.ts";
import { readTable } from "./stored-table.ts";
import { Turns } from "./turns.ts";

/** Of a call to one endpoint, of commands that people wait for. */
const TIMEOUT_MS = 5_000;
const RECORD_BYTES_AT_MOST = 2 ** 20;
const PAGE = 200;
/** Of those forgotten here the next record begins a new one. */
const LEASES_AT_MOST = 10_000;
/** Else thousands of nodes that report hold up the question of what is to be served, until its time is over. */
const RECORDS_AT_ONCE = 16;
/** A compare on it says that there is no such key. */
const ABSENT = "0";

/** etcd's gateway leaves out what is empty, and writes 64-bit numbers as texts. */
const kvSchema = z.looseObject({
  key: z.base64(),
  value: z.base64().default(""),
  mod_revision: z.string().regex(/^\d{1,19}$/),
});
type KeyValue = z.infer<typeof kvSchema>;
const rangeSchema = z.looseObject({ kvs: z.array(kvSchema).default([]), more: z.boolean().default(false) });
const txnSchema = z.looseObject({
  succeeded: z.boolean().default(false),
  responses: z.array(z.looseObject({ response_range: rangeSchema.optional() })).default([]),
});
const leaseSchema = z.looseObject({ ID: z.string().regex(/^-?\d{1,19}$/) });
const keepAliveSchema = z.looseObject({ result: z.looseObject({ TTL: z.string().optional() }) });
const countSchema = z.looseObject({ count: z.string().default("0") });
const doneSchema = z.looseObject({});

/** `swap` names the swap that wrote it: who does not hear of its own finds it so. */
const swap = z.uuid();
const headSchema = z.strictObject({ swap, rollout: rolloutSchema });
const historySchema = z.strictObject({ swap, entry: entrySchema });

export class EtcdStore implements Store {
  readonly name: string;
  private readonly client: EtcdClient;
  private readonly prefix: string;

  /** By key: of records that this process has put. */
  private readonly leases = new Map<string, string>();

  private readonly turns = new Turns(RECORDS_AT_ONCE);

  /** @param timeoutMs for one call to one endpoint */
  constructor(
    place: EtcdPlace,
    timeoutMs = TIMEOUT_MS,
    private readonly recordsAtMost = RECORDS_AT_MOST,
  ) {
    this.name = place.name;
    this.prefix = place.prefix;
    this.client = new EtcdClient(place, timeoutMs);
  }

  async table(digest: string): Promise<Table> {
    const key = this.tableKey(digest);
    const found = await this.get(key);
    if (found === null) throw new SourceError({ file: this.shown(key) }, "there is no such table");
    return readTable(Buffer.from(found.value, "base64"), digest, this.shown(key));
  }

  async putTable(table: Table): Promise<void> {
    if (await this.hasTable(table.digest)) return;
    const key = this.tableKey(table.digest);
    const { bytes } = table;
    try {
      await this.put(key, Buffer.from(bytes));
    } catch (error) {
      if (!(error instanceof EtcdRefusal && error.isTooLarge)) throw error;
      const size = `${(bytes.length / 2 ** 20).toFixed(1)} MiB`;
      throw new Refusal(
        `${this.shown(key)}: the table has ${size}, and this etcd takes less in one request (1.5 MiB by itself): start it with a larger --max-request-bytes, or push to a folder`,
      );
    }
  }

  async head(): Promise<Head> {
    const key = this.key("rollout");
    const found = await this.get(key);
    if (found === null) return { revision: ABSENT, rollout: null };
    const { rollout } = this.record(headSchema, found);
    return { revision: found.mod_revision, rollout };
  }

  async swap(expected: Revision, next: Rollout, entry?: Entry): Promise<boolean> {
    const mine = randomUUID();
    const rolloutKey = this.key("rollout");
    const shown = this.shown(rolloutKey);
    const compare: object[] = [{ key: base64(rolloutKey), target: "MOD", mod_revision: expected }];
    const put = (key: string, record: object) => ({
      request_put: { key: base64(key), value: base64(this.bounded(JSON.stringify(record), key)) },
    });
    const success = [put(rolloutKey, headSchema.parse({ swap: mine, rollout: next }))];
    const failure = [{ request_range: { key: base64(rolloutKey) } }];
    const entryKey = entry && this.entryKey(entry.generation);
    if (entry !== undefined && entryKey !== undefined) {
      if (entry.generation !== next.generation) throw new Error("bug: the entry is of another generation");
      // The history only grows.
      compare.push({ key: base64(entryKey), target: "CREATE", create_revision: ABSENT });
      success.push(put(entryKey, historySchema.parse({ swap: mine, entry })));
      failure.push({ request_range: { key: base64(entryKey) } });
    }
    const body = { compare, success, failure };
    const { succeeded, responses } = await this.client
      .call("kv/txn", body, txnSchema, shown)
      .catch((error) => {
        if (!(error instanceof StoreAway && error.unclear)) throw error;
        throw new StoreAway(
          `${error.message}; it may have been written: \`pointsman history\` says so`,
          true,
        );
      });
    if (succeeded) return true;
    const [now, there] = responses.map(({ response_range }) => response_range?.kvs[0]);
    // It has happened at an endpoint whose answer did not come, and what failed was the same once more.
    const isMine = (kv: KeyValue | undefined) =>
      kv !== undefined && Buffer.from(kv.value, "base64").includes(`"swap":"${mine}"`);
    if (isMine(now) || isMine(there)) return true;
    if ((now?.mod_revision ?? ABSENT) !== expected) return false;
    throw new Refusal(
      `${this.shown(entryKey!)}: the history has this generation already, and the rollout object is older: was it restored? Say a --generation above all of the history`,
    );
  }

  async history(): Promise<History> {
    const entries: Entry[] = [];
    const warnings: string[] = [];
    for await (const kv of this.all("history/")) {
      try {
        const { entry } = this.record(historySchema, kv);
        const key = Buffer.from(kv.key, "base64").toString();
        if (key !== this.entryKey(entry.generation))
          throw new SourceError({ file: this.shown(key) }, `it holds generation ${entry.generation}`);
        entries.push(entry);
      } catch (error) {
        if (!(error instanceof SourceError)) throw error;
        warnings.push(leftOut(error));
      }
    }
    return { entries, warnings };
  }

  async freeze(): Promise<Freeze | null> {
    const found = await this.get(this.key("freeze"));
    return found && this.record(freezeSchema, found);
  }

  async setFreeze(freeze: Freeze | null): Promise<void> {
    const key = this.key("freeze");
    if (freeze !== null) return this.put(key, Buffer.from(this.bounded(JSON.stringify(freeze), key)));
    await this.client.call("kv/deleterange", { key: base64(key) }, doneSchema, this.shown(key));
  }

  putReport(report: Report, seconds: number): Promise<void> {
    return this.turns.take(() => this.putRecord(REPORTS, report, seconds));
  }

  reports(): Promise<Records<Report>> {
    return this.records(REPORTS);
  }

  refuse(refusal: NodeRefusal): Promise<void> {
    return this.turns.take(() => this.putRecord(REFUSALS, refusal, REFUSAL_SECONDS));
  }

  async refusals(digests: readonly string[]): Promise<Records<NodeRefusal>> {
    const of = await Promise.all(digests.map((digest) => this.records(REFUSALS, `${digest}-`)));
    return {
      records: of.flatMap(({ records }) => records),
      warnings: of.flatMap(({ warnings }) => warnings),
    };
  }

  putNode(seen: SeenNode): Promise<void> {
    return this.turns.take(async () => {
      const value = nodeRecordText(NODES, seen, this.name);
      const key = this.key(`${NODES.folder}/${NODES.key(seen)}`);
      await this.checkRoom(NODES.folder, key);
      await this.put(key, Buffer.from(value));
    });
  }

  nodes(): Promise<Records<SeenNode>> {
    return this.records(NODES);
  }

  async retire(node: string): Promise<void> {
    const key = this.key(`${NODES.folder}/${nodeKey(node)}`);
    await this.client.call("kv/deleterange", { key: base64(key) }, doneSchema, this.shown(key));
  }

  watch(hint: () => void, signal: AbortSignal): void {
    // Not what else is below the prefix: nodes report all the time.
    void this.client.watch(this.key("rollout"), hint, signal);
  }

  /** Under a lease of its own, which the next one of the same key goes on with. */
  private async putRecord<T>(kind: NodeRecords<T>, record: T, seconds: number): Promise<void> {
    const value = nodeRecordText(kind, record, this.name);
    const key = this.key(`${kind.folder}/${kind.key(record)}`);
    const shown = this.shown(key);
    const put = (lease: string) =>
      this.client.call("kv/put", { key: base64(key), value: base64(value), lease }, doneSchema, shown);
    const known = this.leases.get(key);
    if (known !== undefined && (await this.isAlive(known, shown))) {
      await put(known);
      return;
    }
    if (known === undefined) await this.checkRoom(kind.folder, key);
    const { ID } = await this.client.call("lease/grant", { TTL: String(seconds) }, leaseSchema, shown);
    await put(ID);
    this.leases.delete(key);
    this.leases.set(key, ID);
    if (this.leases.size > LEASES_AT_MOST) this.leases.delete(this.leases.keys().next().value!);
  }

  /** And lives as long as at its beginning again. */
  private async isAlive(lease: string, shown: string): Promise<boolean> {
    const { result } = await this.client.call("lease/keepalive", { ID: lease }, keepAliveSchema, shown);
    return result.TTL !== undefined && result.TTL !== "0";
  }

  /** Throws Refusal where there are too many, and this is a new one. */
  private async checkRoom(folder: string, key: string): Promise<void> {
    const first = this.key(`${folder}/`);
    const body = { key: base64(first), range_end: base64(endOf(first)), count_only: true };
    const { count } = await this.client.call("kv/range", body, countSchema, this.shown(first));
    if (Number(count) < this.recordsAtMost || (await this.get(key)) !== null) return;
    throw new Refusal(tooMany(this.name, folder, this.recordsAtMost));
  }

  /** @param beginning of their keys, below the folder */
  private async records<T extends object>(kind: NodeRecords<T>, beginning = ""): Promise<Records<T>> {
    const records: T[] = [];
    const warnings: string[] = [];
    for await (const kv of this.all(`${kind.folder}/${beginning}`)) {
      if (records.length + warnings.length === this.recordsAtMost) {
        warnings.push(tooMany(this.name, kind.folder, this.recordsAtMost));
        break;
      }
      try {
        const record = this.record(kind.schema, kv);
        const key = Buffer.from(kv.key, "base64").toString();
        if (key !== this.key(`${kind.folder}/${kind.key(record)}`))
          throw new SourceError({ file: this.shown(key) }, "it is of another node");
        records.push(record);
      } catch (error) {
        if (!(error instanceof SourceError)) throw error;
        warnings.push(leftOut(error));
      }
    }
    return { records, warnings };
  }

  private key(name: string): string {
    return `${this.prefix}/${name}`;
  }

  private tableKey(digest: string): string {
    return this.key(`tables/${digest}`);
  }

  /** In the order of the generations. */
  private entryKey(generation: number): string {
    return this.key(`history/${String(generation).padStart(10, "0")}`);
  }

  /** For people: where it is and which key. */
  private shown(key: string): string {
    return this.name + key.slice(this.prefix.length);
  }

  private async get(key: string): Promise<KeyValue | null> {
    const { kvs } = await this.client.call("kv/range", { key: base64(key) }, rangeSchema, this.shown(key));
    return kvs[0] ?? null;
  }

  private async put(key: string, value: Buffer): Promise<void> {
    const body = { key: base64(key), value: value.toString("base64") };
    await this.client.call("kv/put", body, doneSchema, this.shown(key));
  }

  /** Everything whose key begins so, by key, in pages. */
  private async *all(start: string): AsyncGenerator<KeyValue> {
    const first = this.key(start);
    for (let from = first; ; ) {
      const body = { key: base64(from), range_end: base64(endOf(first)), limit: String(PAGE) };
      const { kvs, more } = await this.client.call("kv/range", body, rangeSchema, this.shown(first));
      yield* kvs;
      if (!more || kvs.length === 0) return;
      from = `${Buffer.from(kvs.at(-1)!.key, "base64").toString()}\0`;
    }
  }

  /** Throws SourceError. */
  private record<T extends object>(schema: z.ZodType<T>, { key, value }: KeyValue): T {
    const file = this.shown(Buffer.from(key, "base64").toString());
    if (value.length > (RECORD_BYTES_AT_MOST * 4) / 3 + 4)
      throw new SourceError({ file }, "too large for a record");
    const record = parseRecord(schema, Buffer.from(value, "base64").toString());
    if (typeof record === "string") throw new SourceError({ file }, record);
    return record;
  }

  /** Two of them fit into one request. Throws Refusal. */
  private bounded(text: string, key: string): string {
    if (Buffer.byteLength(text) <= RECORD_BYTES_AT_MOST / 2) return text;
    throw new Refusal(`${this.shown(key)}: the record has more than ${RECORD_BYTES_AT_MOST / 2 ** 11} KiB`);
  }

  private async hasTable(digest: string): Promise<boolean> {
    try {
      await this.table(digest);
      return true;
    } catch (error) {
      if (error instanceof SourceError) return false;
      throw error;
    }
  }
}

/** Above all keys that begin so. */
function endOf(start: string): string {
  return `${start.slice(0, -1)}${String.fromCharCode(start.charCodeAt(start.length - 1) + 1)}`;
}
