/** A module taken apart into its sections, and put together again with some of them changed. */
import { headerSize, section, WasmReader } from "./reader.ts";

/** The instructions that are put into modules. */
export const op = {
  unreachable: 0x00,
  if: 0x04,
  end: 0x0b,
  call: 0x10,
  localGet: 0x20,
  globalGet: 0x23,
  globalSet: 0x24,
  i32Const: 0x41,
  i32Eqz: 0x45,
  i32GtU: 0x4b,
  i32Add: 0x6a,
  i32Sub: 0x6b,
} as const;
export const VOID = 0x40;
export const I32 = 0x7f;
export const MUTABLE = 1;
const importKind = { function: 0, table: 1, memory: 2, global: 3 } as const;
const GLOBAL_EXPORT = 3;

export interface Section {
  readonly id: number;
  /** Where its content begins in the module. */
  readonly at: number;
  readonly body: Uint8Array;
}

/** @returns the module, and where the content of its code section begins */
export function writeModule(
  wasm: Uint8Array,
  sections: readonly Section[],
  changed: ReadonlyMap<number, Uint8Array>,
): { wasm: Uint8Array; codeAt: number } {
  const parts = [wasm.subarray(0, headerSize)];
  let size = headerSize;
  let codeAt = 0;
  const put = (id: number, content: Uint8Array): void => {
    const head = join([id], leb(content.length));
    parts.push(head, content);
    if (id === section.code) codeAt = size + head.length;
    size += head.length + content.length;
  };
  let hasGlobals = false;
  for (const { id, body } of sections) {
    if (id === section.global) hasGlobals = true;
    // Globals stand before exports, whether the module has any or not.
    if (id === section.export && !hasGlobals) put(section.global, changed.get(section.global)!);
    put(id, changed.get(id) ?? body);
  }
  return { wasm: join(...parts), codeAt };
}

export function readSections(wasm: Uint8Array): Section[] {
  const reader = new WasmReader(wasm);
  const sections: Section[] = [];
  reader.at = headerSize;
  while (reader.at < wasm.length) {
    const id = reader.byte();
    const size = reader.number();
    sections.push({ id, at: reader.at, body: wasm.subarray(reader.at, reader.at + size) });
    reader.at += size;
  }
  return sections;
}

/** Custom sections, by what they are called; what follows the name. */
export function customSections(sections: readonly Section[]): { name: string; content: Uint8Array }[] {
  return sections.flatMap(({ id, body }) => {
    if (id !== section.custom) return [];
    const reader = new WasmReader(body);
    return [{ name: reader.name(), content: body.subarray(reader.at) }];
  });
}

/** What a section has in it; of one that is not there, no entries. */
export function bodyOf(sections: readonly Section[], id: number): Uint8Array {
  return sections.find((one) => one.id === id)?.body ?? new Uint8Array([0]);
}

export function countImports(body: Uint8Array): { functions: number; globals: number } {
  const reader = new WasmReader(body);
  const counts = { functions: 0, globals: 0 };
  for (let count = reader.number(); count > 0; count--) {
    for (const _name of ["module", "field"]) {
      const size = reader.number();
      reader.at += size;
    }
    const kind = reader.byte();
    if (kind === importKind.function) {
      counts.functions++;
      reader.number();
    } else if (kind === importKind.global) {
      counts.globals++;
      reader.numbers(2);
    } else {
      if (kind === importKind.table) reader.byte();
      reader.numbers(reader.byte() & 1 ? 2 : 1);
    }
  }
  return counts;
}

export function readNumbers(body: Uint8Array): number[] {
  const reader = new WasmReader(body);
  return Array.from({ length: reader.number() }, () => reader.number());
}

export function readBodies(body: Uint8Array): Uint8Array[] {
  const reader = new WasmReader(body);
  return Array.from({ length: reader.number() }, () => {
    const size = reader.number();
    reader.at += size;
    return body.subarray(reader.at - size, reader.at);
  });
}

export function append(list: Uint8Array, entry: readonly number[] | Uint8Array): Uint8Array {
  const reader = new WasmReader(list);
  const count = reader.number();
  return join(leb(count + 1), list.subarray(reader.at), entry);
}

export function exportOf(name: string, global: number): Uint8Array {
  const text = new TextEncoder().encode(name);
  return join(leb(text.length), text, [GLOBAL_EXPORT], leb(global));
}

export function leb(value: number): Uint8Array {
  const bytes: number[] = [];
  do {
    bytes.push((value & 0x7f) | (value > 0x7f ? 0x80 : 0));
    value >>>= 7;
  } while (value > 0);
  return new Uint8Array(bytes);
}

/** Of a number from 0 up: the last byte must not look negative. */
export function signed(value: number): Uint8Array {
  const bytes: number[] = [];
  while (value > 0x3f) {
    bytes.push((value & 0x7f) | 0x80);
    value >>>= 7;
  }
  return new Uint8Array([...bytes, value]);
}

export function join(...parts: (readonly number[] | Uint8Array)[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}
