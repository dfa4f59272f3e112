/** A file with a merge conflict in it holds two farms at once, and whatever reads it sees nonsense: so it is called one. */
import { SourceError } from "./problem.ts";

/** Throws SourceError at the first marker, where the text has markers as git writes them. */
export function refuseMergeConflict(file: string, text: string): void {
  if (!text.includes("<<<<<<< ") && !text.includes(">>>>>>> ")) return;
  const lines = text.split(/\r\n?|\n/);
  const line = lines.findIndex((one) => one.startsWith("<<<<<<< ") || one.startsWith(">>>>>>> "));
  if (line === -1) return;
  const what = "a merge conflict: keep one of the two sides, and remove the lines that begin with";
  throw new SourceError({ file, line: line + 1 }, `${what} \`<<<<<<<\`, \`=======\` and \`>>>>>>>\``);
}
