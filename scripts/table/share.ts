/** Whether a request belongs to a share of them. */
import { SHARE_WHOLE } from "../plan.ts";
import { hashText } from "./hash.ts";
import { cookieValues, FORWARDED, type RequestParts, trimmed } from "./headers.ts";
import type { Table } from "./table.ts";

/**
 * A share of the requests, by a stable hash and not by a die: who was sent to the read-only deployment once is sent
 * there again, whichever proxy is asked.
 *
 * @param share 0…SHARE_WHOLE
 * @param internal clients are our own: X-Forwarded-For says who asked
 */
export function isInShare(table: Table, share: number, parts: RequestParts, internal: boolean): boolean {
  return Math.floor((hashText(whoAsks(table, parts, internal)) * SHARE_WHOLE) / 2 ** 32) < share;
}

/** What the hash is made of: the farm's cookie, else the client's address. */
function whoAsks(table: Table, parts: RequestParts, internal: boolean): string {
  const cookie = table.shareCookie === null ? undefined : cookieValues(parts, table.shareCookie)[0];
  if (cookie) return cookie;
  const forwarded = internal && table.readsForwarded ? parts.headers.get(FORWARDED)?.[0] : undefined;
  return trimmed(forwarded?.split(",", 1)[0] ?? "") || parts.client;
}
