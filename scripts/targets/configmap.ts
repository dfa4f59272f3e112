/**
 * A Kubernetes ConfigMap, as a manifest to apply: the table, and of each listener the file from which an Envoy discovers
 * the filter, where the map is mounted.
 */
import { existsSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import { z } from "zod";
import { withLock } from "../disk/lock.ts";
import { sweep, writeWhole } from "../disk/write-whole.ts";
import { Refusal } from "../refusal.ts";
import { DIGEST_LABEL, GENERATION_LABEL, tableLabels } from "../render/table-labels.ts";
import { reason } from "../sources/reason.ts";
import type { Table } from "../table/table.ts";
import {
  checkFits,
  neededFilterFilesIn,
  OF_A_PUSH,
  orNull,
  readFilterFile,
  refuseOlder,
} from "./filter-files.ts";
import { DoesNotFit, type Has, type Target } from "./target.ts";

export interface ConfigMapOptions {
  /** The manifest. */
  file: string;
  name: string;
  namespace: string | undefined;
  /** What `render envoy --out` has filled for the pods' Envoys; none: the map has the table alone. */
  from: string | undefined;
}

/** What Kubernetes takes as the sum of all values. */
export const CONFIGMAP_BYTES_AT_MOST = 2 ** 20;

const writtenSchema = z.looseObject({
  kind: z.literal("ConfigMap"),
  metadata: z.looseObject({
    labels: z.looseObject({ [GENERATION_LABEL]: z.string().regex(/^\d+$/), [DIGEST_LABEL]: z.string() }),
  }),
});

export function configMap(options: ConfigMapOptions): Target {
  const { file } = options;
  const manifest = (table: Table) => {
    const written = readWritten(file);
    if (written !== null) refuseOlder(written, file, table, OF_A_PUSH);
    return manifestOf(table, options);
  };
  return {
    name: `configmap=${file}`,
    followed: `${file}.follow`,
    isTold: false,
    has: () => orNull(() => readWritten(file)),
    check: async (table) => {
      manifest(table);
    },
    write: (table) =>
      withLock(file, () => {
        sweep(dirname(file));
        // JSON is YAML, and has one way to read a digest such as 12345e78.
        writeWhole(file, Buffer.from(`${JSON.stringify(manifest(table), null, 2)}\n`));
        return `written; then: kubectl apply --server-side -f ${file}`;
      }),
  };
}

/** Throws Refusal. */
function manifestOf(table: Table, { file, name, namespace, from }: ConfigMapOptions): object {
  const data: Record<string, string> = {};
  for (const { listener, path } of from === undefined ? [] : neededFilterFilesIn(from)) {
    const filter = readFilterFile(path);
    // Only a place for the table: what it holds may be older or newer.
    checkFits({ ...filter, table: null }, path, table, OF_A_PUSH);
    // As attempt the generation: written again, it is the same map, whatever became of the place meanwhile.
    data[`${listener}.${path.endsWith(".json") ? "json" : "yaml"}`] = filter.with(table, table.generation);
  }
  const texts = Object.values(data).reduce((sum, text) => sum + Buffer.byteLength(text), 0);
  const bytes = table.bytes.length + texts;
  if (bytes > CONFIGMAP_BYTES_AT_MOST) {
    throw new DoesNotFit(
      `${file}: ${bytes} bytes, and Kubernetes takes at most ${CONFIGMAP_BYTES_AT_MOST} in a ConfigMap: bring so large a table by files or by a server`,
    );
  }
  return {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: {
      name,
      ...(namespace !== undefined && { namespace }),
      labels: tableLabels(table),
    },
    ...(from !== undefined && { data }),
    binaryData: { "pointsman.table": Buffer.from(table.bytes).toString("base64") },
  };
}

/** What the manifest that is there has; null: there is none. Throws Refusal where it is none of ours. */
function readWritten(file: string): Has | null {
  if (!existsSync(file)) return null;
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw new Refusal(`${file}: cannot be read: ${reason(error)}; no push wrote it: move it away`);
  }
  const written = writtenSchema.safeParse(value);
  if (!written.success) throw new Refusal(`${file}: no push wrote it: move it away`);
  const { labels } = written.data.metadata;
  return { generation: Number(labels[GENERATION_LABEL]), digest: labels[DIGEST_LABEL] };
}
