/** A table that tells all it decides. */
import * as L from "../../assembly/layout.ts";
import { layOut } from "../encode/container.ts";
import { EMIT_KIND_NAMES, type EmitKind } from "../plan.ts";
import type { Table } from "../table/table.ts";
import { EMIT_KINDS } from "../table/wire.ts";

/**
 * The same table with every optional header switched on, so that all that the filter decides can be seen from
 * outside; and the name that each has. The farm's own headers keep their names. Its digest is that of the table.
 */
export function withAllHeaders(table: Table): { bytes: Uint8Array; headers: Record<EmitKind, string> } {
  const own = new Map(table.emit.map(({ kind, name }) => [kind, name]));
  const named = EMIT_KIND_NAMES.map(
    (kind) => [kind, own.get(kind) ?? `x-pointsman-explain-${kind}`] as const,
  );
  const added = named.map(([, name]) => name).filter((name) => !table.headers.includes(name));
  const headers = [...table.headers, ...added];
  const changed = new Map([
    [L.SECTION_STRINGS, withStrings(table.section(L.SECTION_STRINGS)!, added)],
    [L.SECTION_HEADERS, withHeaders(table.section(L.SECTION_HEADERS)!, table.stringCount, added.length)],
    [L.SECTION_EMIT, emitting(named.map(([kind, name]) => [EMIT_KINDS[kind], headers.indexOf(name)]))],
  ]);
  const sections = table.sections
    .filter(({ name }) => name !== L.SECTION_NAMES)
    .map(({ name }) => ({ name, bytes: changed.get(name) ?? table.section(name)! }));
  const digest = table.bytes.subarray(L.HEADER_DIGEST, L.HEADER_DIGEST + L.DIGEST_BYTES);
  return {
    bytes: layOut(sections, table.generation, digest),
    headers: Object.fromEntries(named) as Record<EmitKind, string>,
  };
}

/** STRS with more strings behind the others, which keep their numbers. */
function withStrings(section: Uint8Array, added: readonly string[]): Uint8Array {
  const before = viewOf(section);
  const count = before.getUint32(0, true);
  const texts = L.STRINGS_ENDS + 4 * count;
  const length = added.reduce((sum, text) => sum + text.length, 0);
  const out = new Uint8Array(section.length + 4 * added.length + length);
  out.set(section.subarray(0, texts));
  out.set(section.subarray(texts), texts + 4 * added.length);
  const view = viewOf(out);
  view.setUint32(0, count + added.length, true);
  let end = count === 0 ? 0 : before.getUint32(texts - 4, true);
  added.forEach((text, i) => {
    for (const char of text) out[texts + 4 * added.length + end++] = char.charCodeAt(0);
    view.setUint32(texts + 4 * i, end, true);
  });
  return out;
}

/** HDRS with the last so many strings behind the others. @param first number of the first of them */
function withHeaders(section: Uint8Array, first: number, added: number): Uint8Array {
  const count = viewOf(section).getUint32(0, true);
  const out = new Uint8Array(section.length + 2 * added);
  out.set(section);
  const view = viewOf(out);
  view.setUint32(0, count + added, true);
  for (let i = 0; i < added; i++) view.setUint16(L.HEADERS_BODY + 2 * (count + i), first + i, true);
  return out;
}

function emitting(entries: readonly (readonly [kind: number, header: number])[]): Uint8Array {
  const out = new Uint8Array(L.EMIT_BODY + entries.length * L.EMIT_ENTRY);
  viewOf(out).setUint32(0, entries.length, true);
  entries.forEach((entry, i) => {
    const at = L.EMIT_BODY + i * L.EMIT_ENTRY;
    [out[at + L.EMIT_KIND], out[at + L.EMIT_HEADER]] = entry;
  });
  return out;
}

const viewOf = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
