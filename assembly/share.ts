// A share of the requests, by a stable hash and not by a die: who was in it once is in it again, whichever proxy is
// asked, and stays in it when it grows.

import * as client from "./client";
import * as headers from "./headers";
import * as L from "./layout";
import { mix, Table } from "./table";

/** Of a rule: its share, of the text that it names, or of the client's address where there is none. */
export function isInShare(table: Table, predicate: usize): bool {
  const share: u32 = load<u16>(predicate + L.PREDICATE_SHARE);
  if (share == 0) return false;
  if (share == L.SHARE_WHOLE) return true;
  const name: u32 = load<u16>(predicate + L.PREDICATE_NAME);
  const subject: u32 = load<u8>(predicate + L.PREDICATE_SUBJECT);
  let isThere = false;
  if (subject == L.SUBJECT_HEADER) isThere = takeHeader(name);
  else if (subject == L.SUBJECT_COOKIE) isThere = takeCookie(table, name);
  if (!isThere) takeClient(table);
  const salt: u32 = load<u16>(predicate + L.PREDICATE_SALT);
  return isBelow(share, hash(L.HASH_SEED_B, table.stringAt(salt), table.stringLength(salt)));
}

/** Of reads: the farm has one cookie for all of them, or none. @param share 0…SHARE_WHOLE */
export function isInShareOfReads(table: Table, share: u32): bool {
  if (share == 0) return false;
  if (share == L.SHARE_WHOLE) return true;
  if (table.shareCookie == L.NONE || !takeCookie(table, table.shareCookie)) takeClient(table);
  return isBelow(share, L.HASH_SEED_B);
}

/** What is hashed. */
let text: usize = 0;
let textLength: u32 = 0;

function takeHeader(header: u32): bool {
  if (!headers.firstCopy(header)) return false;
  text = headers.copy;
  textLength = headers.copyLength;
  return textLength > 0;
}

function takeCookie(table: Table, name: u32): bool {
  if (!headers.firstCookie(table, name)) return false;
  text = headers.cookieValue;
  textLength = headers.cookieValueLength;
  return textLength > 0;
}

function takeClient(table: Table): void {
  client.readAddress(table);
  text = client.address;
  textLength = client.addressLength;
}

/** @param seed the hash of what goes before the text */
function isBelow(share: u32, seed: u32): bool {
  return <u32>((<u64>mix(hash(seed, text, textLength)) * L.SHARE_WHOLE) >> 32) < share;
}

function hash(seed: u32, at: usize, length: u32): u32 {
  let a = seed;
  for (let i: u32 = 0; i < length; i++) a = (a ^ <u32>load<u8>(at + i)) * <u32>L.SHARE_HASH;
  return a;
}
