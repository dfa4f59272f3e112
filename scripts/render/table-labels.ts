/** Labels of a Kubernetes object that holds a table: which one it is. */
import type { Table } from "../table/table.ts";

export const GENERATION_LABEL = "pointsman-generation";
export const DIGEST_LABEL = "pointsman-digest";

export function tableLabels({ generation, digest }: Table): Record<string, string> {
  return { [GENERATION_LABEL]: String(generation), [DIGEST_LABEL]: digest };
}
