/** The names of a module's functions, by its "name" section (WebAssembly core specification, appendix 7.4). */
import { WasmReader } from "./reader.ts";
import { customSections, readSections } from "./sections.ts";

const FUNCTIONS = 1;

/** By number, imports included; empty for a module that was stripped of them. */
export function functionNames(wasm: Uint8Array): ReadonlyMap<number, string> {
  const names = new Map<number, string>();
  for (const { name, content } of customSections(readSections(wasm))) {
    if (name !== "name") continue;
    const reader = new WasmReader(content);
    while (reader.at < content.length) {
      const kind = reader.byte();
      const end = reader.number() + reader.at;
      if (kind === FUNCTIONS)
        for (let count = reader.number(); count > 0; count--) names.set(reader.number(), reader.name());
      reader.at = end;
    }
  }
  return names;
}
