/** Whether a request belongs to a share of them. */
import { type Predicate, SHARE_WHOLE } from "../plan.ts";
import { hashText } from "./hash.ts";
import { cookieValues, type RequestParts } from "./headers.ts";
import type { Table } from "./table.ts";

type Share = Extract<Predicate, { test: "share" }>;

/**
 * A share of the requests, by a stable hash and not by a die: who was in it once is in it again, whichever proxy is
 * asked, and stays in it when it grows.
 */
export function isInShare(predicate: Share, parts: RequestParts): boolean {
  return isBelow(predicate.share, predicate.salt + (textOf(predicate, parts) || parts.client));
}

function textOf(predicate: Share, parts: RequestParts): string | undefined {
  if (predicate.subject === "client") return undefined;
  const { subject, name } = predicate;
  return subject === "header" ? parts.headers.get(name)?.[0] : cookieValues(parts, name)[0];
}

/** Of reads: the farm has one cookie for all of them, or none. @param share 0…SHARE_WHOLE */
export function isInShareOfReads(table: Table, share: number, parts: RequestParts): boolean {
  const cookie = table.shareCookie === null ? undefined : cookieValues(parts, table.shareCookie)[0];
  return isBelow(share, cookie || parts.client);
}

function isBelow(share: number, text: string): boolean {
  return Math.floor((hashText(text) * SHARE_WHOLE) / 2 ** 32) < share;
}
