/** What a module imports and exports, with types, which JavaScript's WebAssembly does not tell. */
import { headerSize, section, WasmReader } from "./reader.ts";

export type ExternKind = "function" | "table" | "memory" | "global" | "tag";

export interface Limits {
  readonly minimum: number;
  readonly maximum: number | null;
}

export interface Import {
  readonly module: string;
  readonly name: string;
  readonly kind: ExternKind;
  /** Of a function. */
  readonly type: string | null;
  /** Of a table or memory. */
  readonly limits: Limits | null;
}

export interface Export {
  readonly name: string;
  readonly kind: ExternKind;
  /** Its number among those of its kind. */
  readonly index: number;
  /** Of a function. */
  readonly type: string | null;
}

export interface Outline {
  readonly imports: readonly Import[];
  readonly exports: readonly Export[];
  /** How many functions there are, imports included, and how many of them are imports. */
  readonly functions: number;
  readonly imported: number;
}

const kinds: readonly ExternKind[] = ["function", "table", "memory", "global", "tag"];

/** How Envoy writes a function's type: `i32 i64 -> i32`. */
export const showType = (params: readonly string[], results: readonly string[]): string =>
  `${params.join(" ") || "void"} -> ${results.join(" ") || "void"}`;

/** @param wasm a valid module */
export function outlineOf(wasm: Uint8Array): Outline {
  const reader = new WasmReader(wasm);
  const types: string[] = [];
  const functions: number[] = [];
  const imports: Import[] = [];
  const exports: Export[] = [];
  reader.at = headerSize;
  while (reader.at < wasm.length) {
    const id = reader.byte();
    const end = reader.number() + reader.at;
    if (id === section.type) readTypes(reader, types);
    else if (id === section.import) {
      for (let count = reader.number(); count > 0; count--)
        imports.push(readImport(reader, types, functions));
    } else if (id === section.function) {
      for (let count = reader.number(); count > 0; count--) functions.push(reader.number());
    } else if (id === section.export) {
      for (let count = reader.number(); count > 0; count--)
        exports.push(readExport(reader, types, functions));
    }
    reader.at = end;
  }
  const imported = imports.filter(({ kind }) => kind === "function").length;
  return { imports, exports, functions: functions.length, imported };
}

function readImport(reader: WasmReader, types: readonly string[], functions: number[]): Import {
  const module = reader.name();
  const name = reader.name();
  const kind = kinds[reader.byte()] ?? "tag";
  let type: string | null = null;
  let limits: Limits | null = null;
  if (kind === "function") {
    const index = reader.number();
    functions.push(index);
    type = types[index] ?? null;
  } else if (kind === "table") {
    reader.valueType();
    limits = readLimits(reader);
  } else if (kind === "memory") limits = readLimits(reader);
  else if (kind === "global") {
    reader.valueType();
    reader.byte();
  } else reader.numbers(2);
  return { module, name, kind, type, limits };
}

function readExport(reader: WasmReader, types: readonly string[], functions: readonly number[]): Export {
  const name = reader.name();
  const kind = kinds[reader.byte()] ?? "tag";
  const index = reader.number();
  return { name, kind, index, type: kind === "function" ? (types[functions[index] ?? -1] ?? null) : null };
}

function readLimits(reader: WasmReader): Limits {
  const flags = reader.byte();
  const minimum = reader.number();
  return { minimum, maximum: (flags & 1) === 1 ? reader.number() : null };
}

const form = { function: 0x60, struct: 0x5f, array: 0x5e, group: 0x4e, sub: 0x50, final: 0x4f } as const;

/** The types of functions as text; what garbage collection adds has a place in the numbering, and no text. */
function readTypes(reader: WasmReader, types: string[]): void {
  for (let count = reader.number(); count > 0; count--) readType(reader, types, reader.byte());
}

function readType(reader: WasmReader, types: string[], what: number): void {
  if (what === form.group) {
    readTypes(reader, types);
  } else if (what === form.sub || what === form.final) {
    reader.numbers(reader.number());
    readType(reader, types, reader.byte());
  } else if (what === form.function) {
    const list = (): string[] => Array.from({ length: reader.number() }, () => reader.valueType());
    const params = list();
    types.push(showType(params, list()));
  } else {
    for (let fields = what === form.struct ? reader.number() : 1; fields > 0; fields--) {
      reader.valueType();
      reader.byte();
    }
    types.push("");
  }
}
