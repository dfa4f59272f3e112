// A share of the requests, by a stable hash and not by a die: who was sent to the read-only deployment once is sent
// there again, whichever proxy is asked.

import * as bytes from "./bytes";
import { indexOf, trim } from "./bytes";
import * as C from "./characters";
import * as headers from "./headers";
import { withoutPort } from "./host";
import * as L from "./layout";
import * as read from "./read";
import { mix, Table } from "./table";

/** @param share 0…SHARE_WHOLE @param isInternal X-Forwarded-For says who asked */
export function isInShare(table: Table, share: u32, isInternal: bool): bool {
  if (share == 0) return false;
  if (share == L.SHARE_WHOLE) return true;
  return <u32>((<u64>hashOfClient(table, isInternal) * L.SHARE_WHOLE) >> 32) < share;
}

function hashOfClient(table: Table, isInternal: bool): u32 {
  if (table.shareCookie != L.NONE && headers.firstCookie(table, table.shareCookie)) {
    if (headers.cookieValueLength > 0) return hash(headers.cookieValue, headers.cookieValueLength);
  }
  if (isInternal && headers.firstCopy(table.forwardedHeader)) {
    trim(headers.copy, indexOf(headers.copy, headers.copyLength, C.COMMA));
    if (bytes.trimmedLength > 0) return hash(bytes.trimmed, bytes.trimmedLength);
  }
  read.readClientAddress();
  const length = withoutPort(read.property, read.propertyLength);
  if (length > 1 && load<u8>(read.property) == C.OPEN_BRACKET) return hash(read.property + 1, length - 2); // [v6]
  return hash(read.property, length);
}

function hash(at: usize, length: u32): u32 {
  let a: u32 = L.HASH_SEED_B;
  for (let i: u32 = 0; i < length; i++) a = (a ^ <u32>load<u8>(at + i)) * <u32>L.SHARE_HASH;
  return mix(a);
}
