/** Which Wasm features a module uses that some engines refuse: a walk over its sections and instructions. */
import { opcode, skipImmediates } from "./instructions.ts";
import { headerSize, WasmReader as Reader, section } from "./reader.ts";

export type Feature = "simd" | "reference types";

/** What V8 says of features that a version of it lacks, and their names. */
const lacking: readonly (readonly [RegExp, string])[] = [
  [/i(32|64)\.(add|sub|mul) is not allowed in constant expressions/, "extended constant expressions"],
  [/memory count of \d+ exceeds internal limit of 1|multi-memory/, "several memories (multi-memory)"],
  [/memory limits flags 0x[4-7]|memory64/, "64-bit memories (memory64)"],
  [/wasm-gc|Unknown type code 0x(5[0ef]|4[ef])/, "garbage collection"],
  [/relaxed-simd/, "relaxed SIMD"],
  [/Invalid opcode 0x(1f|0a)\b|experimental-wasm-exnref/, "exceptions with exnref"],
  [/Invalid opcode 0x1[23]\b/, "tail calls"],
];

/** The feature that V8 lacks, by what it says of a module; null if the module is no good in any V8. */
export function lackingFeature(message: string): string | null {
  const found = lacking.find(([pattern]) => pattern.test(message));
  return found?.[1] ?? /enable with --experimental-wasm-([\w-]+)/.exec(message)?.[1] ?? null;
}

const v128 = 0x7b;
const funcref = 0x70;
const externref = 0x6f;

const firstTableInstruction = 15;
/** table.get, table.set, typed select, ref.null, ref.is_null, ref.func */
const referenceInstructions: ReadonlySet<number> = new Set([0x25, 0x26, 0x1c, 0xd0, 0xd1, 0xd2]);

/** The features that a valid module uses, in no particular order; each once. */
export function usedFeatures(wasm: Uint8Array): Feature[] {
  const found = new Set<Feature>();
  const reader = new Reader(wasm);
  const valueType = (type: number): void => {
    if (type === v128) found.add("simd");
    if (type === funcref || type === externref) found.add("reference types");
  };
  reader.at = headerSize;
  while (reader.at < wasm.length) {
    const id = reader.byte();
    const end = reader.number() + reader.at;
    if (id === section.type) readTypes(reader, valueType);
    else if (id === section.global && reader.number() > 0) valueType(reader.byte());
    else if (id === section.code) {
      for (let count = reader.number(); count > 0; count--) readFunction(reader, valueType, found);
    }
    reader.at = end;
  }
  return [...found];
}

function readTypes(reader: Reader, valueType: (type: number) => void): void {
  for (let count = reader.number(); count > 0; count--) {
    reader.byte();
    for (let parameters = reader.number(); parameters > 0; parameters--) valueType(reader.byte());
    for (let results = reader.number(); results > 0; results--) valueType(reader.byte());
  }
}

function readFunction(reader: Reader, valueType: (type: number) => void, found: Set<Feature>): void {
  const end = reader.number() + reader.at;
  for (let groups = reader.number(); groups > 0; groups--) {
    reader.number();
    valueType(reader.byte());
  }
  while (reader.at < end) {
    const op = reader.byte();
    const sub = skipImmediates(reader, op);
    if (op === opcode.prefixSimd) found.add("simd");
    if (referenceInstructions.has(op) || (op === opcode.prefix && sub >= firstTableInstruction))
      found.add("reference types");
  }
  reader.at = end;
}
