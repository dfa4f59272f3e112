/** Host names in other letters than ASCII, as they go over the wire. */
import { domainToASCII } from "node:url";
import { HOST, isAddress } from "./names.ts";

/**
 * A name in other letters as it comes over HTTP: by UTS 46, not transitional (`faß` is another name than `fass`), as
 * browsers do it. null for what is no such name.
 */
export function punycodeOf(name: string): string | null {
  // Node's function tidies up addresses and `%41` as well: it is given names alone.
  if (!/[^\0-\x7f]/.test(name) || /[^a-z0-9_.\x80-\u{10ffff}-]/u.test(name)) return null;
  const host = domainToASCII(name);
  return HOST.test(host) && !isAddress(host) ? host : null; // `１.２.３.４` spells an address
}
