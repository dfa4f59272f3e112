/** Dblists of a test's own. */
import { DblistReader } from "../../scripts/sources/dblist.ts";
import { problemsOf } from "./errors.ts";
import { folderOf } from "./folder.ts";

/** A reader over a folder with these files; `%` in an expected message stands for the folder. */
export function readerOf(files: Record<string, string | Buffer>) {
  const root = folderOf(files);
  const reader = new DblistReader(root);
  return {
    root,
    reader,
    problems: (step: () => unknown) => problemsOf(step).map((each) => each.replaceAll(`${root}/`, "%/")),
  };
}
