import * as L from "../../assembly/layout.ts";
import { assemble } from "../encode/container.ts";
import { encodeEmit, encodeHeaders, encodeStrings } from "../encode/encode.ts";
import { EMIT_KIND_NAMES, type EmitKind } from "../plan.ts";
import type { Table } from "../table/table.ts";

/**
 * The same table with every optional header switched on, so that all that the filter decides can be seen from
 * outside; and the name that each has. The farm's own headers keep their names.
 */
export function withAllHeaders(table: Table): { bytes: Uint8Array; headers: Record<EmitKind, string> } {
  const strings = Array.from({ length: table.strings }, (_, number) => table.string(number)!);
  const names = [...table.headers];
  const own = Array.from({ length: table.emitCount }, (_, i) => table.emit(i));
  const headers = {} as Record<EmitKind, string>;
  const emit = EMIT_KIND_NAMES.map((kind, number) => {
    headers[kind] = own.find((one) => one.kind === number)?.name ?? `x-pointsman-explain-${kind}`;
    if (!names.includes(headers[kind])) names.push(headers[kind]);
    return { kind, header: names.indexOf(headers[kind]) };
  });
  const headerStrings = names.map((name) => {
    const known = strings.indexOf(name);
    return known === -1 ? strings.push(name) - 1 : known;
  });
  const sections = table.sections.map(({ name }) => {
    if (name === L.SECTION_STRINGS) return { name, bytes: encodeStrings(strings) };
    if (name === L.SECTION_HEADERS) return { name, bytes: encodeHeaders(headerStrings) };
    if (name === L.SECTION_EMIT) return { name, bytes: encodeEmit(emit) };
    return { name, bytes: table.section(name)! };
  });
  return { bytes: assemble(sections, table.generation), headers };
}
