/**
 * Who asks, by the word of our own proxies: each puts the address that it sees at the end of X-Forwarded-For. What
 * stands before these a client may have sent, so entries are counted from the right.
 */
import { trimmed } from "./bytes.ts";

/** Where a proxy of ours says who asked. */
export const FORWARDED = "x-forwarded-for";

/**
 * The entry that so many trusted ones follow, over all copies of the header; "" where there is none. Empty entries are
 * left out (RFC 9110, 5.6.1).
 */
export function forwardedFor(copies: readonly string[], trusted: number): string {
  const entries = copies.flatMap((copy) => copy.split(",").map(trimmed));
  return entries.filter((entry) => entry !== "").at(-1 - trusted) ?? "";
}
