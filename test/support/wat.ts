/** Small modules in WebAssembly's text format, for what no compiler would write. */
import binaryen from "binaryen";
import type { HostCall } from "../../host-sim/call-rows.ts";
import { typeOfCall } from "../../host-sim/link.ts";

/** The bytes of a module, with the names of its functions; binaryen checks little of it. */
export function wat(text: string): Uint8Array {
  const module = binaryen.parseText(text);
  module.setFeatures(binaryen.Features.All);
  // Of the whole process: asc, which other tests run in it, says otherwise.
  binaryen.setDebugInfo(true);
  try {
    return module.emitBinary();
  } finally {
    module.dispose();
  }
}

export const memory = '(memory (export "memory") 1)';
export const malloc = '(func (export "malloc") (param i32) (result i32) (i32.const 4096))';
export const marker = (version: string): string => `(func (export "proxy_abi_version_${version}"))`;

/** What every module has. */
export const basis = `${memory}${malloc}${marker("0_2_1")}`;

export const importLog = '(import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))';

/** Logs one letter; it stands at address 100 then. */
export const say = (letter: string): string =>
  `(i32.store8 (i32.const 100) (i32.const ${letter.charCodeAt(0)}))
   (drop (call $log (i32.const 2) (i32.const 100) (i32.const 1)))`;

const typed = (type: string): { params: string[]; results: string } => {
  const [params = "", results = ""] = type.split(" -> ");
  return { params: params === "void" ? [] : params.split(" "), results: results === "void" ? "" : results };
};

/** The import of a host call, under its name. */
export function importCall(row: HostCall): string {
  const { params, results } = typed(typeOfCall(row));
  const result = results === "" ? "" : `(result ${results})`;
  return `(import "${row.module}" "${row.name}" (func $${row.name} (param ${params.join(" ")}) ${result}))`;
}

/** The call, with arguments by their place; its result is on the stack if it has one. */
export function callWith(row: HostCall, argument: (place: number) => number): string {
  const { params } = typed(typeOfCall(row));
  return `(call $${row.name} ${params.map((type, i) => `(${type}.const ${argument(i)})`).join(" ")})`;
}
