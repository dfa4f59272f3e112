/** Where an instruction comes from in its author's sources, by the module's source map (of asc, or Emscripten's). */
import { originalPositionFor, TraceMap } from "@jridgewell/trace-mapping";

/** `assembly/index.ts:12:5`, both counted from one; null where the map does not tell. */
export type Positions = (offset: number) => string | null;

/** @param text the map's JSON. Throws an Error that says what is wrong with it. */
export function positionsOf(text: string): Positions {
  // Where a browser would look for the sources is none of their names.
  const map = new TraceMap({ ...JSON.parse(text), sourceRoot: "" });
  return (offset) => {
    // The maps of Wasm have one line, and in it the offset in the module for the column.
    const { source, line, column } = originalPositionFor(map, { line: 1, column: offset });
    return source === null ? null : `${source}:${line}:${column + 1}`;
  };
}
