/** Where in the guest a trap came from, out of V8's own account of the stack. */

/** A frame as V8 tells it: `…:wasm-function[12]:0x34a`. */
const wasmFrame = /:wasm-function\[(\d+)\]:0x([0-9a-f]+)/;

/** How many frames are told. */
const MOST = 64;

/** What a compiled module knows of its code. */
export interface Code {
  /** A function's number and an instruction's offset in the module as it was given; null: a frame of our own making. */
  original(index: number, offset: number): { index: number; offset: number | null } | null;
  nameOf(index: number): string | null;
  /** In the sources, of an instruction of the module as it was given; null where nobody knows. */
  positionOf(offset: number): string | null;
}

/** Runs a function with as much of the stack kept in errors as is told here. */
export function withStack<T>(run: () => T): T {
  const before = Error.stackTraceLimit;
  Error.stackTraceLimit = 2 * MOST;
  try {
    return run();
  } finally {
    Error.stackTraceLimit = before;
  }
}

/** A line for each of the guest's frames, the innermost first; offsets are those of `wasm-objdump -d`. */
export function backtrace(error: Error, code: Code): string[] {
  const frames = (error.stack ?? "").split("\n").flatMap((line) => shownFrame(line, code) ?? []);
  const lines: string[] = [];
  let times = 1;
  for (const [i, frame] of frames.slice(0, MOST).entries()) {
    times = frame === frames[i - 1] ? times + 1 : 1;
    // Of a recursion one line is enough.
    if (times > 1) lines.pop();
    lines.push(times > 1 ? `${frame} × ${times}` : frame);
  }
  return lines;
}

function shownFrame(line: string, code: Code): string | null {
  const [, number, at] = wasmFrame.exec(line) ?? [];
  if (number === undefined || at === undefined) return null;
  const frame = code.original(Number(number), Number.parseInt(at, 16));
  if (frame === null) return null;
  const name = code.nameOf(frame.index) ?? `function ${frame.index}`;
  if (frame.offset === null) return `at ${name}`;
  const position = code.positionOf(frame.offset);
  return `at ${name} (${position === null ? "" : `${position}, `}0x${frame.offset.toString(16)})`;
}
