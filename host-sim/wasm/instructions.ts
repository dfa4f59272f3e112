/** What follows an instruction's opcode (WebAssembly 3.0, section 5.4): for walks over functions. */
import type { WasmReader } from "./reader.ts";

export const opcode = {
  loop: 0x03,
  prefixGc: 0xfb,
  prefix: 0xfc,
  prefixSimd: 0xfd,
  prefixAtomic: 0xfe,
} as const;

/** How many LEB128 numbers follow an instruction of one byte, where any do. */
const numbersAfter = new Map<number, number>();
const numbers = (count: number, ...codes: number[]): void => {
  for (const code of codes) numbersAfter.set(code, count);
};
const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, i) => from + i);
// catch, throw, rethrow; br, br_if, call; return_call, call_ref, return_call_ref, delegate
numbers(1, 0x07, 0x08, 0x09, 0x0c, 0x0d, 0x10, 0x12, 0x14, 0x15, 0x18);
// locals, globals, tables; memory.size, memory.grow; constants; ref.null, ref.func, br_on_null, br_on_non_null
numbers(1, ...range(0x20, 0x26), 0x3f, 0x40, 0x41, 0x42, 0xd0, 0xd2, 0xd5, 0xd6);
// call_indirect, return_call_indirect
numbers(2, 0x11, 0x13);

/** The same after the prefix 0xfb: garbage collection. */
const numbersAfterGc = [
  1, 1, 2, 2, 2, 2, 1, 1, 2, 2, 2, 1, 1, 1, 1, 0, 1, 2, 2, 2, 1, 1, 1, 1, 4, 4, 0, 0, 0, 0, 0,
];
/** The same after the prefix 0xfc: saturating conversions, bulk memory, and tables. */
const numbersAfterPrefix = [0, 0, 0, 0, 0, 0, 0, 0, 2, 1, 2, 1, 2, 1, 2, 1, 1, 1];

/** Goes past what follows an opcode. For a prefix, gives the number that completes it; else 0. */
export function skipImmediates(reader: WasmReader, code: number): number {
  // block, loop, if, try; br_table; typed select; try_table; loads and stores; f32.const, f64.const
  if (code === 0x02 || code === opcode.loop || code === 0x04 || code === 0x06) skipBlockType(reader);
  else if (code === 0x0e) reader.numbers(reader.number() + 1);
  else if (code === 0x1c) for (let types = reader.number(); types > 0; types--) skipBlockType(reader);
  else if (code === 0x1f) skipTryTable(reader);
  else if (code >= 0x28 && code <= 0x3e) skipMemoryArgument(reader);
  else if (code === 0x43) reader.at += 4;
  else if (code === 0x44) reader.at += 8;
  else if (code >= opcode.prefixGc && code <= opcode.prefixAtomic) return skipPrefixed(reader, code);
  else reader.numbers(numbersAfter.get(code) ?? 0);
  return 0;
}

function skipPrefixed(reader: WasmReader, prefix: number): number {
  const code = reader.number();
  if (prefix === opcode.prefixGc) reader.numbers(numbersAfterGc[code] ?? 0);
  else if (prefix === opcode.prefix) reader.numbers(numbersAfterPrefix[code] ?? 0);
  else if (prefix === opcode.prefixSimd) skipSimd(reader, code);
  // atomic.fence has one byte; every other atomic is a load or store.
  else if (code === 3) reader.byte();
  else skipMemoryArgument(reader);
  return code;
}

function skipSimd(reader: WasmReader, code: number): void {
  const isLane = code >= 84 && code <= 91;
  if (code <= 11 || isLane || code === 92 || code === 93) skipMemoryArgument(reader);
  // v128.const, i8x16.shuffle; lanes extracted, replaced, loaded and stored
  if (code === 12 || code === 13) reader.at += 16;
  else if (isLane || (code >= 21 && code <= 34)) reader.byte();
}

/** Nothing, a type, a reference to a type, or the number of a function's type. */
function skipBlockType(reader: WasmReader): void {
  const isReference = reader.peek() === 0x63 || reader.peek() === 0x64;
  if (isReference) reader.byte();
  reader.number();
}

/** Alignment and offset; between them the memory, where it is not the first. */
function skipMemoryArgument(reader: WasmReader): void {
  if ((reader.number() & 0x40) !== 0) reader.number();
  reader.number();
}

function skipTryTable(reader: WasmReader): void {
  skipBlockType(reader);
  for (let clauses = reader.number(); clauses > 0; clauses--) {
    const hasTag = reader.byte() < 2;
    reader.numbers(hasTag ? 2 : 1);
  }
}
