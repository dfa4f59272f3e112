/** A Kubernetes ConfigMap as a manifest: how large it may be, and the one that holds a table, with another one in it. */
import { z } from "zod";
import type { Table } from "../table/table.ts";
import { type FilterFile, firstIssue, parseFilterFile } from "./filter-file.ts";
import { DIGEST_LABEL, GENERATION_LABEL, tableLabels } from "./table-labels.ts";

export interface ConfigMap {
  apiVersion: "v1";
  kind: "ConfigMap";
  metadata: {
    name: string;
    namespace?: string;
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
  };
  immutable?: boolean;
  data?: Record<string, string>;
  binaryData?: Record<string, string>;
}

/** What Kubernetes takes as the sum of all values, those of `binaryData` decoded. */
export const CONFIGMAP_BYTES_AT_MOST = 2 ** 20;

/** The table's own key, for whoever reads tables in a pod. */
export const TABLE_KEY = "pointsman.table";

export function configMap(
  { name, namespace }: { name: string; namespace?: string | undefined },
  content: Pick<ConfigMap, "immutable" | "data" | "binaryData"> & Pick<ConfigMap["metadata"], "annotations">,
): ConfigMap {
  const { annotations, ...rest } = content;
  return {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name, ...(namespace !== undefined && { namespace }), ...(annotations && { annotations }) },
    ...rest,
  };
}

export function bytesOf({ data = {}, binaryData = {} }: ConfigMap): number {
  const texts = Object.values(data).map((text) => Buffer.byteLength(text));
  const bytes = Object.values(binaryData).map((base64) => Buffer.byteLength(base64, "base64"));
  return [...texts, ...bytes].reduce((sum, length) => sum + length, 0);
}

/** As it is written: JSON is YAML, and has one way to read a digest such as 12345e78. */
export const manifestText = (map: ConfigMap) => `${JSON.stringify(map, null, 2)}\n`;

const heldSchema = z.looseObject({
  apiVersion: z.literal("v1"),
  kind: z.literal("ConfigMap"),
  metadata: z.looseObject({
    name: z.string(),
    labels: z.looseObject({ [GENERATION_LABEL]: z.string().regex(/^\d+$/), [DIGEST_LABEL]: z.string() }),
  }),
  data: z.record(z.string(), z.string()).optional(),
  binaryData: z.looseObject({ [TABLE_KEY]: z.string() }),
});

/** One that holds a table. */
export interface TableMap {
  generation: number;
  digest: string;
  /** The files from which Envoys discover the filter, by their keys. */
  filters: ReadonlyMap<string, FilterFile>;
}

/** @param text as {@link manifestText} writes it. Throws an Error whose message is for the user. */
export function parseTableMap(text: string): TableMap & { map: ConfigMap } {
  const parsed = heldSchema.safeParse(JSON.parse(text));
  if (!parsed.success) throw new Error(`no ConfigMap with a table: ${firstIssue(parsed.error)}`);
  const { labels } = parsed.data.metadata;
  return {
    map: parsed.data as ConfigMap,
    generation: Number(labels[GENERATION_LABEL]),
    digest: labels[DIGEST_LABEL],
    filters: filtersIn(parsed.data as ConfigMap),
  };
}

function filtersIn({ data = {} }: ConfigMap): Map<string, FilterFile> {
  return new Map(Object.entries(data).map(([key, text]) => [key, parseFilterFile(text, key)]));
}

/**
 * The same map with this table in all that it holds. As attempt it takes the generation: written again, it is the same
 * map.
 */
export function withTable(map: ConfigMap, table: Table): ConfigMap {
  const filters = [...filtersIn(map)].map(
    ([key, filter]) => [key, filter.with(table, table.generation)] as const,
  );
  return {
    ...map,
    metadata: { ...map.metadata, labels: { ...map.metadata.labels, ...tableLabels(table) } },
    ...(filters.length > 0 && { data: Object.fromEntries(filters) }),
    binaryData: { ...map.binaryData, [TABLE_KEY]: Buffer.from(table.bytes).toString("base64") },
  };
}
