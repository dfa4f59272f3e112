// The host that decides: that of the authority, or the one that a rewrite puts in its place.

import * as arena from "./arena";
import { copyShort, indexOf, SLACK, tailOf, Word } from "./bytes";
import * as C from "./characters";
import * as L from "./layout";
import { endsWithString, isString, startsWithString, Table } from "./table";

export let host: usize = 0;
export let hostLength: u32 = 0;
/** Its last 8 bytes, as `tailOf` gives them. */
export let hostTail: u64 = 0;
/** An IP address, or no host at all. */
export let isAddress: bool = false;
/** The raw target, query included, and how much of it is path. */
export let target: usize = 0;
export let targetLength: u32 = 0;
export let pathLength: u32 = 0;

/** @param authorityLength 0 where the request has no authority @param rawTargetLength 0 where it has no path */
export function readHost(
  table: Table,
  authority: usize,
  authorityLength: u32,
  rawTarget: usize,
  rawTargetLength: u32,
): void {
  target = rawTarget;
  targetLength = rawTargetLength;
  pathLength = indexOf(target, targetLength, C.QUESTION);
  normalise(authority, authorityLength);
  if (table.rewriteCount != 0) rewrite(table);
  hostTail = tailOf(host, hostLength);
}

/** Host without port, without one trailing dot, ASCII letters lower-cased; other bytes stay, and match nothing. */
function normalise(authority: usize, length: u32): void {
  isAddress = length > 0 && load<u8>(authority) == C.OPEN_BRACKET; // an IPv6 literal
  if (!isAddress) {
    length = withoutPort(authority, length);
    if (length > 0 && load<u8>(authority + length - 1) == C.DOT) length--;
  }
  host = arena.alloc(length + L.MAX_STRING_BYTES + SLACK); // room for rewrite
  hostLength = length;
  for (let i: u32 = 0; i < length; i += 8) store<u64>(host + i, Word.lowerCase(load<u64>(authority + i)));
  if (!isAddress) isAddress = length == 0 || isDottedQuad();
}

/** Length without `:` and digits at the end. */
export function withoutPort(authority: usize, length: u32): u32 {
  for (let i = length; i > 0; i--) {
    const c = load<u8>(authority + i - 1);
    if (c == C.COLON) return i - 1;
    if (c < C.ZERO || c > C.NINE) return length;
  }
  return length;
}

/** Four groups of one to three digits: an IPv4 address. */
function isDottedQuad(): bool {
  if (hostLength > 15) return false;
  let groups = 1;
  let digits = 0;
  for (let i: u32 = 0; i < hostLength; i++) {
    const c = load<u8>(host + i);
    if (c == C.DOT) {
      if (digits == 0) return false;
      groups++;
      digits = 0;
    } else if (c < C.ZERO || c > C.NINE || ++digits > 3) {
      return false;
    }
  }
  return groups == 4 && digits > 0;
}

/** One entry that takes the host from the path, then one that puts another suffix in place; entries stand so. */
function rewrite(table: Table): void {
  let at = table.rewrites;
  let fromPath = false;
  for (let i = table.rewriteCount; i > 0; i--) {
    if (load<u8>(at + L.REWRITE_KIND) == L.REWRITE_PATH) {
      if (!fromPath) fromPath = readHostOfPath(table, at);
    } else if (readSuffix(table, at)) {
      return;
    }
    at += L.REWRITE_ENTRY;
  }
}

/** The path's first segment is the host, and the rest of the target the target. */
function readHostOfPath(table: Table, rewrite: usize): bool {
  const from: u32 = load<u16>(rewrite + L.REWRITE_FROM);
  const isSuffix = table.stringLength(from) > 0 && load<u8>(table.stringAt(from)) == C.DOT;
  const isMeant = isSuffix
    ? hostLength > table.stringLength(from) && endsWithString(table, from, host, hostLength)
    : isString(table, from, host, hostLength);
  if (!isMeant || pathLength == 0 || load<u8>(target) != C.SLASH) return false;
  const segment = indexOf(target + 1, pathLength - 1, C.SLASH);
  const left = pathLength - 1 - segment;
  if (segment == 0 || left == 0) return false;
  const rest = target + 1 + segment;
  const under: u32 = load<u16>(rewrite + L.REWRITE_TO);
  if (!startsWithString(table, under, rest, left)) return false;
  const own = table.stringLength(under);
  if (own > 0 && own < left && load<u8>(rest + own) != C.SLASH) return false;
  normalise(target + 1, segment);
  targetLength -= 1 + segment;
  pathLength = left;
  target = rest;
  return true;
}

function readSuffix(table: Table, rewrite: usize): bool {
  const from: u32 = load<u16>(rewrite + L.REWRITE_FROM);
  if (!endsWithString(table, from, host, hostLength)) return false;
  const prefix: u32 = load<u16>(rewrite + L.REWRITE_PREFIX);
  const own: u32 = prefix == L.NONE ? 0 : table.stringLength(prefix);
  const end = hostLength - table.stringLength(from);
  if (own > end || (own > 0 && !startsWithString(table, prefix, host, hostLength))) return false;
  if (countLabels(own, end) != load<u16>(rewrite + L.REWRITE_LABELS)) return false;
  const to: u32 = load<u16>(rewrite + L.REWRITE_TO);
  copyShort(host + end, table.stringAt(to), table.stringLength(to));
  host += own;
  hostLength = end - own + table.stringLength(to);
  return true;
}

/** Labels between two places of the host, 0 where one of them is empty. */
function countLabels(start: u32, end: u32): u32 {
  let labels: u32 = 1;
  let labelLength: u32 = 0;
  for (let i = start; i < end; i++) {
    if (load<u8>(host + i) != C.DOT) {
      labelLength++;
    } else {
      if (labelLength == 0) return 0;
      labels++;
      labelLength = 0;
    }
  }
  return labelLength == 0 ? 0 : labels;
}
