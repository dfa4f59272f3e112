/** Other spellings of our headers' names that an upstream takes for them. */

/**
 * A regular expression (RE2, of whole names in lower case, as Envoy has them) for every name that a CGI-like upstream
 * reads as one of these. PHP and what stands before it make one variable of `X-MW-Wiki`, `x_mw_wiki` and `X.MW_Wiki`: all
 * but letters and digits is folded. What all names begin with stands alone at the front: there RE2 sees at once that
 * nearly every other header is none of them.
 */
export function spellings(names: readonly string[]): string {
  const [first = "", ...others] = names.map((name) => name.toLowerCase());
  let common = 0;
  while (/[a-z0-9]/.test(first.charAt(common)) && others.every((name) => name[common] === first[common]))
    common++;
  const rests = [first, ...others].map((name) => name.slice(common).replace(/[^a-z0-9]/g, "[^a-z0-9]"));
  return `^${first.slice(0, common)}(?:${rests.join("|")})$`;
}

/** The same in a list of names, as `Connection` is: `alive` is not in `keep-alive`. */
export function anySpelling(names: readonly string[]): string {
  const spelt = names.map((name) => name.toLowerCase().replace(/[^a-z0-9]/g, "[^a-z0-9]"));
  return `(?:^|[^a-z0-9-])(?:${spelt.join("|")})(?:[^a-z0-9-]|$)`;
}

/** Separators that a header's name may have, and PHP takes for the same. */
const SEPARATORS = ["-", "_", "."];
/** More would be more names than a proxy should look for in each request. */
const MIXED_AT_MOST = 4;

/** Each such name written out, for a proxy whose rules take no regular expression: with many separators, the plain ones. */
export function spelledOut(name: string): string[] {
  const parts = name.toLowerCase().split(/[^a-z0-9]/);
  if (parts.length - 1 > MIXED_AT_MOST)
    return [...new Set([name.toLowerCase(), ...SEPARATORS.map((one) => parts.join(one))])];
  return parts
    .slice(1)
    .reduce(
      (names, part) => names.flatMap((begun) => SEPARATORS.map((one) => `${begun}${one}${part}`)),
      [parts[0]!],
    );
}
