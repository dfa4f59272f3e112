// Who asks, by the word of our own proxies: each of them puts the address that it sees at the end of X-Forwarded-For.
// What stands before these a client may have sent, so entries are counted from the right.

import * as bytes from "./bytes";
import { indexOf, trim } from "./bytes";
import * as C from "./characters";
import * as headers from "./headers";
import { Table } from "./table";

/**
 * `bytes.trimmed` becomes the entry that so many trusted ones follow, over all copies of the header. Empty entries are
 * none (RFC 9110, 5.6.1): a proxy that joins two copies makes or drops such.
 * @returns whether there are as many entries
 */
export function readForwarded(table: Table, trusted: u32): bool {
  const entries = readEntries(table, u32.MAX_VALUE);
  if (entries <= trusted) return false;
  readEntries(table, entries - trusted);
  return true;
}

/** Stops at the entry of that number, counted from the left and from one. @returns how many there are up to it */
function readEntries(table: Table, wanted: u32): u32 {
  const header = table.forwardedHeader;
  let entries: u32 = 0;
  for (let more = headers.firstCopy(header); more; more = headers.nextCopy(table, header)) {
    for (let at: u32 = 0; at <= headers.copyLength; ) {
      const length = indexOf(headers.copy + at, headers.copyLength - at, C.COMMA);
      trim(headers.copy + at, length);
      if (bytes.trimmedLength > 0 && ++entries == wanted) return entries;
      at += length + 1;
    }
  }
  return entries;
}
