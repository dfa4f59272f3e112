/**
 * Host of an authority (`:authority`, `Host`): without port, without one trailing dot, ASCII letters lower-cased.
 * Other bytes are left as they are: such a host is in no table. `address`: an IP address, or no host at all.
 *
 * @param authority characters are bytes; null or "" where the request has none
 */
export function hostOf(authority: string | null): { host: string; address: boolean } {
  const text = (authority ?? "").replace(/[A-Z]/g, (letter) => letter.toLowerCase());
  if (text.startsWith("[")) return { host: text, address: true };
  const host = text.replace(/:[0-9]*$/, "").replace(/\.$/, "");
  return { host, address: host === "" || /^[0-9]{1,3}(\.[0-9]{1,3}){3}$/.test(host) };
}
