/** The path as rules see it. */
import { percentDecoded } from "./bytes.ts";

/**
 * The path as rules see it: percent-decoded once, `//` as `/`, without dot segments. Another spelling of a path must not
 * lead to another deployment. What does not begin with `/` stays as it is, and so does a `%` without two digits.
 *
 * @param path without the query; characters are bytes
 */
export function pathForRules(path: string): string {
  if (!path.startsWith("/")) return path;
  const segments = percentDecoded(path).split("/");
  const kept: string[] = [];
  for (const segment of segments) {
    if (segment === "..") kept.pop();
    else if (segment !== "" && segment !== ".") kept.push(segment);
  }
  const isFolder = ["", ".", ".."].includes(segments.at(-1)!);
  if (isFolder) kept.push("");
  return `/${kept.join("/")}`;
}

/** The same with each `%2F` as it is: some servers take it for a slash, others for a letter. */
export function pathWithKeptSlashes(path: string): string {
  return pathForRules(path.replace(/%2F/gi, (slash) => `%25${slash.slice(1)}`));
}
