/** Other spellings of our headers' names that an upstream takes for them. */

/**
 * A regular expression (RE2, of whole names) for every name that a CGI-like upstream reads as one of these. PHP and what
 * stands before it make one variable of `X-MW-Wiki`, `x_mw_wiki` and `X.MW_Wiki`: all but letters and digits is folded.
 */
export function spellings(names: readonly string[]): string {
  return `(?i)(?:${names.map((name) => name.replace(/[^a-z0-9]/gi, "[^a-z0-9]")).join("|")})`;
}
