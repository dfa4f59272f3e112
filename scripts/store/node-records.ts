/** Records that nodes leave in a store: their names are any text, so keys have a digest of them, and the record the name. */
import { createHash } from "node:crypto";
import type { ZodType } from "zod";
import { Refusal } from "../refusal.ts";
import {
  NODE_RECORD_BYTES_AT_MOST,
  type NodeRefusal,
  nodeRefusalSchema,
  type Report,
  reportSchema,
  type SeenNode,
  seenNodeSchema,
} from "./store.ts";

/** A kind of record. */
export interface NodeRecords<T> {
  /** What its keys begin with. */
  folder: "reports" | "refusals" | "nodes";
  schema: ZodType<T>;
  /** Of a record, below the folder. */
  key(record: T): string;
}

export const REPORTS: NodeRecords<Report> = {
  folder: "reports",
  schema: reportSchema,
  key: ({ node }) => nodeKey(node),
};

export const REFUSALS: NodeRecords<NodeRefusal> = {
  folder: "refusals",
  schema: nodeRefusalSchema,
  key: ({ node, digest }) => `${digest}-${nodeKey(node)}`,
};

export const NODES: NodeRecords<SeenNode> = {
  folder: "nodes",
  schema: seenNodeSchema,
  key: ({ node }) => nodeKey(node),
};

/** Of what is the node's own, whatever else it says. */
export function nodeKey(node: string): string {
  return createHash("sha256").update(node).digest("hex").slice(0, 32);
}

/** As it is written. Throws Refusal where it is none, or too large. */
export function nodeRecordText<T>({ schema, folder }: NodeRecords<T>, record: T, store: string): string {
  const { success, error } = schema.safeParse(record);
  const { path, message } = error?.issues[0] ?? { path: [], message: "" };
  if (!success)
    throw new Refusal(`${store}: not kept in ${folder}: \`${path.map(String).join(".")}\`: ${message}`);
  const text = JSON.stringify(record);
  if (Buffer.byteLength(text) <= NODE_RECORD_BYTES_AT_MOST) return text;
  throw new Refusal(
    `${store}: not kept in ${folder}: it has more than ${NODE_RECORD_BYTES_AT_MOST >> 10} KiB`,
  );
}

export const tooMany = (store: string, folder: string, atMost: number): string =>
  `${store}: there are ${atMost} records in ${folder} already, and no more are kept`;
