/**
 * A bound on how long a module runs: each turn of a loop and each call of a function counts a global down, and at
 * nought the module traps. A counter rather than a clock: the same guest is stopped at the same place on every
 * machine, in a page too, and no thread has to watch.
 */
import { opcode, skipImmediates } from "./instructions.ts";
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
  readSections,
  signed,
  VOID,
  writeModule,
} from "./sections.ts";

/** An exported global with the turns that are left, unsigned. */
export const TURNS_LEFT = "host-sim turns left";

/** Also what a module has while it is instantiated: about a second or two. */
export const DEFAULT_TURNS = 1_000_000_000;

/** From an offset in the changed module on, what is there stood so many bytes before in the given one. */
interface Shift {
  readonly from: number;
  readonly by: number;
}

export interface Counted {
  readonly wasm: Uint8Array;
  /** Where an instruction of the changed module stands in the given one. */
  originalOffset(offset: number): number;
}

/** @param wasm a valid module that exports something */
export function limitTurns(wasm: Uint8Array): Counted {
  const sections = readSections(wasm);
  const body = (id: number) => bodyOf(sections, id);
  const globals = body(section.global);
  const global = countImports(body(section.import)).globals + new WasmReader(globals).number();
  const code = countIn(body(section.code), counting(global));
  const changed = new Map<number, Uint8Array>([
    [section.code, join(...code.parts)],
    [section.global, append(globals, join([I32, MUTABLE, op.i32Const], signed(DEFAULT_TURNS), [op.end]))],
    [section.export, append(body(section.export), exportOf(TURNS_LEFT, global))],
  ]);
  const written = writeModule(wasm, sections, changed);
  const moved = written.codeAt - (sections.find(({ id }) => id === section.code)?.at ?? 0);
  return {
    wasm: written.wasm,
    originalOffset: (offset) => offset - shiftAt(code.shifts, offset - written.codeAt) - moved,
  };
}

/** Traps at nought, else counts down. */
function counting(global: number): Uint8Array {
  const g = leb(global);
  const check = join([op.globalGet], g, [op.i32Eqz, op.if, VOID, op.unreachable, op.end]);
  return join(check, [op.globalGet], g, [op.i32Const, 1, op.i32Sub, op.globalSet], g);
}

/** The code section's content with `inserted` at the head of each function and of each loop, and what that shifts. */
function countIn(code: Uint8Array, inserted: Uint8Array): { parts: Uint8Array[]; shifts: Shift[] } {
  const reader = new WasmReader(code);
  const count = reader.number();
  const parts = [code.subarray(0, reader.at)];
  const shifts: Shift[] = [];
  let written = reader.at;
  for (let i = 0; i < count; i++) {
    const size = reader.number();
    const start = reader.at;
    const places = placesIn(reader, start + size);
    const head = leb(size + places.length * inserted.length);
    parts.push(head);
    written += head.length;
    let from = start;
    shifts.push({ from: written, by: written - start });
    for (const place of places) {
      parts.push(code.subarray(from, place), inserted);
      written += place - from + inserted.length;
      from = place;
      shifts.push({ from: written, by: written - place });
    }
    parts.push(code.subarray(from, start + size));
    written += start + size - from;
    reader.at = start + size;
  }
  return { parts, shifts };
}

/** Behind the locals, and behind the opening of each loop. */
function placesIn(reader: WasmReader, end: number): number[] {
  for (let groups = reader.number(); groups > 0; groups--) {
    reader.number();
    reader.valueType();
  }
  const places = [reader.at];
  while (reader.at < end) {
    const code = reader.byte();
    skipImmediates(reader, code);
    if (code === opcode.loop) places.push(reader.at);
  }
  return places;
}

function shiftAt(shifts: readonly Shift[], offset: number): number {
  let low = 0;
  let high = shifts.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (shifts[middle]!.from <= offset) low = middle + 1;
    else high = middle;
  }
  return shifts[low - 1]?.by ?? 0;
}
