/** Lines of a stream, ended by ourselves. */
import { SourceError } from "../sources/problem.ts";

const MEBI = 2 ** 20;
/** A line is a request; the longest body of a job that a table may ask for fits, with every character escaped. */
const LONGEST_LINE = 128 * MEBI;

/**
 * The lines of a file of UTF-8, without a BOM. A line ends at LF alone, and a CR before that is no part of it: JSON may
 * have U+2028 in it, at which `node:readline` ends a line in some versions of Node. Throws SourceError.
 * @param longest characters of a line, give or take a chunk
 */
export async function* linesOf(
  stream: AsyncIterable<Uint8Array>,
  file: string,
  longest: number = LONGEST_LINE,
): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let parts: string[] = [];
  let held = 0;
  let lines = 0;
  for await (const chunk of stream) {
    const texts = decoder.decode(chunk, { stream: true }).split("\n");
    const rest = texts.pop()!;
    for (const text of texts) {
      yield withoutEnd(parts.length === 0 ? text : `${parts.join("")}${text}`);
      parts = [];
      held = 0;
      lines++;
    }
    parts.push(rest);
    held += rest.length;
    if (held > longest)
      throw new SourceError(
        { file, line: lines + 1 },
        `no line ends within ${longest / MEBI} MiB from here: this is not a file of lines`,
      );
  }
  const last = parts.join("") + decoder.decode();
  if (last !== "") yield withoutEnd(last);
}

/** Without the CR of a CRLF, and without the NULs with which a log begins that was cut while it was written. */
function withoutEnd(line: string): string {
  let from = 0;
  while (line.charCodeAt(from) === 0) from++;
  return line.slice(from, line.endsWith("\r") ? -1 : undefined);
}
