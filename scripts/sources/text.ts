import { readFileSync } from "node:fs";
import { type Place, quote, SourceError } from "./problem.ts";
import { reason } from "./reason.ts";

/** A file's text; `-` is standard input. What cannot be read is an error at `referrer`, the place that named the file. */
export function readText(file: string, referrer: Place = { file }): string {
  try {
    return readFileSync(file === "-" ? 0 : file, "utf8");
  } catch (error) {
    throw new SourceError(referrer, `cannot read ${quote(file)}: ${reason(error)}`);
  }
}

/** Turns offsets into lines and columns; a line ends at \n, \r\n or \r, as in YAML. */
export class LineIndex {
  readonly #starts: number[] = [0];
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
    for (const end of text.matchAll(/\r\n?|\n/g)) this.#starts.push(end.index + end[0].length);
  }

  at(offset: number): { line: number; column: number } {
    let low = 0;
    let high = this.#starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#starts[middle]! <= offset) low = middle;
      else high = middle - 1;
    }
    return { line: low + 1, column: offset - this.#starts[low]! + 1 };
  }

  /** The text from `offset` to the end of its line. */
  restOfLine(offset: number): string {
    return /^[^\r\n]*/.exec(this.#text.slice(offset))![0];
  }
}
