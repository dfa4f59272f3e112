/** A table that tells all it decides. */

import { decode } from "../encode/decode.ts";
import { encode } from "../encode/encode.ts";
import { EMIT_KIND_NAMES, type EmitKind } from "../plan.ts";
import type { Table } from "../table/table.ts";

/**
 * The same table with every optional header switched on, so that all that the filter decides can be seen from
 * outside; and the name that each has. The farm's own headers keep their names.
 */
export function withAllHeaders(table: Table): { bytes: Uint8Array; headers: Record<EmitKind, string> } {
  const plan = decode(table);
  const own = new Map(plan.emit.map(({ kind, name }) => [kind, name]));
  const emit = EMIT_KIND_NAMES.map((kind) => ({
    kind,
    name: own.get(kind) ?? `x-pointsman-explain-${kind}`,
  }));
  const bytes = encode({ ...plan, emit }, { generation: table.generation, names: null });
  return {
    bytes,
    headers: Object.fromEntries(emit.map(({ kind, name }) => [kind, name])) as Record<EmitKind, string>,
  };
}
