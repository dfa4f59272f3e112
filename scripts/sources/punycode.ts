/** Host names in other letters than ASCII, as they go over the wire. */
import { HOST, isAddress } from "./names.ts";

/**
 * A name in other letters as it comes over HTTP: by UTS 46, not transitional (`faß` is another name than `fass`), as
 * browsers do it. null for what is no such name.
 */
export function punycodeOf(name: string): string | null {
  // URLs have addresses and `%41` tidied up as well: only names become one.
  if (!/[^\0-\x7f]/.test(name) || /[^a-z0-9_.\x80-\u{10ffff}-]/u.test(name)) return null;
  const host = URL.canParse(`http://${name}/`) ? new URL(`http://${name}/`).hostname : "";
  return HOST.test(host) && !isAddress(host) ? host : null; // `１.２.３.４` spells an address
}
