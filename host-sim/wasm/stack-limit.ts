/**
 * A bound on a module's stack, for hosts that have little of it: V8 has a megabyte, the interpreter in ATS 32 KiB.
 * Each function is put behind another that counts what the calls so far would take there, and traps past the
 * bound. What a frame takes is an estimate: parameters and locals are known, operands are not.
 */
import { section, WasmReader } from "./reader.ts";
import {
  append,
  bodyOf,
  countImports,
  exportOf,
  I32,
  join,
  leb,
  MUTABLE,
  op,
  readBodies,
  readNumbers,
  readSections,
  signed,
  VOID,
  writeModule,
} from "./sections.ts";

/** Bytes of a frame beside its parameters and locals: WAMR's own fields, and some operands. */
const FRAME = 96;
/** An exported global with the bytes in use; past the bound after a trap of ours. */
export const STACK_IN_USE = "host-sim stack in use";

const I64 = 0x7e;
const F64 = 0x7c;

/** The module with a stack of so many bytes. @param wasm a valid module that exports something */
export function limitStack(wasm: Uint8Array, bytes: number): Uint8Array {
  const sections = readSections(wasm);
  const body = (id: number) => bodyOf(sections, id);
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
  return writeModule(wasm, sections, changed).wasm;
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
