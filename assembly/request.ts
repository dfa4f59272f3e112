// What we read of a request and write to it: one host call that brings every header, then one write a header
// that upstream gets. A header of ours that a client sent costs a call only where it is there and we set none.

import {
  proxy_add_header_map_value,
  proxy_get_header_map_pairs,
  proxy_get_property,
  proxy_remove_header_map_value,
  proxy_replace_header_map_value,
} from "@gcoredev/proxy-wasm-sdk-as/assembly/imports";
import * as arena from "./arena";
import * as decision from "./decide";
import * as L from "./layout";
import {
  clusterOf,
  emitKind,
  emitName,
  isString,
  MAX_KEY,
  stringAt,
  stringLength,
  Table,
  writeKey,
} from "./table";

const REQUEST_HEADERS = 0;
const OK: u32 = 0;

export let authority: usize = 0;
export let authorityLength: u32 = 0;
/** Path and query as the proxy has them. */
export let target: usize = 0;
export let targetLength: u32 = 0;

/** Bit n: the client sent the n-th header of EMIT. */
let sent: u32 = 0;
/** ATS has no pseudo-headers; there, Host and a property take their place, and replacing an absent header does nothing. */
let hasPseudoHeaders: bool = false;

const resultAt = memory.data(4);
const resultSize = memory.data(4);

/** Reads authority, target and which of our headers the client sent. */
export function readRequest(table: Table): void {
  authorityLength = 0;
  targetLength = 0;
  sent = 0;
  hasPseudoHeaders = false;
  store<u32>(resultSize, 0);
  if (proxy_get_header_map_pairs(REQUEST_HEADERS, resultAt, resultSize) == OK) {
    readPairs(table, load<u32>(resultAt), load<u32>(resultSize));
  }
  if (!hasPseudoHeaders) readPathProperty();
}

/**
 * The ABI's serialised map: u32 count, two u32 sizes a header, then name NUL value NUL for each.
 * The host made it, but its sizes are followed only as far as the bytes go.
 */
function readPairs(table: Table, at: usize, size: u32): void {
  if (size < 4) return;
  const count = load<u32>(at);
  if (count > (size - 4) / 10) return; // sizes and NULs alone need ten bytes a header
  const end = at + size;
  let sizes = at + 4;
  let text = sizes + (count << 3);
  for (let i: u32 = 0; i < count; i++) {
    const nameLength = load<u32>(sizes);
    const valueLength = load<u32>(sizes, 4);
    const left = <u32>(end - text);
    if (nameLength >= left || valueLength >= left - nameLength - 1) return;
    readHeader(table, text, nameLength, text + nameLength + 1, valueLength);
    text += nameLength + valueLength + 2;
    sizes += 8;
  }
}

function readHeader(table: Table, name: usize, nameLength: u32, value: usize, valueLength: u32): void {
  if (nameLength == 0) return;
  if (load<u8>(name) == 0x3a) {
    hasPseudoHeaders = true;
    if (nameLength == 5 && isPath(name)) {
      target = value;
      targetLength = valueLength;
    } else if (nameLength == 10 && isAuthority(name)) {
      authority = value;
      authorityLength = valueLength;
    }
    return;
  }
  if (!hasPseudoHeaders && nameLength == 4 && isHost(name)) {
    authority = value;
    authorityLength = valueLength;
    return;
  }
  for (let i: u32 = 0; i < table.emitCount; i++) {
    if (isName(table, emitName(table, i), name, nameLength)) sent |= 1 << i;
  }
}

function isPath(name: usize): bool {
  return load<u32>(name, 1) == 0x68746170; // "path"
}

function isAuthority(name: usize): bool {
  // "auth", "orit", "y"
  return load<u32>(name, 1) == 0x68747561 && load<u32>(name, 5) == 0x7469726f && load<u8>(name, 9) == 0x79;
}

/** ATS gives names as the client wrote them. */
function isHost(name: usize): bool {
  return (load<u32>(name) | 0x20202020) == 0x74736f68; // "host"
}

/** The header has the name that the table says in lower case, in whatever case it came. */
function isName(table: Table, number: u32, name: usize, length: u32): bool {
  if (stringLength(table, number) != length) return false;
  if (isString(table, number, name, length)) return true;
  const own = stringAt(table, number);
  for (let i: u32 = 0; i < length; i++) {
    const c: u32 = load<u8>(name + i);
    if ((c >= 0x41 && c <= 0x5a ? c | 0x20 : c) != <u32>load<u8>(own + i)) return false;
  }
  return true;
}

/** "request" NUL "path", as proxy_get_property takes it. */
const pathProperty = memory.data<u8>([0x72, 0x65, 0x71, 0x75, 0x65, 0x73, 0x74, 0, 0x70, 0x61, 0x74, 0x68]);

function readPathProperty(): void {
  store<u32>(resultSize, 0);
  if (proxy_get_property(pathProperty, 12, resultAt, resultSize) != OK) return;
  target = load<u32>(resultAt);
  targetLength = load<u32>(resultSize);
}

// ---- Writing --------------------------------------------------------------------------------------------

/** Sets each header that the decision has a value for; removes the others where the client sent them. */
export function writeDecision(table: Table): void {
  for (let i: u32 = 0; i < table.emitCount; i++) {
    const kind = emitKind(table, i);
    const name = emitName(table, i);
    const string = decision.pass ? L.NONE : stringOf(table, kind);
    if (kind == L.EMIT_WIKI && !decision.pass && decision.wiki >= 0) {
      const text = arena.alloc(MAX_KEY);
      setHeader(table, i, name, text, writeKey(table, table.wikis, decision.wiki, text));
    } else if (string != L.NONE) {
      setHeader(table, i, name, stringAt(table, string), stringLength(table, string));
    } else if (wasSent(i)) {
      removeHeader(table, name);
    }
  }
}

/** String of what the decision says, NONE where it says nothing or nothing that lies ready in the table. */
function stringOf(table: Table, kind: u32): u32 {
  const release = table.releases + decision.release * L.RELEASE_ENTRY;
  switch (kind) {
    case L.EMIT_CLUSTER:
      return clusterOf(table, decision.deployment, decision.release);
    case L.EMIT_RELEASE:
      return load<u16>(release + L.RELEASE_NAME);
    case L.EMIT_VERSION:
      return load<u16>(release + L.RELEASE_VERSION);
    case L.EMIT_GROUP:
      return decision.group;
    case L.EMIT_DEPLOYMENT:
      return load<u16>(table.deployments + (decision.deployment << 1));
    default:
      return L.NONE;
  }
}

function wasSent(emit: u32): bool {
  return (sent & (1 << emit)) != 0;
}

function setHeader(table: Table, emit: u32, name: u32, value: usize, length: u32): void {
  const at = stringAt(table, name);
  const nameLength = stringLength(table, name);
  if (hasPseudoHeaders) {
    proxy_replace_header_map_value(REQUEST_HEADERS, at, nameLength, value, length);
    return;
  }
  if (wasSent(emit)) removeHeader(table, name);
  proxy_add_header_map_value(REQUEST_HEADERS, at, nameLength, value, length);
}

function removeHeader(table: Table, name: u32): void {
  proxy_remove_header_map_value(REQUEST_HEADERS, stringAt(table, name), stringLength(table, name));
}
