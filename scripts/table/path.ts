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

/** Characters are bytes: no UTF-8. */
export function percentDecoded(text: string): string {
  return text.replace(/%([0-9A-Fa-f]{2})/g, (_, digits) => String.fromCharCode(Number.parseInt(digits, 16)));
}
