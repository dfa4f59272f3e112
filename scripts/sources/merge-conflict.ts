/** A file with a merge conflict in it holds two farms at once, and whatever reads it sees nonsense: so it is called one. */
import { SourceError } from "./problem.ts";

/** As git writes them, each a whole line; any of them may be all that is left of a conflict. */
const MARKS = ["<<<<<<<", "=======", ">>>>>>>"];

/** Throws SourceError at the first mark. */
export function refuseMergeConflict(file: string, text: string): void {
  if (!MARKS.some((mark) => text.includes(mark))) return;
  const start = text.search(/^(?:<{7}(?: .*)?|={7}|>{7}(?: .*)?)\r?$/m);
  if (start === -1) return;
  const line = text.slice(0, start).split(/\r\n?|\n/).length;
  const what = "a merge conflict: keep one of the two sides, and remove the lines that begin with";
  throw new SourceError({ file, line }, `${what} \`<<<<<<<\`, \`=======\` and \`>>>>>>>\``);
}
