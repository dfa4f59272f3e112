/**
 * A bound on a module's stack, for hosts that have little of it: V8 has a megabyte, the interpreter in ATS 32 KiB.
 * Each function is put behind another that counts what the calls so far would take there, and traps past the
 * bound. What a frame takes is an estimate: parameters and locals are known, operands are not.
 */
import { headerSize, section, WasmReader } from "./reader.ts";

/** Bytes of a frame beside its parameters and locals: WAMR's own fields, and some operands. */
const FRAME = 96;
/** An exported global with the bytes in use; past the bound after a trap of ours. */
export const STACK_IN_USE = "host-sim stack in use";

const op = {
  unreachable: 0x00,
  if: 0x04,
  end: 0x0b,
  call: 0x10,
  localGet: 0x20,
  globalGet: 0x23,
  globalSet: 0x24,
  i32Const: 0x41,
  i32GtU: 0x4b,
  i32Add: 0x6a,
  i32Sub: 0x6b,
} as const;
const VOID = 0x40;
const I32 = 0x7f;
const I64 = 0x7e;
const F64 = 0x7c;
const MUTABLE = 1;
const importKind = { function: 0, table: 1, memory: 2, global: 3 } as const;
const GLOBAL_EXPORT = 3;

interface Section {
  readonly id: number;
  readonly body: Uint8Array;
}

/** The module with a stack of so many bytes. @param wasm a valid module that exports something */
export function limitStack(wasm: Uint8Array, bytes: number): Uint8Array {
  const sections = readSections(wasm);
  const body = (id: number): Uint8Array => sections.find((one) => one.id === id)?.body ?? new Uint8Array([0]);
  const types = readTypes(body(section.type));
  const imported = countImports(body(section.import));
  const functionTypes = readNumbers(body(section.function));
  const bodies = readBodies(body(section.code));
  const global = imported.globals + new WasmReader(body(section.global)).number();
  const firstOriginal = imported.functions + bodies.length;

  const wrappers = bodies.map((original, i) => {
    const parameters = types[functionTypes[i]!]!;
    const cost = FRAME + [...parameters, ...localsOf(original)].reduce((sum, type) => sum + sizeOf(type), 0);
    return wrapper(parameters.length, cost, bytes, global, firstOriginal + i);
  });
  const changed = new Map<number, Uint8Array>([
    [section.function, join(leb(2 * bodies.length), ...[...functionTypes, ...functionTypes].map(leb))],
    [
      section.code,
      join(leb(2 * bodies.length), ...[...wrappers, ...bodies].map((one) => join(leb(one.length), one))),
    ],
    [section.global, append(body(section.global), [I32, MUTABLE, op.i32Const, 0, op.end])],
    [section.export, append(body(section.export), exportOf(STACK_IN_USE, global))],
  ]);
  const parts = [wasm.subarray(0, headerSize)];
  const put = (id: number, content: Uint8Array): number =>
    parts.push(new Uint8Array([id]), leb(content.length), content);
  let hasGlobals = false;
  for (const { id, body: content } of sections) {
    if (id === section.global) hasGlobals = true;
    // Globals stand before exports, whether the module has any or not.
    if (id === section.export && !hasGlobals) put(section.global, changed.get(section.global)!);
    put(id, changed.get(id) ?? content);
  }
  return join(...parts);
}

/** Counts the frame in, traps past the bound, calls the original, counts the frame out. */
function wrapper(
  parameters: number,
  cost: number,
  bytes: number,
  global: number,
  original: number,
): Uint8Array {
  const g = leb(global);
  const enter = join([op.globalGet], g, [op.i32Const], signed(cost), [op.i32Add, op.globalSet], g);
  const check = join([op.globalGet], g, [op.i32Const], signed(bytes), [
    op.i32GtU,
    op.if,
    VOID,
    op.unreachable,
    op.end,
  ]);
  const pass = Array.from({ length: parameters }, (_, i) => join([op.localGet], leb(i)));
  const leave = join([op.globalGet], g, [op.i32Const], signed(cost), [op.i32Sub, op.globalSet], g);
  return join([0], enter, check, ...pass, [op.call], leb(original), leave, [op.end]);
}

function readSections(wasm: Uint8Array): Section[] {
  const reader = new WasmReader(wasm);
  const sections: Section[] = [];
  reader.at = headerSize;
  while (reader.at < wasm.length) {
    const id = reader.byte();
    const size = reader.number();
    sections.push({ id, body: wasm.subarray(reader.at, reader.at + size) });
    reader.at += size;
  }
  return sections;
}

/** Parameter types of each function type. */
function readTypes(body: Uint8Array): number[][] {
  const reader = new WasmReader(body);
  return Array.from({ length: reader.number() }, () => {
    reader.byte();
    const parameters = Array.from({ length: reader.number() }, () => reader.byte());
    for (let results = reader.number(); results > 0; results--) reader.byte();
    return parameters;
  });
}

function countImports(body: Uint8Array): { functions: number; globals: number } {
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

function readNumbers(body: Uint8Array): number[] {
  const reader = new WasmReader(body);
  return Array.from({ length: reader.number() }, () => reader.number());
}

function readBodies(body: Uint8Array): Uint8Array[] {
  const reader = new WasmReader(body);
  return Array.from({ length: reader.number() }, () => {
    const size = reader.number();
    reader.at += size;
    return body.subarray(reader.at - size, reader.at);
  });
}

/** Type of each local of a function's body. */
function localsOf(body: Uint8Array): number[] {
  const reader = new WasmReader(body);
  const groups = Array.from({ length: reader.number() }, () => {
    const count = reader.number();
    return Array<number>(count).fill(reader.byte());
  });
  return groups.flat();
}

function sizeOf(type: number): number {
  return type === I64 || type === F64 ? 8 : 4;
}

function append(list: Uint8Array, entry: readonly number[] | Uint8Array): Uint8Array {
  const reader = new WasmReader(list);
  const count = reader.number();
  return join(leb(count + 1), list.subarray(reader.at), entry);
}

function exportOf(name: string, global: number): Uint8Array {
  const text = new TextEncoder().encode(name);
  return join(leb(text.length), text, [GLOBAL_EXPORT], leb(global));
}

function leb(value: number): Uint8Array {
  const bytes: number[] = [];
  do {
    bytes.push((value & 0x7f) | (value > 0x7f ? 0x80 : 0));
    value >>>= 7;
  } while (value > 0);
  return new Uint8Array(bytes);
}

/** Of a number from 0 up: the last byte must not look negative. */
function signed(value: number): Uint8Array {
  const bytes: number[] = [];
  while (value > 0x3f) {
    bytes.push((value & 0x7f) | 0x80);
    value >>>= 7;
  }
  return new Uint8Array([...bytes, value]);
}

function join(...parts: (readonly number[] | Uint8Array)[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}
